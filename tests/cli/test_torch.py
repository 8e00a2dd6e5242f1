"""PyTorch files both ways, with the real torch: it loads what we write, and we read what it saves.

Usage: test_torch.py SIMBA PRINT_TORCH GOLDEN_DATA. Skipped (exit code 77) where there is no torch: Debian has it in the
package python3-torch."""

import argparse
import collections
import gzip
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

DEBIAN = "/usr/bin/python3"
try:
    import torch
except ImportError:
    # The package belongs to Debian's own Python, which need not be the first one in the path.
    if sys.executable != DEBIAN and os.access(DEBIAN, os.X_OK):
        os.execv(DEBIAN, [DEBIAN, *sys.argv])
    print("skipped: torch is not installed (package python3-torch)")
    sys.exit(77)

SIMBA, PRINT_TORCH, GOLDEN = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
         "I32": torch.int32, "U8": torch.uint8}
FORMATS = {"zip": {}, "old": {"_use_new_zipfile_serialization": False}}


def run(*words):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, f"{words}: {result.stderr}"
    return result.stdout


def convert(source, target, *options):
    return json.loads(run(SIMBA, "convert", source, target, "--json", *options))


def bytes_of(tensor):
    tensor = tensor.detach().contiguous()
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()


def read_safetensors(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, rest = json.loads(data[8:8 + length]), data[8 + length:]
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(bytearray(rest[slice(*entry["data_offsets"])]), dtype=TYPES[entry["dtype"]])
            .reshape(entry["shape"]) for name, entry in header.items()}


def same(got, want, order=True):
    assert (list(got) == list(want)) if order else (set(got) == set(want)), set(got) ^ set(want)
    for name, tensor in want.items():
        assert got[name].dtype == tensor.dtype and torch.equal(got[name], tensor), name


def random_state(shapes):
    torch.manual_seed(3)
    return collections.OrderedDict(
        (name, torch.zeros(shape, dtype=kind) if kind == torch.int64 else torch.randn(shape))
        for name, (kind, shape) in shapes.items())


def published(size, mixer, token_labels):
    """Names, types and shapes of a published state dictionary. The file lists those with token labels."""
    shapes, wanted = collections.OrderedDict(), False
    with gzip.open(GOLDEN / "state_dictionaries.txt.gz", "rt") as lines:
        for line in lines:
            words = line.split()
            if words[0] == "model":
                wanted = words[1:4] == [size, mixer, "1"]
            elif wanted and (token_labels or not words[0].startswith("aux_head.")):
                shapes[words[0]] = getattr(torch, words[1]), [int(word) for word in words[2:]]
    assert shapes
    return shapes


def module_of(shapes):
    """A module with parameters and buffers of these names, as the published model is one."""
    root = torch.nn.Module()
    for name, (kind, shape) in shapes.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, torch.nn.Module())
            module = module._modules[part]
        value = torch.zeros(shape, dtype=kind)
        if last.startswith("running_") or last == "num_batches_tracked":
            module.register_buffer(last, value)
        else:
            module.register_parameter(last, torch.nn.Parameter(value))
    return root


def torch_loads_ours(scratch):
    ours, source = scratch / "ours.pth", GOLDEN / "tiny_einfft_params.safetensors"
    convert(source, ours)
    loaded, weights = torch.load(ours), read_safetensors(source)
    assert isinstance(loaded, collections.OrderedDict)
    same({name: tensor for name, tensor in loaded.items() if "num_batches" not in name},
         {name: tensor for name, tensor in weights.items() if "num_batches" not in name}, order=False)
    if torch.__version__ >= "1.13.1":
        same(torch.load(ours, weights_only=True), loaded)
    run(PRINT_TORCH, ours, "--zip64", scratch / "large.pth")
    assert zipfile.ZipFile(scratch / "large.pth").testzip() is None
    same(torch.load(scratch / "large.pth"), loaded)
    # What torch writes of it again is the same for us.
    for name, options in FORMATS.items():
        torch.save(loaded, scratch / f"again_{name}.pth", **options)
        convert(scratch / f"again_{name}.pth", scratch / "again.pth")
        assert (scratch / "again.pth").read_bytes() == ours.read_bytes()


def strict_load(scratch):
    for mixer, token_labels in ("mlp", 1), ("einfft", 0):
        shapes = published("s", mixer, token_labels)
        state, module = random_state(shapes), module_of(shapes)
        assert list(module.state_dict()) and set(module.state_dict()) == set(shapes)
        torch.save(state, scratch / "theirs.pth")
        said = convert(scratch / "theirs.pth", scratch / "ours.pth")
        assert (said["size"], said["mixer"], said["token_labels"]) == ("s", mixer, bool(token_labels)), said
        loaded = torch.load(scratch / "ours.pth")
        module.load_state_dict(loaded, strict=True)
        same(loaded, state)
        same(module.state_dict(), state, order=False)


