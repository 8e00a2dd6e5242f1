# Every pipeline through AMD's compiler, which needs no card; the driver is fetched, not installed (tools/amd.py). All
# five families, on the default tier; the fallback tiers by hand.
amd_lane() {
    build build
    if [ -n "$install" ]; then
        reason=$(tools/amd.py --fetch) || skip "${reason#skipped: }"
    else
        reason=$(tools/amd.py --fetch --no-fetch) || skip "${reason#skipped: }"
    fi
    run_tests build amd
}
lane amd full 3 '' "every pipeline through AMD's compiler, against docs/benchmarks/amd.csv" amd_lane
