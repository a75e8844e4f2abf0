/* conv_impl.h - convolution tiles: up to six frames by sixteen channels are held
 * in registers while the taps go by. One load of weights serves all the frames;
 * the frames' values are broadcast from where they lie. */
#ifndef STY_MATH_CONV_IMPL_H
#define STY_MATH_CONV_IMPL_H

#include "math/activation_impl.h"

#include <stdbool.h>

/* About tile->chunk products are summed up before they meet the sum of the others: rounding
 * then grows with the root of a chunk and of the number of chunks, not of their product. */
enum { TILE_VECTORS = STY_CONV_TILE / LANES, BLOCK = 6, DEPTHWISE_FRAMES = 4 };

/* The results of n frames of STY_CONV_TILE channels for a tile of fewer, `at` floats from the
 * first. */
static __attribute__((noinline)) void store_narrow(const sty_conv_tile *tile, const float *result,
                                                   size_t at, int n) {
    for (int f = 0; f < n; f++, result += STY_CONV_TILE, at += tile->out_step)
        for (size_t c = 0; c < tile->n_channels; c++)
            tile->out[at + c] =
                tile->add ? result[c] * tile->factor + tile->add[at + c] : result[c];
}

/* The statement for every vector v of every frame f < n, n a constant. */
#define EACH_VECTOR(statement)                                                                     \
    _Pragma("GCC unroll 6") for (int f = 0; f < n; f++)                                            \
        _Pragma("GCC unroll 4") for (int v = 0; v < TILE_VECTORS; v++) {                           \
        statement;                                                                                 \
    }

/* The results of n frames, `at` floats from the first. */
V_INLINE void store_frames(const sty_conv_tile *tile, v_float (*sum)[TILE_VECTORS], size_t at,
                           int n) {
    const size_t step = tile->out_step;
    float *out = tile->out + at;
    if (tile->activation == STY_ACT_RELU)
        EACH_VECTOR(sum[f][v] = v_relu(sum[f][v]))
    if (tile->activation == STY_ACT_LEAKY_RELU)
        EACH_VECTOR(sum[f][v] = v_leaky(sum[f][v], tile->slope))
    if (tile->n_channels < STY_CONV_TILE) {
        float result[BLOCK * STY_CONV_TILE]; /* a copy: the sums stay in registers */
        EACH_VECTOR(v_store(result + f * STY_CONV_TILE + v * LANES, sum[f][v]))
        store_narrow(tile, result, at, n);
        return;
    }
    if (tile->add) {
        const float *add = tile->add + at;
        EACH_VECTOR(sum[f][v] =
                        sum[f][v] * tile->factor + v_load(add + (size_t)f * step + v * LANES))
    }
    EACH_VECTOR(v_store(out + (size_t)f * step + v * LANES, sum[f][v]))
}

/* part += w x[f][j] for each of n frames, without part where these are its first products */
V_INLINE void add_products(const float *const *x, size_t j, const float *w, v_float (*part)[TILE_VECTORS],
                           int n, bool first) {
    v_float weight[TILE_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++)
        weight[v] = v_load(w + v * LANES);
#pragma GCC unroll 6
    for (int f = 0; f < n; f++) {
        const v_float value = v_all(x[f][j]);
#pragma GCC unroll 4
        for (int v = 0; v < TILE_VECTORS; v++)
            part[f][v] = first ? value * weight[v] : v_fma(value, weight[v], part[f][v]);
    }
}

V_INLINE void add_four(const float *const *x, size_t j, const float *w, v_float (*part)[TILE_VECTORS], int n,
                       bool first) {
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        add_products(x, j + k, w + k * STY_CONV_TILE, part, n, first && k == 0);
}

#if defined(__AVX2__) && !defined(__AVX512F__) && defined(__x86_64__)
/* part = w x[f][j..] for six frames and n values, a multiple of four, in all sixteen registers: twelve sums, two
 * vectors of weights a and b, a value in all lanes t. Compilers keep some of it in memory, or move it about. */
#define FRAME(multiply, j, x, p, q)                                                                \
    "vbroadcastss 4*" j "(%[" #x "],%[j],4),%[t]\n" multiply " %[a],%[t],%[" #p "]\n" multiply      \
    " %[b],%[t],%[" #q "]\n"
