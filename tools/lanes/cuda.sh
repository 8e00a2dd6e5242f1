# The CUDA module as nvcc compiles it. Its kernels as the ordinary compiler does are tested in the lane default.
cuda_lane() {
    for nvcc in nvcc "${CUDA_HOME:-}/bin/nvcc" "${CUDA_PATH:-}/bin/nvcc" /usr/local/cuda/bin/nvcc ''; do
        command -v "$nvcc" >/dev/null && break
    done
    [ -n "$nvcc" ] || skip "nvcc of NVIDIA's CUDA toolkit (12 or later) is not installed"
    build build -Dcuda=enabled
    build/simba devices --json | grep -q '"backend": "cuda"' ||
        skip 'the module is built; there is no CUDA device to run it on'
    run_tests build 'kernels golden' SIMBA_TEST_DEVICE=cuda SIMBA_CUDA_MODULE="$PWD/build/src/backend/cuda/libsimba_cuda.so"
}
lane cuda full 10 '' 'kernels and golden cases on the first CUDA device; without one it builds the module' cuda_lane
