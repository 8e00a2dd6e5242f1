# The CUDA module as nvcc compiles it. Its kernels as the ordinary compiler does are tested in the lane default.
cuda_lane() {
    for nvcc in nvcc "${CUDA_HOME:-}/bin/nvcc" "${CUDA_PATH:-}/bin/nvcc" /usr/local/cuda/bin/nvcc ''; do
        command -v "$nvcc" >/dev/null && break
    done
    [ -n "$nvcc" ] || skip "nvcc of NVIDIA's CUDA toolkit (12 or later) is not installed"
    build build -Dcuda=enabled
    module=$PWD/build/src/backend/cuda/libsimba_cuda.so
    devices=$(SIMBA_CUDA_MODULE=$module build/simba devices --json)
    case $devices in
    *'"backend": "cuda"'*) ;;
    *)
        python3 -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' 2>/dev/null ||
            skip 'the module is built; there is no CUDA driver (libcuda.so.1)'
        [ -e /dev/nvidia0 ] || skip 'the module is built; there is no CUDA device (/dev/nvidia0)'
        echo "there are a CUDA driver and a device, but simba lists none: $devices" >&2
        return 1
        ;;
    esac
    run_tests build 'kernels golden' SIMBA_TEST_DEVICE=cuda SIMBA_CUDA_MODULE="$module" MESON_TESTTHREADS=2
}
lane cuda full 10 '' 'kernels and golden cases on the first CUDA device; without a driver or a card it builds the module' cuda_lane
