#!/usr/bin/python3
"""Writes the well-formed inputs that fuzzing begins with into corpus/, with torch, numpy and PIL, and the dictionary of
configurations. Run it in this directory. What fuzzing found was put there by hand, and stays."""
import gzip
import io
import json
import os
import pickle
import zipfile

import numpy
import torch
from PIL import Image


def put(target, name, data):
    os.makedirs("corpus/" + target, exist_ok=True)
    with open("corpus/%s/%s" % (target, name), "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)


def saved(value, **options):
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def object_of(data):
    return zipfile.ZipFile(io.BytesIO(data)).read("archive/data.pkl")


# ---- PyTorch files
def cycle():
    ring = []
    ring.append(ring)
    return ring


torch.manual_seed(1)
state = {"head.weight": torch.arange(6.0).reshape(2, 3).t(), "head.bias": torch.ones(2).half(),
         "norm.num_batches_tracked": torch.tensor(7)}
parameter = torch.nn.Parameter(torch.arange(4.0))
optimiser = torch.optim.AdamW([parameter], lr=0.1)
parameter.sum().backward()
optimiser.step()
files = {
    "tensor": torch.arange(4.0),
    "views": {"a": torch.arange(8.0)[2:6:2], "b": torch.zeros(0, 3), "c": torch.tensor([True]).bfloat16()},
    "nested": {"model": {"module." + name: tensor for name, tensor in state.items()}, "epoch": 3,
               "optimizer": optimiser.state_dict()},
    "label_map": torch.stack([torch.randn(2, 2, 3), torch.randint(0, 16, (2, 2, 3)).float()]).half(),
}
for name, value in files.items():
    target = "label_map" if name == "label_map" else "torch_file"
    put(target, name + ".pth", saved(value))
    put(target, name + "_old.pth", saved(value, _use_new_zipfile_serialization=False))
    put(target, name + ".pkl", object_of(saved(value)))
    put("pickle", name + ".pkl", object_of(saved(value)))
values = [None, True, 0, 255, 65535, -1, 1 << 40, 1 << 70, 0.5, "text", b"bytes", ("a",), ("a", "b"), ("a", "b", "c"),
          ("a", "b", "c", "d"), {1, 2}, frozenset([3]), {"a": {"b": []}}, numpy.float32, os.path.join, cycle()]
for protocol in range(5):
    put("pickle", "protocol_%d.pkl" % protocol, pickle.dumps(values, protocol))

# ---- safetensors: headers, and a whole file
header = {"__metadata__": {"format": "pt", "model": json.dumps({"size": "custom", "classes": 10})},
          "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
          "b": {"dtype": "F16", "shape": [4], "data_offsets": [16, 24]}}
text = json.dumps(header, separators=(",", ":"))
put("safetensors", "header.json", text)
golden = open("../golden/data/tiny_einfft_params.safetensors", "rb").read()
golden = json.loads(golden[8:8 + int.from_bytes(golden[:8], "little")])
model = {name: {"dtype": "U8", "shape": golden[name]["shape"] + [0], "data_offsets": [0, 0]} for name in (
    "patch_embed1.conv.0.weight", "head.weight", "block1.0.attn.mamba.A_log", "block1.0.attn.mamba.conv1d.weight",
    "patch_embed1.norm.weight", "block1.0.norm2.weight", "block1.0.mlp.complex_weight_1", "patch_embed2.norm.weight")}
model["rest"] = {"dtype": "U8", "shape": [24], "data_offsets": [0, 24]}
put("safetensors", "model.json", json.dumps(model, separators=(",", ":")))
put("safetensors", "empty_tensors.json",
    '{"a":{"dtype":"I64","shape":[0,3],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[24],"data_offsets":[0,24]}}')
put("safetensors", "whole.safetensors", len(text).to_bytes(8, "little") + text.encode() + bytes(24))

# ---- configurations
configs = "../../assets/configs/"
for name in "fashion_mnist", "imagenet_simba_s_einfft", "transfer_cifar10":
    put("configuration", name + ".json", open(configs + name + ".json").read())
put("configuration", "everything.json", json.dumps({
    "model": {"size": "custom", "mixer": "einfft", "stem": 8, "dims": [16, 32], "depths": [1, 2], "d_state": 16,
              "d_conv": 3, "expand": 1, "channels": 1, "classes": 3, "image_size": [64, 96], "drop_path": 0.1,
              "initialisation": "mamba", "mean": [0.5], "deviation": [0.25], "crop_fraction": 0.9,
              "interpolation": "bilinear"},
    "data": {"path": "d", "train": "t", "evaluation": "e", "threads": 3, "format": "folder", "labels": ["a", "b", "ü"]},
    "augmentation": {"crop": "random_resized", "scale": [0.1, 1], "ratio": [0.5, 2], "flip": 0.5,
                     "randaugment": "rand-m9-mstd0.5-inc1", "random_erasing": 0.25},
    "train": {"epochs": 9, "batch_size": 4, "schedule": "published", "tail_epochs": 2, "warmup_epochs": 1.5},
    "output": "runs"}) + "\0train.epochs=3\nmodel.dims[1]=48\n$.augmentation.randaugment=rand-m5\ndata={}\nx")



def words(schema):
    """Every key and every choice."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        yield from (choice for choice in schema.get("enum", []) if isinstance(choice, str))
        for value in schema.values():
            yield from words(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from words(value)


found = sorted(set(words(json.load(open("../../assets/simba.schema.json")))))
with open("configuration.dict", "w") as file:
    file.write("# Made by make_corpus.py from simba.schema.json.\n" +
               "".join('"\\"%s\\""\n' % word for word in found))

# ---- IDX, CIFAR, lists
idx = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(12))
put("idx", "images", idx)
put("idx", "images.gz", gzip.compress(idx, mtime=0))
put("idx", "labels", bytes([0, 0, 8, 1, 0, 0, 0, 3, 2, 1, 0]))
names = ("".join("%s\n" % name for name in "abcdefghij")).ljust(64, "\n").encode()
put("cifar", "ten", b"\2" + b"\7" + bytes(300) + names)
put("cifar", "hundred", b"\3" + b"\7\x31" + bytes(300) + names)
put("list", "names.txt", "path,label\n# a comment\na/b.png cat\n\"a \"\"b\"\", c.jpg\"\tdog\n/x.jpeg,wild boar\n")
put("list", "numbers.txt", "a.png 0\r\nb c.JPG\t12\n\nd,1\n")

# ---- tables
put("table", "dates.csv", "\0date,OT,\"a b\"\n2016-07-01 00:00:00,1.5,-2e3\n2016-07-01 01:00:00,0,7\n")
put("table", "compact.csv", "\0date,OT\n2016123122,1.5\n2016123123,0\n2017010100,7\n")
put("table", "gaps.csv", "\x18Date;x;y\r\n31.12.2019;1,5;NA\r\n02.01.2020;;2\r\n05.01.2020;3;4\r\n")
put("table", "comma.csv", "\x0cx;y\n1,5;2\n-3,25;4\n")
put("table", "bare.csv", "\x821 2 3\n4 5 6\n7 8 9\n")

# ---- images
y, x = numpy.mgrid[0:21, 0:19]
colour = numpy.stack([x * 12, y * 11, (x * y) % 256], 2).astype(numpy.uint8)
image = Image.fromarray(colour)
pictures = {
    "colour.png": (image, {}), "grey.png": (image.convert("L"), {}), "palette.png": (image.quantize(5), {}),
    "one_bit.png": (image.convert("1"), {}), "alpha.png": (image.convert("RGBA"), {}),
    "sixteen.png": (Image.fromarray((x * 1000 + y).astype(numpy.uint16)), {}),
    "colour.jpg": (image, dict(quality=40)), "progressive.jpg": (image, dict(quality=30, progressive=True)),
    "grey.jpg": (image.convert("L"), dict(quality=30)), "cmyk.jpg": (image.convert("CMYK"), dict(quality=30)),
    "subsampled.jpg": (image, dict(quality=30, subsampling=1, restart_marker_blocks=2)),
}
for name, (picture, options) in pictures.items():
    stream = io.BytesIO()
    picture.save(stream, "JPEG" if name.endswith("jpg") else "PNG", **options)
    put("image", name, stream.getvalue())
