#!/usr/bin/env python3
"""Times whole models, in turns with a peer, and prints a markdown table.

Runs `simba bench model/simba_s_...` for each mixer and mode, alternating with a peer command when one is given: a
command that takes --mixer, --mode (eval or train), --batch and --runs and prints a JSON line with "median_s" and
"peak_rss_mb". Each round is a fresh process of each side; the table has the median of the processes' medians, the
range, and the ratio of the medians.

  tools/benchmark_models.py --rounds 3 --peer 'sh PEER/bench_tuned.sh' > docs/benchmarks/models.md
"""
import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys

CASES = [("mlp", "eval", 1), ("einfft", "eval", 1), ("mlp", "train", 4), ("einfft", "train", 4)]


def measure_ours(program, mixer, mode, batch, seconds):
    """A process of `simba bench`, as one row of a peer's; its memory is what the system says of the process."""
    name = f"model/simba_s_{mixer}/{'inference' if mode == 'eval' else 'training'}"
    command = [program, "bench", name, "--shape", f"batch={batch}", "--time", str(seconds), "--no-ceilings", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{shlex.join(command)} ended with exit code {process.returncode}")
    device, = json.loads(text)["devices"]
    row, = device["rows"]
    if row["status"] != "timed":
        raise SystemExit(f"{name}: {row['status']}: {row['unsupported'] or row['note']}")
    return {"median_s": row["median_s"], "peak_rss_mb": usage.ru_maxrss // 1024, "device": device["name"],
            "driver": device["driver"]}


def measure_peer(command, mixer, mode, batch, runs):
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
    parser.add_argument("--seconds", type=float, default=5, help="that a process of ours measures (5; at least 3 runs)")
    parser.add_argument("--runs", type=int, help="counted runs of each process of the peer (7, training 3)")
    parser.add_argument("--program", default="build/simba", help="ours")
    parser.add_argument("--peer", help="the command to compare with")
    options = parser.parse_args()

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True).stdout.strip()
    print("| model | what | simba, s | MB | peer, s | MB | ratio |\n|---|---|---|---|---|---|---|")
    ours, theirs = [], []
    for mixer, mode, batch in CASES:
        runs = options.runs or (7 if mode == "eval" else 3)
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(measure_ours(options.program, mixer, mode, batch, options.seconds))
            if options.peer:
                theirs.append(measure_peer(options.peer, mixer, mode, batch, runs))
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