#define SIX_FRAMES(multiply, j)                                                                    \
    "vmovups 64*" j "(%[w]),%[a]\nvmovups 64*" j "+32(%[w]),%[b]\n" FRAME(multiply, j, x0, p0, q0) \
        FRAME(multiply, j, x1, p1, q1) FRAME(multiply, j, x2, p2, q2)                              \
            FRAME(multiply, j, x3, p3, q3) FRAME(multiply, j, x4, p4, q4)                          \
                FRAME(multiply, j, x5, p5, q5)
#define ALL(values) ".irp j," values "\n" SIX_FRAMES("vfmadd231ps", "\\j") ".endr\n"
#define SUMS(f) [p##f] "=&x"(part[f][0]), [q##f] "=&x"(part[f][1])

V_INLINE void six_frames(const float *const *x, size_t j, const float *w, size_t n,
                         v_float (*part)[TILE_VECTORS]) {
    size_t left = n / 4;
    v_float a, b, t;
    __asm__(SIX_FRAMES("vmulps", "0") ALL("1,2,3")
            "jmp 2f\n"
            ".p2align 4\n"
            "1:\n" ALL("0,1,2,3")
            "2: add $4,%[j]\n"
            "add $256,%[w]\n"
            "dec %[left]\n"
            "jnz 1b\n"
            : SUMS(0), SUMS(1), SUMS(2), SUMS(3), SUMS(4), SUMS(5), [a] "=&x"(a), [b] "=&x"(b),
              [t] "=&x"(t), [w] "+r"(w), [j] "+r"(j), [left] "+r"(left)
            : [x0] "r"(x[0]), [x1] "r"(x[1]), [x2] "r"(x[2]), [x3] "r"(x[3]), [x4] "r"(x[4]), [x5] "r"(x[5])
            : "memory", "cc");
}
#endif

/* The same for n frames. */
V_INLINE void sum_fours(const float *const *x, size_t j, const float *w, size_t n_products,
                        v_float (*part)[TILE_VECTORS], int n) {
#if defined(SIX_FRAMES)
    if (n == BLOCK) {
        six_frames(x, j, w, n_products, part);
        return;
    }
#endif
    add_four(x, j, w, part, n, true);
    for (size_t k = 4; k < n_products; k += 4)
        add_four(x, j + k, w + k * STY_CONV_TILE, part, n, false);
}

/* The same for any number of them. */
V_INLINE void sum_chunk(const float *const *x, size_t j, const float *w, size_t n_products,
                        v_float (*part)[TILE_VECTORS], int n) {
    const size_t even = n_products / 4 * 4;
    if (even > 0) sum_fours(x, j, w, even, part, n);
    else EACH_VECTOR(part[f][v] = v_all(0.0f))
    for (size_t k = even; k < n_products; k++)
        add_products(x, j + k, w + k * STY_CONV_TILE, part, n, false);
}

/* While a tile's frames pass, each chunk fetches its share of the next tile's weights into the
 * second cache. */
typedef struct {
    const float *next, *end;
    size_t lines; /* a chunk */
} weights_ahead;

static weights_ahead look_ahead(const sty_conv_tile *tile) {
    const size_t all = tile->n_rows * tile->n_taps * tile->run;
    const size_t lines = (tile->chunk * BLOCK + tile->n_frames - 1) / tile->n_frames;
    const float *next = tile->next ? tile->next : tile->weights; /* without a next one: nothing of these */
    return (weights_ahead){next, tile->next ? next + all * STY_CONV_TILE : next, lines};
}

V_INLINE void fetch(weights_ahead *ahead) {
    const float *next = ahead->next, *end = ahead->end;
    for (size_t n = ahead->lines; n > 0 && next < end; n--, next += STY_CONV_TILE)
        __builtin_prefetch(next, 0, 2);
    ahead->next = next;
}

/* Where the values of a kernel row and tap begin, for each of n frames. */
V_INLINE void find_runs(const sty_conv_tile *tile, size_t first, size_t row, size_t tap, const float **x, int n) {
    const sty_conv_window *window = tile->windows + first;
#pragma GCC unroll 6
    for (int f = 0; f < n; f++)
        x[f] = window[f].first + row * window[f].row_step + tap * tile->tap_step + tile->offset;
}

