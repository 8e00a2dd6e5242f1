#!/usr/bin/python3
"""Writes token_cases.h: token-label targets as TokenLabeling makes them, with torch and torchvision. Run it here."""
import random

import torch
from torchvision.ops import roi_align

random.seed(5)
torch.manual_seed(5)
TOP, CLASSES, GRID, SMOOTHING = 3, 6, (2, 3), 0.1


def targets(scores, ids, box):
    _, h, w = scores.shape
    dense = torch.zeros(CLASSES, h, w)
    for k in range(TOP):
        dense.scatter_add_(0, ids[k:k + 1], scores[k:k + 1])
    boxes = [torch.tensor([box])]
    out = [roi_align(dense[None], boxes, size, sampling_ratio=-1, aligned=False)[0].flatten(1).T for size in ((1, 1), GRID)]
    off = SMOOTHING / CLASSES
    return [torch.softmax(o, -1) * (1 - SMOOTHING + off) + off for o in out]


with open("token_cases.h", "w") as out:
    out.write("/* Made by make_token_cases.py with torch %s. */\nstatic const struct token_case token_cases[] = {\n"
              % torch.__version__)
    for case in range(8):
        h, w = random.randint(2, 7), random.randint(2, 7)
        if case % 2:
            h = w  # the published code measures both axes by the width
        scores = (torch.randn(TOP, h, w) * 4).half().float()
        # different classes at a place, as of a top-k
        ids = torch.stack([torch.randperm(CLASSES)[:TOP] for _ in range(h * w)]).T.reshape(TOP, h, w).contiguous()
        top, left = random.uniform(0, 0.6), random.uniform(0, 0.6)
        height, width = random.uniform(0.05, 1 - top), random.uniform(0.05, 1 - left)
        if case == 0:
            top, left, height, width = 0, 0, 1, 1
        geometric = [left * w - 0.5, top * h - 0.5, (left + width) * w - 0.5, (top + height) * h - 0.5]
        published = [top * w - 0.5, left * w - 0.5, (top + height) * w - 0.5, (left + width) * w - 0.5]
        as_published = case >= 4
        result = targets(scores, ids, published if as_published else geometric)
        numbers = lambda t, f: ", ".join(f % v for v in t.flatten().tolist())
        out.write("    {%d, %d, %d, {%.17g, %.17g, %.17g, %.17g},\n     {%s},\n     {%s},\n     {%s},\n     {%s}},\n" % (
            h, w, as_published, left, top, width, height, numbers(scores, "%.9gf").replace("f", ""), numbers(ids, "%d"),
            numbers(result[0], "%.8g"), numbers(result[1], "%.8g")))
    out.write("};\n")
