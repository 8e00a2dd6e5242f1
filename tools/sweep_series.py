#!/usr/bin/env python3
"""Fills a table like the paper's: every data set, horizon and seed is trained and evaluated on its test part.

    tools/sweep_series.py DATA [--output runs/series] [--sets ETTh1,ETTh2] [--horizons 96,192] [--seeds 1,2,3]

DATA holds the files under their usual names (ETTh1.csv, weather.csv, electricity.csv or .txt.gz, ...), at any depth;
sets that are not there are named and left out. A run that was finished is not made again and one that was interrupted
goes on where it was, so the sweep can be stopped and started at any time. Each cell is the mean over the seeds of MSE
and MAE on the test part (all windows, scaled values), with the deviation over the seeds in brackets; the checkpoint is
the one that was best on the validation part. `table.md` and `table.csv` in the output directory are written anew after
every run.
"""
import argparse
import csv
import json
import os
import re
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


def run_one(chosen, name, file, horizon, seed):
    """The test errors of one run, made or completed when they are not there yet."""
    directory = os.path.join(chosen.output, f"{name}-{horizon}-{seed}")
    result = os.path.join(directory, "test.json")
    if not os.path.exists(result):
        device = ["--device", chosen.device] if chosen.device else []
        command = [chosen.simba, "train", os.path.join(ROOT, "assets", "configs", SETS[name][0] + ".json"),
                   "--output", directory, "--set", f"data.path={file}", "--set", f"model.horizon={horizon}",
                   "--set", f"train.seed={seed}"]
        for change in chosen.set:
            command += ["--set", change]
        if os.path.exists(directory):
            command.append("--resume")
        subprocess.run(command + device, check=True, stdout=sys.stderr)
        evaluation = subprocess.run([chosen.simba, "evaluate", os.path.join(directory, "best.safetensors"), "--json"]
                                    + device, check=True, stdout=subprocess.PIPE)
        with open(result + ".new", "wb") as stream:
            stream.write(evaluation.stdout)
        os.replace(result + ".new", result)
    with open(result) as stream:
        errors = json.load(stream)
    return errors["mse"], errors["mae"]


def write_tables(chosen, cells, horizons):
    rows = []
    for name in chosen.sets.split(","):
        for horizon in horizons:
            runs = cells.get((name, horizon))
            if runs:
                mse, mae = zip(*runs)
                rows.append((name, horizon, len(runs), statistics.mean(mse), statistics.pstdev(mse),
                             statistics.mean(mae), statistics.pstdev(mae)))
    with open(os.path.join(chosen.output, "table.csv"), "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["data", "horizon", "seeds", "mse", "mse_deviation", "mae", "mae_deviation"])
        writer.writerows(rows)
    lines = ["| data | horizon | seeds | MSE | MAE |", "|---|---|---|---|---|"]
    for name, horizon, seeds, mse, mse_deviation, mae, mae_deviation in rows:
        lines.append(f"| {name} | {horizon} | {seeds} | {mse:.3f} ({mse_deviation:.3f}) | {mae:.3f} ({mae_deviation:.3f}) |")
    text = "\n".join(lines) + "\n"
    with open(os.path.join(chosen.output, "table.md"), "w") as stream:
        stream.write(text)
    return text


def main():
    chosen = arguments()
    os.makedirs(chosen.output, exist_ok=True)
    horizons = [int(horizon) for horizon in re.split(",", chosen.horizons)]
    cells = {}
    text = ""
    for name in chosen.sets.split(","):
        file = find_file(chosen.data, SETS[name][1])
        if not file:
            print(f"{name}: none of {', '.join(SETS[name][1])} in {chosen.data}; left out", file=sys.stderr)
            continue
        for horizon in horizons:
            for seed in chosen.seeds.split(","):
                cells.setdefault((name, horizon), []).append(run_one(chosen, name, file, horizon, seed))
                text = write_tables(chosen, cells, horizons)
    if not cells:
        sys.exit(1)
    print(text, end="")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    except KeyboardInterrupt:
        sys.exit(130)
