#!/bin/sh
# Installs what is missing, builds and runs every test; the last line counts them.
#   --quick         the quick lanes only
#   --lane NAME     this lane only; may be given several times
#   --lanes         list the lanes: when they run, how long each takes, what it needs
#   --no-install    install nothing; what is absent is skipped, and said to be
#   --fuzz SECONDS  the lane fuzz only, for so long on each parser; it goes on from what earlier times found
# A lane is one way to run tests: a device, a driver's setting, a compiler. tools/lanes/*.sh has them all.
set -eu
cd "$(dirname "$0")/.."
. tools/packages.sh

# ---- what the files of tools/lanes register

lanes='' # a line for each: NAME|WHEN|MINUTES|PACKAGES|ABOUT|FUNCTION AND ARGUMENTS
# NAME WHEN MINUTES 'PACKAGES' 'ABOUT' FUNCTION [ARGUMENT...]
#   WHEN      quick: in every run; full: not with --quick; asked: only with --lane
#   MINUTES   on two cores, with all things built anew
#   PACKAGES  Debian's, beyond those of the build: installed when they can be, no error when not
#   FUNCTION  runs the lane, in a subshell with `set -e`, by means of the functions below
lane() {
    lane_line="$1|$2|$3|$4|$5"
    shift 5
    lanes="$lanes$lane_line|$*
"
}

# ---- what they are made of

device_suites='vulkan kernels golden' # those that use a device

build() { # DIRECTORY [MESON OPTION...]
    directory=$1
    shift
    setup=setup
    [ ! -f "$directory/build.ninja" ] || setup=configure
    mkdir -p "$directory"
    if ! { meson $setup "$directory" -Dtests=enabled "$@" && ninja -C "$directory"; } >"$directory/build.log"; then
        grep -A 20 '^FAILED' "$directory/build.log" >&2 || tail -n 20 "$directory/build.log" >&2
        return 1
    fi
    tail -n 1 "$directory/build.log"
}

# Of the suites (all: '', but for `amd`, which has a lane), but what they do on the reference alone only with all.
run_tests() { # DIRECTORY 'SUITES' [VARIABLE=VALUE...]
    directory=$1 options=
    for suite in $2; do options="$options --suite $suite"; done
    [ -z "$2" ] || options="$options --no-suite reference"
    [ -n "$2" ] || options='--no-suite amd'
    shift 2
    log=$directory/meson-logs/$running.json status=0
    rm -f "$log"
    # shellcheck disable=SC2086
    env "$@" meson test -C "$directory" --no-rebuild --timeout-multiplier 4 --print-errorlogs --logbase "$running" \
        $options || status=$?
    [ ! -f "$log" ] || cat "$log" >>"$results/$running"
    echo "{\"status\": $status}" >>"$results/$running"
}

skip() { # REASON: ends the lane
    echo "skipped: $1"
    echo '{"name": "all of it", "result": "SKIP"}' >>"$results/$running"
    exit 0
}

covered() { # LANE: in a run of all lanes, ends this one, which would do the same as that one
    [ -z "$chosen" ] || return 0
    echo "the same as the lane $1"
    exit 0
}

# ----

for file in tools/lanes/*.sh; do
    . "./$file"
done

print_lanes() {
    printf '%-14s %-6s %4s  %s\n' lane when min 'what it runs; packages it wants'
    while IFS='|' read -r name when minutes packages about _; do
        printf '%-14s %-6s %4s  %s\n' "$name" "$when" "$minutes" "$about${packages:+; $packages}"
    done
}

wrong_usage() {
    sed -n '2,7p' "$0" >&2
    echo "$1" >&2
    exit 2
}

quick='' install=1 fuzz_seconds='' chosen='' # `chosen`: names with spaces around
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 ;;
    --no-install) install= ;;
    --lanes)
        printf %s "$lanes" | print_lanes
        exit
        ;;
    --lane)
        shift
        printf %s "$lanes" | cut -d '|' -f 1 | grep -qxF -e "${1:-}" ||
            wrong_usage "--lane wants one of $(printf %s "$lanes" | cut -d '|' -f 1 | tr '\n' ' ')and found \"${1:-}\""
        chosen="$chosen $1 "
        ;;
    --fuzz)
        shift
        fuzz_seconds=${1:-} chosen="$chosen fuzz "
        case $fuzz_seconds in
        '' | *[!0-9]* | 0*) wrong_usage "--fuzz wants a number of seconds, found \"$fuzz_seconds\"" ;;
        esac
        ;;
    *) wrong_usage "unknown option: $1" ;;
    esac
    shift
done

results=$(mktemp -d)
running=
finish() { # also when this script is interrupted: then the lane that was running has failed
    status=$?
    trap - EXIT
    [ -z "$running" ] || echo '{"name": "it did not end", "result": "FAIL"}' >>"$results/$running"
    python3 tools/count_tests.py "$results" || [ $status != 0 ] || status=1
    rm -rf "$results"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

run_lane() { # NAME 'PACKAGES' 'FUNCTION AND ARGUMENTS'
    running=$1
    echo "== $1"
    started=$(date +%s)
    : >"$results/$1"
    if [ -n "$install" ]; then
        for package in $2; do try_packages "$package" || true; done
    fi
    # Not within `if` or `||`, where `set -e` would mean nothing to the subshell.
    set +e
    (
        set -e
        $3
    )
    status=$?
    set -e
    [ $status = 0 ] || echo "{\"name\": \"it ended with status $status\", \"result\": \"FAIL\"}" >>"$results/$1"
    echo "{\"seconds\": $(($(date +%s) - started))}" >>"$results/$1"
    running=
}

if [ -n "$install" ]; then
    running=packages
    # shellcheck disable=SC2086 # a list
    install_packages $build_packages libcmocka-dev
    running=
fi
for turn in quick full asked; do
    while IFS='|' read -r name when _ packages _ function; do
        [ "$when" = $turn ] || continue
        case "$chosen|$turn$quick" in
        *" $name "*) ;;         # asked for
        '|quick'* | '|full') ;; # nothing in particular was
        *) continue ;;
        esac
        run_lane "$name" "$packages" "$function" </dev/null
    done <<LANES
$lanes
LANES
done
