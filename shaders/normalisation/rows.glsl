// Which rows and which of their columns an invocation takes. SUBGROUP: the active lanes of a subgroup share a row,
// however many they are; without it every invocation has its own.
#ifndef SIMBA_NORMALISATION_ROWS
#define SIMBA_NORMALISATION_ROWS

struct row_share {
    uint row, row_step; // first row, and from one to the next
    uint lane, lanes;   // first column, and from one to the next
};

#ifdef SUBGROUP
row_share share_rows() {
    return row_share(gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID, gl_NumWorkGroups.x * gl_NumSubgroups,
                     subgroupExclusiveAdd(1u), subgroupAdd(1u));
}

float add_lanes(float x) {
    return subgroupAdd(x);
}
#else
row_share share_rows() {
    return row_share(gl_GlobalInvocationID.x, gl_NumWorkGroups.x * WORKGROUP, 0u, 1u);
}

float add_lanes(float x) {
    return x;
}
#endif

#endif
