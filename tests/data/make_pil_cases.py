#!/usr/bin/python3
"""Writes pil_cases.h: what PIL (python3-pil) makes of generated images, as hashes. Run it in this directory."""
import random

import numpy
from PIL import Image, ImageEnhance, ImageOps

random.seed(20261124)
FILTERS = [Image.BILINEAR, Image.BICUBIC]
FILL = (124, 116, 104)


def generated(seed, spread, width, height, channels):
    """The image that pil_image() of test_pil.c makes."""
    i = numpy.arange(width * height * channels, dtype=numpy.uint64) + numpy.uint64(seed)
    values = ((i * numpy.uint64(2654435761)) & numpy.uint64(0xFFFFFFFF)) >> numpy.uint64(13)
    values = (seed * 37) % (257 - spread) + values % numpy.uint64(spread)
    shape = (height, width, channels) if channels == 3 else (height, width)
    return Image.fromarray(values.astype(numpy.uint8).reshape(shape))


def fnv(image):
    value = 0xCBF29CE484222325
    for byte in numpy.asarray(image).tobytes():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def enhance(kind):
    return lambda image, level, sign, inc, _: kind(image).enhance(
        1 + sign * (level / 10 * 0.9) if inc else level / 10 * 1.8 + 0.1)


def affine(matrix):
    def apply(image, level, sign, inc, filter):
        fill = FILL if image.mode == "RGB" else FILL[0]
        return image.transform(image.size, Image.AFFINE, matrix(image, level / 10, sign), resample=FILTERS[filter],
                               fillcolor=fill)
    return apply


def rotate(image, level, sign, inc, filter):
    fill = FILL if image.mode == "RGB" else FILL[0]
    return image.rotate(sign * (level / 10 * 30), resample=FILTERS[filter], fillcolor=fill)


def posterize(image, level, sign, inc, _):
    bits = int(level / 10 * 4)
    return ImageOps.posterize(image, 4 - bits if inc else bits)


def solarize(image, level, sign, inc, _):
    threshold = int(level / 10 * 256)
    return ImageOps.solarize(image, 256 - threshold if inc else threshold)


def solarize_add(image, level, sign, inc, _):
    add = int(level / 10 * 110)
    return image.point([min(255, i + add) if i < 128 else i for i in range(256)] * len(image.getbands()))


OPERATIONS = [  # in the order of enum sb_randaugment_operation
    lambda image, *_: ImageOps.autocontrast(image),
    lambda image, *_: ImageOps.equalize(image),
    lambda image, *_: ImageOps.invert(image),
    rotate,
    posterize,
    solarize,
    solarize_add,
    enhance(ImageEnhance.Color),
    enhance(ImageEnhance.Contrast),
    enhance(ImageEnhance.Brightness),
    enhance(ImageEnhance.Sharpness),
    affine(lambda image, share, sign: (1, sign * (share * 0.3), 0, 0, 1, 0)),
    affine(lambda image, share, sign: (1, 0, 0, sign * (share * 0.3), 1, 0)),
    affine(lambda image, share, sign: (1, 0, sign * (share * 0.45) * image.size[0], 0, 1, 0)),
    affine(lambda image, share, sign: (1, 0, 0, 0, 1, sign * (share * 0.45) * image.size[1])),
]

MATRICES = [
    lambda w, h: (1, 0, 0, 0, 1, 0),
    lambda w, h: (1, 0, random.randint(-w, w), 0, 1, random.randint(-h, h)),
    lambda w, h: (1, 0, random.uniform(-w, w), 0, 1, random.randint(-2, 2)),  # along the rows
    lambda w, h: (random.uniform(-2, 2), random.uniform(-1, 1), random.uniform(-w, w), 0, 1, random.randint(-2, 2)),
    lambda w, h: (1, 0, random.randint(-2, 2), 0, 1, random.uniform(-h, h)),  # along the columns
    lambda w, h: (1, 0, random.randint(-2, 2), random.uniform(-1, 1), random.uniform(-2, 2), random.uniform(-h, h)),
    lambda w, h: (1, 0, 0.5, 0, 1, 0.5),  # along both
    lambda w, h: (-1, 0, w, 0, -1, h),
    lambda w, h: tuple(random.uniform(-2, 2) * scale for scale in (1, 1, w, 1, 1, h)),
    lambda w, h: (1, 0, 2 * w, 0, 1, 0),  # nothing of the image is left
]

