#!/usr/bin/env python3
"""Times whole models, in turns with a peer, and prints a markdown table.

Runs the program build/tests/benchmark/model for each mixer and mode, alternating with a peer command when one is given:
a command that takes the same --mixer, --mode, --batch and --runs and prints the same JSON line. Each round is a fresh
process of each side; the table has the median of the processes' medians, the range, and the ratio of the medians.

  tools/benchmark_models.py --rounds 3 --peer 'sh PEER/bench_tuned.sh' > docs/benchmarks/models.md
"""
import argparse
import json
import platform
import shlex
import statistics
import subprocess
import sys

CASES = [("mlp", "eval", 1), ("einfft", "eval", 1), ("mlp", "train", 4), ("einfft", "train", 4)]


def measure(command, mixer, mode, batch, runs):
    arguments = ["--mixer", mixer, "--mode", mode, "--batch", str(batch), "--runs", str(runs)]
    done = subprocess.run(shlex.split(command) + arguments, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def spread(rows):
    seconds = [row["median_s"] for row in rows]
    return f"{statistics.median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f})"


def memory(rows):
    return f"{max(row['peak_rss_mb'] for row in rows)}"


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="processes of each side (3)")
    parser.add_argument("--runs", type=int, help="counted runs of each process (7, training 3)")
    parser.add_argument("--program", default="build/tests/benchmark/model", help="ours")
    parser.add_argument("--peer", help="the command to compare with")
    options = parser.parse_args()

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True).stdout.strip()
    print("| model | what | simba, s | MB | peer, s | MB | ratio |\n|---|---|---|---|---|---|---|")
    ours, theirs = [], []
    for mixer, mode, batch in CASES:
        runs = options.runs or (7 if mode == "eval" else 3)
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(measure(options.program, mixer, mode, batch, runs))
            if options.peer:
                theirs.append(measure(options.peer, mixer, mode, batch, runs))
        what = f"{'inference' if mode == 'eval' else 'training step'}, batch {batch}"
        row = [f"simba_s {mixer}", what, spread(ours), memory(ours), "", "", ""]
        if theirs:
            ratio = statistics.median(r["median_s"] for r in ours) / statistics.median(r["median_s"] for r in theirs)
            row[4:] = [spread(theirs), memory(theirs), f"{ratio:.2f}"]
        print("| " + " | ".join(row) + " |", flush=True)
    peer = f", peer: torch {theirs[0].get('torch', '?')}" if theirs else ""
    print(f"\nDevice {ours[0]['device']}, driver {ours[0]['driver']}, processor {processor()}, "
          f"commit {commit}, {options.rounds} processes in turns{peer}.")


if __name__ == "__main__":
    sys.exit(main())
