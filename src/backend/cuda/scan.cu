/* Mamba's selective scan. It goes through the tokens in the chunks that the graph saves states for. Of each chunk one
 * kernel computes all states, a thread taking one state of one channel from token to token; the sums over states, and
 * over channels, follow in kernels of their own, so that no memory larger than a chunk's states is needed. */
#include "backend/cuda/numbers.h"
#include "backend/cuda/sums.h"

/* A chunk of all sequences. */
struct scan {
    int64_t length, channels, size; /* L, E, N */
    int64_t chunk;                  /* tokens of a chunk; the last one may have fewer: */
    int64_t first, tokens;
    bool softplus;
    const float *u, *delta, *a, *d, *bias; /* d, bias: or NULL */
    struct cuda_matrix b, c, z;            /* z.data: or NULL */
    double *states;                        /* [B, chunk + 1, E, N]: before the first token, then after each */
};

/* Number k of the tokens of the chunk in sequence `item`, as a row of u. */
static __device__ int64_t row_of(const struct scan &s, int64_t item, int64_t k) {
    return item * s.length + s.first + k;
}

/* State n of channel e, after the first k tokens of the chunk. */
static __device__ double &state_of(const struct scan &s, int64_t item, int64_t k, int64_t e, int64_t n) {
    return s.states[((item * (s.chunk + 1) + k) * s.channels + e) * s.size + n];
}

static __device__ double step_argument(const struct scan &s, int64_t row, int64_t e) {
    return s.delta[row * s.channels + e] + (double)(s.bias ? s.bias[e] : 0);
}

/* Above 20 softplus(x) is x to the last bit of a float; the published kernel has the same switch. */
static __device__ double step_size(const struct scan &s, int64_t row, int64_t e) {
    const double x = step_argument(s, row, e);
    return !s.softplus || x > 20 ? x : log1p(exp(x));
}

/* Where the state before the first token of a chunk is kept: of chunk 1 the first, as that of chunk 0 is zero. */
static __device__ float &border_state(const struct scan &s, float *borders, int64_t item, int64_t e, int64_t n) {
    const int64_t count = (s.length + s.chunk - 1) / s.chunk - 1;
    return borders[((item * count + s.first / s.chunk - 1) * s.channels + e) * s.size + n];
}

/* Puts the states of a chunk behind its first ones. */
static __device__ void advance(const struct scan &s, int64_t item, int64_t e, int64_t n) {
    double h = state_of(s, item, 0, e, n);
    for (int64_t k = 0; k < s.tokens; k++) {
        const int64_t row = row_of(s, item, k), at = row * s.channels + e;
        const double step = step_size(s, row, e);
        h = exp(step * s.a[e * s.size + n]) * h + step * s.u[at] * s.b.row(row)[n];
        state_of(s, item, k + 1, e, n) = h;
    }
}

/* A thread for each [B, E, N]. All chunks but the last are full, so the one before has ended at token `chunk`. */
static __global__ void scan_states(int64_t count, struct scan s, float *borders) {
    CUDA_ELEMENTS(i, count) {
        const int64_t n = i % s.size, e = i / s.size % s.channels, item = i / s.size / s.channels;
        const double before = s.first ? state_of(s, item, s.chunk, e, n) : 0;
        state_of(s, item, 0, e, n) = before;
        if (borders && s.first) border_state(s, borders, item, e, n) = (float)before;
        advance(s, item, e, n);
    }
}

/* A thread for each [B, tokens, E]. */
static __global__ void scan_outputs(int64_t count, struct scan s, float *y, float *ungated) {
    CUDA_ELEMENTS(i, count) {
        const int64_t e = i % s.channels, k = i / s.channels % s.tokens, item = i / s.channels / s.tokens;
        const int64_t row = row_of(s, item, k), at = row * s.channels + e;
        double sum = 0;
        for (int64_t n = 0; n < s.size; n++) sum += s.c.row(row)[n] * state_of(s, item, k + 1, e, n);
        if (s.d) sum += (double)s.d[e] * s.u[at];
        if (ungated) ungated[at] = (float)sum;
        if (s.z.data) sum *= cuda_activation(SB_ACTIVATION_SILU, 0, s.z.row(row)[e]);
        y[at] = (float)sum;
    }
}

/* The forward inputs stand in the same order in both nodes. */
static struct scan scan_of(const struct cuda_arguments *arguments, const struct cuda_span *in) {
    struct scan s = {};
    s.length = cuda_axis(&in[SB_SCAN_U], 1);
    s.channels = cuda_axis(&in[SB_SCAN_U], 2);
    s.size = cuda_axis(&in[SB_SCAN_A], 1);
    s.chunk = arguments->node->attributes.scan.chunk;
    s.softplus = arguments->node->attributes.scan.softplus;
    s.u = cuda_floats(&in[SB_SCAN_U]);
    s.delta = cuda_floats(&in[SB_SCAN_DELTA]);
    s.a = cuda_floats(&in[SB_SCAN_A]);
    s.d = cuda_floats(&in[SB_SCAN_D]);
    s.bias = cuda_floats(&in[SB_SCAN_BIAS]);
    s.b = cuda_matrix_of(&in[SB_SCAN_B]);
    s.c = cuda_matrix_of(&in[SB_SCAN_C]);
    s.z = cuda_matrix_of(&in[SB_SCAN_Z]);
    s.states = (double *)arguments->scratch;
    return s;
}

