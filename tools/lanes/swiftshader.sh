# SwiftShader, a second implementation of Vulkan and the lowest tier: subgroups of 4, no 64-bit integers, no fp16.
# The driver comes out of Debian's chromium-common, without installing a browser.
swiftshader_lane() {
    manifest=build/swiftshader/usr/lib/chromium/vk_swiftshader_icd.json
    build build
    if [ ! -f "$manifest" ] && [ -n "$install" ]; then
        mkdir -p build/swiftshader
        (cd build/swiftshader && apt-get -qq download chromium-common && dpkg -x chromium-common_*.deb .) || true
        rm -f build/swiftshader/*.deb
    fi
    [ -f "$manifest" ] || skip "Debian's chromium-common package is not to be had"
    run_tests build "$device_suites" VK_ICD_FILENAMES="$PWD/$manifest" VK_DRIVER_FILES="$PWD/$manifest"
}
lane swiftshader full 8 '' "what uses a device, on SwiftShader out of Debian's chromium-common" swiftshader_lane
