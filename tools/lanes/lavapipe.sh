# Mesa's software driver at each width of its vectors, and so with subgroups of 4, 8 and 16. Its cache of shaders on disk
# does not tell widths apart (docs/software-drivers.md).
lavapipe_lane() { # BITS
    build build
    default_bits=$(build/simba devices | sed -n '1s/.*llvmpipe.*, \([0-9]*\) bits.*/\1/p')
    [ "$1" != "$default_bits" ] || covered default
    run_tests build "$device_suites" SIMBA_TEST_DEVICE=llvmpipe LP_NATIVE_VECTOR_WIDTH="$1" MESA_SHADER_CACHE_DISABLE=true
}
for bits in 128 256 512; do
    lane "lavapipe-$bits" full 8 '' "what uses a device, on Mesa's software driver with $((bits / 32)) lanes" \
        lavapipe_lane $bits
done
