# The preferred device with optional features left out, as --disable does.
tier_lane() { # FEATURES
    build build
    run_tests build "$device_suites" SIMBA_TEST_DISABLE="$1"
}
lane tiers-off full 8 '' 'what uses a device, without any optional feature' \
    tier_lane int64,fp16,int8,subgroup,coopmat,unified,texel,timestamps
lane texel-off full 8 '' 'what uses a device, with all loads by address' tier_lane texel
