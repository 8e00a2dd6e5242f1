#!/usr/bin/env python3
"""Fills a table like the paper's: every data set, horizon and seed is trained and evaluated on its test part.

    tools/sweep_series.py DATA [--output runs/series] [--sets ETTh1,ETTh2] [--horizons 96,192] [--seeds 1,2,3]

DATA holds the files under their usual names (ETTh1.csv, weather.csv, electricity.csv or .txt.gz, ...), at any depth;
sets that are not there are named and left out. A run that was finished is not made again and one that was interrupted
goes on where it was, so the sweep can be stopped and started at any time; a run that the output directory has with
other settings (--set, the configuration) is an error. One that fails is reported, the others are made, and the exit
code is 1. Each cell is the mean over the seeds of MSE and MAE on the test part (all windows, scaled values), with the
deviation over the seeds in brackets; the checkpoint is the one that was best on the validation part. `table.md` and
`table.csv` in the output directory are written anew after every run, from all finished runs that are there.
"""
import argparse
import csv
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Data set: its configuration, and names of its file.
SETS = {
    "ETTm1": ("series_ettm1", ["ETTm1.csv"]),
    "ETTm2": ("series_ettm2", ["ETTm2.csv"]),
    "ETTh1": ("series_etth1", ["ETTh1.csv"]),
    "ETTh2": ("series_etth2", ["ETTh2.csv"]),
    "Electricity": ("series_electricity", ["electricity.csv", "electricity.txt", "electricity.txt.gz"]),
    "Traffic": ("series_traffic", ["traffic.csv", "traffic.txt", "traffic.txt.gz"]),
    "Weather": ("series_weather", ["weather.csv"]),
    "Exchange": ("series_exchange", ["exchange_rate.csv", "exchange_rate.txt", "exchange_rate.txt.gz"]),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="directory with the data sets")
    parser.add_argument("--output", default="runs/series")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--horizons", default="96,192,336,720")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--simba", default=os.path.join(ROOT, "build", "simba"))
    parser.add_argument("--device", default=None)
    parser.add_argument("--set", action="append", default=[], help="change every configuration: train.epochs=3")
    chosen = parser.parse_args()
    for name in chosen.sets.split(","):
        if name not in SETS:
            parser.error(f"unknown data set {name}; there are {', '.join(SETS)}")
    if not os.path.isdir(chosen.data):
        parser.error(f"{chosen.data} is no directory")
    return chosen


def find_file(directory, names):
    wanted = [name.lower() for name in names]
    for folder, _, files in sorted(os.walk(directory)):
        for file in sorted(files):
            if file.lower() in wanted:
                return os.path.join(folder, file)
    return None


class Failure(Exception):
    """A run that cannot be made, and why."""


def read_json(path):
    try:
        with open(path) as stream:
            return json.load(stream)
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_json(path, value):
    with open(path + ".new", "w") as stream:
        json.dump(value, stream, indent=1)
    os.replace(path + ".new", path)


def run_one(chosen, name, file, horizon, seed):
    """Makes or completes a run and leaves its test errors in test.json, with the settings they belong to."""
    directory = os.path.join(chosen.output, f"{name}-{horizon}-{seed}")
    result = os.path.join(directory, "test.json")
    settings = ["data.path=" + os.path.abspath(file), f"model.horizon={horizon}", f"train.seed={seed}", *chosen.set]
    configuration = os.path.join(ROOT, "assets", "configs", SETS[name][0] + ".json")
    told = {"data": name, "horizon": horizon, "seed": seed, "settings": settings,
            "configuration": read_json(configuration)}
    record = os.path.join(directory, "settings.json")
    if os.path.exists(directory) and read_json(record) != told:
        raise Failure(f"{directory} was made with other settings (settings.json has them); name another --output, or "
                      "remove it")
    if os.path.exists(result):
        return
    os.makedirs(directory, exist_ok=True)
    write_json(record, told)
    device = ["--device", chosen.device] if chosen.device else []
    command = [chosen.simba, "train", configuration, "--output", directory]
    for change in settings:
        command += ["--set", change]
    if os.path.exists(os.path.join(directory, "last.safetensors")):
        command.append("--resume")
    subprocess.run(command + device, check=True, stdout=sys.stderr)
    command = [chosen.simba, "evaluate", os.path.join(directory, "best.safetensors"), "--json"]
    evaluation = subprocess.run(command + device, check=True, stdout=subprocess.PIPE)
    write_json(result, json.loads(evaluation.stdout))


def finished_runs(output):
    """(data, horizon): the errors of every finished run in the output directory, whichever command made it."""
    cells = {}
    for folder in sorted(os.listdir(output)):
        told = read_json(os.path.join(output, folder, "settings.json"))
        errors = read_json(os.path.join(output, folder, "test.json"))
        if told and errors:
            cells.setdefault((told["data"], told["horizon"]), []).append((errors["mse"], errors["mae"]))
    return cells


def write_tables(output):
    cells = finished_runs(output)
    order = list(SETS)
    rows = []
    for name, horizon in sorted(cells, key=lambda cell: (order.index(cell[0]), cell[1])):
        mse, mae = zip(*cells[name, horizon])
        rows.append((name, horizon, len(mse), statistics.mean(mse), statistics.pstdev(mse), statistics.mean(mae),
                     statistics.pstdev(mae)))
    with open(os.path.join(output, "table.csv"), "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["data", "horizon", "seeds", "mse", "mse_deviation", "mae", "mae_deviation"])
        writer.writerows(rows)
    lines = ["| data | horizon | seeds | MSE | MAE |", "|---|---|---|---|---|"]
    for name, horizon, seeds, mse, mse_deviation, mae, mae_deviation in rows:
        lines.append(f"| {name} | {horizon} | {seeds} | {mse:.3f} ({mse_deviation:.3f}) | "
                     f"{mae:.3f} ({mae_deviation:.3f}) |")
    text = "\n".join(lines) + "\n"
    with open(os.path.join(output, "table.md"), "w") as stream:
        stream.write(text)
    return text


def main():
    chosen = arguments()
    os.makedirs(chosen.output, exist_ok=True)
    failed = tried = 0
    for name in chosen.sets.split(","):
        file = find_file(chosen.data, SETS[name][1])
        if not file:
            print(f"{name}: none of {', '.join(SETS[name][1])} in {chosen.data}; left out", file=sys.stderr)
            continue
        for horizon in chosen.horizons.split(","):
            for seed in chosen.seeds.split(","):
                tried += 1
                try:
                    run_one(chosen, name, file, int(horizon), int(seed))
                    write_tables(chosen.output)
                except (Failure, subprocess.CalledProcessError) as problem:
                    # Ctrl-C reaches simba too, which ends with this code once its checkpoint is written.
                    if isinstance(problem, subprocess.CalledProcessError) and problem.returncode == 130:
                        sys.exit(130)
                    failed += 1
                    print(f"{name}, horizon {horizon}, seed {seed} failed: {problem}", file=sys.stderr)
    print(write_tables(chosen.output), end="")
    if failed:
        print(f"{failed} of {tried} runs failed; the table is without them", file=sys.stderr)
    sys.exit(1 if failed or not tried else 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
