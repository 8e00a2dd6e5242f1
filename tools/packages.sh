# Sourced by quickstart.sh and test.sh: installs the Debian or Ubuntu packages that are missing, and only then needs
# the network and root (or sudo).
#   install_packages PACKAGE...    fails with a sentence when one cannot be installed
#   try_packages PACKAGE...        the same, for what can be done without

# What building and running need. g++ links glslang, which is C++, into the library for VkFFT's run-time kernels.
build_packages="gcc g++ libc6-dev meson ninja-build pkg-config python3 glslang-tools glslang-dev spirv-tools
  libvulkan-dev libvulkan-volk-dev libvkfft-dev libcjson-dev libpng-dev libjpeg-dev libcairo2-dev zlib1g-dev libvulkan1 mesa-vulkan-drivers"

missing_packages() {
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "Installing packages needs root: run this script as root, or install sudo." >&2
        return 1
    fi
}

try_packages() {
    command -v dpkg-query >/dev/null 2>&1 || {
        echo "This script installs packages on Debian and Ubuntu; elsewhere, install by hand what the README lists." >&2
        return 1
    }
    # shellcheck disable=SC2046 # package names hold no spaces
    set -- $(missing_packages "$@")
    [ $# -gt 0 ] || return 0
    echo "Installing: $*"
    if [ -z "${packages_updated:-}" ]; then
        as_root apt-get -qq update || echo "The package lists could not be refreshed; trying with those at hand." >&2
        packages_updated=1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

install_packages() {
    # shellcheck disable=SC2046
    try_packages "$@" || {
        echo "Not installed: $(missing_packages "$@"). Install these packages and run this script again." >&2
        return 1
    }
}
