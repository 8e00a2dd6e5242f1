"""What tools/kernels.py refuses: shaders that do more than their entry in the table says, and entries that promise
other than their shader. Usage: test_kernels.py SOURCE_DIRECTORY GLSLANG [VALIDATOR]"""
import copy
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(sys.argv.pop(1))
GLSLANG = sys.argv.pop(1)
VALIDATOR = sys.argv.pop(1) if len(sys.argv) > 1 else None
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "tools"))
import kernels  # noqa: E402
from kernel_checks import check_kernel  # noqa: E402
from spirv import Module  # noqa: E402

HEAD = "#version 460\n#extension GL_GOOGLE_include_directive : require\n#include \"arguments.glsl\"\n"
ENTRY = {"name": "scale_rows", "source": "scale.comp",
         "constants": [["WORKGROUP", 64], ["ROWS", 4, "int"], ["ADD", 0, "bool"]],
         "arguments": [["x", "const vec4*", 16], ["y", "float*"], ["factors", "float[3]"], ["count", "uint"]],
         "texels": ["z_texels"], "needs": ["int64"]}
SHADER = """
shared float sums[WORKGROUP * 2u];
void main() {
    const uint i = gl_GlobalInvocationID.x;
    sums[gl_LocalInvocationIndex] = texelFetch(z_texels, int(i)).x;
    const uint64_t wide = uint64_t(i) + uint64_t(ROWS);
    const float addend = ADD ? float(wide) : sums[0];
    if (i < arguments.count) arguments.y.at[i] = arguments.x.at[i].y * arguments.factors[1] + addend;
}
"""
# More than 128 bytes of arguments, so that they travel through a buffer.
MANY = {"name": "many", "source": "many.comp", "constants": [["WORKGROUP", 64]],
        "arguments": [["x", "const float*"], ["y", "float*"], ["sizes", "uint[40]"]]}
MANY_SHADER = "void main() { arguments.y.at[gl_GlobalInvocationID.x] = arguments.x.at[arguments.sizes[3]]; }\n"


def changed(entry, **keys):
    return {**copy.deepcopy(entry), **keys}


