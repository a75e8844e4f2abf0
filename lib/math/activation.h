/* activation.h - element-wise functions and softmax. Floor 1. */
#ifndef STY_MATH_ACTIVATION_H
#define STY_MATH_ACTIVATION_H

#include <stddef.h>

typedef enum sty_activation {
    STY_ACT_NONE,
    STY_ACT_RELU,
    STY_ACT_LEAKY_RELU, /* x < 0: slope x */
    STY_ACT_TANH,
    STY_ACT_SIGMOID,
    STY_ACT_SOFTSIGN, /* x / (1 + |x|) */
    STY_ACT_SOFTPLUS, /* ln(1 + e^x), x itself above 20 as in PyTorch */
    STY_ACT_MISH,     /* x tanh(softplus(x)) */
    STY_ACT_SWISH,    /* x sigmoid(x), torch.nn.SiLU */
    STY_ACT_GELU,     /* x/2 (1 + erf(x / sqrt 2)), torch.nn.GELU() */
    STY_N_ACTIVATIONS
} sty_activation;

/* Names in the order of the enum, NULL at the end: choices of parameters. */
extern const char *const sty_activation_names[];

/* x[n] = f(x[n]) in place. slope is used by leaky_relu only. NaN stays NaN. */
void sty_activate(sty_activation kind, float slope, float *x, size_t n);

/* Each row of x[rows, n] becomes exp(x - max) / sum. n > 0. A row whose
 * elements are all -inf becomes zeros (a fully masked row). */
void sty_softmax(float *x, size_t rows, size_t n);

#endif
