"""Reads SPIR-V as far as the checks of the kernels need it (kernel_checks.py): what a module declares, and through
which pointers it loads and stores. Facts are of the SPIR-V specification, version 1.5. Standard library only."""
import math
import struct

CAPABILITIES = {
    0: "Matrix", 1: "Shader", 5: "Linkage", 9: "Float16", 10: "Float64", 11: "Int64", 12: "Int64Atomics", 22: "Int16",
    39: "Int8", 46: "SampledBuffer", 47: "ImageBuffer", 50: "ImageQuery", 61: "GroupNonUniform",
    62: "GroupNonUniformVote", 63: "GroupNonUniformArithmetic", 64: "GroupNonUniformBallot",
    65: "GroupNonUniformShuffle", 66: "GroupNonUniformShuffleRelative", 67: "GroupNonUniformClustered", 68: "GroupNonUniformQuad",
    4428: "WorkgroupMemoryExplicitLayoutKHR", 4433: "StorageBuffer16BitAccess",
    4434: "UniformAndStorageBuffer16BitAccess", 4435: "StoragePushConstant16", 4441: "VariablePointersStorageBuffer", 4442: "VariablePointers",
    4448: "StorageBuffer8BitAccess", 4449: "UniformAndStorageBuffer8BitAccess", 4450: "StoragePushConstant8",
    5345: "VulkanMemoryModel", 5346: "VulkanMemoryModelDeviceScope", 5347: "PhysicalStorageBufferAddresses",
    6022: "CooperativeMatrixKHR", 6033: "AtomicFloat32AddEXT",
}
STORAGE_CLASSES = {0: "UniformConstant", 1: "Input", 2: "Uniform", 3: "Output", 4: "Workgroup", 5: "CrossWorkgroup",
                   6: "Private", 7: "Function", 8: "Generic", 9: "PushConstant", 10: "AtomicCounter", 11: "Image",
                   12: "StorageBuffer", 5349: "PhysicalStorageBuffer"}
MEMORY_MODELS = {0: "Simple", 1: "GLSL450", 2: "OpenCL", 3: "Vulkan"}
ADDRESSINGS = {0: "Logical", 1: "Physical32", 2: "Physical64", 5348: "PhysicalStorageBuffer64"}
DECORATIONS = {1: "SpecId", 2: "Block", 6: "ArrayStride", 11: "BuiltIn", 24: "NonWritable", 33: "Binding",
               34: "DescriptorSet", 35: "Offset"}
WORKGROUP_SIZE = 25  # of the decoration BuiltIn
BUFFER = 5  # dimension of an image

# Instructions whose result may be a pointer, of the form: type, result, operands...
POINTERS = {1: "OpUndef", 55: "OpFunctionParameter", 57: "OpFunctionCall", 59: "OpVariable", 61: "OpLoad",
            65: "OpAccessChain", 66: "OpInBoundsAccessChain", 67: "OpPtrAccessChain", 70: "OpInBoundsPtrAccessChain",
            81: "OpCompositeExtract", 83: "OpCopyObject", 120: "OpConvertUToPtr", 124: "OpBitcast", 169: "OpSelect",
            245: "OpPhi"}
ACCESS_CHAINS = (65, 66)
ALIGNED = 2  # memory operand

