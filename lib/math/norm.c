/* norm.c - two passes (mean, then squared deviations): exact enough for float32
 * input, and the pass that normalises is the third. */
#include "math/norm.h"

#include <math.h>

void sty_layer_norm_run(float *x, size_t n, size_t c, float eps, const float *gain,
                    const float *shift) {
    for (size_t i = 0; i < n; i++, x += c) {
        double sum = 0, squares = 0;
        for (size_t j = 0; j < c; j++)
            sum += (double)x[j];
        const double mean = sum / (double)c;
        for (size_t j = 0; j < c; j++)
            squares += ((double)x[j] - mean) * ((double)x[j] - mean);
        const double scale = 1.0 / sqrt(squares / (double)c + (double)eps);
        for (size_t j = 0; j < c; j++) {
            float y = (float)(((double)x[j] - mean) * scale);
            x[j] = y * (gain ? gain[j] : 1.0f) + (shift ? shift[j] : 0.0f);
        }
    }
}

static void normalise_group(float *x, size_t n, size_t c, size_t first, size_t width, float eps,
                            const float *gain, const float *shift) {
    const double count = (double)n * (double)width;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = first; j < first + width; j++)
            sum += (double)x[i * c + j];
    const double mean = sum / count;
    for (size_t i = 0; i < n; i++)
        for (size_t j = first; j < first + width; j++) {
            const double d = (double)x[i * c + j] - mean;
            squares += d * d;
        }
    const double scale = 1.0 / sqrt(squares / count + (double)eps);
    for (size_t i = 0; i < n; i++)
        for (size_t j = first; j < first + width; j++) {
            float y = (float)(((double)x[i * c + j] - mean) * scale);
            x[i * c + j] = y * (gain ? gain[j] : 1.0f) + (shift ? shift[j] : 0.0f);
        }
}

void sty_group_norm_run(float *x, size_t n, size_t c, size_t groups, float eps, const float *gain,
                    const float *shift) {
    const size_t width = c / groups;
    for (size_t g = 0; g < groups; g++)
        normalise_group(x, n, c, g * width, width, eps, gain, shift);
}

void sty_affine(float *x, size_t n, size_t c, const float *gain, const float *shift) {
    for (size_t i = 0; i < n; i++, x += c)
        for (size_t j = 0; j < c; j++)
            x[j] = x[j] * gain[j] + shift[j];
}

void sty_batch_norm_fold(size_t c, const float *weight, const float *bias, const float *mean,
                         const float *var, double eps, float *gain, float *shift) {
    for (size_t j = 0; j < c; j++) {
        const double scale = (weight ? (double)weight[j] : 1.0) / sqrt((double)var[j] + eps);
        gain[j] = (float)scale;
        shift[j] = (float)((bias ? (double)bias[j] : 0.0) - (double)mean[j] * scale);
    }
}
