#!/usr/bin/env python3
"""Generates everything that describes the Vulkan kernels, from one table: shaders/FAMILY/kernels.json.

Each file is a list of entries:

  {"name": "copy_rows",                     unique; the C names derive from it
   "source": "elementwise/copy.comp",       below shaders/
   "defines": {"VECTOR": 1},                optional: preprocessor symbols of this variant
   "constants": [["WORKGROUP", 256]],       optional: specialisation constants in order, [name, default] or
                                            [name, default, "int" | "bool"]; uint otherwise. If the first is WORKGROUP,
                                            it is the local size x; else the shader declares its local size itself.
   "arguments": [["x", "const float*"], ["y", "vec4*", 16], ["count", "uint"], ["sizes", "uint[5]"]],
                                            pointers (to any scalar or vector type; "const": the shader only reads)
                                            with the alignment they promise, default that of the element; and scalars,
                                            vectors or arrays of them.
   "texels": ["a_texels"],                  optional: texel buffers of vec4, read with texelFetch(a_texels, index).
                                            Such a kernel gets a twin, NAME_by_address, compiled from the same source,
                                            whose texelFetch reads through addresses: for drivers with slow texels.
   "needs": ["subgroup_arithmetic"]}        optional: features without which it must not be dispatched (see NEEDS);
                                            element types add their own. A kernel with a need that is given with
                                            --without stays in the table, without SPIR-V.

A shader starts with `#version 460`, `#extension GL_GOOGLE_include_directive : require` and `#include "arguments.glsl"`,
which is generated for each kernel: extensions, constants, and the block `arguments`. It reads `arguments.count` and `arguments.x.at[i]`. Blocks of more than 128 bytes
travel through a buffer instead of push constants; the shader does not notice.

Commands (run by meson): list, compile, header, source; known: whether glslang knows the extensions of a need. Standard
library only. What `compile` has made is compared with its entry (kernel_checks.py), and validated where there is a
validator; what contradicts it is an error.
"""
import argparse
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # a build leaves nothing beside the sources
from kernel_checks import check_kernel  # noqa: E402
from spirv import Module  # noqa: E402

PUSH_BYTES = 128
MAX_CONSTANTS = 16  # VK_MAX_CONSTANTS of lower.h
MAX_TEXELS = 4  # VK_MAX_TEXELS

# GLSL scalar types: (C type, bytes, need)
SCALARS = {
    "float": ("float", 4, None),
    "int": ("int32_t", 4, None),
    "uint": ("uint32_t", 4, None),
    "int64": ("int64_t", 8, "int64"),
    "uint64": ("uint64_t", 8, "int64"),
    "float16": ("uint16_t", 2, "float16"),
    "uint8": ("uint8_t", 1, "uint8"),
}
GLSL_NAMES = {"int64": "int64_t", "uint64": "uint64_t", "float16": "float16_t", "uint8": "uint8_t"}
VECTORS = {"vec": "float", "ivec": "int", "uvec": "uint", "f16vec": "float16"}

class Need:
    """What a shader may use where a kernel needs a feature of the device."""

    def __init__(self, glsl, capabilities, spirv_extensions=()):
        self.glsl = glsl  # extensions that the shader enables
        self.capabilities = capabilities  # of SPIR-V, that its code may then declare
        self.spirv_extensions = spirv_extensions


SUBGROUP = ("GL_KHR_shader_subgroup_basic", "GroupNonUniform")
NEEDS = {
    "int64": Need(["GL_EXT_shader_explicit_arithmetic_types_int64"], ["Int64"]),
    "float16": Need(["GL_EXT_shader_explicit_arithmetic_types_float16", "GL_EXT_shader_16bit_storage"],
                    ["Float16", "StorageBuffer16BitAccess"]),
    "uint8": Need(["GL_EXT_shader_explicit_arithmetic_types_int8", "GL_EXT_shader_8bit_storage"],
                  ["Int8", "StorageBuffer8BitAccess"]),
    "subgroup_arithmetic": Need([SUBGROUP[0], "GL_KHR_shader_subgroup_arithmetic"],
                                [SUBGROUP[1], "GroupNonUniformArithmetic"]),
    "subgroup_ballot": Need([SUBGROUP[0], "GL_KHR_shader_subgroup_ballot"], [SUBGROUP[1], "GroupNonUniformBallot"]),
    "subgroup_shuffle": Need([SUBGROUP[0], "GL_KHR_shader_subgroup_shuffle"], [SUBGROUP[1], "GroupNonUniformShuffle"]),
    "cooperative_matrix": Need([SUBGROUP[0], "GL_KHR_memory_scope_semantics", "GL_KHR_cooperative_matrix"],
                               [SUBGROUP[1], "VulkanMemoryModel", "CooperativeMatrixKHR"],
                               ["SPV_KHR_cooperative_matrix"]),
}