# What array lengths are computed with: as C, and here. All on 32-bit unsigned numbers.
OPERATIONS = {
    128: ("({} + {})", lambda a, b: a + b), 130: ("({} - {})", lambda a, b: a - b),
    132: ("({} * {})", lambda a, b: a * b), 134: ("({} / {})", lambda a, b: a // b),
    137: ("({} % {})", lambda a, b: a % b), 164: ("({} == {})", lambda a, b: a == b),
    165: ("({} != {})", lambda a, b: a != b), 166: ("({} || {})", lambda a, b: a or b),
    167: ("({} && {})", lambda a, b: a and b), 168: ("!{}", lambda a: not a),
    169: ("({} ? {} : {})", lambda a, b, c: b if a else c), 170: ("({} == {})", lambda a, b: a == b),
    171: ("({} != {})", lambda a, b: a != b), 172: ("({} > {})", lambda a, b: a > b),
    174: ("({} >= {})", lambda a, b: a >= b), 176: ("({} < {})", lambda a, b: a < b),
    178: ("({} <= {})", lambda a, b: a <= b), 194: ("({} >> {})", lambda a, b: a >> b),
    196: ("({} << {})", lambda a, b: a << b), 197: ("({} | {})", lambda a, b: a | b),
    198: ("({} ^ {})", lambda a, b: a ^ b), 199: ("({} & {})", lambda a, b: a & b),
}


class SpirvError(Exception):
    """What is no SPIR-V, or not of the kind that is followed here."""


def text_of(words):
    """A literal string, and how many words it takes."""
    data = struct.pack(f"<{len(words)}I", *words)
    end = data.find(b"\0")
    if end < 0:
        raise SpirvError("a string without an end")
    return data[:end].decode("utf-8", "replace"), end // 4 + 1


class Type:
    def __init__(self, kind, *operands):
        self.kind = kind  # "void", "bool", "int", "float", "vector", "array", "runtime array", "struct", "pointer", ...
        self.operands = operands


class Access:
    """A load, store, atomic or copy: the pointer's id, whether it writes, the alignment it states (0: none; None: it
    cannot state any) and the word where."""

    def __init__(self, what, pointer, writes, alignment=None, word=None):
        self.what, self.pointer, self.writes, self.alignment, self.word = what, pointer, writes, alignment, word


class Module:
    def __init__(self, data):
        if len(data) % 4 or len(data) < 20:
            raise SpirvError(f"{len(data)} bytes are no SPIR-V")
        words = struct.unpack(f"<{len(data) // 4}I", data)
        if words[0] != 0x07230203:
            raise SpirvError(f"the magic number 0x07230203 is 0x{words[0]:08x}")
        self.version = (words[1] >> 16 & 0xff, words[1] >> 8 & 0xff)
        self.capabilities, self.extensions, self.imports = [], [], []
        self.memory_model = None  # (addressing, model)
        self.entry_points = []  # (execution model, name)
        self.modes = []  # (execution mode, literals)
        self.names, self.member_names = {}, {}
        self.decorations, self.member_decorations = {}, {}  # {id: {decoration: literal}}, {(id, member): {...}}
        self.types = {}
        self.constants = {}  # {id: (type, value)}, plain ones
        self.specialisations = {}  # {id: (type, default)}
        self.operations = {}  # {id: (opcode, operand ids)} of OpSpecConstantOp
        self.composites = {}  # {id: ids of the constituents}
        self.variables = {}  # {id: (storage class, pointer type)}
        self.values = {}  # {id: (opcode, type, operands)} of what may be a pointer
        self.accesses = []
        at = 5
        while at < len(words):
            count, opcode = words[at] >> 16, words[at] & 0xffff
            if count == 0 or at + count > len(words):
                raise SpirvError(f"the instruction at word {at} is cut off")
            try:
                self._read(opcode, words[at + 1:at + count], at + 1)
            except (IndexError, ValueError) as error:
                raise SpirvError(f"the instruction at word {at} (opcode {opcode}) lacks operands") from error
            at += count

    def _read(self, opcode, o, first):
        if opcode == 17:
            self.capabilities.append(CAPABILITIES.get(o[0], f"number {o[0]}"))
        elif opcode == 10:
            self.extensions.append(text_of(o)[0])
        elif opcode == 11:
            self.imports.append(text_of(o[1:])[0])
        elif opcode == 14:
            self.memory_model = (ADDRESSINGS.get(o[0], f"number {o[0]}"), MEMORY_MODELS.get(o[1], f"number {o[1]}"))
        elif opcode == 15:
            self.entry_points.append((o[0], text_of(o[2:])[0]))
        elif opcode in (16, 331):
            self.modes.append((o[1], o[2:]))
        elif opcode == 5:
            self.names[o[0]] = text_of(o[1:])[0]
        elif opcode == 6:
            self.member_names[o[0], o[1]] = text_of(o[2:])[0]
        elif opcode == 71:
            self.decorations.setdefault(o[0], {})[DECORATIONS.get(o[1], o[1])] = o[2] if len(o) > 2 else None
        elif opcode == 72:
            found = self.member_decorations.setdefault((o[0], o[1]), {})
            found[DECORATIONS.get(o[2], o[2])] = o[3] if len(o) > 3 else None
        elif opcode in (19, 20):
            self.types[o[0]] = Type("void" if opcode == 19 else "bool")
        elif opcode == 21:
            self.types[o[0]] = Type("int", o[1], bool(o[2]))  # width, signed
        elif opcode == 22:
            self.types[o[0]] = Type("float", *o[1:])  # width
        elif opcode in (23, 24):
            self.types[o[0]] = Type("vector" if opcode == 23 else "matrix", o[1], o[2])
        elif opcode == 25:
            self.types[o[0]] = Type("image", *o[1:])  # sampled type, dimension, depth, arrayed, multisampled, sampled
        elif opcode == 28:
            self.types[o[0]] = Type("array", o[1], o[2])  # element, id of the length
        elif opcode == 29:
            self.types[o[0]] = Type("runtime array", o[1])
        elif opcode == 30:
            self.types[o[0]] = Type("struct", *o[1:])
        elif opcode == 32:
            self.types[o[0]] = Type("pointer", STORAGE_CLASSES.get(o[1], f"number {o[1]}"), o[2])
        elif opcode == 4456:
            self.types[o[0]] = Type("cooperative matrix", *o[1:])
        elif opcode in (41, 42):
            self.constants[o[1]] = (o[0], int(opcode == 41))
        elif opcode == 43:
            self.constants[o[1]] = (o[0], sum(word << 32 * i for i, word in enumerate(o[2:])))
        elif opcode in (48, 49):
            self.specialisations[o[1]] = (o[0], int(opcode == 48))
        elif opcode == 50:
            self.specialisations[o[1]] = (o[0], sum(word << 32 * i for i, word in enumerate(o[2:])))
        elif opcode in (44, 51):
            self.composites[o[1]] = o[2:]
        elif opcode == 52:
            self.operations[o[1]] = (o[2], o[3:])
        elif opcode == 62:
            self._access("OpStore", o[0], True, o, 2, first)
        elif opcode in (63, 64):
            self._access("OpCopyMemory", o[0], True, o, 2 + (opcode == 64), first)
            self._access("OpCopyMemory", o[1], False, o, 2 + (opcode == 64), first)
        elif opcode == 4457:
            self._access("OpCooperativeMatrixLoadKHR", o[2], False, o, 5, first)
        elif opcode == 4458:
            self._access("OpCooperativeMatrixStoreKHR", o[0], True, o, 4, first)
        elif 227 <= opcode <= 242 or opcode == 6035:
            # OpAtomicStore has no result.
            self.accesses.append(Access("an atomic instruction", o[0] if opcode == 228 else o[2], opcode != 227))
        if opcode in POINTERS:
            self.values[o[1]] = (opcode, o[0], o[2:])
        if opcode == 59:
            self.variables[o[1]] = (STORAGE_CLASSES.get(o[2], f"number {o[2]}"), o[0])
        elif opcode == 61:
            self._access("OpLoad", o[2], False, o, 3, first)

    def _access(self, what, pointer, writes, operands, memory, first):
        """`memory`: where among the operands those about memory begin; the operands begin at the word `first`."""
        aligned = len(operands) > memory and operands[memory] & ALIGNED
        self.accesses.append(Access(what, pointer, writes, operands[memory + 1] if aligned else 0,
                                    first + memory + 1 if aligned else None))

    # ---- types

    def type_of(self, identifier):
        found = self.types.get(identifier)
        if not found:
            raise SpirvError(f"type %{identifier} is not declared, or not of a kind that is followed here")
        return found

    def type_name(self, identifier):
        """As GLSL writes it; "?" and the kind for what has no such name."""
        found = self.type_of(identifier)
        if found.kind == "int":
            width, signed = found.operands
            return ("int" if signed else "uint") + ("" if width == 32 else f"{width}_t")
        if found.kind == "float":
            return {16: "float16_t", 32: "float", 64: "double"}.get(found.operands[0], f"?float{found.operands[0]}")
        if found.kind == "vector":
            scalar = self.type_name(found.operands[0])
            prefix = {"float": "", "int": "i", "uint": "u", "float16_t": "f16", "bool": "b"}.get(scalar)
            return f"?{scalar}x{found.operands[1]}" if prefix is None else f"{prefix}vec{found.operands[1]}"
        return found.kind if found.kind in ("bool", "void") else f"?{found.kind}"

    def scalar_bytes(self, identifier):
        found = self.type_of(identifier)
        if found.kind in ("int", "float"):
            return found.operands[0] // 8
        if found.kind in ("vector", "matrix", "array", "runtime array"):
            return self.scalar_bytes(found.operands[0])
        if found.kind == "struct":
            return max(self.scalar_bytes(member) for member in found.operands)
        if found.kind == "pointer":
            return 8
        if found.kind == "bool":
            return 4
        raise SpirvError(f"the size of {found.kind} is not known")

    # ---- numbers that follow from specialisation constants

    def value(self, identifier):
        """With the defaults."""
        if identifier in self.constants:
            return self.constants[identifier][1]
        if identifier in self.specialisations:
            return self.specialisations[identifier][1]
        opcode, operands = self._operation(identifier)
        return int(OPERATIONS[opcode][1](*(self.value(operand) for operand in operands))) & 0xffffffff

    def c_expression(self, identifier):
        """In C, of the array `constants`, which has an element for each SpecId."""
        if identifier in self.constants:
            return f"{self.constants[identifier][1]}u"
        if identifier in self.specialisations:
            return f"constants[{self.decorations[identifier]['SpecId']}]"
        opcode, operands = self._operation(identifier)
        return OPERATIONS[opcode][0].format(*(self.c_expression(operand) for operand in operands))

    def _operation(self, identifier):
        if identifier not in self.operations:
            raise SpirvError(f"%{identifier} is no constant number")
        opcode, operands = self.operations[identifier]
        if opcode not in OPERATIONS:
            raise SpirvError(f"a constant is computed with opcode {opcode}, which is not followed here")
        return opcode, operands

    # ---- shared memory, where each variable takes what it would in a buffer by std430

    def shared_types(self):
        return [self.type_of(pointer).operands[1] for storage, pointer in self.variables.values()
                if storage == "Workgroup"]

    def shared_bytes(self):
        """With the defaults."""
        return sum(self._shared(identifier, self.value, lambda bytes_each, length: bytes_each * length)
                   for identifier in self.shared_types())

    def shared_size(self):
        """In C, of the array `constants`; "" without any."""
        return " + ".join(self._shared(identifier, self.c_expression,
                                       lambda bytes_each, length: f"{bytes_each} * {length}")
                          for identifier in self.shared_types())

    def _shared(self, identifier, length, multiply):
        found = self.type_of(identifier)
        if found.kind == "array":
            return multiply(self._shared(found.operands[0], length, multiply), length(found.operands[1]))
        if found.kind == "vector":
            return self.scalar_bytes(identifier) * (4 if found.operands[1] == 3 else found.operands[1])
        if found.kind in ("int", "float", "bool"):
            return self.scalar_bytes(identifier)
        raise SpirvError(f"{found.kind} in shared memory is not followed here")

    # ---- pointers

    def pointer_class(self, identifier):
        """The storage class of a pointer value, or None."""
        if identifier not in self.values:
            return None
        found = self.types.get(self.values[identifier][1])
        return found.operands[0] if found and found.kind == "pointer" else None

    def follow(self, pointer):
        """Of a pointer into a buffer: the struct that its root points to, the greatest divisor of every offset it can
        have in there, and the type that lies there."""
        opcode, kind, operands = self.values[pointer]
        if opcode not in ACCESS_CHAINS:
            return self.type_of(kind).operands[1], 0, self.type_of(kind).operands[1]
        if operands[0] not in self.values:
            raise SpirvError(f"the base of the pointer %{pointer} cannot be followed")
        root, divisor, at = self.follow(operands[0])
        for index in operands[1:]:
            found = self.type_of(at)
            if found.kind == "struct":
                member = self.value(index)
                divisor = math.gcd(divisor, self.member_decorations.get((at, member), {}).get("Offset", 0))
                at = found.operands[member]
                continue
            if found.kind in ("array", "runtime array"):
                stride = self.decorations.get(at, {}).get("ArrayStride", 1)
            elif found.kind == "vector":
                stride = self.scalar_bytes(at)
            else:
                raise SpirvError(f"an index into {found.kind} is not followed here")
            divisor = math.gcd(divisor, stride * self.constants[index][1] if index in self.constants else stride)
            at = found.operands[0]
        return root, divisor, at
