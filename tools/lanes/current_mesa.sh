# Mesa, compilers, glslang and VkFFT as they are today: a current Debian in a folder, see tools/current_mesa.sh. Its driver
# is the one that executes cooperative matrices.
current_mesa_lane() {
    PATH=$PATH:/usr/sbin command -v debootstrap >/dev/null || skip 'the package debootstrap is not installed'
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || skip 'it needs root, or sudo'
    status=0
    tools/current_mesa.sh || status=$?
    cat build/current-mesa/trixie-build/meson-logs/current-mesa*.json >>"$results/$running" || true
    echo "{\"status\": $status}" >>"$results/$running"
}
lane current-mesa asked 30 debootstrap 'what uses a device, and training, on the Mesa of a current Debian in a folder' current_mesa_lane