class TableError(Exception):
    pass


class Argument:
    """One member of a kernel's argument block, in scalar layout."""

    def __init__(self, where, entry):
        if not isinstance(entry, list) or len(entry) not in (2, 3):
            raise TableError(f"{where}: an argument is [name, type] or [name, pointer type, alignment], not {entry!r}")
        self.name, text = entry[0], entry[1]
        word = re.fullmatch(r"(const )?(\w+)(\*|\[(\d+)\])?", text)
        if not word:
            raise TableError(f"{where}: argument {self.name}: cannot read the type {text!r}")
        self.constant = word.group(1) is not None
        self.pointer = word.group(3) == "*"
        self.count = int(word.group(4) or 1)
        self.array = word.group(4) is not None
        element = word.group(2)
        if element in SCALARS:
            scalar, self.lanes = element, 1
            self.glsl = GLSL_NAMES.get(element, element)
        elif element[:-1] in VECTORS and element[-1] in "234":
            scalar, self.lanes = VECTORS[element[:-1]], int(element[-1])
            self.glsl = element
        else:
            raise TableError(f"{where}: argument {self.name}: unknown type {element!r}")
        self.c_scalar, self.scalar_bytes, self.need = SCALARS[scalar]
        if not self.pointer and self.scalar_bytes < 4:
            raise TableError(f"{where}: argument {self.name}: {element} only as a pointer")
        self.element_align = entry[2] if len(entry) == 3 else max(self.scalar_bytes, 4)
        if self.pointer:
            self.pointer_type = f"{element}_{'const_' if self.constant else ''}pointer{self.element_align}"
            self.align, self.bytes = 8, 8
        else:
            self.align = self.scalar_bytes
            self.bytes = self.scalar_bytes * self.lanes * self.count

    def glsl_member(self):
        if self.pointer:
            return f"{self.pointer_type} {self.name};"
        return f"{self.glsl} {self.name}{f'[{self.count}]' if self.array else ''};"

    def c_member(self):
        if self.pointer:
            return f"uint64_t {self.name};"
        lanes = self.lanes * self.count
        return f"{self.c_scalar} {self.name}{f'[{lanes}]' if lanes > 1 or self.array else ''};"


