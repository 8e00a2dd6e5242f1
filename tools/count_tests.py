#!/usr/bin/env python3
"""Counts what the lanes of tools/test.sh left in a directory: for each lane a file of JSON, one object a line.

  {"name": ..., "result": "OK", ...}   a test, as meson logs it
  {"status": 1}                        what `meson test` returned after the tests in front of it
  {"seconds": 97}                      how long the lane took

Prints a line for each lane, the tests that failed, and last the sum. The exit code is 1 when anything failed or nothing
passed. A `meson test` that failed although none of its tests did, or that ran none, counts as one failure.
"""
import json
import os
import sys

KINDS = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}


def read_lane(path):
    counts, failures, seconds, tests = {"passed": 0, "failed": 0, "skipped": 0}, [], None, []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                # A log that was being written when its writer was killed.
                entry = {"name": f"line {number} of the log, which is cut off", "result": "FAIL"}
            seconds = entry.get("seconds", seconds)
            if "status" in entry:
                if not tests:
                    entry = {"name": "meson test ran nothing", "result": "FAIL"}
                elif entry["status"] and "failed" not in tests:
                    entry = {"name": f"meson test ended with status {entry['status']}", "result": "FAIL"}
                tests = []
            if "result" in entry:
                kind = KINDS.get(entry["result"], "failed")
                counts[kind] += 1
                tests.append(kind)
                if kind == "failed":
                    failures.append(entry["name"])
            if "status" in entry:
                tests = []
    return counts, failures, seconds


def say(counts):
    return ", ".join(f"{number} {kind}" for kind, number in counts.items())


def main(directory):
    total, failures = {"passed": 0, "failed": 0, "skipped": 0}, []
    print()
    # In the order in which they ran.
    for lane in sorted(os.listdir(directory), key=lambda name: os.stat(os.path.join(directory, name)).st_mtime_ns):
        counts, failed, seconds = read_lane(os.path.join(directory, lane))
        print(f"{lane}: {say(counts)}" + ("" if seconds is None else f", {seconds} s"))
        failures += [f"{lane}: {name}" for name in failed]
        for kind in total:
            total[kind] += counts[kind]
    for failure in failures:
        print(f"FAILED {failure}")
    print(say(total))
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
