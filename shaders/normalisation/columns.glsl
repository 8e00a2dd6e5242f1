// For kernels in which an invocation walks down block_rows rows of one column: a channel, or with TEXELS (software
// drivers, see common/quad.glsl) four neighbours. Where a row has fewer columns than the workgroup has invocations, the
// workgroup takes several blocks of rows. FETCH(x, i) reads a tensor by columns, after COPY(x): reading arguments inside
// a loop costs software drivers a load for each lane.
#ifndef SIMBA_NORMALISATION_COLUMNS
#define SIMBA_NORMALISATION_COLUMNS

#ifdef TEXELS
#include "common/quad.glsl"
#define element vec4
#define COPY(name) const uint name##_start = arguments.name##_first
#define FETCH(name, index) texelFetch(name##_texels, int(name##_start + (index)))
#define POINTER uint64_pointer8
#define STORE(pointer, index, value) STORE_QUAD(pointer, index, value)
#define positive(x) greaterThan(x, vec4(0.0))
const uint WIDTH = 4;
#define LOAD_CHANNELS(values, first)                                                                      \
    vec4((values).at[first], (values).at[(first) + 1], (values).at[(first) + 2], (values).at[(first) + 3])
#define STORE_CHANNELS(values, first, value)                                                              \
    for (uint c = 0; c < 4; c++) (values).at[(first) + c] = (value)[c]
#else
#define element float
#define COPY(name) float_const_pointer4 name##_start = arguments.name
#define FETCH(name, index) name##_start.at[index]
#define POINTER float_pointer4
#define STORE(pointer, index, value) (pointer).at[index] = (value)
#define positive(x) ((x) > 0.0)
const uint WIDTH = 1;
#define LOAD_CHANNELS(values, first) (values).at[first]
#define STORE_CHANNELS(values, first, value) (values).at[first] = (value)
#endif

struct column_share {
    uint column, columns; // this one's, of how many
    uint channel;         // the column's first
    uint block;           // of rows
    uint start, end;      // its rows; none for an invocation without work
};

column_share share_columns(uint channels, uint rows, uint block_rows) {
    column_share share;
    share.columns = channels / WIDTH;
    const uint lane = gl_LocalInvocationID.x, across = min(share.columns, WORKGROUP), down = WORKGROUP / across;
    share.column = gl_WorkGroupID.x * WORKGROUP + lane % across;
    share.channel = share.column * WIDTH;
    share.block = gl_WorkGroupID.y * down + lane / across;
    share.start = share.block * block_rows;
    const bool idle = share.column >= share.columns || lane / across >= down;
    share.end = idle ? 0 : min(share.start + block_rows, rows);
    return share;
}

#endif
