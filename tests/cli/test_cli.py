"""The command line from outside: what it prints, its exit codes, and how it meets bad input.

Usage: test_cli.py SIMBA SOURCE_DIRECTORY. Everything runs on the C reference unless a case is about Vulkan."""

import json
import math
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import zlib

SIMBA = sys.argv[1]
SOURCE = pathlib.Path(sys.argv[2])
failures = 0


def run(*words, environment=None, **options):
    return subprocess.run([SIMBA, *map(str, words)], capture_output=True, text=True, timeout=120,
                          env={**os.environ, **(environment or {})}, **options)


def check(name, result, code, *parts, absent=()):
    """The exit code is `code`, and output and errors together have all the parts in them."""
    global failures
    text = result.stdout + result.stderr
    problems = [f"exit code {result.returncode}, expected {code}"] if result.returncode != code else []
    problems += [f'does not say "{part}"' for part in parts if part not in text]
    problems += [f'says "{part}"' for part in absent if part in text]
    if code and len(result.stderr.strip()) < 10:
        problems.append("no message")
    print("FAIL" if problems else "ok  ", name)
    if problems:
        failures += 1
        print("  " + "; ".join(problems) + "\n  " + text.replace("\n", "\n  "))
    return result


# ---- files to work with

SIDE, CLASSES = 12, 3


def pixels(label, index):
    row = [(x if label == 0 else y if label == 1 else x + y) // 2 % 2 * 150 + (7 * x + 11 * y + 13 * index) % 90
           for y in range(SIDE) for x in range(SIDE)]
    return bytes(row)


def write_idx(directory, part, count, labels=None):
    labels = labels or [i % CLASSES for i in range(count)]
    (directory / f"{part}-images-idx3-ubyte").write_bytes(
        struct.pack(">IIII", 0x803, count, SIDE, SIDE) + b"".join(pixels(k, i) for i, k in enumerate(labels)))
    (directory / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + bytes(labels))


def png(width, height, data):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    rows = b"".join(b"\0" + data[y * width:(y + 1) * width] for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def configuration(path, data_path, **changes):
    values = {
        "model": {"size": "custom", "mixer": "einfft", "stem": 4, "dims": [8, 12], "depths": [1, 1], "d_state": 4,
                  "channels": 1, "classes": CLASSES, "image_size": SIDE, "drop_path": 0.1},
        "data": {"path": str(data_path), "labels": ["upright", "level", "slanted"]},
        "train": {"epochs": 12, "batch_size": 8, "learning_rate": 0.01},
    }
    for key, value in changes.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(values))
    return path


