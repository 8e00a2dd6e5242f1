// SPREAD(value, lane): a lane's value for all lanes of the subgroup; `lane` is a constant once loops are unrolled. On the
// versions of Mesa's software driver with fast texels a shuffle is one instruction and a broadcast searches an active
// lane in a loop; on the others a broadcast is one instruction and a shuffle walks over the lanes, but for 8 of them.
#ifndef SIMBA_COMMON_SPREAD
#define SIMBA_COMMON_SPREAD

#ifdef TEXELS_BY_ADDRESS
#define SPREAD(value, lane) subgroupBroadcast(value, lane)
#else
#define SPREAD(value, lane) subgroupShuffle(value, lane)
#endif

#endif
