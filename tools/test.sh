#!/bin/sh
# Installs what is missing, builds and runs every test; the last line counts them.
#   --quick       the default lane only
#   --no-install  install nothing; what is absent is skipped, and said to be
#   --fuzz SECONDS  the fuzz lane only, for so long on each parser; it goes on from what earlier times found
# Lanes: `default` runs every test on the default device. The device lanes run the suites that use a device again (but
# not what they do on the reference alone), on Mesa's software driver at those vector widths of 128, 256 and 512 bits (4,
# 8 and 16 lanes) that are not the default, on SwiftShader (subgroups of 4, no 64-bit integers), with the optional
# feature tiers off, and under Vulkan's validation layer with synchronisation
# checks. `sanitizers` runs all tests with address and undefined-behaviour checks; `clang` builds with warnings as
# errors. `fuzz` gives broken files to every parser under the sanitizers, by libFuzzer: without --fuzz the same ones each
# time, ten seconds for each.
set -eu
cd "$(dirname "$0")/.."
. tools/packages.sh

quick= install=1 fuzz_seconds=
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 ;;
    --no-install) install= ;;
    --fuzz)
        shift
        fuzz_seconds=${1:-}
        case $fuzz_seconds in
        '' | *[!0-9]* | 0*)
            echo "--fuzz wants a number of seconds, found \"$fuzz_seconds\"" >&2
            exit 2
            ;;
        esac
        ;;
    *)
        sed -n '2,5p' "$0" >&2
        echo "unknown option: $1" >&2
        exit 2
        ;;
    esac
    shift
done

if [ -n "$install" ]; then
    # shellcheck disable=SC2086 # a list
    install_packages $build_packages libcmocka-dev
    try_packages dataset-fashion-mnist || true
    [ -n "$quick" ] || try_packages vulkan-validationlayers clang || true
    for package in libclang-rt-dev python3-torch; do
        [ -n "$quick" ] || try_packages $package || true
    done
fi

results=$(mktemp)
trap 'rm -f "$results"' EXIT
lanes_skipped=0

build() { # DIRECTORY [MESON OPTION...]
    directory=$1
    shift
    if [ -f "$directory/build.ninja" ]; then
        meson configure "$directory" -Dtests=enabled
    else
        meson setup "$directory" -Dtests=enabled "$@" >/dev/null
    fi
    if ! ninja -C "$directory" >"$directory/build.log"; then
        grep -A 20 '^FAILED' "$directory/build.log" >&2
        return 1
    fi
    tail -n 1 "$directory/build.log"
}

lane() { # NAME DIRECTORY 'SUITES' [VARIABLE=VALUE...]
    name=$1 directory=$2 suites=$3
    shift 3
    echo "== $name"
    options=
    for suite in $suites; do options="$options --suite $suite"; done
    [ -z "$suites" ] || options="$options --no-suite reference"
    # shellcheck disable=SC2086
    env "$@" meson test -C "$directory" --no-rebuild --timeout-multiplier 4 --print-errorlogs --logbase "$name" $options || true
    cat "$directory/meson-logs/$name.json" >>"$results"
}

skip_lane() { # NAME REASON
    echo "== $1: skipped: $2"
    lanes_skipped=$((lanes_skipped + 1))
}

swiftshader() { # unpacks the driver out of Debian's chromium-common, without installing a browser
    manifest=build/swiftshader/usr/lib/chromium/vk_swiftshader_icd.json
    if [ ! -f "$manifest" ] && [ -n "$install" ]; then
        (
            mkdir -p build/swiftshader && cd build/swiftshader &&
                apt-get -qq download chromium-common && dpkg -x chromium-common_*.deb . && rm chromium-common_*.deb
        ) >/dev/null 2>&1 || true
    fi
    [ -f "$manifest" ] && echo "$PWD/$manifest"
}

# Fuzzing needs the compiler and its run-time library, which are two packages.
has_fuzzer() {
    echo 'int LLVMFuzzerTestOneInput(const char *b, unsigned long n) { return b[0] == n; }' |
        clang -fsanitize=fuzzer,address,undefined -x c - -o /dev/null 2>/dev/null
}

fuzz_lane() {
    if has_fuzzer; then
        CC=clang CXX=clang++ build build/fuzz -Dfuzz=enabled -Db_sanitize=address,undefined
        lane fuzz build/fuzz fuzz SIMBA_FUZZ_SECONDS="$fuzz_seconds"
    else
        skip_lane fuzz "clang with libFuzzer is not installed (packages clang and libclang-rt-dev)"
    fi
}

if [ -n "$fuzz_seconds" ]; then
    fuzz_lane
else
    build build
    lane default build ''
fi
if [ -z "$quick$fuzz_seconds" ]; then
    device_suites='vulkan kernels golden'
    default_width=$(build/simba devices | sed -n '1s/.*llvmpipe.*, \([0-9]*\) bits.*/\1/p')
    for width in 128 256 512; do
        # That is the device of the default lane already.
        [ "$width" != "$default_width" ] || continue
        lane "lavapipe-$width" build "$device_suites" LP_NATIVE_VECTOR_WIDTH=$width
    done
    lane tiers-off build "$device_suites" SIMBA_TEST_DISABLE=int64,subgroup
    lane texel-off build "$device_suites" SIMBA_TEST_DISABLE=texel
    if manifest=$(swiftshader); then
        lane swiftshader build "$device_suites" VK_ICD_FILENAMES="$manifest" VK_DRIVER_FILES="$manifest"
    else
        skip_lane swiftshader "Debian's chromium-common package is not to be had"
    fi
    if [ -n "$(missing_packages vulkan-validationlayers)" ]; then
        skip_lane validation "the package vulkan-validationlayers is not installed"
    else
        lane validation build "$device_suites train" SIMBA_TEST_VALIDATE=1
    fi
    build build/sanitizers -Db_sanitize=address,undefined -Dbuildtype=debugoptimized
    lane sanitizers build/sanitizers ''
    if command -v clang >/dev/null; then
        CC=clang CXX=clang++ build build/clang
        lane clang build/clang 'base graph cpu'
    else
        skip_lane clang "clang is not installed"
    fi
    fuzz_lane
fi

python3 - "$results" "$lanes_skipped" <<'PYTHON'
import json, sys
counts = {"passed": 0, "failed": 0, "skipped": int(sys.argv[2])}
for line in open(sys.argv[1]):
    result = json.loads(line)["result"]
    kind = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}.get(result, "failed")
    counts[kind] += 1
print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
sys.exit(1 if counts["failed"] or not counts["passed"] else 0)
PYTHON
