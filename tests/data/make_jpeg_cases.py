#!/usr/bin/python3
"""Writes jpeg_cases.h: small JPEG files of every kind, and hashes of the pixels that PIL reads from them. Run it in
this directory."""
import io

import numpy
from PIL import Image

WIDTH, HEIGHT = 37, 29


def picture(channels, width=WIDTH, height=HEIGHT):
    y, x, c = numpy.mgrid[0:height, 0:width, 0:channels]
    values = 128 + 90 * numpy.sin(x / (3 + c)) * numpy.cos(y / (5 - c)) + 30 * ((x + 2 * y + c) % 7 < 2)
    return numpy.clip(values, 0, 255).astype(numpy.uint8)


def fnv(image):
    value = 0xCBF29CE484222325
    for byte in numpy.asarray(image).tobytes():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


colour, grey = Image.fromarray(picture(3)), Image.fromarray(picture(1)[:, :, 0])
cmyk = Image.fromarray(picture(4), "CMYK")
turned = Image.Exif()
turned[0x0112] = 6  # "rotate by 90 degrees", which PIL's pixels do not show
CASES = [
    ("colour, 4:2:0", colour, dict(quality=85)),
    ("colour, 4:4:4", colour, dict(quality=95, subsampling=0)),
    ("colour, 4:2:2, progressive", colour, dict(quality=75, subsampling=1, progressive=True)),
    ("grey", grey, dict(quality=85)),
    ("CMYK", cmyk, dict(quality=85)),
    ("with an orientation", colour, dict(quality=60, exif=turned)),
    ("one pixel", Image.fromarray(picture(3, 1, 1)), dict(quality=85)),
    ("one row", Image.fromarray(picture(3, 17, 1)), dict(quality=85)),
    ("one column of grey", Image.fromarray(picture(1, 1, 33)[:, :, 0]), dict(quality=85)),
    ("a little more than a block of CMYK", Image.fromarray(picture(4, 9, 17), "CMYK"), dict(quality=85)),
]

with open("jpeg_cases.h", "w") as out:
    out.write("/* Made by make_jpeg_cases.py with PIL %s. */\n" % __import__("PIL").__version__)
    for i, (name, image, options) in enumerate(CASES):
        stream = io.BytesIO()
        image.save(stream, "JPEG", **options)
        data = stream.getvalue()
        read = Image.open(io.BytesIO(data))
        out.write("/* %s */\nstatic const uint8_t jpeg_%d[] = {\n" % (name, i))
        for first in range(0, len(data), 30):
            out.write("    " + ", ".join(str(byte) for byte in data[first:first + 30]) + ",\n")
        out.write("};\n")
        CASES[i] = (len(data), *read.size, fnv(read.convert("RGB")), fnv(read.convert("RGB").convert("L") if read.mode == "CMYK" else read.convert("L")))
    out.write("static const struct jpeg_case jpeg_cases[] = {\n")
    for i, case in enumerate(CASES):
        out.write("    {jpeg_%d, %d, %d, %d, 0x%016xu, 0x%016xu},\n" % (i, *case))
    out.write("};\n")