def usage():
    check("no command", run(), 2, "simba train")
    check("help", run("--help"), 0, "simba predict", "Exit codes")
    check("version", run("version"), 0, "simba 0.")
    for command in ["devices", "train", "evaluate", "predict", "forecast", "inspect", "label", "convert", "parity"]:
        check(f"{command} --help", run(command, "--help"), 0, "Usage: simba " + command, "Options:")
        check(f"help {command}", run("help", command), 0, "Usage: simba " + command)
        check(f"{command}: unknown option", run(command, "--devise"), 2, "unknown option --devise", "--help")
    check("train --help", run("train", "--help"), 0, "simba.schema.json", "assets/configs", "initial_weights", "label_maps",
          "simba label", '"series"', "simba forecast")
    check("profile: nothing to profile", run("train", "x.json", "--dry-run", "--trace", "t.json"), 2, "no step")
    check("profile: no steps", run("train", "x.json", "--profile-steps", "0"), 2, "--profile-steps")
    check("unknown command", run("trian"), 2, "did you mean train?")
    check("unknown option", run("train", "x.json", "--resum"), 2, "did you mean --resume?")
    check("missing value", run("train", "x.json", "--output"), 2, "--output needs a value")
    check("no number", run("predict", "m", "i.png", "--top", "many"), 2, "--top", "whole number", "many")
    check("no operand", run("train"), 2, "expected one configuration")
    check("no image", run("predict", "model.safetensors"), 2, "at least one image")
    check("nothing to set", run("inspect", "model.safetensors", "--set", "model.d_state=8"), 2, "--config")
    if pathlib.Path("/dev/full").exists():
        with open("/dev/full", "w") as full:
            result = subprocess.run([SIMBA, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
            result.stdout = ""
            check("help on a full disk", result, 1, "Cannot write the output")
            result = subprocess.run([SIMBA, "devices", "--json"], stdout=full, stderr=subprocess.PIPE, text=True,
                                    timeout=120)
            result.stdout = ""
            check("output on a full disk", result, 1, "Cannot write the output")
    check("a flag with a value", run("train", "x", "--resume=yes"), 2, "takes no value")


def parity(scratch):
    """The reference against itself: equal to the last bit. What a fault looks like: tests/golden/test_fault.c. And all
    of the built-in models as everybody runs them, where there is a device."""
    global failures
    listed = json.loads(run("devices", "--json").stdout)["devices"]
    if any(device["usable"] and device["backend"] == "vulkan" for device in listed):
        check("parity", run("parity"), 0, "Compared: ", "every operation of training", "no long sequences", "can be trusted",
              "result   passed: ", absent=["FAIL", "n/c", "compared with itself"])
        check("parity: inference on a device", run("parity", "vision_einfft", "--inference"), 0, "training was not tried",
              absent=["can be trusted"])
        check("parity: no steps on a device", run("parity", "series_dlinear", "--steps", 0), 0, "steps were not tried",
              absent=["can be trusted"])
    result = check("parity: a built-in model", run("parity", "series_dlinear", "--device", "cpu", "--steps", 2), 0,
                   "series_dlinear", "same bits", "compared with itself", "for a bug report",
                   "command  simba parity series_dlinear", "each by itself", absent=["can be trusted"])
    check("parity: every tensor", run("parity", "series_dlinear", "--device", "cpu", "--all"), 0, "series_dlinear, in order",
          "step 3", "repeated", "adamw")
    path = configuration(scratch / "parity.json", scratch)
    target = scratch / "parity_report.json"
    result = check("parity: a configuration", run("parity", path, "--device", "cpu", "--steps", 1, "--json", "--output",
                                                  target), 0)
    report = json.loads(result.stdout)
    written = json.loads(target.read_text())
    comparison = report["comparisons"][0]
    modes = {row["mode"] for row in comparison["results"]}
    step = [row for row in comparison["results"] if row["mode"] == "steps"]
    node = next(row for row in comparison["results"] if row["mode"] == "isolated")
    expected = {
        "one command, two outputs": {**written, "comparisons": 0} == {**report, "comparisons": 0},
        "modes": modes == {"isolated", "accumulated", "steps", "repeated"},
        "steps": [row["tensor"] for row in step] == ["loss", "gradient norm", "update", "update of one parameter",
                                                      "running statistics"]
        and step[0]["step"] == 1 and step[0]["got"] > 0,
        "node": node["node_name"] and node["operation"] and "->" in node["shapes"] and node["elements"] > 0,
        "counts": comparison["tensors"] == len(comparison["results"]) and comparison["failed"] == 0
        and comparison["worst"] == 0,
        "devices": comparison["device"]["backend"] == comparison["against"]["backend"] == "cpu",
        "no paths": str(scratch) not in result.stdout and "parity.json" in report["command"],
    }
    for name, fine in expected.items():
        if not fine:
            failures += 1
            print(f"FAIL parity: JSON: {name}\n  {result.stdout[:3000]}")
    folder = scratch / "user=1"
    folder.mkdir()
    (folder / "x.json").write_text(path.read_text())
    result = check("parity: folders with =", run("parity", folder / "x.json", "--device", "cpu", "--inference", "--json",
                                                 "--set", f"data.path={folder}/somewhere"), 0,
                   "--set data.path=somewhere", absent=["user=1", str(scratch)])
    result = check("parity: no steps", run("parity", path, "--device", "cpu", "--steps", 0, "--json"), 0)
    if {row["mode"] for row in json.loads(result.stdout)["comparisons"][0]["results"]} != {"isolated", "accumulated"}:
        failures += 1
        print("FAIL parity: --steps 0 has steps")
    result = check("parity: inference", run("parity", path, "--device", "cpu", "--inference", "--json", "--set",
                                            "model.image_size=16"), 0)
    names = {row["node_name"] for row in json.loads(result.stdout)["comparisons"][0]["results"]}
    if "head" not in names or any(name.startswith(("backward/", "optimiser.")) for name in names):
        failures += 1
        print(f"FAIL parity: inference has {sorted(names)}")
    check("parity: --list", run("parity", "--list"), 0, "vision_einfft\n", "series_dlinear\n")
    check("parity: unknown model", run("parity", "vision_einft", "--device", "cpu"), 2, "did you mean vision_einfft?")
    check("parity: --set of a built-in model", run("parity", "vision_einfft", "--set", "model.dim=3"), 2, "built-in")
    check("parity: --tiers of a case", run("parity", "--case", "x.safetensors", "--tiers"), 2, "--tiers")
    check("parity: no file", run("parity", scratch / "none.json", "--device", "cpu"), 1, "none.json")
    check("parity: no device", run("parity", "--device", "cpu", "--against", "none such"), 1, "none such")
    check("parity: negative steps", run("parity", "--steps", -1), 2, "--steps")
    check("parity: no place to write", run("parity", "series_dlinear", "--device", "cpu", "--output", "/none/x.json"), 1,
          "/none/x.json")
    series = scratch / "parity_series.json"
    series.write_text(json.dumps({"model": {"architecture": "series"}}))
    check("parity: channels of data", run("parity", series, "--device", "cpu"), 1, "--set model.channels=N")
    case = SOURCE / "tests/golden/data/op_layernorm_eps1e-5.safetensors"
    result = check("parity: golden case", run("parity", "--device", "cpu", "--case", case, "--json"), 0)
    rows = json.loads(result.stdout)["comparisons"][0]["results"]
    if not rows or any(row["mode"] != "golden" for row in rows):
        failures += 1
        print("FAIL parity: golden case in JSON")
    check("parity: golden case in words", run("parity", "--device", "cpu", "--case", case), 0, "golden case", "trusted")
    broken = scratch / "op_layernorm_eps1e-5.safetensors"
    content = bytearray(case.read_bytes())
    content[-3] ^= 0x40  # an exponent of the last number
    broken.write_bytes(content)
    check("parity: broken case", run("parity", "--device", "cpu", "--case", broken), 1, "FAIL", "not to be trusted",
          "first tensor over its tolerance")


def devices(scratch):
    result = check("devices --json", run("devices", "--json"), 0)
    listed = json.loads(result.stdout)["devices"]
    assert listed[-1]["kind"] == "reference" and listed[-1]["usable"], listed
    quirks = json.loads(result.stdout)["known_quirks"]
    assert all(quirk[key] for quirk in quirks for key in ("name", "drivers", "effect", "reason", "reference")), quirks
    check("devices", run("devices"), 0, "C reference")
    check("devices --quirks", run("devices", "--quirks"), 0, *[quirk["reason"] for quirk in quirks])
    # What the help offers is what every device takes, and no less.
    for name, option, words in [("features", "--disable", "int64,fp16"), ("quirks", "--quirk", "short-loops=on")]:
        result = check(f"unknown {name}", run("parity", "--case", "none", "--device", "cpu", option, "sse"), 1, "Unknown ",
                       '"sse". Known are ')
        known = result.stderr.split("Known are ")[1].split(";")[0].split(", ")
        for command in ["train", "evaluate", "predict", "forecast", "label", "parity"]:
            check(f"{command} --help: {name}", run(command, "--help"), 0, option,
                  *(known if option == "--disable" else ["simba devices --quirks"]))
        assert option == "--disable" or known == [quirk["name"] for quirk in quirks], known
        every = ",".join(known if option == "--disable" else [f"{word}=off" for word in known])
        check(f"all {name}", run("parity", "--case", "none", "--device", "cpu", option, every), 1, "none",
              absent=["Unknown"])
        check(f"some {name}", run("parity", "--case", "none", "--device", "cpu", option, words), 1, "none",
              absent=["Unknown"])
    nothing = {"VK_ICD_FILENAMES": "/nonexistent.json", "VK_DRIVER_FILES": "/nonexistent.json"}
    check("no driver: list", run("devices", environment=nothing), 0, "C reference")
    check("no driver: train", run("train", scratch / "good.json", environment=nothing), 1, "--device cpu")
    # Files of the loader's name that are no libraries stop the search for it.
    loader = scratch / "no-loader"
    loader.mkdir()
    for name in ["libvulkan.so.1", "libvulkan.so"]:
        (loader / name).write_text("no library")
    nothing = {"LD_LIBRARY_PATH": f"{loader}:{os.environ.get('LD_LIBRARY_PATH', '')}"}
    check("no loader: list", run("devices", environment=nothing), 0, "C reference", "loader")
    check("no loader: train", run("train", scratch / "good.json", environment=nothing), 1, "loader", "--device cpu")
    for command in [["train", scratch / "good.json"], ["evaluate", "m"], ["predict", "m", "i.png"]]:
        check(f"{command[0]}: device out of range", run(*command, "--device", "99"), 1, "99", "out of range")
        check(f"{command[0]}: no such device", run(*command, "--device", "Voodoo"), 1, "Voodoo", "0: ")


def whole_way(scratch):
    config, output = scratch / "good.json", scratch / "run"
    check("dry run", run("train", config, "--device", "cpu", "--output", output, "--dry-run"), 0, "plan", "parameters", "an epoch",
          "memory", "steps", '"epochs":\t12', "all 60 steps and 12 evaluations")
    check("dry run: evaluations", run("train", config, "--device", "cpu", "--output", output, "--dry-run", "--set",
                                      "train.evaluate_every=5"), 0, "all 60 steps and 3 evaluations")
    assert not output.exists()
    check("no output", run("train", config, "--device", "cpu"), 1, "--output")
    result = check("train", run("train", config, "--device", "cpu", "--output", output, "--set", "train.epochs=8"), 0,
                   "epoch 8/8", "top-1", "done", absent=["\033", "\r"])
    assert result.stdout.index("plan") < result.stdout.index("epoch 1/8")
    twin = scratch / "twin"
    check("train again", run("train", config, "--device", "cpu", "--output", twin, "--set", "train.epochs=8"), 0)
    for name in ["best.safetensors", "last.safetensors"]:
        assert (twin / name).read_bytes() == (output / name).read_bytes(), name
    rows = (output / "results.csv").read_text().splitlines()
    assert len(rows) == 9 and rows[0].startswith("epoch,step,"), rows
    trace, numbers = scratch / "trace.json", scratch / "profile.json"
    profiled = scratch / "profiled"
    result = check("profile", run("train", config, "--device", "cpu", "--output", profiled, "--set", "train.epochs=8",
                                  "--profile-modules", "2", "--profile-steps", "4", "--trace", trace, "--profile-json",
                                  numbers), 0, "profile of steps 4 to 7", "operation", "selective_scan_gradient", "module",
                   "block1.0", "ui.perfetto.dev", str(numbers))
    assert (profiled / "best.safetensors").read_bytes() == (output / "best.safetensors").read_bytes()
    tables = [[line.split() for line in part.splitlines()] for part in result.stdout.split("  operation ")[1].split("  module ")]
    for rows in tables:
        rows = rows[1:next(i for i, words in enumerate(rows) if words[:1] == ["all"]) + 1]
        assert len(rows) > 5 and abs(sum(float(row[2]) for row in rows[:-1]) - float(rows[-1][2])) < 5e-4 * len(rows)
        assert sum(int(row[1]) for row in rows[:-1]) == int(rows[-1][1]) == len(json.loads(numbers.read_text())["nodes"])
    slices = [event for event in json.loads(trace.read_text())["traceEvents"] if event["ph"] == "X"]
    assert [event["name"] for event in slices if event["pid"] == 1 and event["tid"] == 3] == ["forward", "backward", "update"] * 4
    check("profile: no place", run("train", config, "--device", "cpu", "--output", scratch / "profiled2", "--set",
                                   "train.epochs=2", "--trace", scratch / "missing" / "trace.json"), 1, "missing", "done in")
    check("diverging", run("train", config, "--device", "cpu", "--output", scratch / "diverged", "--set",
                           "train.learning_rate=1e30"), 1, "Step 2", "not finite is", "learning_rate")
    check("existing output", run("train", config, "--device", "cpu", "--output", output), 1, "--resume")
    check("resume when finished", run("train", "--device", "cpu", "--output", output, "--resume"), 0, "already finished")
    check("resume for shorter", run("train", "--device", "cpu", "--output", output, "--resume", "--set", "train.epochs=2"),
          0, "already finished: 40 steps of 10")
    check("resume: dry run", run("train", "--device", "cpu", "--output", output, "--resume", "--dry-run", "--set",
                                 "train.epochs=11", "--set", "train.evaluate_every=3"),
          0, "resuming", "the remaining 15 steps and 2 evaluations")
    check("resume for longer", run("train", "--device", "cpu", "--output", output, "--resume", "--set",
                                   "train.epochs=12"), 0, "resuming", "epoch 12/12", "differs")
    rows = (output / "results.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [str(i) for i in range(1, 13)], rows
    best = output / "best.safetensors"
    check("evaluate", run("evaluate", best, "--device", "cpu"), 0, "9 images", "top-1")
    result = check("evaluate --json", run("evaluate", best, "--device", "cpu", "--json"), 0)
    assert json.loads(result.stdout)["images"] == 9
    folder = scratch / "folder"
    check("evaluate another set", run("evaluate", best, "--device", "cpu", "--data", folder / "val"), 0, "3 images")
    check("evaluate a whole set", run("evaluate", best, "--device", "CPU", "--data", folder), 0, "3 images")
    images = sorted((folder / "val").glob("*/*.png"))
    odd = scratch / os.fsdecode(b"no UTF-8 \xff\xe2\x82 \xc3\xa9\n.png")
    odd.write_bytes(images[0].read_bytes())
    result = subprocess.run([SIMBA, "predict", best, odd, "--device", "cpu", "--json"], capture_output=True, timeout=120)
    assert json.loads(result.stdout.decode())[0]["image"].endswith("no UTF-8 \ufffd\ufffd\ufffd é\n.png"), result
    check("predict", run("predict", best, *images, "--device", "cpu", "--top", "2"), 0, "%", "slanted")
    result = check("predict --json", run("predict", best, *images, "--device", "cpu", "--top", "9", "--json"), 0)
    predictions = json.loads(result.stdout)
    assert len(predictions) == 3 and len(predictions[0]["predictions"]) == CLASSES
    assert abs(sum(p["probability"] for p in predictions[0]["predictions"]) - 1) < 1e-5
    check("inspect", run("inspect", best), 0, "einfft", "parameters", "steps", "upright")
    result = check("inspect --json", run("inspect", best, "--json", "--tensors"), 0)
    looked = json.loads(result.stdout)
    assert looked["classes"] == CLASSES and looked["configuration"]["train"]["batch_size"] == 8
    assert any(tensor["name"] == "block1.0.attn.mamba.A_log" for tensor in looked["tensors"])
    check("inspect a configuration", run("inspect", "--config", config), 0, "einfft")
    check("train on folders", run("train", scratch / "folder.json", "--device", "cpu", "--output", scratch / "run2"), 0,
          "epoch 2/2")
    # Ctrl-C: a documented code, and a run that can be resumed.
    child = subprocess.Popen([SIMBA, "train", config, "--device", "cpu", "--output", scratch / "run3", "--set",
                              "train.epochs=100000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "epoch 1/" not in child.stdout.readline():
        pass
    child.send_signal(signal.SIGINT)
    out, errors = child.communicate(timeout=60)
    check("Ctrl-C", subprocess.CompletedProcess([], child.returncode, out, errors), 130, "last.safetensors", "--resume")
    assert (scratch / "run3" / "last.safetensors").exists()
    # Nobody reads any more: nothing is lost either.
    child = subprocess.Popen([SIMBA, "train", config, "--device", "cpu", "--output", scratch / "run4", "--set",
                              "train.epochs=100000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "epoch 1/" not in child.stdout.readline():
        pass
    child.stdout.close()
    errors = child.stderr.read()
    check("closed pipe", subprocess.CompletedProcess([], child.wait(timeout=60), "", errors), 130, "last.safetensors")
    assert (scratch / "run4" / "last.safetensors").exists()


def recipe(scratch):
    """docs/recipe.md on a small folder: a teacher without token labels, its label maps, a student, fine-tuning."""
    images, size = scratch / "imagenet", 32
    for label in range(CLASSES):
        for part, count in [("train", 8), ("val", 2)]:
            directory = images / part / f"n{label:08d}"
            directory.mkdir(parents=True)
            for i in range(count):
                row = [(x, y, x + y)[label] // 5 % 2 * 150 + (7 * x + 11 * y + 13 * i) % 90
                       for y in range(size) for x in range(size)]
                (directory / f"n{label:08d}_{i}.png").write_bytes(png(size, size, bytes(row)))
    small = [f"model.{key}" for key in ["size=custom", "stem=4", "dims=[8,12]", "depths=[1,1]", "d_state=4",
                                        f"classes={CLASSES}", f"image_size={size}"]]
    small += [f"train.{key}" for key in ["epochs=4", "tail_epochs=1", "warmup_epochs=1", "batch_size=4",
                                         "accumulation=3", "learning_rate_batch=0"]]
    small += [f"data.path={images}", f"data.label_maps={scratch / 'imagenet_labels'}"]

    def train(name, output, *settings):
        words = [word for setting in [*small, *settings] for word in ("--set", setting)]
        return run("train", SOURCE / "assets" / "configs" / name, *words, "--output", scratch / output, "--device", "cpu")

    check("recipe without token labels", train("imagenet_simba_s_einfft_no_token_labels.json", "teacher",
                                               'data.label_maps=""'),
          0, "4 epochs of 2 steps; 4 images x 3", "3 draws of each image", "epoch 4/4", absent=["EMA"])
    check("no label maps yet", train("imagenet_simba_s_einfft.json", "too_early"), 1, "imagenet_labels", "n0000000")
    check("label", run("label", scratch / "teacher" / "best.safetensors", images / "train", "--output",
                       scratch / "imagenet_labels", "--device", "cpu"), 0, "24 label maps of 4 x 4 places")
    teacher, maps = scratch / "teacher" / "best.safetensors", scratch / "no labels"
    twin = images / "train" / "n00000000" / "n00000000_0.again.png"
    shutil.copy(images / "train" / "n00000000" / "n00000000_0.png", twin)
    check("label: two images of one map", run("label", teacher, images / "train", "--output", maps, "--device", "cpu"), 1,
          "n00000000_0.again.png and ", "n00000000_0.png would have one", "Rename")
    twin.unlink()
    listed = images / "val" / "list.txt"
    listed.write_text("../train/n00000000/n00000000_0.png 0\n")
    check("label: a map elsewhere", run("label", teacher, listed, "--output", maps, "--device", "cpu"), 1,
          "n00000000_0.png", "outside of " + str(maps))
    assert not maps.exists()
    listed.write_text("n00000001/n00000001_0.png 1\n" * 2)
    check("label: an image twice", run("label", teacher, listed, "--output", maps, "--device", "cpu"), 0,
          "2 images: 1 label maps")
    check("recipe with token labels", train("imagenet_simba_s_einfft.json", "student", "train.ema=0.9",
                                            "train.layer_decay=0.75"), 0, "EMA: loss", "epoch 4/4", "(best)")
    check("evaluate the average", run("evaluate", scratch / "student" / "best.safetensors", "--device", "cpu"), 0,
          "6 images")
    check("fine-tune", train("imagenet_simba_s_einfft_no_token_labels.json", "tuned", 'data.label_maps=""',
                             f"train.initial_weights={scratch / 'student' / 'best.safetensors'}",
                             "train.frozen_stages=1"), 0, "of them trained", "epoch 4/4")
    check("average resumed without optimiser", shutil.copy(scratch / "student" / "best.safetensors",
                                                           scratch / "student" / "last.safetensors")
          and run("train", "--output", scratch / "student", "--resume", "--device", "cpu"), 1, "not the whole state")


def bad_configurations(scratch):
    def train(text, *words):
        path = scratch / "bad.json"
        path.write_text(text)
        return run("train", path, "--device", "cpu", "--output", scratch / "bad-run", *words)
    good = (scratch / "good.json").read_text()
    check("no configuration", run("train", scratch / "missing.json", "--device", "cpu"), 1, "missing.json")
    check("broken JSON", train('{\n "model": {,}\n}'), 1, "bad.json", "2")
    check("empty file", train(""), 1, "bad.json")
    check("unknown key", train(good.replace('"epochs"', '"epoch"')), 1, "$.train.epoch:", "epochs")
    check("wrong type", train(good.replace('"batch_size": 8', '"batch_size": "8"')), 1, "$.train.batch_size")
    check("impossible value", train(good.replace('"batch_size": 8', '"batch_size": 0')), 1, "$.train.batch_size")
    check("unknown mixer", train(good.replace('"einfft"', '"einffd"')), 1, "$.model.mixer", "einfft")
    check("--set unknown key", train(good, "--set", "train.epohcs=3"), 1, "epohcs", "epochs")
    check("--set without a value", train(good, "--set", "train.epochs"), 1, "train.epochs")
    check("too few images", train(good, "--set", "train.batch_size=1000"), 1, "too few", "batch_size")
    check("wrong number of classes", train(good, "--set", "model.classes=2"), 1, "$.data.labels", "classes")
    check("device too small", train(good, "--set", "model.image_size=15000", "--set", "train.batch_size=16"), 1,
          "needs", "train.batch_size")
    assert not (scratch / "bad-run").exists()


def bad_data(scratch):
    def train(data, *words):
        return run("train", configuration(scratch / "data.json", data), "--device", "cpu", "--output",
                   scratch / "bad-run", *words)
    bad = scratch / "bad-data"
    bad.mkdir()
    check("no data", train(scratch / "nowhere"), 1, "nowhere")
    check("empty directory", train(bad), 1, str(bad))
    write_idx(bad, "train", 43)
    write_idx(bad, "t10k", 9)
    images = bad / "train-images-idx3-ubyte"
    whole = images.read_bytes()
    images.write_bytes(whole[:-100])
    check("truncated IDX", train(bad), 1, "train-images-idx3-ubyte")
    images.write_bytes(b"\0\0\x0d\x03" + whole[4:])
    check("IDX of another type", train(bad), 1, "train-images-idx3-ubyte")
    images.write_bytes(b"\x1f\x8b\x08\0" + whole[:40])
    check("broken gzip", train(bad), 1, "train-images-idx3-ubyte")
    images.write_bytes(whole)
    write_idx(bad, "train", 43, [i % 7 for i in range(43)])
    check("label out of range", train(bad), 1, "train-labels-idx1-ubyte")
    folder = scratch / "bad-folder"
    shutil.copytree(scratch / "folder", folder)
    empty = folder / "train" / "void"
    empty.mkdir()
    check("empty class directory", train(folder, "--set", "data.labels=null", "--set", "model.classes=4"), 1, "void")
    empty.rmdir()
    victim = next((folder / "train").glob("*/*.png"))
    victim.write_bytes(victim.read_bytes()[:60])
    check("truncated PNG in the data", train(folder, "--set", "data.labels=null", "--set", "data.broken_images=0"), 1,
          victim.name)
    shutil.rmtree(scratch / "bad-run", ignore_errors=True)
    check("truncated PNG that is borne", train(folder, "--set", "data.labels=null"), 0, victim.name)
    shutil.rmtree(scratch / "bad-run", ignore_errors=True)


def bad_models(scratch):
    best = scratch / "run" / "best.safetensors"
    image = next((scratch / "folder" / "val").glob("*/*.png"))
    whole = best.read_bytes()
    wrong = scratch / "wrong.safetensors"

    def predict(bytes_, *words):
        wrong.write_bytes(bytes_)
        return run("predict", wrong, image, "--device", "cpu", *words)
    check("no model", run("predict", scratch / "missing.safetensors", image, "--device", "cpu"), 1, "missing")
    check("truncated weights", predict(whole[:-10]), 1, "wrong.safetensors")
    check("truncated header", predict(whole[:100]), 1, "wrong.safetensors")
    check("empty weights", predict(b""), 1, "wrong.safetensors")
    check("not safetensors", predict(b"PK\x03\x04" * 100), 1, "wrong.safetensors")
    other = configuration(scratch / "other.json", scratch / "data", model={"dims": [8, 16]})
    check("another architecture", run("predict", best, image, "--device", "cpu", "--config", other), 1,
          "another architecture", "patch_embed2")
    picture = scratch / "wrong.png"
    for name, content in [("truncated", image.read_bytes()[:60]), ("no", b"GIF89a" * 20), ("empty", b"")]:
        picture.write_bytes(content)
        check(f"{name} PNG", run("predict", best, picture, "--device", "cpu"), 1, "wrong.png")
    check("missing image", run("predict", best, scratch / "missing.png", "--device", "cpu"), 1, "missing.png")
    last = scratch / "run" / "last.safetensors"
    kept = last.read_bytes()
    last.write_bytes(kept[:-10])
    check("truncated checkpoint", run("train", "--device", "cpu", "--output", scratch / "run", "--resume"), 1,
          "last.safetensors")
    last.write_bytes(kept)


def bad_outputs(scratch):
    config = scratch / "good.json"
    check("output below a file", run("train", config, "--device", "cpu", "--output", config / "run"), 1, "good.json")
    check("output that is a file", run("train", config, "--device", "cpu", "--output", config), 1, "good.json")
    check("resume nothing", run("train", config, "--device", "cpu", "--output", scratch / "none", "--resume"), 1,
          "no run to resume")
    output = scratch / "full"
    check("a run to fill", run("train", config, "--device", "cpu", "--output", output, "--set", "train.epochs=2"), 0)
    before = (output / "last.safetensors").read_bytes()

    def small_disk():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    check("full disk", run("train", config, "--device", "cpu", "--output", output, "--resume", "--set",
                           "train.epochs=4", preexec_fn=small_disk), 1, "last.safetensors")
    assert (output / "last.safetensors").read_bytes() == before
    assert not list(output.glob("*.partial"))
    check("after a full disk", run("train", config, "--device", "cpu", "--output", output, "--resume", "--set",
                                   "train.epochs=4"), 0, "epoch 4/4")


def write_series(path, rows, names=("load", "oil")):
    """A wave and a half each day; the second channel is steadier."""
    lines = ["date," + ",".join(names)]
    for row in range(rows):
        wave = math.sin(2 * math.pi * row / 24)
        values = [20 + 5 * wave + row * 7919 % 13 / 13, -3 + wave + row * 104729 % 11 / 11][:len(names)]
        lines.append(f"2021-{1 + row // 24 // 28:02}-{1 + row // 24 % 28:02} {row % 24:02}:00:00," +
                     ",".join(f"{value:.4f}" for value in values))
    path.write_text("\n".join(lines) + "\n")


def series(scratch):
    data, config, output = scratch / "series.csv", scratch / "series.json", scratch / "series run"
    write_series(data, 24 * 28)
    config.write_text(json.dumps({
        "model": {"architecture": "series", "look_back": 48, "horizon": 24, "patch": 12, "stride": 6, "end_padding": 6,
                  "dim": 8, "depth": 1, "d_state": 4},
        "data": {"path": str(data)},
        "train": {"epochs": 2, "batch_size": 32, "learning_rate": 0.01}}))
    cpu = ["--device", "cpu"]
    check("series: dry run", run("train", config, "--output", output, "--dry-run", *cpu), 0, "SiMBA for series, einfft",
          "windows", "s a step")
    check("series: train", run("train", config, "--output", output, "--baselines", *cpu), 0, "validation: MSE",
          "training DLinear", "last value", "seasonal", "DLinear", "by channel", "load", "24 ahead")
    check("series: again", run("train", config, "--output", output, "--resume", "--baselines", *cpu), 0,
          "already finished", "DLinear")
    model = output / "best.safetensors"
    rows = (output / "results.csv").read_text().splitlines()
    assert rows[0].startswith("epoch,step,learning_rate,train_loss,evaluation_loss,mse,mae,windows_per_second"), rows[0]
    check("series: label", run("label", model, data, "--output", scratch / "no maps", *cpu), 1, "best.safetensors",
          "model for series")
    check("series: inspect", run("inspect", model), 0, "24 rows of 2 channels from the 48 before", "best MSE")
    result = check("series: inspect --json", run("inspect", model, "--json"), 0)
    assert json.loads(result.stdout)["horizon"] == 24
    result = check("series: evaluate --json", run("evaluate", model, "--json", "--baselines", "--drop-last", "16", *cpu), 0)
    figures = json.loads(result.stdout)
    assert figures["windows"] == 134 - 24 + 1 and figures["drop_last"]["windows"] == 96, figures
    assert set(figures["channels"]) == {"load", "oil"} and len(figures["steps"]) == 24, figures
    assert set(figures["baselines"]) == {"last value", "seasonal", "mean", "DLinear"}, figures
    other = figures["drop_last"]
    assert set(other["channels"]) == {"load", "oil"} and len(other["steps"]) == 24, other
    assert abs(sum(mse for mse, _ in other["steps"]) / 24 - other["mse"]) < 1e-5 * other["mse"], other
    assert all(figure["drop_last"]["windows"] == 96 and figure["drop_last"]["mse"] != figure["mse"]
               for figure in figures["baselines"].values()), figures
    result = check("series: drop last", run("evaluate", model, "--baselines", "--drop-last", "16", *cpu), 0,
                   "the first 96 windows, in whole batches of 16")
    assert result.stdout.count("in whole batches:") == 4 + 2 + 4, result.stdout
    result = check("series: no whole batch", run("evaluate", model, "--drop-last", "200", *cpu), 0,
                   "no whole batch of 200 windows")
    assert "nan" not in result.stdout, result.stdout
    result = check("series: every window", run("evaluate", model, *cpu), 0)
    assert "whole batch" not in result.stdout and "DLinear" not in result.stdout, result.stdout
    check("series: season alone", run("evaluate", model, "--season", "24", *cpu), 2, "add --baselines")
    lone = scratch / "lone.safetensors"
    lone.write_bytes(model.read_bytes())
    check("series: no DLinear", run("evaluate", lone, "--baselines", *cpu), 0, "simba train --baselines trains one")
    check("series: unknown season", run("evaluate", model, "--baselines", "--season", "100", *cpu), 1, "100", "48")
    result = check("series: forecast", run("forecast", model, data, *cpu), 0, "date,load,oil", "2021-01-29 00:00:00,")
    assert len(result.stdout.splitlines()) == 25
    plain, written = scratch / "plain.csv", scratch / "g.csv"
    plain.write_text("".join(line.partition(",")[2].replace(",", ";").replace(".", ",") + "\n"
                             for line in data.read_text().splitlines()))
    check("series: no dates", run("forecast", model, plain, "--output", written, *cpu), 1, "decimal_comma")
    plain.write_text(plain.read_text().replace(",", "."))
    result = check("series: steps", run("forecast", model, plain, *cpu), 0, "step;load;oil\n1;")
    check("series: the same file", run("forecast", model, plain, "--output", written, *cpu), 0)
    assert written.read_text() == result.stdout, (written.read_text(), result.stdout)
    result = check("series: forecast --json", run("forecast", model, data, "--json", "--hold-back", "3", *cpu), 0)
    told = json.loads(result.stdout)
    assert told["channels"] == ["load", "oil"] and len(told["rows"]) == 24, told
    assert None not in told["rows"][2]["truth"] and told["rows"][3]["truth"] == [None, None], told
    check("series: files", run("forecast", model, data, "--output", scratch / "f.csv", "--plot", scratch / "f.png", *cpu),
          0, "24 rows of 2 channels", "f.csv", "f.png")
    assert (scratch / "f.png").stat().st_size > 3000
    assert (scratch / "f.csv").read_text().splitlines()[1].startswith("2021-01-29 00:00:00,")

    check("series: no series", run("forecast", model), 2, "a model file and a series")
    check("series: classify", run("predict", model, SOURCE / "assets/samples/bag.png", *cpu), 1, "simba forecast")
    check("series: images", run("evaluate", scratch / "run" / "best.safetensors", "--baselines", *cpu), 2, "models of series")
    check("series: train images", run("train", scratch / "good.json", "--baselines", "--output", scratch / "no", *cpu), 2,
          "models of series")
    assert not (scratch / "no").exists()
    bad = scratch / "bad.csv"
    write_series(bad, 100, ["load"])
    check("series: a channel less", run("forecast", model, bad, *cpu), 1, "bad.csv", "oil")
    lines = data.read_text().splitlines()
    for name, change, parts in [
            ("no number", lines[:5] + [lines[5].split(",")[0] + ",soon,1"] + lines[6:], ["line 6", "load", "soon"]),
            ("ragged", lines[:7] + [lines[7] + ",9"] + lines[8:], ["line 8"]),
            ("a gap", lines[:20] + lines[30:], ["line 21", "2021-01-02"]),
            ("backwards", lines[:9] + [lines[10], lines[9]] + lines[11:], ["line 10", "2021-01-01 09"]),
            ("no value", lines[:9] + [lines[9].split(",")[0] + ",,1"] + lines[10:], ["line 10", "load"]),
            ("too short", lines[:60], ["48", "24"])]:
        bad.write_text("\n".join(change) + "\n")
        check("series: " + name, run("train", config, "--output", scratch / "bad run", "--set", f"data.path={bad}", *cpu),
              1, "bad.csv", *parts)
    assert not (scratch / "bad run").exists()
    # What the message asks for can be said to a trained model too.
    bad.write_text("\n".join(lines[:9] + [lines[9].split(",")[0] + ",,1"] + lines[10:]) + "\n")
    check("series: forecast, no value", run("forecast", model, bad, *cpu), 1, "line 10", '"missing": "interpolate"')
    interpolate = ["--set", "data.missing=interpolate"]
    check("series: forecast, interpolated", run("forecast", model, bad, *interpolate, *cpu), 0, "2021-01-29 00:00:00,",
          "1 missing value was interpolated")
    check("series: evaluate, no value", run("evaluate", model, "--data", bad, *cpu), 1, "line 10")
    check("series: evaluate, interpolated", run("evaluate", model, "--data", bad, *interpolate, *cpu), 0,
          "1 missing value was interpolated")
    check("series: another key", run("forecast", model, bad, "--set", "data.mising=interpolate", *cpu), 1,
          "the training record", "missing")
    for other in ["model.horizon=5", 'data.columns=["oil","load"]', "data.target=load"]:
        check("series: not to be set", run("forecast", model, bad, "--set", other, *cpu), 1, other, "data.KEY=VALUE")
    check("series: --set for images", run("evaluate", scratch / "run" / "best.safetensors", *interpolate, *cpu), 2,
          "models of series")


STAND_IN = """#!/usr/bin/env python3
import pathlib, sys
words = sys.argv[1:]
if words[0] == "train":
    if "train.seed=2" in words and not pathlib.Path(sys.argv[0] + ".repaired").exists():
        sys.exit("no seed 2")
    folder = pathlib.Path(words[words.index("--output") + 1])
    seed = [word for word in words if word.startswith("train.seed=")][0][len("train.seed="):]
    (folder / "last.safetensors").touch()
    (folder / "best.safetensors").write_text(seed)
else:
    print('{"mse": %s, "mae": 0.5}' % pathlib.Path(words[1]).read_text())
"""


def sweep(scratch):
    """tools/sweep_series.py with a stand-in for the command: what it keeps, does again and says."""
    data, output, simba = scratch / "sweep data", scratch / "sweep", scratch / "stand-in"
    data.mkdir()
    (data / "exchange_rate.txt").touch()
    (data / "weather.csv").touch()
    simba.write_text(STAND_IN)
    simba.chmod(0o755)

    def run_sweep(*words):
        return subprocess.run([sys.executable, SOURCE / "tools" / "sweep_series.py", data, "--output", output, "--simba",
                               simba, "--horizons", "96", *words], capture_output=True, text=True)

    some = ["--sets", "Exchange,ETTh1", "--seeds", "1,2,3"]
    check("sweep: a failed run", run_sweep(*some), 1, "| Exchange | 96 | 2 | 2.000 (1.000) | 0.500 (0.000) |",
          "Exchange, horizon 96, seed 2 failed", "1 of 3 runs failed", "ETTh1: none of ETTh1.csv")
    check("sweep: other settings", run_sweep(*some, "--set", "train.epochs=1"), 1, "Exchange-96-1", "other settings",
          "3 of 3 runs failed")
    (scratch / "stand-in.repaired").touch()
    check("sweep: goes on", run_sweep(*some), 0, "| Exchange | 96 | 3 | 2.000 (0.816) |", absent=["failed"])
    check("sweep: another set", run_sweep("--sets", "Weather", "--seeds", "5"), 0, "| Weather | 96 | 1 | 5.000",
          "| Exchange | 96 | 3 | 2.000")
    assert len((output / "table.csv").read_text().splitlines()) == 3


def main():
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        data = scratch / "data"
        data.mkdir()
        write_idx(data, "train", 43)
        write_idx(data, "t10k", 9)
        configuration(scratch / "good.json", data)
        for part, count in [("train", 4), ("val", 1)]:
            for label, kind in enumerate(["upright", "level", "slanted"]):
                directory = scratch / "folder" / part / kind
                directory.mkdir(parents=True)
                for i in range(count):
                    (directory / f"{kind}{i}.png").write_bytes(png(SIDE, SIDE, pixels(label, i)))
        configuration(scratch / "folder.json", scratch / "folder", data={"labels": None},
                      train={"epochs": 2, "batch_size": 4})
        usage()
        devices(scratch)
        parity(scratch)
        whole_way(scratch)
        recipe(scratch)
        bad_configurations(scratch)
        bad_data(scratch)
        bad_models(scratch)
        bad_outputs(scratch)
        series(scratch)
        sweep(scratch)
    print(f"{failures} failed")
    return 1 if failures else 0


sys.exit(main())
