/* condition_part.h - the conditioning of a DelightfulTTS conformer block: a gated
 * convolution that a speaker or language vector shifts. Floor 2. */
#ifndef STY_LAYERS_CONDITION_PART_H
#define STY_LAYERS_CONDITION_PART_H

#include "layers/linear_part.h"

typedef struct sty_condition_params {
    int kernel, activation;
} sty_condition_params;

typedef struct sty_condition_state {
    sty_linear pointwise, embedding;
    const float *depthwise, *depthwise_bias; /* depthwise packed */
} sty_condition_state;

/* d: width of the sequence, e: of the condition. Tensors begin with "condition.". */
void sty_condition_slots(const sty_condition_params *p, size_t d, size_t e, sty_slots *list);
sty_status sty_condition_prepare(const sty_condition_params *p, size_t d, size_t e, const sty_slots *list,
                                 const float *const *weights, sty_arena *arena,
                                 sty_condition_state *state, sty_err *err);
size_t sty_condition_floats(const sty_condition_params *p, size_t d, size_t t);
double sty_condition_work(const sty_condition_params *p, size_t d, size_t e, size_t t);

/* x [t, d] in place: a, b = halves of depthwise(pointwise(x));
 * x = sqrt(1/2) (x + (a + f(embedding(condition))) sigmoid(b)).
 * condition: a vector, or a sequence of t steps (or one). */
void sty_condition_apply(const sty_condition_params *p, const sty_condition_state *state,
                         const sty_tensor *condition, size_t t, size_t d, float *x, float *scratch);

#endif
