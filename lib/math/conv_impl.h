/* conv_impl.h - convolution tiles: up to six frames by sixteen channels are held
 * in registers while the taps go by. One load of weights serves all the frames;
 * the frames' values are broadcast from where they lie. */
#ifndef STY_MATH_CONV_IMPL_H
#define STY_MATH_CONV_IMPL_H

#include "math/activation_impl.h"

#include <stdbool.h>

/* About CHUNK products are summed up before they meet the sum of the others: rounding
 * then grows with the root of CHUNK and of the number of chunks, not of their product. */
enum { TILE_VECTORS = STY_CONV_TILE / LANES, BLOCK = 6, CHUNK = 32 };

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

/* part += w x[f][j] for each of n frames */
V_INLINE void add_products(const float *const *x, size_t j, const float *w,
                           v_float (*part)[TILE_VECTORS], int n) {
    v_float weight[TILE_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++)
        weight[v] = v_load(w + v * LANES);
#pragma GCC unroll 6
    for (int f = 0; f < n; f++) {
        const v_float value = v_all(x[f][j]);
#pragma GCC unroll 4
        for (int v = 0; v < TILE_VECTORS; v++)
            part[f][v] = v_fma(value, weight[v], part[f][v]);
    }
}

/* sum += part, part = 0 */
V_INLINE void flush(v_float (*sum)[TILE_VECTORS], v_float (*part)[TILE_VECTORS], int n) {
    EACH_VECTOR({
        sum[f][v] += part[f][v];
        part[f][v] = v_all(0.0f);
    })
}

/* While a tile's frames pass, each chunk fetches its share of the next tile's weights into the
 * second cache. */
typedef struct {
    const float *next, *end;
    size_t share; /* floats a chunk */
} weights_ahead;

static weights_ahead look_ahead(const sty_conv_tile *tile) {
    const size_t all = tile->n_rows * tile->n_taps * tile->run;
    const size_t lines = (CHUNK * BLOCK + tile->n_frames - 1) / tile->n_frames;
    const float *next = tile->next ? tile->next : tile->weights; /* without a next one: nothing of these */
    return (weights_ahead){next, tile->next ? next + all * STY_CONV_TILE : next, lines * STY_CONV_TILE};
}

V_INLINE void fetch(weights_ahead *ahead) {
    const size_t left = (size_t)(ahead->end - ahead->next), n = left < ahead->share ? left : ahead->share;
    for (const float *end = ahead->next + n; ahead->next < end; ahead->next += STY_CONV_TILE)
        __builtin_prefetch(ahead->next, 0, 2);
}

/* n is a constant at every call: the loops unroll into registers. */
V_INLINE void conv_block(const sty_conv_tile *tile, size_t first, weights_ahead *ahead, int n) {
    const sty_conv_window *window = tile->windows + first;
    v_float sum[BLOCK][TILE_VECTORS], part[BLOCK][TILE_VECTORS];
    EACH_VECTOR({
        sum[f][v] = v_load(tile->bias + v * LANES);
        part[f][v] = v_all(0.0f);
    })
#pragma GCC unroll 6
    for (int f = 0; f < n; f++) /* stores would wait for what they only replace in part */
        __builtin_prefetch(tile->out + (first + (size_t)f) * tile->out_step, 1);
    const float *w = tile->weights;
    size_t held = 0;
    for (size_t row = 0; row < tile->n_rows; row++)
        for (size_t k = 0; k < tile->n_taps; k++)
            for (size_t i = 0, end; i < tile->run; i = end) {
                const float *x[BLOCK];
                end = tile->run - i < CHUNK + CHUNK / 2 ? tile->run : i + CHUNK;
#pragma GCC unroll 6
                for (int f = 0; f < n; f++)
                    x[f] = window[f].first + row * window[f].row_step + k * tile->tap_step +
                           tile->offset;
#pragma GCC unroll 4
                for (size_t j = i; j < end; j++, w += STY_CONV_TILE)
                    add_products(x, j, w, part, n);
                held += end - i;
                if (held < CHUNK) continue;
                fetch(ahead);
                flush(sum, part, n);
                held = 0;
            }
    flush(sum, part, n);
    store_frames(tile, sum, first * tile->out_step, n);
}

/* The same for rows of three values in fewer than CHUNK, as the first layer of every
 * spectrogram's network has them: one sum, and no loop over the values. */
V_INLINE void conv_block_of_three(const sty_conv_tile *tile, size_t first, int n) {
    const sty_conv_window *window = tile->windows + first;
    const float *w = tile->weights;
    v_float sum[BLOCK][TILE_VECTORS];
    EACH_VECTOR(sum[f][v] = v_all(0.0f))
    for (size_t row = 0; row < tile->n_rows; row++, w += 3 * STY_CONV_TILE) {
        const float *x[BLOCK];
#pragma GCC unroll 6
        for (int f = 0; f < n; f++)
            x[f] = window[f].first + row * window[f].row_step + tile->offset;
#pragma GCC unroll 3
        for (size_t j = 0; j < 3; j++)
            add_products(x, j, w + j * STY_CONV_TILE, sum, n);
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
    static run_block *const threes[BLOCK] = {conv_three_1, conv_three_2, conv_three_3,
                                             conv_three_4, conv_three_5, conv_three_6};
    const bool three = tile->run == 3 && tile->n_taps == 1 && 3 * tile->n_rows < CHUNK;
    run_block *const *blocks = three ? threes : any;
    weights_ahead ahead = look_ahead(tile);
    /* blocks of nearly the same size: a last one of one frame would be slow */
    size_t n_blocks = (tile->n_frames + BLOCK - 1) / BLOCK;
    for (size_t first = 0; n_blocks > 0; n_blocks--) {
        const size_t left = tile->n_frames - first, n = (left + n_blocks - 1) / n_blocks;
        blocks[n - 1](tile, first, &ahead);
        first += n;
    }
}

/* Channels as lanes; n < LANES at the end of the row of channels. */
V_INLINE void depthwise_vector(const sty_conv_depthwise *conv, size_t frame, size_t c, size_t n) {
    const sty_conv_window *window = conv->windows + frame;
    v_float sum = conv->bias ? v_load_or(conv->bias + c, n, 0.0f) : v_all(0.0f);
    const float *w = conv->weights + c;
    for (size_t row = 0; row < conv->n_rows; row++) {
        const float *x = window->first + row * window->row_step + c;
        for (size_t k = 0; k < conv->n_taps; k++, x += conv->tap_step, w += conv->n_channels)
            sum = v_fma(v_load_or(x, n, 0.0f), v_load_or(w, n, 0.0f), sum);
    }
    v_store_to(conv->out + frame * conv->n_channels + c, sum, n);
}

static void conv_depthwise(const sty_conv_depthwise *conv) {
    const size_t whole = conv->n_channels / LANES * LANES;
    for (size_t frame = 0; frame < conv->n_frames; frame++) {
        for (size_t c = 0; c < whole; c += LANES)
            depthwise_vector(conv, frame, c, LANES);
        if (whole < conv->n_channels) depthwise_vector(conv, frame, whole, conv->n_channels - whole);
    }
}

#endif