static void enter_chunk(struct scan *s, int64_t first) {
    s->first = first;
    s->tokens = s->length - first < s->chunk ? s->length - first : s->chunk;
}

bool cuda_selective_scan(struct cuda_arguments *arguments) {
    struct scan s = scan_of(arguments, arguments->in);
    const int64_t batch = cuda_axis(&arguments->in[SB_SCAN_U], 0);
    float *y = cuda_floats(&arguments->out[SB_SCAN_Y]), *ungated = cuda_floats(&arguments->out[SB_SCAN_UNGATED]);
    float *borders = cuda_floats(&arguments->out[SB_SCAN_STATES]);
    for (int64_t first = 0; first < s.length; first += s.chunk) {
        enter_chunk(&s, first);
        if (!cuda_launch(arguments, batch * s.channels * s.size, scan_states, s, borders) ||
            !cuda_launch(arguments, batch * s.tokens * s.channels, scan_outputs, s, y, ungated))
            return false;
    }
    return true;
}

/* What the gradient keeps beside the states. */
struct adjoints {
    const float *dy;
    double *of_states; /* [B, chunk, E, N]: of the state after each token */
    double *carried;   /* [B, E, N]: what the tokens behind the chunk want of the state after its last one */
    double *a_sum;     /* [B, E, N]: the gradient of A, of each sequence by itself */
};

static __device__ double &adjoint_of(const struct scan &s, const struct adjoints &g, int64_t item, int64_t k, int64_t e,
                                     int64_t n) {
    return g.of_states[((item * s.chunk + k) * s.channels + e) * s.size + n];
}

/* The gradient of what is gated. */
static __device__ double arrived_at(const struct scan &s, const struct adjoints &g, int64_t row, int64_t e) {
    const double gate = s.z.data ? cuda_activation(SB_ACTIVATION_SILU, 0, s.z.row(row)[e]) : 1;
    return g.dy[row * s.channels + e] * gate;
}

/* A thread for each [B, E, N]: the states of the chunk again, from the saved ones, then their adjoints backwards. */
static __global__ void scan_adjoints(int64_t count, struct scan s, struct adjoints g, float *borders) {
    CUDA_ELEMENTS(i, count) {
        const int64_t n = i % s.size, e = i / s.size % s.channels, item = i / s.size / s.channels;
        const bool last = s.first + s.tokens == s.length;
        const double rate = s.a[e * s.size + n];
        double carried = last ? 0 : g.carried[i], a_sum = last ? 0 : g.a_sum[i];
        state_of(s, item, 0, e, n) = s.first ? border_state(s, borders, item, e, n) : 0;
        advance(s, item, e, n);
        for (int64_t k = s.tokens - 1; k >= 0; k--) {
            const int64_t row = row_of(s, item, k);
            const double step = step_size(s, row, e), decay = exp(step * rate);
            const double adjoint = carried + arrived_at(s, g, row, e) * s.c.row(row)[n];
            adjoint_of(s, g, item, k, e, n) = adjoint;
            a_sum += adjoint * step * decay * state_of(s, item, k, e, n);
            carried = decay * adjoint;
        }
        g.carried[i] = carried;
        g.a_sum[i] = a_sum;
    }
}

/* A thread for each [B, tokens, E]: what is summed over the states. */
static __global__ void scan_channel_gradients(int64_t count, struct scan s, struct adjoints g, float *du,
                                              float *ddelta) {
    CUDA_ELEMENTS(i, count) {
        const int64_t e = i % s.channels, k = i / s.channels % s.tokens, item = i / s.channels / s.tokens;
        const int64_t row = row_of(s, item, k), at = row * s.channels + e;
        const double step = step_size(s, row, e), input = s.u[at];
        double input_sum = s.d ? s.d[e] * arrived_at(s, g, row, e) : 0, step_sum = 0;
        for (int64_t n = 0; n < s.size; n++) {
            const double rate = s.a[e * s.size + n], factor = s.b.row(row)[n];
            const double adjoint = adjoint_of(s, g, item, k, e, n);
            input_sum += adjoint * factor * step;
            step_sum += adjoint * (factor * input + rate * exp(step * rate) * state_of(s, item, k, e, n));
        }
        const double argument = step_argument(s, row, e);
        if (s.softplus && argument <= 20) step_sum *= cuda_sigmoid(argument);
        du[at] = (float)input_sum;
        ddelta[at] = (float)step_sum;
    }
}

