/* activation.c - names, and the way to the kernels of this processor. */
#include "math/activation.h"

#include "base/check.h"
#include "math/kernels.h"

const char *const sty_activation_names[] = {"none",     "relu",     "leaky_relu", "tanh",
                                            "sigmoid",  "softsign", "softplus",   "mish",
                                            "swish",    "gelu",     NULL};

_Static_assert(STY_COUNT(sty_activation_names) == STY_N_ACTIVATIONS + 1, "a name for each");

void sty_activate(sty_activation kind, float slope, float *x, size_t n) {
    sty_kernels_chosen()->activate(kind, slope, x, n);
}

void sty_softmax(float *x, size_t rows, size_t n) { sty_kernels_chosen()->softmax(x, rows, n); }
