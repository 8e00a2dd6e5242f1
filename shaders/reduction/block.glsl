// The share of an invocation in a reduction over tokens: one sample and channel, and block_tokens of its tokens.
#ifndef SIMBA_REDUCTION_BLOCK
#define SIMBA_REDUCTION_BLOCK

struct token_block {
    uint i;          // of (sample, channel)
    uint start, end; // tokens
    uint at;         // the first token's element
};

// False for invocations without work.
bool take_block(out token_block block) {
    const uint channels = arguments.channels, tokens = arguments.tokens;
    block.i = gl_GlobalInvocationID.x;
    block.start = gl_WorkGroupID.y * arguments.block_tokens;
    block.end = min(block.start + arguments.block_tokens, tokens);
    const uint item = block.i / channels;
    block.at = (item * tokens + block.start) * channels + (block.i - item * channels);
    return block.i < arguments.batch * channels;
}

// Where results of the block go: [block, sample, channel].
uint block_place(token_block block) {
    return gl_WorkGroupID.y * arguments.batch * arguments.channels + block.i;
}

#endif
