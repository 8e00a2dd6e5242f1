#!/usr/bin/python3
"""Times the loader against torchvision on PIL, in turns: decode, random resized crop, flip, RandAugment (2 of 15
operations, each with probability 1/2, magnitude 9 +- 0.5, as timm's rand-m9-mstd0.5-inc1).

    tools/benchmark_loader.py IMAGE-FOLDER [BUILD-DIRECTORY [ROUNDS]]

Needs python3-pil and python3-torchvision. Both run with one thread on the same processor; images per second of processor
time, median over the rounds. Then the loader alone: with two threads, over more epochs, and where its time goes."""
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

from PIL import Image, ImageEnhance, ImageOps
from torchvision import transforms

FILL, BICUBIC = (124, 116, 104), Image.BICUBIC


def affine(matrix):
    return lambda image, level, sign: image.transform(image.size, Image.AFFINE, matrix(image, level / 10 * sign), resample=BICUBIC,
                                                      fillcolor=FILL)


def enhance(kind):
    return lambda image, level, sign: kind(image).enhance(1 + sign * level / 10 * 0.9)


OPERATIONS = [
    lambda image, level, sign: ImageOps.autocontrast(image),
    lambda image, level, sign: ImageOps.equalize(image),
    lambda image, level, sign: ImageOps.invert(image),
    lambda image, level, sign: image.rotate(sign * level * 3, resample=BICUBIC, fillcolor=FILL),
    lambda image, level, sign: ImageOps.posterize(image, 4 - int(level * 0.4)),
    lambda image, level, sign: ImageOps.solarize(image, 256 - int(level * 25.6)),
    lambda image, level, sign: image.point([min(255, i + int(level * 11)) if i < 128 else i for i in range(256)] * 3),
    enhance(ImageEnhance.Color), enhance(ImageEnhance.Contrast), enhance(ImageEnhance.Brightness), enhance(ImageEnhance.Sharpness),
    affine(lambda image, share: (1, share * 0.3, 0, 0, 1, 0)),
    affine(lambda image, share: (1, 0, 0, share * 0.3, 1, 0)),
    affine(lambda image, share: (1, 0, share * 0.45 * image.size[0], 0, 1, 0)),
    affine(lambda image, share: (1, 0, 0, 0, 1, share * 0.45 * image.size[1])),
]


def randaugment(image):
    for operation in random.choices(OPERATIONS, k=2):
        if random.random() < 0.5:
            level = min(10, max(0, random.gauss(9, 0.5)))
            image = operation(image, level, random.choice((-1, 1)))
    return image


PEER = transforms.Compose([
    transforms.RandomResizedCrop(224, interpolation=transforms.InterpolationMode.BICUBIC),
    transforms.RandomHorizontalFlip(), randaugment])


def peer(paths):
    begin = time.process_time()
    for path in paths:
        with open(path, "rb") as file:
            PEER(Image.open(file).convert("RGB"))
    return len(paths) / (time.process_time() - begin)


def loader(build, folder, threads, epochs):
    command = [build / "tests/benchmark/loader", folder, str(threads), str(epochs)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def line(name, values, unit):
    print(f"{name:<24}{statistics.median(values):8.1f} {unit} ({min(values):.1f} to {max(values):.1f})")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    build = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "build")
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    if not paths:
        sys.exit(f"{folder}: no JPEG or PNG images in it, or in directories below it.")
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(processors)})
    peer(paths)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(loader(build, folder, 1, 3))
        theirs.append(peer(paths))
    speeds = [one["images_per_core_s"] for one in ours]
    line("simba", speeds, "images/s per core")
    line("torchvision", theirs, "images/s per core")
    print(f"ratio                   {statistics.median(speeds) / statistics.median(theirs):8.2f}")
    line("all of an image", [1e6 / speed for speed in speeds], "us")
    line("  reading its file", [one["reading_us"] for one in ours], "us")
    line("  decoding the crop", [one["decoding_us"] for one in ours], "us")

    os.sched_setaffinity(0, processors)
    one, two = [], []
    for _ in range(rounds):
        one.append(loader(build, folder, 1, 3))
        two.append(loader(build, folder, 2, 6))
    line("1 thread", [run["images_per_s"] for run in one], "images/s of wall clock")
    line("2 threads", [run["images_per_s"] for run in two], "images/s of wall clock")
    line("1 thread", [run["images_per_core_s"] for run in one], "images/s per core")
    line("2 threads", [run["images_per_core_s"] for run in two], "images/s per core")
    long = loader(build, folder, 2, 20)
    print(f"peak memory             {long['peak_kb_first_epoch'] / 1024:8.1f} MiB after the first epoch, "
          f"{long['peak_kb'] / 1024:.1f} MiB after the last of 20 more")


main()