# Sizes at which tiles, strips and blocks of the code are full, or one more or less.
EDGES = [(1, 1), (1, 40), (40, 1), (2, 2), (3, 5), (16, 17), (31, 32), (32, 33), (33, 31), (11, 32)]

with open("pil_cases.h", "w") as out:
    out.write("/* Made by make_pil_cases.py with PIL %s. */\n" % __import__("PIL").__version__)
    out.write("static const struct operation_case operation_cases[] = {\n")
    for case in range(240):
        operation = case % len(OPERATIONS)
        width, height = random.randint(1, 40), random.randint(1, 40)
        channels, spread = random.choice([1, 3, 3]), random.choice([1, 2, 60, 200, 256])
        level = random.choice([0.0, 10.0, 9.0, round(random.uniform(0, 10), 4), round(random.uniform(0, 10), 4)])
        negative, inc, filter = random.randint(0, 1), random.randint(0, 1), random.randint(0, 1)
        image = generated(case, spread, width, height, channels)
        result = OPERATIONS[operation](image, level, -1 if negative else 1, inc, filter)
        out.write("    {%d, %d, %d, %d, %d, %r, %d, %d, %d, 0x%016xu},\n" % (
            operation, spread, width, height, channels, level, negative, inc, filter, fnv(result)))
    out.write("};\n\nstatic const struct resample_case resample_cases[] = {\n")
    for case in range(180):
        sw, sh = random.randint(1, 60), random.randint(1, 60)
        channels, filter = random.choice([1, 3, 3]), random.randint(0, 1)
        left, top = random.randint(0, sw - 1), random.randint(0, sh - 1)
        w, h = random.randint(1, sw - left), random.randint(1, sh - top)
        if case % 3 == 0:
            left, top, w, h = 0, 0, sw, sh
        width, height = random.randint(1, 50), random.randint(1, 50)
        if case % 7 == 0:
            width = w
        if case % 11 == 0:
            height = h
        if case >= 120:  # the source's size, then that of the result
            edge = EDGES[case // 2 % len(EDGES)]
            if case % 2:
                sw, sh = edge
            else:
                width, height = edge
            left, top, w, h = random.choice([  # a part at each corner, and all of it
                (0, 0, (sw + 1) // 2, (sh + 1) // 2), (sw // 2, 0, sw - sw // 2, (sh + 1) // 2),
                (0, sh // 2, (sw + 1) // 2, sh - sh // 2), (sw // 2, sh // 2, sw - sw // 2, sh - sh // 2),
                (sw - 1, sh - 1, 1, 1), (0, 0, sw, sh)])
        image = generated(case, 256, sw, sh, channels).crop((left, top, left + w, top + h))
        out.write("    {%d, %d, %d, %d, %d, %d, %d, %d, %d, %d, 0x%016xu},\n" % (
            sw, sh, channels, filter, left, top, w, h, width, height,
            fnv(image.resize((width, height), FILTERS[filter]))))
    random.seed(20261125)
    out.write("};\n\nstatic const struct affine_case affine_cases[] = {\n")
    for case in range(200):
        width, height = EDGES[(case // 2 + case // 20) % len(EDGES)] if case % 2 else (random.randint(1, 40), random.randint(1, 40))
        channels, filter = random.choice([1, 3, 3]), random.randint(0, 1)
        matrix = MATRICES[case // 2 % len(MATRICES)](width, height)
        image = generated(case, 256, width, height, channels)
        result = image.transform(image.size, Image.AFFINE, matrix, resample=FILTERS[filter],
                                 fillcolor=FILL if channels == 3 else FILL[0])
        out.write("    {%d, %d, %d, %d, {%s}, 0x%016xu},\n" % (
            width, height, channels, filter, ", ".join(repr(float(m)) for m in matrix), fnv(result)))
    out.write("};\n")
