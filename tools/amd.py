#!/usr/bin/env python3
"""What AMD's compiler makes of every kernel, without an AMD card.

Mesa's RADV compiles for a card that is not there (RADV_FORCE_FAMILY, up to Mesa 25) and tells registers, spills, shared
memory, occupancy and estimated times of each pipeline. This fetches such a driver below build/amd (the system's own
stays as it is), compiles every pipeline of the shipped configurations for each family and feature tier with
tests/compile/pipelines, prints a table, writes build/amd/pipelines.json (of a part: pipelines-PART.json), and fails
on any spilled register, on scratch memory, and on what became worse than docs/benchmarks/amd.csv by more than a margin
or is no longer there. Nothing is executed.

  tools/amd.py                    all families and tiers (about five minutes on two cores)
  tools/amd.py --family navi31 --tier default
  tools/amd.py --update           as the first, then rewrites docs/benchmarks/amd.csv and the table in amd.md
  tools/amd.py --fetch            only fetches the driver

Exit code 0: done, 1: failed, 2: wrong usage, 77: there is no such driver to be had, or the baseline is of another
version (spills and scratch memory fail all the same). Standard library only.
"""
import argparse
import concurrent.futures
import csv
import glob
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BASELINE = os.path.join(ROOT, "docs/benchmarks/amd.csv")
TABLE = os.path.join(ROOT, "docs/benchmarks/amd.md")
PROGRAM = "tests/compile/pipelines"
SKIPPED = 77

# RADV's names: GCN 4 and 5 (subgroups of 64 only), RDNA 2, 3 and 4 (where 32 is required).
FAMILIES = ["polaris10", "vega10", "navi21", "navi31", "gfx1201"]
# What is left unused in each tier, as --disable: what makes a GPU take other kernels, and all of it. A tier changes which
# kernels are taken, not their sizes: but for the default one, these configurations are enough.
TIERS = {"default": "", "no-subgroup": "subgroup", "no-coopmat": "coopmat",
         "lowest": "int64,subgroup,texel,fp16,int8,coopmat"}
TIER_CONFIGURATIONS = ["imagenet_simba_s", "imagenet_simba_s_einfft", "series_etth1", "series_traffic"]

# Column: (statistic of the driver, the better direction, share and amount by which it may be worse than the baseline).
# A compiler's choices move a little with every edit; what matters to a GPU is occupancy, which must not fall.
COLUMNS = {
    "sgprs": ("SGPRs", min, 0.15, 16),
    "vgprs": ("VGPRs", min, 0.15, 8),
    "lds": ("LDS size", min, 0.0, 512),
    "occupancy": ("Subgroups per SIMD", max, 0.0, 0),
    "code": ("Code size", min, 0.15, 256),
    "latency": ("Latency", min, 0.15, 256),
    "inverse_throughput": ("Inverse Throughput", min, 0.15, 128),
}
# Memory in place of registers: none, anywhere.
FORBIDDEN = {"spilled_sgprs": "Spilled SGPRs", "spilled_vgprs": "Spilled VGPRs", "scratch": "Scratch size"}


class Unavailable(Exception):
    pass


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, **options)


# ---- the driver

def debian_archive():
    """The address of Debian's archive, from this system's own list of package sources."""
    if not os.path.exists("/usr/bin/apt-get"):
        raise Unavailable("the driver comes from Debian's packages, and this system has no apt-get")
    targets = run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(REPO_URI)"]).stdout
    for line in targets.splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "Debian" and "-" not in words[1]:
            return words[2]
    raise Unavailable("the driver comes from Debian's packages, and apt has no source of them")


