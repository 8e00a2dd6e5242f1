#!/bin/sh
# Fuzzes one target: run.sh PROGRAM SEEDS KEPT RUNS [OPTION...]
# Without SIMBA_FUZZ_SECONDS it makes RUNS runs with a fixed seed, the same ones each time. With it, it goes on for that
# long from what earlier times found, which stays in the directory KEPT beside inputs that fail (crash-*, timeout-*,
# oom-*, leak-*): put such a one into SEEDS once the parser is repaired.
set -eu
program=$1 seeds=$2 kept=$3 runs=$4
shift 4
mkdir -p "$kept/failing"
if [ -n "${SIMBA_FUZZ_SECONDS:-}" ]; then
    mkdir -p "$kept/found"
    found=$kept/found limits="-max_total_time=$SIMBA_FUZZ_SECONDS"
else
    found=$(mktemp -d)
    trap 'rm -rf "$found"' EXIT
    # Comparisons are not followed: those of addresses would differ from time to time.
    limits="-seed=1 -runs=$runs -reload=0 -use_cmp=0"
fi
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
# No input may take more than 10 s or 1 GiB, nor a single allocation of 256 MiB.
# shellcheck disable=SC2086 # a list
"$program" $limits -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 -print_final_stats=1 \
    -artifact_prefix="$kept/failing/" "$@" "$found" "$seeds"