def we_read_theirs(scratch):
    base = torch.arange(60.0).reshape(5, 12) / 7
    shared = torch.randn(4, 4)
    values = {
        "single": base, "double": base.double(), "half": base.half(), "brain": base.bfloat16(),
        "long": torch.tensor([[1, -2, 1 << 40]]), "int": torch.tensor([3, -4], dtype=torch.int32),
        "byte": torch.tensor([0, 255], dtype=torch.uint8), "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "one": torch.ones(1, 1, 1, 1),
        "turned": base.t(), "part": base[1:4, 3:11:2], "column": base[:, 5], "permuted": base.view(5, 3, 4).permute(2, 0, 1),
        "half_part": base.half()[::2].t(), "brain_part": base.bfloat16()[1:, ::3],
        "parameter": torch.nn.Parameter(base[0].clone()), "shared_a": shared, "shared_b": shared, "shared_c": shared[1:, :2],
        "nested": {"deep": [torch.ones(2), (torch.zeros(1), 7, None, "text")]}, "number": 3, "list": [1, 2.5],
        "names": argparse.Namespace(lr=0.1), "infinity": torch.tensor([math.inf, -math.inf, math.nan]),
        "short": torch.tensor([1], dtype=torch.int16), "complex": torch.tensor([1j]),
    }
    expected = {name: value for name, value in values.items() if isinstance(value, torch.Tensor)}
    del expected["short"], expected["complex"]
    expected.update({"nested.deep.0": values["nested"]["deep"][0], "nested.deep.1.0": values["nested"]["deep"][1][0]})
    for name, options in FORMATS.items():
        path = scratch / f"values_{name}.pth"
        torch.save(values, path, **options)
        lines = [line.split("\t") for line in run(PRINT_TORCH, path).splitlines()]
        ignored = set(lines.pop()[1].split(", "))
        found = {line[0]: line[1:] for line in lines}
        assert set(found) == set(expected), set(found) ^ set(expected)
        for key, tensor in expected.items():
            kind, shape, data = found[key]
            kinds = torch.uint8 if tensor.dtype == torch.bool else tensor.dtype
            assert TYPES[kind] == kinds and shape == " ".join(map(str, tensor.shape)), key
            assert bytes.fromhex(data) == bytes_of(tensor), key
        assert ignored == {"number", "names", "short", "complex", "list.0", "list.1", "nested.deep.1.1",
                           "nested.deep.1.2", "nested.deep.1.3"}, ignored
    for name, options in FORMATS.items():
        torch.save(base.t(), scratch / "alone.pt", **options)
        line = run(PRINT_TORCH, scratch / "alone.pt").splitlines()[0].split("\t")
        assert line[:3] == ["", "F32", "12 5"] and bytes.fromhex(line[3]) == bytes_of(base.t())


def checkpoints(scratch):
    convert(GOLDEN / "tiny_einfft_params.safetensors", scratch / "tiny.pth")
    state = torch.load(scratch / "tiny.pth")
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([parameter], lr=0.1)
    parameter.sum().backward()
    optimizer.step()
    module = collections.OrderedDict(("module." + name, tensor) for name, tensor in state.items())
    other = collections.OrderedDict((name, tensor + 1) for name, tensor in state.items())
    turned = collections.OrderedDict(
        (name, tensor.t().contiguous().t() if tensor.dim() == 2 else tensor) for name, tensor in state.items())
    around = {"optimizer": optimizer.state_dict(), "epoch": 7, "args": argparse.Namespace(lr=1.0), "scaler": {"scale": 2.0}}
    lower = {kind: collections.OrderedDict((name, tensor.to(kind) if tensor.is_floating_point() else tensor)
                                           for name, tensor in state.items()) for kind in (torch.float16, torch.bfloat16)}
    cases = {
        "bare": (state, state, []), "module": (module, state, []), "model": ({"model": state, **around}, state, []),
        "state_dict": ({"state_dict": module, **around}, state, []),
        "model_state_dict": ({**around, "model_state_dict": state}, state, []),
        "two": ({"model": state, "model_ema": other, **around}, state, []),
        "key": ({"model": state, "model_ema": other, **around}, other, ["--key", "model_ema"]),
        "turned": (turned, state, []), "double": ({name: tensor.double() for name, tensor in state.items()}, state, []),
        "half": (lower[torch.float16], lower[torch.float16], []),
        "brain": ({"model": lower[torch.bfloat16]}, lower[torch.bfloat16], []),
    }
    for case, (saved, expected, options) in cases.items():
        for name, how in FORMATS.items():
            path = scratch / f"{case}_{name}.pth"
            torch.save(saved, path, **how)
            said = convert(path, scratch / "read.safetensors", *options)
            read = read_safetensors(scratch / "read.safetensors")
            same({key: tensor for key, tensor in read.items() if "num_batches" not in key},
                 {key: tensor.float() for key, tensor in expected.items() if "num_batches" not in key}, order=False)
            if "epoch" in saved:
                assert {"optimizer", "epoch", "args"} <= set(said["ignored"].split(", ")), said


def label_maps(scratch):
    torch.manual_seed(1)
    for height, width in (18, 18), (1, 7):
        scores = torch.randn(5, height, width).half()
        classes = torch.randint(0, 1000, (5, height, width)).half()
        for kind in torch.float16, torch.float32:
            for options in FORMATS.values():
                torch.save(torch.stack([scores, classes]).to(kind), scratch / "map.pt", **options)
                first, *lines = run(PRINT_TORCH, scratch / "map.pt", 1000).splitlines()
                assert first == f"5 {height} {width}"
                read = [line.split() for line in lines]
                assert [float(line[0]) for line in read] == scores.float().flatten().tolist()
                assert [int(line[1]) for line in read] == classes.int().flatten().tolist()


def main():
    with tempfile.TemporaryDirectory() as scratch:
        for part in torch_loads_ours, strict_load, we_read_theirs, checkpoints, label_maps:
            part(pathlib.Path(scratch))
            print("ok", part.__name__)


main()