/* n is a constant at every call: the loops unroll into registers. The sum of the chunks before
 * waits in memory; the last one's stays in registers. */
V_INLINE void conv_block(const sty_conv_tile *tile, size_t first, weights_ahead *ahead, int n) {
    const size_t chunk = tile->chunk;
    size_t left = tile->n_rows * tile->n_taps * tile->run;
    v_float part[BLOCK][TILE_VECTORS];
    _Alignas(64) float sum[BLOCK][STY_CONV_TILE];
    bool begun = false;
#pragma GCC unroll 6
    for (int f = 0; f < n; f++) /* stores would wait for what they only replace in part */
        __builtin_prefetch(tile->out + (first + (size_t)f) * tile->out_step, 1);
    EACH_VECTOR(part[f][v] = v_all(0.0f))
    const float *w = tile->weights;
    for (size_t row = 0; row < tile->n_rows; row++)
        for (size_t k = 0; k < tile->n_taps; k++) {
            const float *x[BLOCK];
            find_runs(tile, first, row, k, x, n);
            for (size_t i = 0, end; i < tile->run; i = end) {
                end = tile->run - i < chunk + chunk / 2 ? tile->run : i + chunk;
                sum_chunk(x, i, w, end - i, part, n);
                fetch(ahead);
                w += (end - i) * STY_CONV_TILE;
                left -= end - i;
                if (left == 0) break;
                if (begun) EACH_VECTOR(part[f][v] += v_load(sum[f] + v * LANES))
                else EACH_VECTOR(part[f][v] += v_load(tile->bias + v * LANES))
                EACH_VECTOR(v_store(sum[f] + v * LANES, part[f][v]))
                begun = true;
            }
        }
    if (begun) EACH_VECTOR(part[f][v] += v_load(sum[f] + v * LANES))
    else EACH_VECTOR(part[f][v] += v_load(tile->bias + v * LANES))
    store_frames(tile, part, first * tile->out_step, n);
}

/* The same for rows of three values, fewer than a chunk of them, as the first layer of every spectrogram's
 * network has them: one sum, and no loop over the values. */
V_INLINE void conv_block_of_three(const sty_conv_tile *tile, size_t first, int n) {
    const float *w = tile->weights;
    v_float sum[BLOCK][TILE_VECTORS];
    EACH_VECTOR(sum[f][v] = v_all(0.0f))
    for (size_t row = 0; row < tile->n_rows; row++, w += 3 * STY_CONV_TILE) {
        const float *x[BLOCK];
        find_runs(tile, first, row, 0, x, n);
#pragma GCC unroll 3
        for (size_t j = 0; j < 3; j++)
            add_products(x, j, w + j * STY_CONV_TILE, sum, n, false);
    }
    EACH_VECTOR(sum[f][v] += v_load(tile->bias + v * LANES))
    store_frames(tile, sum, first * tile->out_step, n);
}

/* The same for several short runs that fit one chunk: one sum. */
V_INLINE void conv_block_of_few(const sty_conv_tile *tile, size_t first, int n) {
    const float *w = tile->weights;
    v_float sum[BLOCK][TILE_VECTORS];
    EACH_VECTOR(sum[f][v] = v_all(0.0f))
    for (size_t row = 0; row < tile->n_rows; row++)
        for (size_t k = 0; k < tile->n_taps; k++) {
            const float *x[BLOCK];
            find_runs(tile, first, row, k, x, n);
            for (size_t j = 0; j < tile->run; j++, w += STY_CONV_TILE)
                add_products(x, j, w, sum, n, false);
        }
    EACH_VECTOR(sum[f][v] += v_load(tile->bias + v * LANES))
    store_frames(tile, sum, first * tile->out_step, n);
}

