#!/bin/sh
# Runs the project on a current Mesa, with current compilers, glslang and VkFFT, whatever this machine has: debootstraps
# a current Debian into a folder (once; a later call goes on from what is there), installs there what the build needs,
# and builds and tests this checkout inside. Its software driver executes cooperative matrices.
#   tools/current_mesa.sh [--suite NAME] [--width BITS]... [COMMAND [ARGUMENT...]]
#   --suite NAME   Debian trixie with the Mesa of its backports (default), or sid: the newest of everything
#   --width BITS   vector width of the driver for the tests: 128, 256 or 512; several are run in turn; default: its own.
#                  Mesa 26.1 cannot do 512 (docs/software-drivers.md)
#   COMMAND        what to do there, in the checkout, instead of the tests: `bash`, or for example
#                  build/current-mesa/trixie-build/tests/kernels/check --disable subgroup --bench linear
# Needs root (or sudo) for chroot, the package debootstrap, the network the first time, and 2 GB below build/.
set -eu
cd "$(dirname "$0")/.."
. tools/packages.sh

wrong_usage() {
    sed -n "5,11p" "$0" >&2
    echo "$1" >&2
    exit 2
}

suite=trixie widths=
while [ $# -gt 0 ]; do
    case $1 in
    --suite | --width)
        [ $# -gt 1 ] || wrong_usage "$1 wants a value"
        case "$1 $2" in
        '--suite trixie' | '--suite sid') suite=$2 ;;
        '--width 128' | '--width 256' | '--width 512') widths="$widths $2" ;;
        *) wrong_usage "$1 cannot be \"$2\"" ;;
        esac
        shift 2
        ;;
    -*) wrong_usage "unknown option: $1" ;;
    *) break ;;
    esac
done

place=build/current-mesa root=build/current-mesa/$suite
# By its name in there: seen from both sides, so that logs can be read out here.
directory=$place/$suite-build

if [ ! -f "$root/etc/simba-is-complete" ]; then
    echo "Making a Debian $suite in $root"
    command -v debootstrap >/dev/null || PATH=$PATH:/usr/sbin command -v debootstrap >/dev/null || install_packages debootstrap
    mkdir -p "$place"
    as_root rm -rf --one-file-system "$root"
    as_root env PATH="$PATH:/usr/sbin:/sbin" debootstrap --variant=minbase "$suite" "$root" >"$place/$suite.log" || {
        tail -n 5 "$place/$suite.log" >&2
        exit 1
    }
    if [ "$suite" = trixie ]; then
        sed 's/ trixie / trixie-backports /p; d' "$root/etc/apt/sources.list" |
            as_root tee "$root/etc/apt/sources.list.d/backports.list" >/dev/null
        printf 'Package: src:mesa\nPin: release n=trixie-backports\nPin-Priority: 900\n' |
            as_root tee "$root/etc/apt/preferences.d/mesa" >/dev/null
    fi
    as_root touch "$root/etc/simba-is-complete"
fi

# Mounts of its own, which end with the command: nothing is left mounted, whatever happens to it.
inside() {
    as_root unshare --mount sh -c '
        root=$1
        shift
        mkdir -p "$root/simba"
        mount --bind . "$root/simba" && mount -t proc proc "$root/proc" && mount -t tmpfs tmpfs "$root/tmp" || exit 1
        exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
    ' inside "$root" ${LP_NATIVE_VECTOR_WIDTH:+LP_NATIVE_VECTOR_WIDTH="$LP_NATIVE_VECTOR_WIDTH"} \
        ${SIMBA_TEST_DISABLE:+SIMBA_TEST_DISABLE="$SIMBA_TEST_DISABLE"} \
        ${SIMBA_TEST_VALIDATE:+SIMBA_TEST_VALIDATE="$SIMBA_TEST_VALIDATE"} sh -c 'cd /simba && exec "$@"' inside "$@"
}

# shellcheck disable=SC2086 # lists
inside sh -c '. tools/packages.sh && install_packages "$@"' install $build_packages libcmocka-dev vulkan-validationlayers

if [ $# -gt 0 ]; then
    inside "$@"
    exit
fi

# shellcheck disable=SC2016
inside sh -c '
    set -e
    [ -f "$1/build.ninja" ] || meson setup "$1" -Dtests=enabled >/dev/null
    ninja -C "$1"
    "$1/simba" devices' build "$directory" >"$place/$suite-build.log" || {
    grep -A 20 "^FAILED" "$place/$suite-build.log" >&2 || tail -n 20 "$place/$suite-build.log" >&2
    exit 1
}
tail -n 5 "$place/$suite-build.log"
rm -f "$directory"/meson-logs/current-mesa*.json
status=0
tests() { # NAME TESTS...
    echo "== $1"
    name=$1
    shift
    inside meson test -C "$directory" --no-rebuild --timeout-multiplier 4 --print-errorlogs --logbase "$name" "$@" || status=1
}
for width in ${widths:-0}; do
    [ "$width" = 0 ] || export LP_NATIVE_VECTOR_WIDTH="$width"
    tests "current-mesa${LP_NATIVE_VECTOR_WIDTH:+-$LP_NATIVE_VECTOR_WIDTH}" \
        --suite vulkan --suite kernels --suite golden --suite train --no-suite reference
    # Without panels, which are faster on this driver, products of fp16 run on cooperative matrices.
    export SIMBA_TEST_DISABLE=subgroup
    tests "current-mesa${LP_NATIVE_VECTOR_WIDTH:+-$LP_NATIVE_VECTOR_WIDTH}-cooperative" cooperative precision linear
    inside "$directory/tests/kernels/check" --seed 1 --runs 60 linear || status=1
    unset SIMBA_TEST_DISABLE
done
exit $status
