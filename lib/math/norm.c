/* norm.c - two passes (mean, then squared deviations): exact enough for float32
 * input, and the pass that normalises is the third. Groups narrower than a block
 * of channels are taken several at a time, so that memory is read in order. */
#include "math/norm.h"

#include "math/kernels.h"

#include <math.h>

void sty_layer_norm_run(const float *x, size_t n, size_t c, float eps, const float *gain, const float *shift,
                        float *y) {
    sty_kernels_chosen()->layer_norm(x, n, c, eps, gain, shift, y);
}

enum { BLOCK = STY_NORM_CHANNELS };

/* Groups that are normalised together: their channels from x, and into y, on. */
typedef struct {
    const sty_kernels *kernels;
    const float *x;
    float *y;
    size_t n, c;            /* positions, floats from one to the next */
    size_t width, n_groups; /* channels of a group; either one group or width n_groups <= BLOCK */
} groups;

static size_t block_at(const groups *g, size_t first) {
    const size_t left = g->width * g->n_groups - first;
    return left < BLOCK ? left : BLOCK;
}

/* value[i] of the group of channel first + i, for a block of channels */
static void spread(const groups *g, const double *value, size_t first, double *each) {
    for (size_t i = 0; i < BLOCK; i++) {
        const size_t group = (first + i) / g->width;
        each[i] = value[group < g->n_groups ? group : g->n_groups - 1];
    }
}

/* result[group]: the mean of x - mean[group], or of its square. */
static void group_moments(const groups *g, const double *mean, int squared, double *result) {
    double around[BLOCK], sum[BLOCK];
    for (size_t i = 0; i < g->n_groups; i++)
        result[i] = 0;
    for (size_t first = 0; first < g->width * g->n_groups; first += BLOCK) {
        const size_t m = block_at(g, first);
        spread(g, mean, first, around);
        g->kernels->channel_moments(g->x + first, g->n, g->c, m, around, squared, sum);
        for (size_t i = 0; i < m; i++)
            result[(first + i) / g->width] += sum[i];
    }
    for (size_t i = 0; i < g->n_groups; i++)
        result[i] /= (double)g->n * (double)g->width;
}

static void normalise(const groups *g, float eps, const float *gain, const float *shift) {
    const double zero[BLOCK] = {0};
    double mean[BLOCK], scale[BLOCK], means[BLOCK], scales[BLOCK];
    group_moments(g, zero, 0, mean);
    group_moments(g, mean, 1, scale);
    for (size_t i = 0; i < g->n_groups; i++)
        scale[i] = 1.0 / sqrt(scale[i] + (double)eps);
    for (size_t first = 0; first < g->width * g->n_groups; first += BLOCK) {
        spread(g, mean, first, means);
        spread(g, scale, first, scales);
        g->kernels->channel_scale(g->x + first, g->n, g->c, block_at(g, first), means, scales,
                                  gain ? gain + first : NULL, shift ? shift + first : NULL, g->y + first);
    }
}

void sty_group_norm_run(const float *x, size_t n, size_t c, size_t n_groups, float eps, const float *gain,
                        const float *shift, float *y) {
    const size_t width = c / n_groups, most = width < BLOCK ? BLOCK / width : 1;
    for (size_t i = 0; i < n_groups; i += most) {
        const size_t first = i * width;
        const groups g = {.kernels = sty_kernels_chosen(),
                          .x = x + first,
                          .y = y + first,
                          .n = n,
                          .c = c,
                          .width = width,
                          .n_groups = n_groups - i < most ? n_groups - i : most};
        normalise(&g, eps, gain ? gain + first : NULL, shift ? shift + first : NULL);
    }
}

void sty_affine(const float *x, size_t n, size_t c, const float *gain, const float *shift, float *y) {
    for (size_t i = 0; i < n; i++, x += c, y += c)
        for (size_t j = 0; j < c; j++)
            y[j] = x[j] * gain[j] + shift[j];
}

void sty_batch_norm_fold(size_t c, const float *weight, const float *bias, const float *mean,
                         const float *var, double eps, float *gain, float *shift) {
    for (size_t j = 0; j < c; j++) {
        const double scale = (weight ? (double)weight[j] : 1.0) / sqrt((double)var[j] + eps);
        gain[j] = (float)scale;
        shift[j] = (float)((bias ? (double)bias[j] : 0.0) - (double)mean[j] * scale);
    }
}
