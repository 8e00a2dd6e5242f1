# Other ways to compile the C code: with checks inside, and by the other compiler.
sanitizers_lane() {
    build build/sanitizers -Db_sanitize=address,undefined -Dbuildtype=debugoptimized -Dcuda=disabled
    run_tests build/sanitizers ''
}
lane sanitizers full 30 '' 'every test, with address and undefined-behaviour checks' sanitizers_lane

clang_lane() {
    command -v clang >/dev/null || skip 'clang is not installed'
    CC=clang CXX=clang++ build build/clang -Dcuda=disabled
    run_tests build/clang 'base graph cpu cuda'
}
lane clang full 5 clang 'builds with clang, warnings being errors; what needs no device' clang_lane