def fetch(directory):
    """Debian 12's backport of Mesa, with whatever it needs that the system lacks or has too old, unpacked into a folder
    through package lists of its own."""
    packages = os.path.join(directory, "packages")
    lists, cache = os.path.join(packages, "lists"), os.path.join(packages, "cache")
    archives = os.path.join(cache, "archives")
    for path in (lists, archives):
        os.makedirs(os.path.join(path, "partial"), exist_ok=True)
    sources = os.path.join(packages, "sources.list")
    archive = debian_archive()
    with open(sources, "w", encoding="utf-8") as file:
        file.write(f"deb {archive} bookworm main\ndeb {archive} bookworm-backports main\n")
    apt = ["apt-get", "-qq", "-y", "-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null",
           "-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={cache}", "-o", "Debug::NoLocking=1"]
    if os.geteuid() == 0:
        apt += ["-o", "APT::Sandbox::User=root"]  # another user could not write here
    for step in (["update"], ["--no-install-recommends", "--download-only", "--reinstall", "--allow-downgrades", "-t",
                              "bookworm-backports", "install", "mesa-vulkan-drivers"]):
        result = run(apt + step)
        if result.returncode != 0:
            raise Unavailable(f"apt-get {step[0]}: {(result.stderr.strip() or 'failed').splitlines()[-1]}")
    unpacked = os.path.join(packages, "system")
    for package in glob.glob(os.path.join(archives, "*.deb")):
        if run(["dpkg", "-x", package, unpacked]).returncode != 0:
            raise Unavailable(f"{package} cannot be unpacked")
    os.rename(unpacked, os.path.join(directory, "system"))  # all or nothing
    shutil.rmtree(packages)


def driver(directory, may_fetch):
    """The environment in which programs see it."""
    pattern = os.path.join(directory, "system/usr/lib/*/libvulkan_radeon.so")
    if not glob.glob(pattern) and may_fetch:
        fetch(directory)
    found = glob.glob(pattern)
    if not found:
        raise Unavailable("the driver was not fetched: tools/amd.py --fetch")
    library = os.path.abspath(found[0])
    manifest = os.path.join(directory, "radeon.json")
    beside = f"{manifest}.{os.getpid()}"  # tests of several families read it at the same time
    with open(beside, "w", encoding="utf-8") as file:
        json.dump({"file_format_version": "1.0.0", "ICD": {"library_path": library, "api_version": "1.2.0"}}, file)
    os.replace(beside, manifest)
    libraries = [os.path.dirname(library)] + os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return {"VK_DRIVER_FILES": manifest, "VK_ICD_FILENAMES": manifest, "MESA_SHADER_CACHE_DISABLE": "true",
            "LD_LIBRARY_PATH": ":".join(path for path in libraries if path)}


# ---- compiling

def compile_all(program, environment, families, tiers):
    """One row for each family, kernel and choice of constants, those that several tiers share once; and the first line
    of the program, which tells of driver and build. A tier without what this build has not got would be the default
    again: it is left out."""
    folder = os.path.join(ROOT, "assets/configs")

    def one(job):
        family, tier = job
        if TIERS[tier]:
            command = [program, "--disable", TIERS[tier]]
            command += [os.path.join(folder, f"{name}.json") for name in TIER_CONFIGURATIONS]
        else:
            command = [program] + sorted(glob.glob(os.path.join(folder, "*.json")))
        result = run(command, env={**os.environ, **environment, "RADV_FORCE_FAMILY": family})
        if result.returncode != 0:
            raise RuntimeError(f"{family}, tier {tier}: {result.stderr.strip() or result.returncode}")
        return [json.loads(line) for line in result.stdout.splitlines()]

    rows, head = {}, None
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for tier in tiers:
            if tier == "no-coopmat" and head and not head["cooperative"]:
                print("note: this build has no kernels with cooperative matrices (simba devices says why): "
                      "no tier without them")
                continue
            for family, lines in zip(families, pool.map(one, [(family, tier) for family in families])):
                head = lines[0]
                for line in lines[1:]:
                    statistics = {name: value for name, value in line["statistics"].items()
                                  if "hash" not in name.lower()}
                    key = (family, line["kernel"], tuple(line["constants"]), tuple(statistics.values()))
                    row = rows.setdefault(key, {"family": family, "kernel": line["kernel"], "tiers": [],
                                                "constants": line["constants"], "statistics": statistics})
                    if tier not in row["tiers"]:
                        row["tiers"].append(tier)
    return list(rows.values()), head


