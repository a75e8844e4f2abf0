/* norm.h - normalisation without parameters of its own. Floor 1.
 *
 * One memory order serves sequences [T, C] and images [F, T, C]: positions,
 * then channels. Variances are biased (divided by the count), as in PyTorch.
 * gain and shift [C] may be NULL; y may be x. Sums run in double, so that the result does
 * not lose digits over long inputs. */
#ifndef STY_MATH_NORM_H
#define STY_MATH_NORM_H

#include <stddef.h>

/* torch.nn.LayerNorm over the last axis: each of n positions on its own. */
void sty_layer_norm_run(const float *x, size_t n, size_t c, float eps, const float *gain, const float *shift,
                        float *y);

/* torch.nn.GroupNorm: statistics over all n positions and the c / groups
 * channels of a group. groups = c is torch.nn.InstanceNorm. */
void sty_group_norm_run(const float *x, size_t n, size_t c, size_t groups, float eps, const float *gain,
                        const float *shift, float *y);

/* y = x gain + shift, per channel (batch norm with its statistics folded). */
void sty_affine(const float *x, size_t n, size_t c, const float *gain, const float *shift, float *y);

/* Batch norm with running statistics as gain and shift [C]:
 * gain = weight / sqrt(var + eps), shift = bias - mean gain. weight, bias may be NULL. */
void sty_batch_norm_fold(size_t c, const float *weight, const float *bias, const float *mean,
                         const float *var, double eps, float *gain, float *shift);

#endif
