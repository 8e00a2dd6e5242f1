#!/usr/bin/python3
"""Writes imagenet_cases.h: what torchvision's evaluation transform on PIL images makes of the photographs in a tar file,
as hashes. Run it in this directory.

    make_imagenet_cases.py IMAGENET-SAMPLES.TAR

Needs python3-pil and python3-torchvision."""
import sys
import tarfile

import PIL
from PIL import Image
from torchvision import transforms

TRANSFORM = transforms.Compose(
    [transforms.Resize(233, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224)])


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


with tarfile.open(sys.argv[1]) as archive, open("imagenet_cases.h", "w") as out:
    out.write("/* Made by make_imagenet_cases.py with PIL %s. */\n" % PIL.__version__)
    out.write("static const struct imagenet_case imagenet_cases[] = {\n")
    for member in sorted((m for m in archive.getmembers() if m.isfile()), key=lambda m: m.name.encode()):
        image = Image.open(archive.extractfile(member)).convert("RGB")
        out.write("    {\"%s\", 0x%016xu},\n" % (member.name, fnv(TRANSFORM(image).tobytes())))
    out.write("};\n")