def summarise(rows, by_tier):
    """(family, kernel, tier): the worst of its variants in each column; over all tiers, with "" as their name, when not
    by_tier."""
    summary, worst = {}, {}
    for column, (statistic, better, _, _) in COLUMNS.items():
        worst[column] = (statistic, min if better is max else max)
    worst.update((column, (statistic, max)) for column, statistic in FORBIDDEN.items())
    for row in rows:
        for tier in row["tiers"] if by_tier else [""]:
            entry = summary.setdefault((row["family"], row["kernel"], tier), {"variants": 0})
            entry["variants"] += 1
            for column, (statistic, worse) in worst.items():
                value = row["statistics"][statistic]
                entry[column] = worse(entry.get(column, value), value)
    return summary


# ---- judging

def find_memory_use(rows):
    for row in rows:
        used = [f"{row['statistics'][name]} {name}" for name in FORBIDDEN.values() if row["statistics"][name]]
        if used:
            yield (f"{row['family']}: {row['kernel']} with constants {row['constants']} "
                   f"(tiers {', '.join(row['tiers'])}): {', '.join(used)}")


def read_baseline():
    with open(BASELINE, encoding="utf-8") as file:
        driver_name = file.readline().lstrip("# ").strip()
        return driver_name, {(line["family"], line["kernel"], line["tier"]): line for line in csv.DictReader(file)}


def find_regressions(summary, baseline):
    for (family, kernel, tier), entry in summary.items():
        before = baseline.get((family, kernel, tier))
        if not before:
            print(f"note: {family}, tier {tier}: {kernel} is not in the baseline yet: tools/amd.py --update")
            continue
        for column, (statistic, better, share, amount) in COLUMNS.items():
            old, new = int(before[column]), entry[column]
            margin = max(share * old, amount)
            if (old - new if better is max else new - old) > margin:
                yield f"{family}, tier {tier}: {kernel}: {statistic} {new}, in the baseline {old} (margin {margin:.0f})"


def find_lost(summary, baseline, cooperative):
    """A kernel that a tier no longer takes was renamed, removed, or is no longer chosen. One that this build cannot have
    is not lost."""
    compiled = {(family, tier) for family, _, tier in summary}
    for family, kernel, tier in baseline:
        if (family, tier) in compiled and (family, kernel, tier) not in summary:
            if cooperative or "cooperative" not in kernel:
                yield (f"{family}, tier {tier}: {kernel} is in the baseline, and no pipeline of the shipped "
                       "configurations takes it any more: if that is meant, tools/amd.py --update")


# ---- reports

def write_baseline(summary, driver_name):
    with open(BASELINE, "w", encoding="utf-8", newline="") as file:
        file.write(f"# {driver_name}\n")
        writer = csv.writer(file, lineterminator="\n")
        columns = ["variants", *COLUMNS, *FORBIDDEN]
        writer.writerow(["family", "kernel", "tier", *columns])
        for (family, kernel, tier), entry in sorted(summary.items(), key=lambda item: (item[0][1], item[0])):
            writer.writerow([family, kernel, tier, *(entry[column] for column in columns)])