class Kernel:
    KEYS = {"name", "source", "defines", "constants", "arguments", "texels", "needs"}

    def __init__(self, where, entry, texel_twin=False):
        """texel_twin: the variant whose texel buffers are addresses, appended to its arguments."""
        unknown = set(entry) - self.KEYS
        if unknown:
            raise TableError(f"{where}: unknown key {sorted(unknown)[0]!r}")
        for key in ("name", "source", "arguments"):
            if key not in entry:
                raise TableError(f"{where}: {key!r} is missing")
        self.name = entry["name"]
        where = f"{where}: {self.name}"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise TableError(f"{where}: a name is lower case letters, digits and underscores")
        self.source = entry["source"]
        self.defines = entry.get("defines", {})
        self.constants = []
        for constant in entry.get("constants", []):
            name, default, kind = constant if len(constant) == 3 else (*constant, "uint")
            if kind not in ("uint", "int", "bool"):
                raise TableError(f"{where}: constant {name}: unknown type {kind!r}")
            self.constants.append((name, int(default), kind))
        if len(self.constants) > MAX_CONSTANTS:
            raise TableError(f"{where}: more than {MAX_CONSTANTS} specialisation constants")
        self.arguments = [Argument(where, argument) for argument in entry["arguments"]]
        if not self.arguments:
            raise TableError(f"{where}: a kernel without arguments can do nothing")
        self.texels = entry.get("texels", [])
        if len(self.texels) > MAX_TEXELS:
            raise TableError(f"{where}: more than {MAX_TEXELS} texel buffers")
        self.texel_twin = texel_twin
        if texel_twin:
            self.name += "_by_address"
            self.arguments += [Argument(where, [name, "const uint64*", 16]) for name in self.texels]
        needs = list(entry.get("needs", [])) + [a.need for a in self.arguments if a.need]
        for need in needs:
            if need not in NEEDS:
                raise TableError(f"{where}: unknown need {need!r}; known: {', '.join(NEEDS)}")
        self.needs = sorted(set(needs))
        self.offsets, end, align = [], 0, 4
        for argument in self.arguments:
            end = -(-end // argument.align) * argument.align
            self.offsets.append(end)
            end += argument.bytes
            align = max(align, argument.align)
        self.argument_bytes = -(-end // align) * align

    @property
    def by_address(self):
        return self.argument_bytes > PUSH_BYTES

    def glsl(self):
        lines = [f"// Generated by tools/kernels.py for the kernel {self.name}."]
        extensions = ["GL_EXT_buffer_reference", "GL_EXT_scalar_block_layout"]
        for need in self.needs:
            extensions += NEEDS[need].glsl
        if self.texels and not self.texel_twin:
            extensions.append("GL_EXT_samplerless_texture_functions")
        lines += [f"#extension {name} : require" for name in dict.fromkeys(extensions)]
        for index, (name, default, kind) in enumerate(self.constants):
            value = {"uint": f"{default}u", "int": str(default), "bool": "true" if default else "false"}[kind]
            lines.append(f"layout(constant_id = {index}) const {kind} {name} = {value};")
        if self.constants and self.constants[0][0] == "WORKGROUP":
            lines.append(f"layout(local_size_x = {self.constants[0][1]}, local_size_x_id = 0) in;")
        for binding, name in enumerate([] if self.texel_twin else self.texels):
            lines.append(f"layout(set = 0, binding = {binding}) uniform textureBuffer {name};")
        declared = set()
        for argument in self.arguments:
            if argument.pointer and argument.pointer_type not in declared:
                declared.add(argument.pointer_type)
                access = "readonly " if argument.constant else ""
                lines.append(f"layout(buffer_reference, scalar, buffer_reference_align = {argument.element_align}) "
                             f"{access}buffer {argument.pointer_type} {{ {argument.glsl} at[]; }};")
        members = "\n".join("    " + argument.glsl_member() for argument in self.arguments)
        if self.by_address:
            lines.append("layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer "
                         f"kernel_arguments {{\n{members}\n}};")
            lines.append("layout(push_constant, scalar) uniform kernel_push { kernel_arguments arguments; };")
        else:
            lines.append(f"layout(push_constant, scalar) uniform kernel_arguments {{\n{members}\n}} arguments;")
        if self.texel_twin:
            lines.append("#define TEXELS_BY_ADDRESS 1")
            # Copies of the addresses, because reading an argument within a loop can cost a load for each lane; and
            # two 64-bit loads, because a software driver gathers 64 bits about as fast as 32.
            lines += [f"{self.arguments[-1].pointer_type} {name} = arguments.{name};" for name in self.texels]
            lines += [f"vec4 texelFetch({self.arguments[-1].pointer_type} texels, int index) {{",
                      "    const uint64_t low = texels.at[2 * index], high = texels.at[2 * index + 1];",
                      "    return uintBitsToFloat(uvec4(unpackUint2x32(low), unpackUint2x32(high)));", "}"]
        return "\n".join(lines) + "\n"


def read_table(paths):
    kernels, names = [], {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            try:
                entries = json.load(file)
            except json.JSONDecodeError as error:
                raise TableError(f"{path}:{error.lineno}:{error.colno}: {error.msg}") from error
        for index, entry in enumerate(entries):
            where = f"{path}: entry {index}"
            variants = [Kernel(where, entry)] + ([Kernel(where, entry, True)] if entry.get("texels") else [])
            for kernel in variants:
                if kernel.name in names:
                    raise TableError(f"{path}: {kernel.name} is also in {names[kernel.name]}")
                names[kernel.name] = path
                kernels.append(kernel)
    return kernels


def compile_kernel(kernel, options):
    """arguments.glsl into the kernel's private folder, then SPIR-V, checked; the files read into the depfile."""
    private = options.output + ".include"
    os.makedirs(private, exist_ok=True)
    with open(os.path.join(private, "arguments.glsl"), "w", encoding="utf-8") as file:
        file.write(kernel.glsl())
    source = os.path.join(options.shaders, kernel.source)
    command = [options.glslang, "--quiet", "--target-env", "vulkan1.2", "-S", "comp",
               f"-I{private}", f"-I{options.shaders}", "--depfile", options.depfile, "-o", options.output]
    command += [f"-D{name}={value}" for name, value in kernel.defines.items()]
    result = subprocess.run(command + [source], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        # glslang names neither the variant nor, for included files, where they are.
        sys.stderr.write(f"kernel {kernel.name} ({source}), arguments in {private}:\n{result.stdout}")
        return 1
    # What is generated here must not be a dependency: it is always newer than the output.
    with open(options.depfile, encoding="utf-8") as file:
        used = [word for word in file.read().split(":", 1)[1].split() if not word.startswith(private)]
    with open(options.depfile, "w", encoding="utf-8") as file:
        file.write(f"{options.output}: {' '.join(used)}\n")
    with open(options.output, "rb") as file:
        data, violations = check_kernel(kernel, NEEDS, file.read())
    with open(options.output, "wb") as file:
        file.write(data)
    if options.validator:
        command = [options.validator, "--target-env", "vulkan1.2", "--scalar-block-layout", options.output]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode != 0:
            violations.append(f"kernel {kernel.name} ({kernel.source}): {os.path.basename(options.validator)} refuses "
                              f"it: {result.stdout.strip() or f'status {result.returncode}'}")
    for violation in violations:
        sys.stderr.write(f"{violation}\n")
    return 1 if violations else 0


def knows(need, glslang):
    """Whether glslang can compile kernels with this need; an old one does not know the names of new extensions."""
    text = "".join(f"#extension {name} : require\n" for name in NEEDS[need].glsl)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "known.comp")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#version 460\n{text}layout(local_size_x = 8) in;\nvoid main() {{}}\n")
        command = [glslang, "--quiet", "--target-env", "vulkan1.2", "-S", "comp", "-o", path + ".spv", path]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def write_header(kernels, path, without):
    lines = ["/* Generated by tools/kernels.py from the kernel tables. */", "#ifndef SB_VULKAN_KERNELS_H",
             "#define SB_VULKAN_KERNELS_H", "", "#include <stdbool.h>", "#include <stddef.h>", "#include <stdint.h>", "",
             "/* Features without which a kernel must not run. */", "enum {"]
    lines += [f"    VK_NEEDS_{need.upper()} = 1 << {index}," for index, need in enumerate(NEEDS)]
    lines += ["};", ""]
    if without:
        lines.append("/* Needs that no device can meet: why their kernels are not in this build. */")
        lines += [f'#define VK_WITHOUT_{need.upper()} "{reason}"' for need, reason in without.items()] + [""]
    lines += ["enum vk_kernel {"]
    lines += [f"    VK_KERNEL_{kernel.name.upper()}," for kernel in kernels]
    lines += ["    VK_KERNEL_COUNT", "};", ""]
    for kernel in kernels:
        if kernel.constants:
            names = ", ".join(f"VK_{kernel.name.upper()}_{name}" for name, _, _ in kernel.constants)
            lines.append(f"enum {{ {names} }};")
        lines.append(f"struct vk_{kernel.name}_arguments {{")
        lines += [f"    {argument.c_member()}" for argument in kernel.arguments]
        lines.append("};")
        lines.append(f"_Static_assert(sizeof(struct vk_{kernel.name}_arguments) == {kernel.argument_bytes}, "
                     f'"{kernel.name}: size");')
        for argument, offset in zip(kernel.arguments, kernel.offsets):
            lines.append(f"_Static_assert(offsetof(struct vk_{kernel.name}_arguments, {argument.name}) == {offset}, "
                         f'"{kernel.name}.{argument.name}");')
        lines.append("")
    lines += ["struct vk_kernel_info {", "    const char *name;", "    const uint32_t *words; /* SPIR-V */",
              "    uint32_t word_count;", "    uint32_t argument_bytes;",
              "    bool by_address; /* the push constant is the address of the argument block */",
              "    uint32_t needs;  /* VK_NEEDS_... */", "    uint32_t texel_count;",
              "    enum vk_kernel twin;     /* texel_count > 0: the kernel that reads them through addresses ... */",
              "    uint32_t twin_addresses; /* ... that begin at this byte of its arguments */",
               "    /* Of shared memory with these constants, each of which has a value; NULL: it uses none. */",
               "    uint32_t (*shared_bytes)(const uint32_t *constants);", "    uint32_t constant_count;",
               f"    uint32_t constants[{MAX_CONSTANTS}]; /* defaults */",
               f"    const char *constant_names[{MAX_CONSTANTS}];", "    bool has_workgroup; /* constant 0 is the local size x */",
              "};", "extern const struct vk_kernel_info vk_kernels[VK_KERNEL_COUNT];", "", "#endif", ""]
    write_if_changed(path, "\n".join(lines))


def write_source(kernels, path, binaries, without):
    lines = ["/* Generated by tools/kernels.py: SPIR-V of every kernel. */", '#include "vulkan_kernels.h"', ""]
    shared = {}
    for kernel in kernels:
        if without.keys() & kernel.needs:
            continue
        with open(binaries[kernel.name], "rb") as file:
            data = file.read()
        words = struct.unpack(f"<{len(data) // 4}I", data)
        lines.append(f"static const uint32_t {kernel.name}_words[] = {{")
        for start in range(0, len(words), 12):
            lines.append("    " + ", ".join(f"0x{word:x}" for word in words[start:start + 12]) + ",")
        lines.append("};")
        shared[kernel.name] = Module(data).shared_size()
        if shared.get(kernel.name):
            lines += [f"static uint32_t {kernel.name}_shared_bytes(const uint32_t *constants) {{",
                      "    (void)constants;", f"    return {shared[kernel.name]};", "}"]
    lines.append("\nconst struct vk_kernel_info vk_kernels[VK_KERNEL_COUNT] = {")
    by_name = {kernel.name: kernel for kernel in kernels}
    for kernel in kernels:
        twin = by_name[f"{kernel.name}_by_address"] if kernel.texels and not kernel.texel_twin else None
        needs = " | ".join(f"VK_NEEDS_{need.upper()}" for need in kernel.needs) or "0"
        defaults = ", ".join(f"{value & 0xffffffff}u" for _, value, _ in kernel.constants) or "0"
        names = ", ".join(f'"{name}"' for name, _, _ in kernel.constants) or "NULL"
        workgroup = bool(kernel.constants) and kernel.constants[0][0] == "WORKGROUP"
        lines += [f"    [VK_KERNEL_{kernel.name.upper()}] =", f"        {{.name = \"{kernel.name}\","]
        if not without.keys() & kernel.needs:
            lines += [f"         .words = {kernel.name}_words,",
                      f"         .word_count = sizeof {kernel.name}_words / sizeof {kernel.name}_words[0],"]
        lines += [f"         .argument_bytes = {kernel.argument_bytes},",
                  f"         .by_address = {'true' if kernel.by_address else 'false'},", f"         .needs = {needs},",
                  f"         .texel_count = {len(kernel.texels) if twin else 0},"]
        if twin:
            lines += [f"         .twin = VK_KERNEL_{twin.name.upper()},",
                      f"         .twin_addresses = {twin.offsets[-len(twin.texels)]},"]
        if shared.get(kernel.name):
            lines.append(f"         .shared_bytes = {kernel.name}_shared_bytes,")
        lines += [f"         .constant_count = {len(kernel.constants)},", f"         .constants = {{{defaults}}},",
                  f"         .constant_names = {{{names}}},",
                  f"         .has_workgroup = {'true' if workgroup else 'false'}}},"]
    lines += ["};", ""]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def write_if_changed(path, text):
    """Keeps the time stamp of a header that did not change, so that nothing is compiled again."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["list", "compile", "header", "source", "known"])
    parser.add_argument("--table", action="append", default=[], help="a kernels.json; once for each")
    parser.add_argument("--kernel", help="compile: which one")
    parser.add_argument("--need", choices=list(NEEDS), help="known: which one")
    parser.add_argument("--without", nargs=2, action="append", default=[], metavar=("NEED", "REASON"),
                        help="list, header, source: leave out the kernels with this need")
    parser.add_argument("--shaders", help="compile: the folder that sources and includes are relative to")
    parser.add_argument("--glslang", help="compile: glslang or glslangValidator")
    parser.add_argument("--validator", help="compile: spirv-val; not validated without it")
    parser.add_argument("--depfile")
    parser.add_argument("--output")
    parser.add_argument("--binaries", nargs="*", default=[], help="source: the SPIR-V of every kernel, NAME.spv")
    options = parser.parse_args()
    without = dict(options.without)
    if options.command == "known":
        return 0 if knows(options.need, options.glslang) else 1
    try:
        kernels = read_table(options.table)
    except (TableError, OSError) as error:
        sys.exit(f"kernels.py: {error}")
    if options.command == "list":
        for kernel in kernels:
            if not without.keys() & kernel.needs:
                print(f"{kernel.name} {kernel.source}")
        return 0
    if options.command == "compile":
        return compile_kernel(next(kernel for kernel in kernels if kernel.name == options.kernel), options)
    if options.command == "header":
        write_header(kernels, options.output, without)
        return 0
    binaries = {os.path.basename(path)[:-len(".spv")]: path for path in options.binaries}
    write_source(kernels, options.output, binaries, without)
    return 0


if __name__ == "__main__":
    sys.exit(main())