class Tool(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def compile(self, entry, body, validator=VALIDATOR, glslang=GLSLANG):
        (self.root / "kernels.json").write_text(json.dumps([entry]))
        (self.root / entry["source"]).write_text(HEAD + body)
        output = self.root / "kernel.spv"
        command = [sys.executable, SOURCE / "tools/kernels.py", "compile", "--table", self.root / "kernels.json",
                   "--kernel", entry["name"], "--shaders", self.root, "--glslang", glslang,
                   "--depfile", self.root / "kernel.d", "--output", output]
        command += ["--validator", validator] if validator else []
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return result.returncode, result.stdout, output.read_bytes() if output.exists() else b""

    def accepted(self, entry=ENTRY, body=SHADER):
        code, text, data = self.compile(entry, body)
        self.assertEqual((code, text), (0, ""))
        return data

    def refused(self, entry, body, *parts):
        code, text, _ = self.compile(entry, body)
        self.assertEqual(code, 1, text)
        self.assertIn(f"kernel {entry['name']} ({entry['source']}): ", text)
        for part in parts:
            self.assertIn(part, text)

    def contradicted(self, data, entry, *parts, twin=False):
        """The SPIR-V is of another entry."""
        _, violations = check_kernel(kernels.Kernel("table", entry, twin), kernels.NEEDS, data)
        for part in parts:
            self.assertTrue(any(part in violation for violation in violations), f"no {part!r} in {violations}")

    # ---- what the shader does

    def test_kernel_as_promised(self):
        self.accepted()
        self.accepted(MANY, MANY_SHADER)

    def test_feature_without_need(self):
        self.refused(changed(ENTRY, needs=[]),
                     "#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require\n" + SHADER,
                     "capabilities: expected those of its needs (none)", "found Int64")
        self.refused(MANY, "#extension GL_KHR_shader_subgroup_arithmetic : require\n"
                     "void main() { arguments.y.at[0] = subgroupAdd(1.0); }\n", "found GroupNonUniformArithmetic")

    def test_float_atomics(self):
        self.refused(MANY, "#extension GL_EXT_shader_atomic_float : require\nshared float sum;\n"
                     "void main() { atomicAdd(sum, 1.0); arguments.y.at[0] = sum; }\n",
                     "found AtomicFloat32AddEXT",
                     "extensions: expected those of its needs (none): none, found SPV_EXT_shader_atomic_float_add")

    def test_double_precision(self):
        self.refused(MANY, "void main() { arguments.y.at[0] = float(double(arguments.x.at[0]) * 2.0lf); }\n",
                     "found Float64", "types: expected no 64-bit floating point, found OpTypeFloat 64")

    def test_buffer_of_its_own(self):
        self.refused(MANY, "layout(set = 0, binding = 1) buffer other { float at[]; } mine;\n"
                     "void main() { arguments.y.at[0] = mine.at[0]; }\n",
                     "storage class of mine: expected no buffers but those behind addresses and texels, "
                     "found StorageBuffer")

    def test_texel_buffer_of_its_own(self):
        self.refused(MANY, "#extension GL_EXT_samplerless_texture_functions : require\n"
                     "layout(set = 0, binding = 2) uniform utextureBuffer mine;\n"
                     "void main() { arguments.y.at[0] = float(texelFetch(mine, 0).x); }\n", "found SampledBuffer",
                     "set and binding of mine: expected no such texel buffer, found (0, 2)",
                     "type of mine: expected ('float'")

    def test_pointer_type_of_its_own(self):
        self.refused(MANY, "layout(buffer_reference, scalar, buffer_reference_align = 4) "
                     "buffer writable { float at[]; };\n"
                     "void main() { writable(arguments.x).at[0] = 1.0; }\n",
                     "OpStore through an address: expected one of an argument's type, found writable")

    def test_constant_of_its_own(self):
        self.refused(MANY, "layout(constant_id = 7) const uint MINE = 3u;\n"
                     "void main() { arguments.y.at[0] = float(MINE); }\n",
                     "specialisation constant MINE: expected one of the table's 1, found constant_id 7")

    def test_too_much_shared_memory(self):
        self.refused(MANY, "shared vec4 tile[WORKGROUP][17];\n"
                     "void main() { tile[0][gl_LocalInvocationIndex % 17u] = vec4(0); arguments.y.at[0] = tile[1][0].x; }\n",
                     "shared memory with the constants' defaults: expected at most 16384 bytes", "found 17408")

    def test_too_many_invocations(self):
        self.refused(changed(MANY, constants=[["WORKGROUP", 256]]), MANY_SHADER,
                     "invocations of a workgroup with the constants' defaults: expected at most 128", "found 256")
        self.refused(changed(MANY, constants=[]), "layout(local_size_x = 16, local_size_y = 16) in;\n" + MANY_SHADER,
                     "found 256")

    def test_local_size_by_another_constant(self):
        self.refused(changed(MANY, constants=[["SIZE", 8]]), "layout(local_size_x_id = 0) in;\n" + MANY_SHADER,
                     "constants that set the local size: expected [None, None, None], found [0, None, None]")

    def test_validator_that_refuses(self):
        validator = self.root / "validator"
        validator.write_text("#!/bin/sh\necho error: line 7\nexit 1\n")
        validator.chmod(0o755)
        code, text, _ = self.compile(ENTRY, SHADER, str(validator))
        self.assertEqual((code, text), (1, "kernel scale_rows (scale.comp): validator refuses it: error: line 7\n"))

    @unittest.skipIf(not VALIDATOR, "spirv-val is not installed")
    def test_validator_is_asked_for_the_environment(self):
        # Valid SPIR-V of Vulkan 1.3, which that of 1.2 must not be given.
        script = self.root / "glslang"
        script.write_text(f"#!/bin/sh\nexec {GLSLANG} \"$@\" --target-env vulkan1.3\n")
        script.chmod(0o755)
        code, text, _ = self.compile(MANY, MANY_SHADER, glslang=str(script))
        self.assertEqual(code, 1, text)
        self.assertIn("version of SPIR-V: expected at most 1.5, which Vulkan 1.2 takes, found 1.6", text)
        self.assertIn("refuses it: ", text)

    # ---- what the table promises

    def test_other_arguments(self):
        data = self.accepted()
        x, y, factors, count = ENTRY["arguments"]
        for arguments, parts in (
                ([x, y, count, factors], ["name of argument 2: expected count, found factors",
                                          "offset of argument factors: expected 20, found 28",
                                          "type of argument count: expected uint, found float[3]"]),
                ([x, y, factors], ["number of arguments: expected 3, found 4"]),
                ([x, y, ["factors", "float[2]"], count], ["type of argument factors: expected float[2], found float[3]",
                                                          "offset of argument count: expected 24, found 28"]),
                ([x, y, factors, ["count", "float"]], ["type of argument count: expected float, found uint"]),
                ([x, y, factors, ["count", "const uint*"]],
                 ["type of argument count: expected a pointer to uint, found uint"]),
                ([["x", "const float*", 16], y, factors, count],
                 ["what argument x points to: expected float, found vec4",
                  "array stride of what argument x points to: expected 4, found 16"]),
                ([["x", "vec4*", 16], y, factors, count],
                 ["what argument x points to: expected writable, found read only"]),
                ([x, ["y", "const float*"], factors, count],
                 ["what argument y points to: expected read only, found writable",
                  "OpStore through float_pointer4: expected no store to what an argument points to as const"]),
                ([["x", "const vec4*", 2], y, factors, count],
                 ["alignment of OpLoad of float through vec4_const_pointer16: "
                  "expected a multiple of 4 that divides 2"])):
            with self.subTest(arguments=arguments):
                self.contradicted(data, changed(ENTRY, arguments=arguments), *parts)

    def test_other_constants(self):
        data = self.accepted()
        rows, add = ["ROWS", 4, "int"], ["ADD", 0, "bool"]
        for constants, part in (
                ([["WORKGROUP", 32], rows, add], "local size: expected (32, 1, 1), found (64, 1, 1)"),
                ([["WORKGROUP", 64], ["ROWS", 5, "int"], add],
                 "default of specialisation constant 1, ROWS: expected 5, found 4"),
                ([["WORKGROUP", 64], ["ROWS", 4], add],
                 "type of specialisation constant 1, ROWS: expected uint, found int"),
                ([["WORKGROUP", 64], rows],
                 "specialisation constant ADD: expected one of the table's 2, found constant_id 2"),
                ([["SIZE", 64], rows, add], "constants that set the local size")):
            with self.subTest(part):
                self.contradicted(data, changed(ENTRY, constants=constants), part)

    def test_other_texels(self):
        data = self.accepted()
        self.contradicted(data, changed(ENTRY, texels=["a_texels", "z_texels"]),
                          "set and binding of z_texels: expected (0, 1), found (0, 0)")
        self.contradicted(data, changed(ENTRY, texels=[]), "found SampledBuffer",
                          "set and binding of z_texels: expected no such texel buffer")

    def test_twin_has_no_texels(self):
        self.contradicted(self.accepted(), ENTRY, "set and binding of z_texels",
                          "number of arguments: expected 5, found 4", twin=True)

    # ---- SPIR-V that is broken

    def test_broken_words(self):
        data = self.accepted()
        self.contradicted(b"\0" + data[1:], ENTRY, "the magic number 0x07230203 is 0x")
        self.contradicted(data[:-4] + b"\x01\x02\x03\x04", ENTRY, "is cut off")
        self.contradicted(data[:-3], ENTRY, "are no SPIR-V")
        for end in range(0, len(data), 4):  # whatever it says of it, it says it in sentences
            check_kernel(kernels.Kernel("table", ENTRY), kernels.NEEDS, data[:end])

    def test_store_without_alignment(self):
        data = self.accepted()
        words = list(struct.unpack(f"<{len(data) // 4}I", data))
        at = 5
        while not (words[at] & 0xffff == 62 and words[at] >> 16 == 5):
            at += words[at] >> 16
        words[at:at + 5] = [3 << 16 | 62, *words[at + 1:at + 3]]
        self.contradicted(struct.pack(f"<{len(words)}I", *words), ENTRY,
                          "OpStore through float_pointer4: expected an alignment, found none")

    def test_addresses_in_a_buffer_are_aligned(self):
        data = self.accepted(MANY, MANY_SHADER)
        module = Module(data)
        words = bytearray(data)
        of_pointers = [access for access in module.accesses
                       if module.pointer_class(access.pointer) == "PhysicalStorageBuffer"
                       and module.type_of(module.follow(access.pointer)[2]).kind == "pointer"]
        self.assertEqual([access.alignment for access in of_pointers], [8, 8])
        for access in of_pointers:
            words[4 * access.word:4 * access.word + 4] = b"\x04\0\0\0"
        self.assertEqual(check_kernel(kernels.Kernel("table", MANY), kernels.NEEDS, bytes(words)), (data, []))

    def test_shared_memory_as_a_formula(self):
        module = Module(self.accepted())
        self.assertEqual((module.shared_size(), module.shared_bytes()), ("4 * (constants[0] * 2u)", 512))


if __name__ == "__main__":
    unittest.main()
