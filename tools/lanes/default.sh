# Every test, on the device that the library prefers. The packages bring the data of the quickstart and the real torch.
default_lane() {
    build build
    run_tests build ''
}
lane default quick 10 'dataset-fashion-mnist python3-torch' 'every test, on the preferred device' default_lane