/* A function for each number of frames: in one for all of them compilers run out of registers. */
#define NO_INLINE __attribute__((noinline))
#define CONV_BLOCKS(n)                                                                             \
    static NO_INLINE void conv_block_##n(const sty_conv_tile *tile, size_t first,                  \
                                         weights_ahead *ahead) {                                   \
        conv_block(tile, first, ahead, n);                                                         \
    }                                                                                              \
    static NO_INLINE void conv_few_##n(const sty_conv_tile *tile, size_t first,                    \
                                       weights_ahead *ahead) {                                     \
        (void)ahead;                                                                               \
        conv_block_of_few(tile, first, n);                                                         \
    }                                                                                              \
    static NO_INLINE void conv_three_##n(const sty_conv_tile *tile, size_t first,                  \
                                         weights_ahead *ahead) {                                   \
        (void)ahead;                                                                               \
        conv_block_of_three(tile, first, n);                                                       \
    }
CONV_BLOCKS(1)
CONV_BLOCKS(2)
CONV_BLOCKS(3)
CONV_BLOCKS(4)
CONV_BLOCKS(5)
CONV_BLOCKS(6)

static void conv_tile(const sty_conv_tile *tile) {
    typedef void run_block(const sty_conv_tile *tile, size_t first, weights_ahead *ahead);
    static run_block *const any[BLOCK] = {conv_block_1, conv_block_2, conv_block_3,
                                          conv_block_4, conv_block_5, conv_block_6};
    static run_block *const few[BLOCK] = {conv_few_1, conv_few_2, conv_few_3, conv_few_4, conv_few_5, conv_few_6};
    static run_block *const threes[BLOCK] = {conv_three_1, conv_three_2, conv_three_3,
                                             conv_three_4, conv_three_5, conv_three_6};
    const size_t n_runs = tile->n_rows * tile->n_taps;
    const bool one_sum = n_runs > 1 && n_runs * tile->run <= tile->chunk;
    run_block *const *blocks = !one_sum ? any : tile->run == 3 && tile->n_taps == 1 ? threes : few;
    weights_ahead ahead = look_ahead(tile);
    /* blocks of nearly the same size: a last one of one frame would be slow */
    size_t n_blocks = (tile->n_frames + BLOCK - 1) / BLOCK;
    for (size_t first = 0; n_blocks > 0; n_blocks--) {
        const size_t left = tile->n_frames - first, n = (left + n_blocks - 1) / n_blocks;
        blocks[n - 1](tile, first, &ahead);
        first += n;
    }
}

/* Channels as lanes, n < LANES at the end of their row; n_frames, a constant, share the weights. */
V_INLINE void depthwise_vectors(const sty_conv_depthwise *conv, size_t frame, int n_frames, size_t c, size_t n) {
    const sty_conv_window *window = conv->windows + frame;
    const float *w = conv->weights + c;
    v_float sum[DEPTHWISE_FRAMES];
#pragma GCC unroll 4
    for (int f = 0; f < n_frames; f++)
        sum[f] = conv->bias ? v_load_or(conv->bias + c, n, 0.0f) : v_all(0.0f);
    for (size_t row = 0; row < conv->n_rows; row++)
        for (size_t k = 0; k < conv->n_taps; k++, w += conv->n_channels) {
            const v_float weight = v_load_or(w, n, 0.0f);
#pragma GCC unroll 4
            for (int f = 0; f < n_frames; f++) {
                const float *x = window[f].first + row * window[f].row_step + k * conv->tap_step + c;
                sum[f] = v_fma(v_load_or(x, n, 0.0f), weight, sum[f]);
            }
        }
#pragma GCC unroll 4
    for (int f = 0; f < n_frames; f++)
        v_store_to(conv->out + (frame + (size_t)f) * conv->n_channels + c, sum[f], n);
}

V_INLINE void depthwise_frames(const sty_conv_depthwise *conv, size_t frame, int n_frames) {
    const size_t whole = conv->n_channels / LANES * LANES;
    for (size_t c = 0; c < whole; c += LANES)
        depthwise_vectors(conv, frame, n_frames, c, LANES);
    if (whole < conv->n_channels) depthwise_vectors(conv, frame, n_frames, whole, conv->n_channels - whole);
}

static void conv_depthwise(const sty_conv_depthwise *conv) {
    size_t frame = 0;
    for (; frame + DEPTHWISE_FRAMES <= conv->n_frames; frame += DEPTHWISE_FRAMES)
        depthwise_frames(conv, frame, DEPTHWISE_FRAMES);
    for (; frame < conv->n_frames; frame++)
        depthwise_frames(conv, frame, 1);
}

#endif
