# The preferred device with optional features left out, as --disable does.
tier_lane() { # FEATURES
    build build
    run_tests build "$device_suites" SIMBA_TEST_DISABLE="$1"
}
lane tiers-off full 8 '' 'what uses a device, without 64-bit integers and subgroup operations' tier_lane int64,subgroup
lane texel-off full 8 '' 'what uses a device, with all loads by address' tier_lane texel
