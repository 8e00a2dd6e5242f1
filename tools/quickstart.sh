#!/bin/sh
# From a fresh Debian or Ubuntu to a trained model: installs what is missing, builds, trains on Fashion-MNIST and
# classifies the sample images. Run it again to continue an interrupted training. Arguments go to `simba train`
# (for example --device NAME, or --set train.epochs=20).
set -eu
cd "$(dirname "$0")/.."
. tools/packages.sh

# shellcheck disable=SC2086 # a list
install_packages $build_packages dataset-fashion-mnist
[ -f build/build.ninja ] || meson setup build
ninja -C build

output=runs/fashion_mnist
resume=
[ -e "$output" ] && resume=--resume
build/simba devices
build/simba train assets/configs/fashion_mnist.json --output "$output" $resume "$@"
case " $* " in *" --dry-run "*) exit ;; esac
build/simba evaluate "$output/best.safetensors"
build/simba predict "$output/best.safetensors" assets/samples/*.png --top 3
