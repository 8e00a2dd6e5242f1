# Broken files for every parser, by libFuzzer under the sanitizers. Without --fuzz the same ones each time, ten seconds
# for each.
fuzz_lane() {
    # The compiler and its run-time library are two packages.
    echo 'int LLVMFuzzerTestOneInput(const char *b, unsigned long n) { return b[0] == n; }' |
        clang -fsanitize=fuzzer,address,undefined -x c - -o /dev/null 2>/dev/null ||
        skip 'clang with libFuzzer is not installed (packages clang and libclang-rt-dev)'
    CC=clang CXX=clang++ build build/fuzz -Dfuzz=enabled -Db_sanitize=address,undefined
    run_tests build/fuzz fuzz SIMBA_FUZZ_SECONDS="$fuzz_seconds"
}
lane fuzz full 4 'clang libclang-rt-dev' 'broken files for every parser, under the sanitizers' fuzz_lane