def markdown(summary, families):
    """A row for each kernel, the slowest first by the estimate for the last of the families."""
    judge = "navi31" if "navi31" in families else families[-1]
    lines = ["| kernel | variants | " + " | ".join(families) + f" | LDS, bytes | code, bytes | latency | inverse throughput |",
             "|---|---|" + "---|" * (len(families) + 4)]
    kernels = {kernel for _, kernel, _ in summary}
    order = sorted(kernels, key=lambda kernel: (-summary.get((judge, kernel, ""), {}).get("latency", 0), kernel))
    for kernel in order:
        entries = [summary.get((family, kernel, "")) for family in families]
        registers = [f"{entry['vgprs']}, {entry['occupancy']}" if entry else "" for entry in entries]
        shown = summary.get((judge, kernel, "")) or next(entry for entry in entries if entry)
        lines.append(f"| {kernel} | {shown['variants']} | " + " | ".join(registers) + f" | {shown['lds']} | {shown['code']} | "
                     f"{shown['latency']} | {shown['inverse_throughput']} |")
    return "\n".join(lines) + "\n"


def write_table(summary, families, driver_name):
    with open(TABLE, encoding="utf-8") as file:
        text = file.read()
    table = f"<!-- tools/amd.py --update -->\n\n{driver_name}:\n\n{markdown(summary, families)}\n<!-- end -->"
    changed, count = re.subn(r"<!-- tools/amd.py --update -->.*<!-- end -->", lambda _: table, text, flags=re.S)
    if count != 1:
        raise RuntimeError(f"{TABLE} has no place for the table")
    with open(TABLE, "w", encoding="utf-8") as file:
        file.write(changed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", action="append", choices=FAMILIES, help="can be given several times")
    parser.add_argument("--tier", action="append", choices=list(TIERS), help="can be given several times")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--fetch", action="store_true")
    parser.add_argument("--no-fetch", action="store_true", help="without the driver: exit code 77")
    parser.add_argument("--program", help=f"{PROGRAM} as it is; otherwise that of build/, brought up to date")
    parser.add_argument("--directory", default=os.path.join(ROOT, "build/amd"), help="of driver and results")
    options = parser.parse_args()
    families, tiers = options.family or FAMILIES, options.tier or list(TIERS)
    if options.update and (options.family or options.tier):
        parser.error("--update takes all families and tiers")
    directory = os.path.abspath(options.directory)
    try:
        environment = driver(directory, not options.no_fetch)
    except Unavailable as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    if options.fetch:
        return 0
    program = options.program
    if not program:
        program = os.path.join(ROOT, "build", PROGRAM)
        built = run(["ninja", "-C", os.path.join(ROOT, "build"), PROGRAM])
        if built.returncode != 0:
            print(f"{built.stdout}{built.stderr}\n{PROGRAM} does not build (meson setup build -Dtests=enabled)", file=sys.stderr)
            return 1
    try:
        rows, head = compile_all(program, environment, families, tiers)
    except RuntimeError as failure:
        print(f"FAILED: {failure}")
        return 1
    driver_name, cooperative = head["driver"], head["cooperative"]
    part = "".join(f"-{word}" for word in (options.family or []) + (options.tier or []))
    with open(os.path.join(directory, f"pipelines{part}.json"), "w", encoding="utf-8") as file:
        json.dump({"driver": driver_name, "pipelines": rows}, file, indent=0)
    print(f"{driver_name}, {len(rows)} pipelines; in each family's column the most VGPRs, the fewest subgroups per SIMD\n")
    overview, summary = summarise(rows, False), summarise(rows, True)
    print(markdown(overview, families))
    failures = list(find_memory_use(rows))
    if options.update:
        write_baseline(summary, driver_name)
        write_table(overview, families, driver_name)
        compared = True
    else:
        baseline_driver, baseline = read_baseline()
        compared = baseline_driver == driver_name
        if compared:
            failures += find_regressions(summary, baseline)
            failures += find_lost(summary, baseline, cooperative)
    for failure in failures:
        print(f"FAILED: {failure}")
    if not failures and not compared:
        print(f"skipped: the baseline is of {baseline_driver}, so nothing was compared but spills and scratch memory, of "
              "which there are none: tools/amd.py --update on the commit of the baseline, then here again")
        return SKIPPED
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
