/* wide_conv.c - one product per tap, added up in place. A tap that looks beyond an
 * end simply has fewer rows, so nothing is padded or copied. */
#include "math/wide_conv.h"

#include "math/gemm.h"
#include "math/linear.h"

size_t sty_wide_conv_packed(const sty_wide_conv *conv) {
    return conv->kernel == 1 ? 0 : conv->kernel * conv->in_channels * conv->out_channels;
}

/* packed: [kernel][out][in] */
const float *sty_wide_conv_pack(const sty_wide_conv *conv, const float *weight, float *packed) {
    const size_t n = conv->in_channels * conv->out_channels;
    if (conv->kernel == 1) return weight;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < conv->kernel; k++)
            packed[k * n + i] = weight[i * conv->kernel + k];
    return packed;
}

void sty_wide_conv_run(const sty_wide_conv *conv, const float *weights, const float *bias,
                       const float *x, size_t n_frames, float *y) {
    const size_t ci = conv->in_channels, co = conv->out_channels, middle = conv->kernel / 2;
    sty_linear_run(n_frames, co, ci, x, weights + middle * ci * co, bias, y);
    for (size_t k = 0; k < conv->kernel; k++) {
        const size_t shift = k < middle ? middle - k : k - middle;
        if (shift == 0 || shift >= n_frames) continue;
        const float *from = k < middle ? x : x + shift * ci;
        float *to = k < middle ? y + shift * co : y;
        sty_gemm_bt(n_frames - shift, co, ci, from, ci, weights + k * ci * co, ci, true, to, co);
    }
}