/* A thread for each [B, tokens, N]: what is summed over the channels. */
static __global__ void scan_state_gradients(int64_t count, struct scan s, struct adjoints g, struct cuda_matrix db,
                                            struct cuda_matrix dc) {
    CUDA_ELEMENTS(i, count) {
        const int64_t n = i % s.size, k = i / s.size % s.tokens, item = i / s.size / s.tokens;
        const int64_t row = row_of(s, item, k);
        double b_sum = 0, c_sum = 0;
        for (int64_t e = 0; e < s.channels; e++) {
            b_sum += adjoint_of(s, g, item, k, e, n) * step_size(s, row, e) * s.u[row * s.channels + e];
            c_sum += arrived_at(s, g, row, e) * state_of(s, item, k + 1, e, n);
        }
        db.row(row)[n] = (float)b_sum;
        dc.row(row)[n] = (float)c_sum;
    }
}

static __global__ void gate_gradient(int64_t count, struct cuda_matrix z, const float *dy, const float *ungated,
                                     struct cuda_matrix dz) {
    CUDA_ELEMENTS(i, count)
    dz[i] = (float)((double)dy[i] * ungated[i] * cuda_activation_slope(SB_ACTIVATION_SILU, z[i]));
}

/* The gradient of D is a sum over the tokens. */
struct skip_term {
    struct scan s;
    struct adjoints g;

    __device__ double operator()(int64_t row, int64_t e) const {
        return arrived_at(s, g, row, e) * s.u[row * s.channels + e];
    }
};

bool cuda_selective_scan_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *in = arguments->in, *out = arguments->out, *u = &in[SB_SCAN_GRADIENT_U];
    struct scan s = scan_of(arguments, u);
    const int64_t batch = cuda_axis(u, 0), rows = sb_rows(u->tensor), states = s.channels * s.size;
    struct adjoints g = {};
    g.dy = cuda_floats(&in[SB_SCAN_GRADIENT_DY]);
    g.of_states = s.states + batch * (s.chunk + 1) * states;
    g.carried = g.of_states + batch * s.chunk * states;
    g.a_sum = g.carried + batch * states;
    double *parts = g.a_sum + batch * states;
    float *borders = cuda_floats(&in[SB_SCAN_GRADIENT_STATES]), *du = cuda_floats(&out[SB_SCAN_GRADIENT_DU]);
    float *ddelta = cuda_floats(&out[SB_SCAN_GRADIENT_DDELTA]), *dd = cuda_floats(&out[SB_SCAN_GRADIENT_DD]);
    float *dbias = cuda_floats(&out[SB_SCAN_GRADIENT_DBIAS]);
    const struct cuda_matrix dz = cuda_matrix_of(&out[SB_SCAN_GRADIENT_DZ]);
    const struct skip_term skip = {s, g};
    for (int64_t first = (s.length - 1) / s.chunk * s.chunk; first >= 0; first -= s.chunk) {
        enter_chunk(&s, first);
        if (!cuda_launch(arguments, batch * states, scan_adjoints, s, g, borders) ||
            !cuda_launch(arguments, batch * s.tokens * s.channels, scan_channel_gradients, s, g, du, ddelta) ||
            !cuda_launch(arguments, batch * s.tokens * s.size, scan_state_gradients, s, g,
                         cuda_matrix_of(&out[SB_SCAN_GRADIENT_DB]), cuda_matrix_of(&out[SB_SCAN_GRADIENT_DC])))
            return false;
    }
    if (dz.data && !cuda_launch(arguments, rows * s.channels, gate_gradient, s.z, g.dy,
                                cuda_floats(&in[SB_SCAN_GRADIENT_UNGATED]), dz))
        return false;
    /* The bias is added to delta, so it has the sum of delta's gradient. */
    return cuda_sum_terms(arguments, batch, states, cuda_doubles{g.a_sum, states}, parts,
                          cuda_floats(&out[SB_SCAN_GRADIENT_DA])) &&
           (!dd || cuda_sum_terms(arguments, rows, s.channels, skip, parts, dd)) &&
           (!dbias || cuda_sum_rows(arguments, cuda_matrix_of(&out[SB_SCAN_GRADIENT_DDELTA]), rows, parts, dbias));
}

/* The states of a chunk; for the gradient also their adjoints, what is carried on, and the partial sums. */
size_t cuda_selective_scan_scratch(const struct sb_node *node) {
    const struct sb_tensor *u = node->inputs[SB_SCAN_U];
    const int64_t states = u->shape[0] * sb_elements(node->inputs[SB_SCAN_A]);
    return (size_t)(states * (node->attributes.scan.chunk + 1)) * sizeof(double);
}

size_t cuda_selective_scan_gradient_scratch(const struct sb_node *node) {
    const struct sb_tensor *u = node->inputs[SB_SCAN_GRADIENT_U], *a = node->inputs[SB_SCAN_GRADIENT_A];
    const int64_t states = u->shape[0] * sb_elements(a);
    const size_t of_rows = cuda_parts_bytes(sb_rows(u), sb_columns(u));
    const size_t of_sequences = cuda_parts_bytes(u->shape[0], sb_elements(a));
    return (size_t)(states * (2 * node->attributes.scan.chunk + 3)) * sizeof(double) +
           (of_rows > of_sequences ? of_rows : of_sequences);
}
