#!/bin/sh
# The library as others use it: installed into a directory of its own, found through pkg-config, with the example
# program compiled against it and run on a model that the installed command trains.
# Usage: installed.sh BUILD-DIRECTORY SOURCE-DIRECTORY COMPILER
set -eu
build=$1 source=$2 compiler=$3
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
DESTDIR=$stage meson install -C "$build" --no-rebuild --quiet
pc=$(find "$stage" -name simba.pc)
[ -n "$pc" ] || { echo "simba.pc is not installed"; exit 1; }
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$stage"
pkg-config --modversion simba
# shellcheck disable=SC2046 # a list of options
$compiler -std=c11 -Wall -Wextra -Werror "$source/examples/classify.c" $(pkg-config --cflags --libs simba) \
    -o "$stage/classify"
library=$(find "$stage" -name 'libsimba.so.0')
command=$(find "$stage" -name simba -path '*/bin/*')
export LD_LIBRARY_PATH="${library%/*}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

# Nothing but the public interface may be visible.
strange=$(nm -D --defined-only "$library" | awk '$2 ~ /[TDBRVW]/ && $3 !~ /^simba_/ {print $3}')
[ -z "$strange" ] || { echo "exported by mistake: $strange"; exit 1; }

python3 - "$stage/data" <<'PYTHON'
import pathlib, struct, sys
path = pathlib.Path(sys.argv[1])
path.mkdir()
for part in ["train", "t10k"]:
    (path / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, 8, 12, 12) + bytes(range(144)) * 8)
    (path / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 8) + bytes([0, 1] * 4))
PYTHON
cat >"$stage/config.json" <<JSON
{"model": {"size": "custom", "mixer": "einfft", "stem": 4, "dims": [8, 12], "depths": [1, 1], "d_state": 4,
           "channels": 1, "classes": 2, "image_size": 12},
 "data": {"path": "$stage/data", "labels": ["first", "second"]}, "train": {"epochs": 1, "batch_size": 4}}
JSON
"$command" train "$stage/config.json" --device cpu --output "$stage/run" >/dev/null
if ! "$command" devices | grep -q preferred; then
    echo "no Vulkan device: the example is built, but not run"
    exit 77
fi
"$stage/classify" "$stage/run/last.safetensors" "$source/assets/samples/bag.png"
