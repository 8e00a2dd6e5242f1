"""simba bench from outside: reports that programs can read, comparisons, exit codes.

Usage: test_bench.py SIMBA SOURCE_DIRECTORY. On the preferred device where there is one, else on the C reference."""

import csv
import io
import json
import pathlib
import signal
import subprocess
import sys
import tempfile

SIMBA = sys.argv[1]
SOURCE = pathlib.Path(sys.argv[2])
FAST = ["--time", "0.02", "--no-ceilings"]
QUICK = [*FAST, "--shape", "batch=1 tokens=49 channels=64"]
failures = 0


def run(*words):
    return subprocess.run([SIMBA, "bench", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120)


def expect(name, condition, text=""):
    global failures
    print("ok  " if condition else "FAIL", name)
    if not condition:
        failures += 1
        print("  " + str(text).replace("\n", "\n  "))


def check(name, result, code, *parts):
    text = result.stdout + result.stderr
    missing = [part for part in parts if part not in text]
    expect(name, result.returncode == code and not missing and (not code or result.stderr.strip() or "slower" in text),
           f"exit code {result.returncode}, expected {code}; does not say {missing}\n{text}")
    return result


def catalogue():
    names = [line.split()[0] for line in check("list", run("--list"), 0, "scan/forward").stdout.splitlines()]
    expect("names are there once", len(names) == len(set(names)) and len(names) > 50, names)
    for name in names[::7]:
        described = run("--describe", name)
        expect(f"describe {name}", described.returncode == 0 and name in described.stdout, described.stdout)
    check("describe nothing", run("--describe", "scan/forwrd"), 2, "did you mean scan/forward?")


def reports(device):
    text = check("json", run("layer_norm/*", *QUICK, "-o", "json", "--device", device), 0).stdout
    report = json.loads(text)
    where, = report["devices"]
    rows = where["rows"]
    expect("version", report["version"] and where["name"] and where["driver"], text)
    expect("two rows", [row["name"] for row in rows] == ["layer_norm/forward", "layer_norm/backward"], text)
    for row in rows:
        expect(row["name"], row["status"] == "timed" and row["runs"] >= 3 and row["error"] <= row["tolerance"]
               and 0 < row["minimum_s"] <= row["median_s"] <= row["p95_s"] and row["variant"]
               and row["gb_per_s"] > 0 and row["clock"] in ("device", "host"), row)
    bytes_of = {row["name"]: row["bytes"] for row in rows}

    table = list(csv.DictReader(io.StringIO(
        check("csv", run("layer_norm/*", *QUICK, "--format=csv", "--device", device), 0).stdout)))
    expect("csv rows", [float(row["bytes"]) for row in table] == [bytes_of[row["name"]] for row in table]
           and all(row["device"] == where["name"] for row in table), table)
    lines = check("jsonl", run("layer_norm/*", *QUICK, "-o", "jsonl", "--device", device), 0).stdout.splitlines()
    expect("jsonl rows", [json.loads(line)["name"] for line in lines] == list(bytes_of), lines)
    text = check("markdown", run("layer_norm/*", *QUICK, "-o", "markdown", "--device", device), 0).stdout
    expect("markdown rows", len([line for line in text.splitlines() if line.startswith("| layer_norm")]) == 2, text)
    check("table", run("layer_norm/*", *QUICK, "--device", device), 0, "layer_norm/backward", "2 rows: 2 timed")
    check("ranges", run("layer_norm/forward", *FAST, "--shape", "batch=1..4 tokens=7 channels=16,20",
                        "--device", device), 0, "batch=4 tokens=7 channels=20", "6 rows: 6 timed")
    check("unsupported is said", run("einfft/forward", *FAST, "--shape", "batch=1 tokens=4 channels=6", "--device",
                                     device), 0, "unsupported: ", "4 blocks", "1 row: 0 timed, 1 unsupported")


def comparisons(device, directory):
    baseline = directory / "baseline.json"
    words = ["layer_norm/*", *FAST, "--shape", "batch=1 tokens=49", "--device", device]
    check("output", run(*words, "--output", baseline), 0, "layer_norm/forward")
    # A loaded machine may be many times slower, but not a thousand times.
    check("the same", run(*words, "--compare", baseline, "--threshold", "100000"), 0, "against", "0 slower")
    report = json.loads(baseline.read_text())
    for row in report["devices"][0]["rows"]:
        for key in ("median_s", "minimum_s", "p95_s"):
            row[key] /= 1e6
    faster = directory / "faster.json"
    faster.write_text(json.dumps(report))
    check("slower", run(*words, "--compare", faster), 1, "SLOWER", "noise")
    check("slower in JSON", run(*words, "--compare", faster, "-o", "json"), 1, "SLOWER")
    lost = dict(report["devices"][0]["rows"][0], shape="batch=7 tokens=7 channels=7")
    report["devices"][0]["rows"] = [lost]
    (directory / "lost.json").write_text(json.dumps(report))
    check("missing", run("layer_norm/forward", *FAST, "--device", device, "--compare",
                         directory / "lost.json", "--threshold", "1e9"), 1, "MISSING", "not measured now")
    (directory / "broken.json").write_text("{\"devices\": [{}]}")
    check("broken baseline", run(*words, "--compare", directory / "broken.json"), 1, "$.devices[0]", "\"name\"")
    check("no baseline", run(*words, "--compare", directory / "none.json"), 1, "none.json")
    # Nothing is measured for what could not be compared or written then.
    for option, name in (("--compare", "none.json"), ("--output", "none/report.json"), ("--roofline", "none/a.png")):
        text = run(*words, option, directory / name)
        expect(f"{option} is looked at first", text.returncode == 1 and "layer_norm" not in text.stdout + text.stderr,
               text)
    picture = directory / "roof.svg"
    text = check("shares and a picture", run("layer_norm/forward", "--time", "0.02", "--shape", "batch=1 tokens=49",
                                             "--device", device, "--roofline", picture, "-o", "json"), 0).stdout
    where, = json.loads(text)["devices"]
    expect("a share of a ceiling", device == "cpu" or where["ceilings"]["copy_bytes"]["per_second"] > 0
           and where["rows"][0]["ceiling_share"] > 0 and where["rows"][0]["bound_by"], text)
    expect("an SVG", picture.read_text().startswith("<?xml"), picture)
    check("no directory", run(*words, "--output", directory / "none" / "report.json"), 1, "report.json")


def models(device, directory):
    config = directory / "small one.json"
    config.write_text(json.dumps({
        "model": {"size": "custom", "stem": 4, "dims": [8, 12], "depths": [1, 1], "mlp_ratios": [2, 2], "d_state": 4, "channels": 1,
                  "classes": 3, "image_size": 12}, "data": {"path": "."}, "train": {"batch_size": 3}}))
    text = check("a configuration's model", run("--config", config, *FAST, "-o", "json", "--device", device),
                 0).stdout
    rows = json.loads(text)["devices"][0]["rows"]
    expect("both modes", [row["name"] for row in rows] == ["model/small one/inference", "model/small one/training"]
           and all(row["status"] == "timed" and row["error"] <= row["tolerance"] and "images/s" in row["note"]
                   for row in rows), text)
    check("one mode, two batches", run("model/small*/training", "--config", config, "--shape", "batch=1,2", *FAST,
                                       "--device", device), 0, "batch=2", "2 rows: 2 timed")
    check("not verified is counted", run("model/small*/training", "--config", config, "--verify", "1e-9", *FAST,
                                         "--device", device), 0, "1 timed, 0 unsupported, 0 wrong, 1 not verified")
    for other in (directory / "other" / config.name, directory / "simba_s_mlp.json"):
        other.parent.mkdir(exist_ok=True)
        other.write_text(config.read_text())
        check(f"a name that is taken: {other.name}", run("--config", config, "--config", other, "--device", device), 2,
              "its rows would be called", str(other))
    config.write_text("{\"model\": {\"sizes\": 1}}")
    check("a broken configuration", run("--config", config, "--device", device), 1, "sizes")


def interruption(device, directory):
    """Ctrl-C after the first row: what there is is written, in the form that was asked for."""
    output = directory / "stopped.json"
    process = subprocess.Popen([SIMBA, "bench", "layer_norm/*", "--time", "2", "--no-ceilings", "--device", device,
                                "--output", str(output)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        if "layer_norm" in line:
            break
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=120)[1]
    expect("stopped", process.returncode == 130 and "was stopped after" in text, (process.returncode, text))
    report = json.loads(output.read_text())
    rows = report["devices"][0]["rows"]
    expect("not complete", report["complete"] is False, report)
    check("an incomplete baseline", run("layer_norm/forward", *QUICK, "--device", device, "--compare", output,
                                        "--threshold", "1e9"), 0, "was stopped before its last row")
    expect("rows before", 1 <= len(rows) <= 3 and rows[0]["status"] == "timed", rows)


def mistakes():
    check("baseline written over", run("scan/*", "--output", "r.json", "--compare", "r.json"), 2, "the same file, r.json")
    check("name", run("scan/forwards"), 2, "No benchmark is called", "did you mean \"scan/forward\"")
    check("parameter", run("scan/*", "--shape", "token=3"), 2, "\"token\"", "did you mean \"tokens\"")
    check("no shape", run("scan/*", "--shape", ""), 2, "NAME=VALUES was expected")
    check("value", run("scan/*", "--shape", "tokens=0"), 2, "\"0\" was found")
    check("precision", run("scan/*", "--precision", "fp8"), 2, "\"fp8\" was found")
    check("format", run("-o", "jsn"), 2, "did you mean json?")
    check("time", run("--time", "soon"), 2, "--time: expected a number above 0, found \"soon\"")
    check("threshold", run("--threshold", "-3"), 2, "at least 0")
    check("picture", run("--roofline", "roof.jpg"), 2, ".png or .svg")
    check("no value", run("-o"), 2, "--format needs a value")
    check("device", run("scan/*", "--device", "no such device"), 1, "no such device")


def main():
    devices = json.loads(subprocess.run([SIMBA, "devices", "--json"], stdout=subprocess.PIPE, text=True,
                                        check=True).stdout)["devices"]
    device = next((str(d["index"]) for d in devices if d["preferred"]), "cpu")
    with tempfile.TemporaryDirectory() as directory:
        catalogue()
        reports(device)
        comparisons(device, pathlib.Path(directory))
        models(device, pathlib.Path(directory))
        interruption(device, pathlib.Path(directory))
        mistakes()
        check("the reference", run("layer_norm/forward", *QUICK, "--device", "cpu"), 0, "C reference", "1 row: 1 timed")
        if device != "cpu":
            check("every device", run("layer_norm/forward", *QUICK, "--device", "all"), 0, "layer_norm/forward")
            text = check("without time stamps", run("layer_norm/forward", *QUICK, "--disable", "timestamps", "-o",
                                                    "json"), 0).stdout
            row, = json.loads(text)["devices"][0]["rows"]
            expect("the host's clock", row["clock"] == "host" and "no time stamps" in row["note"] and row["variant"],
                   row)
    print(f"{failures} failed" if failures else "all passed")
    sys.exit(1 if failures else 0)


main()
