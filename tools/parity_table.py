#!/usr/bin/env python3
"""Makes the tables of docs/benchmarks/parity.md: tools/parity_table.py REPORT.json... > TABLE.md

Each file is what `simba parity --output REPORT.json` wrote."""

import json
import pathlib
import sys


def share(row):
    shares = [row["relative_error"] / row["tolerance"]]
    if row["element_tolerance"]:
        shares.append(row["element_error"] / row["element_tolerance"])
    return max(shares)


def worst(rows, mode, tensor=None):
    """The largest error of a mode as text, with the largest share of a tolerance, or "-" when it was not run."""
    rows = [row for row in rows if row["mode"] == mode and tensor in (None, row["tensor"])]
    if not rows:
        return "–"
    if any(not row["passed"] for row in rows):
        return "**over**"
    return f"{max(row['relative_error'] for row in rows):.1e} ({100 * max(map(share, rows)):.1f} %)"


def cells(comparison):
    rows = comparison["results"]
    isolated = [row for row in rows if row["mode"] == "isolated"]
    again = [row["passed"] for row in rows if row["mode"] == "repeated"]
    return [
        pathlib.PurePath(comparison["name"]).stem,
        str(len({row["node"] for row in isolated})),
        worst(rows, "isolated"),
        f"{max(row['ulps_worst'] for row in isolated):.0f}",
        worst(rows, "accumulated"),
        worst(rows, "steps", "loss"),
        worst(rows, "steps", "update"),
        ("yes" if all(again) else "**no**") if again else "–",
    ]


def print_row(values):
    print("| " + " | ".join(values) + " |")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    pair = None
    for path in sys.argv[1:]:
        report = json.loads(pathlib.Path(path).read_text())
        for comparison in report["comparisons"]:
            sides = [comparison[side] for side in ("device", "against")]
            if pair != [side["name"] for side in sides]:
                pair = [side["name"] for side in sides]
                print("\n### " + " against ".join(f"{side['name']} ({side['driver'].strip()})" for side in sides) + "\n")
                print_row(["model", "nodes", "each node alone", "ULPs", "all before too", "loss", "update", "same bits"])
                print_row(["---"] * 8)
            print_row(cells(comparison))
        if report["tiers"]:
            print("\n| on | against the other device | against none of them |\n|---|---|---|")
        for tier in report["tiers"]:
            parts = [tier.get(side) for side in ("against", "lowest")]
            print_row([tier["on"]] + ["not there" if not tier["there"]
                                      else "–" if not part else "**over**" if part["failed"]
                                      else "same bits" if not part["worst"] else f"{100 * part['worst']:.1f} %"
                                      for part in parts])


if __name__ == "__main__":
    main()
