# Vulkan's validation layer with its synchronisation checks; any message of it fails a test.
validation_lane() {
    [ -z "$(missing_packages vulkan-validationlayers)" ] || skip 'the package vulkan-validationlayers is not installed'
    build build
    run_tests build "$device_suites train" SIMBA_TEST_VALIDATE=1
}
lane validation full 20 vulkan-validationlayers \
    "what uses a device, and training, under Vulkan's validation layer" validation_lane
