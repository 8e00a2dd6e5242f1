"""Whether the SPIR-V of a kernel keeps what its entry in the table promises, and what every kernel may count on. Each
violation is a sentence: kernel, source, what was expected, what was found."""
import math

from spirv import BUFFER, WORKGROUP_SIZE, Module, SpirvError

# What every device has that this project runs on (Vulkan 1.2, buffer addresses, scalar layout).
VERSION = (1, 5)
BASE_CAPABILITIES = {"Shader", "PhysicalStorageBufferAddresses"}
TEXEL_CAPABILITIES = {"SampledBuffer"}
MAX_INVOCATIONS = 128  # more must be asked of the device
MAX_SHARED_BYTES = 16384
STORAGE_CLASSES = {"Input", "PushConstant", "UniformConstant", "Workgroup", "Private", "Function"}
COMPUTE, LOCAL_SIZE, FORMAT_SAMPLED = 5, 17, 1


class Checker:
    def __init__(self, kernel, needs, module):
        """needs: {need: what it adds}, of which the fields `capabilities` and `spirv_extensions` matter here."""
        self.kernel, self.module, self.violations = kernel, module, []
        self.capabilities = set(BASE_CAPABILITIES)
        self.extensions = set()
        for need in kernel.needs:
            self.capabilities |= set(needs[need].capabilities)
            self.extensions |= set(needs[need].spirv_extensions)
        self.texels = [] if kernel.texel_twin else kernel.texels
        if self.texels:
            self.capabilities |= TEXEL_CAPABILITIES
        self.promises = {}  # {struct: (alignment, read only)} of what arguments point to

    def refuse(self, what, expected, found):
        self.violations.append(f"kernel {self.kernel.name} ({self.kernel.source}): {what}: expected {expected}, "
                               f"found {found}")

    def require(self, what, expected, found):
        if expected != found:
            self.refuse(what, expected, found)

    def check(self):
        self.check_features()
        self.check_entry_point()
        self.check_constants()
        self.check_variables()
        self.check_arguments()
        self.check_accesses()
        return self.violations

    # ---- what it asks of the device

    def check_features(self):
        module = self.module
        if module.version > VERSION:
            self.refuse("version of SPIR-V", f"at most {VERSION[0]}.{VERSION[1]}, which Vulkan 1.2 takes",
                        f"{module.version[0]}.{module.version[1]}")
        needs = f"those of its needs ({', '.join(self.kernel.needs) or 'none'})"
        for capability in module.capabilities:
            if capability not in self.capabilities:
                self.refuse("capabilities", f"{needs}: {', '.join(sorted(self.capabilities))}", capability)
        for extension in module.extensions:
            if extension not in self.extensions:
                self.refuse("extensions", f"{needs}: {', '.join(sorted(self.extensions)) or 'none'}", extension)
        for name in module.imports:
            if name != "GLSL.std.450":
                self.refuse("imported instructions", "GLSL.std.450 only", name)
        model = "Vulkan" if "VulkanMemoryModel" in self.capabilities else "GLSL450"
        self.require("memory model", ("PhysicalStorageBuffer64", model), module.memory_model)
        for width, capability in ((64, "Float64"), (16, "Float16")):
            if capability not in self.capabilities:
                for found in module.types.values():
                    if found.kind == "float" and found.operands[0] == width:
                        self.refuse("types", f"no {width}-bit floating point", f"OpTypeFloat {width}")

    def check_entry_point(self):
        module, constants = self.module, self.kernel.constants
        self.require("entry points", [(COMPUTE, "main")], module.entry_points)
        if [mode for mode, _ in module.modes] != [LOCAL_SIZE]:
            self.refuse("execution modes", "LocalSize only",
                        f"numbers {', '.join(str(mode) for mode, _ in module.modes) or 'none'}")
            return
        size = module.modes[0][1]
        by_constant = bool(constants) and constants[0][0] == "WORKGROUP"
        if by_constant:
            self.require("local size", (constants[0][1], 1, 1), size)
        if math.prod(size) > MAX_INVOCATIONS:
            self.refuse("invocations of a workgroup with the constants' defaults",
                        f"at most {MAX_INVOCATIONS}; a lowering that has asked the device can give WORKGROUP a larger "
                        "value", math.prod(size))
        builtins = [identifier for identifier, found in module.decorations.items()
                    if found.get("BuiltIn") == WORKGROUP_SIZE]
        ids = [module.decorations.get(part, {}).get("SpecId") for identifier in builtins
               for part in module.composites.get(identifier, ())]
        self.require("constants that set the local size", [0, None, None] if by_constant else [None] * len(ids), ids)

    def check_constants(self):
        """Those that the shader never reads are not in its SPIR-V."""
        module = self.module
        for identifier, (kind, default) in module.specialisations.items():
            number = module.decorations.get(identifier, {}).get("SpecId")
            name = module.names.get(identifier, f"%{identifier}")
            if number is None:
                self.refuse(f"specialisation constant {name}", "a constant_id", "none")
            elif number >= len(self.kernel.constants):
                self.refuse(f"specialisation constant {name}", f"one of the table's {len(self.kernel.constants)}",
                            f"constant_id {number}")
            else:
                promised_name, promised_default, promised_kind = self.kernel.constants[number]
                self.require(f"type of specialisation constant {number}, {promised_name}", promised_kind,
                             module.type_name(kind))
                self.require(f"default of specialisation constant {number}, {promised_name}",
                             promised_default & 0xffffffff, default)

    def check_variables(self):
        module, shared = self.module, self.module.shared_bytes()
        bindings = {}
        for identifier, (storage, pointer) in module.variables.items():
            name = module.names.get(identifier, f"%{identifier}")
            if storage not in STORAGE_CLASSES:
                self.refuse(f"storage class of {name}", "no buffers but those behind addresses and texels", storage)
            elif storage == "UniformConstant":
                decorations = module.decorations.get(identifier, {})
                bindings[name] = (decorations.get("DescriptorSet"), decorations.get("Binding"))
                self.check_texels(name, module.type_of(pointer).operands[1])
        # A texel buffer that is never read may be left out of the SPIR-V.
        promised = {name: (0, binding) for binding, name in enumerate(self.texels)}
        for name, place in bindings.items():
            self.require(f"set and binding of {name}", promised.get(name, "no such texel buffer"), place)
        if shared > MAX_SHARED_BYTES:
            self.refuse("shared memory with the constants' defaults",
                        f"at most {MAX_SHARED_BYTES} bytes; a lowering that has asked the device can give larger "
                        "values", shared)

    def check_texels(self, name, kind):
        found = self.module.type_of(kind)
        if found.kind != "image":
            self.refuse(f"type of {name}", "a texel buffer of vec4", found.kind)
            return
        sampled, dimension, _, arrayed, multisampled, how = found.operands[:6]
        self.require(f"type of {name}", ("float", BUFFER, 0, 0, FORMAT_SAMPLED),
                     (self.module.type_name(sampled), dimension, arrayed, multisampled, how))

    # ---- arguments

    def check_arguments(self):
        module = self.module
        blocks = [module.type_of(pointer).operands[1] for storage, pointer in module.variables.values()
                  if storage == "PushConstant"]
        if len(blocks) != 1:
            self.refuse("push constant blocks", 1, len(blocks))
            return
        block = blocks[0]
        if self.kernel.by_address:
            members = module.type_of(block).operands
            target = module.types.get(members[0]) if members else None
            if (len(members) != 1 or not target or target.kind != "pointer"
                    or target.operands[0] != "PhysicalStorageBuffer"):
                self.refuse("push constants", "the address of the argument block", f"{len(members)} members")
                return
            block = target.operands[1]
            self.promises[block] = (8, True)
        members = module.type_of(block).operands
        self.require("number of arguments", len(self.kernel.arguments), len(members))
        end = 0
        for index, (argument, offset, member) in enumerate(zip(self.kernel.arguments, self.kernel.offsets, members)):
            found = module.member_decorations.get((block, index), {}).get("Offset")
            name = module.member_names.get((block, index), argument.name)
            self.require(f"name of argument {index}", argument.name, name)
            self.require(f"offset of argument {argument.name}", offset, found)
            end = max(end, (found or 0) + self.check_argument(argument, member))
        if -(-end // 4) * 4 > self.kernel.argument_bytes:
            self.refuse("size of the argument block", f"{self.kernel.argument_bytes} bytes", end)

    def check_argument(self, argument, member):
        """Its type; returns its size in bytes."""
        module = self.module
        found = module.type_of(member)
        what = f"type of argument {argument.name}"
        if argument.pointer:
            if found.kind != "pointer" or found.operands[0] != "PhysicalStorageBuffer":
                self.refuse(what, f"a pointer to {argument.glsl}", module.type_name(member))
            else:
                self.check_target(argument, found.operands[1])
            return 8
        count, stride, element = 1, 0, member
        if found.kind == "array":
            element, count = found.operands[0], module.value(found.operands[1])
            stride = module.decorations.get(member, {}).get("ArrayStride")
        promised = f"{argument.glsl}[{argument.count}]" if argument.array else argument.glsl
        self.require(what, promised, module.type_name(element) + (f"[{count}]" if found.kind == "array" else ""))
        if module.type_name(element).startswith("?"):
            return argument.bytes
        kind = module.type_of(element)
        bytes_each = module.scalar_bytes(element) * (kind.operands[1] if kind.kind == "vector" else 1)
        if argument.array:
            self.require(f"array stride of argument {argument.name}", argument.bytes // argument.count, stride)
        return bytes_each * count

    def check_target(self, argument, block):
        """What an argument points to: a block of one array without an end, of the promised element."""
        module = self.module
        where = f"what argument {argument.name} points to"
        members = module.type_of(block).operands
        array = module.type_of(members[0]) if module.type_of(block).kind == "struct" and len(members) == 1 else None
        if not array or array.kind != "runtime array":
            self.refuse(where, f"{argument.glsl} at[]", module.type_name(block))
            return
        self.require(where, argument.glsl, module.type_name(array.operands[0]))
        self.require(f"array stride of {where}", argument.scalar_bytes * argument.lanes,
                     module.decorations.get(members[0], {}).get("ArrayStride"))
        decorations = module.member_decorations.get((block, 0), {})
        self.require(f"offset within {where}", 0, decorations.get("Offset"))
        self.require(where, "read only" if argument.constant else "writable",
                     "read only" if "NonWritable" in decorations else "writable")
        promise = (argument.element_align, argument.constant)
        self.require(f"alignment and access of {where}", self.promises.setdefault(block, promise), promise)

    # ---- loads and stores

    def check_accesses(self):
        module = self.module
        for access in module.accesses:
            if module.pointer_class(access.pointer) != "PhysicalStorageBuffer":
                continue
            block, divisor, kind = module.follow(access.pointer)
            name = module.names.get(block, f"%{block}")
            if block not in self.promises:
                self.refuse(f"{access.what} through an address", "one of an argument's type", name)
                continue
            promised, constant = self.promises[block]
            if access.writes and constant:
                self.refuse(f"{access.what} through {name}", "no store to what an argument points to as const",
                            "a store")
            if access.alignment is None:
                continue
            known = math.gcd(promised, divisor)
            if access.alignment == 0:
                self.refuse(f"{access.what} through {name}", "an alignment", "none")
            elif known % access.alignment or access.alignment % module.scalar_bytes(kind):
                self.refuse(f"alignment of {access.what} of {module.type_name(kind)} through {name}",
                            f"a multiple of {module.scalar_bytes(kind)} that divides {known}, as the table promises",
                            access.alignment)


def align_addresses(data, module):
    """The SPIR-V with loads of addresses as aligned as they are. glslang states for a pointer that lies in a buffer the
    alignment which the pointer promises of its target; that is less than the 8 bytes which Vulkan asks for a load of 8
    (VUID 06314), and makes some compilers load it by halves."""
    words = bytearray(data)
    for access in module.accesses:
        if module.pointer_class(access.pointer) == "PhysicalStorageBuffer" and access.word is not None:
            _, divisor, kind = module.follow(access.pointer)
            if module.type_of(kind).kind == "pointer" and divisor % 8 == 0:
                words[4 * access.word:4 * access.word + 4] = (8).to_bytes(4, "little")
    return bytes(words)


def check_kernel(kernel, needs, data):
    """Of a kernel, whose SPIR-V are the bytes `data`: those bytes as they should be, and the violations."""
    try:
        data = align_addresses(data, Module(data))
        return data, Checker(kernel, needs, Module(data)).check()
    except SpirvError as error:
        return data, [f"kernel {kernel.name} ({kernel.source}): expected SPIR-V that can be checked, found that "
                      f"{error}"]
