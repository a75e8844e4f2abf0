/* condition_part.c - Conv1dGLU over BSConv1d of nickovchinnikov/tts-framework,
 * dunky11/voicesmith and coqui-ai/TTS. */
#include "layers/condition_part.h"

#include "math/activation.h"
#include "math/conv.h"

static sty_conv depthwise(const sty_condition_params *p, size_t d) {
    return sty_conv_same(2 * d, 2 * d, (size_t)p->kernel, 2 * d);
}

void sty_condition_slots(const sty_condition_params *p, size_t d, size_t e, sty_slots *list) {
    sty_slot_add(list, 3, 2 * d, d, 1, 1, "condition.pointwise.weight");
    STY_SLOT1(list, 2 * d, "condition.pointwise.bias");
    sty_slot_add(list, 3, 2 * d, 1, (size_t)p->kernel, 1, "condition.depthwise.weight");
    STY_SLOT1(list, 2 * d, "condition.depthwise.bias");
    STY_SLOT2(list, d, e, "condition.embedding.weight");
    STY_SLOT1(list, d, "condition.embedding.bias");
}

sty_status sty_condition_prepare(const sty_condition_params *p, size_t d, size_t e, const sty_slots *list,
                                 const float *const *weights, sty_arena *arena,
                                 sty_condition_state *state, sty_err *err) {
    const sty_conv depth = depthwise(p, d);
    float *packed;
    STY_TRY(sty_layer_alloc(arena, sty_conv_packed(&depth), sizeof *packed, &packed, err));
    sty_conv_pack(&depth, sty_weight(list, weights, "condition.depthwise.weight"), NULL, packed);
    state->depthwise = packed;
    state->depthwise_bias = sty_weight(list, weights, "condition.depthwise.bias");
    STY_TRY(sty_linear_bind_named(2 * d, d, list, weights, "condition.", "pointwise", arena, &state->pointwise, err));
    return sty_linear_bind_named(d, e, list, weights, "condition.", "embedding", arena, &state->embedding, err);
}

/* Two arrays [t, 2d], one [t, d], and the padded copy of the depthwise convolution. */
size_t sty_condition_floats(const sty_condition_params *p, size_t d, size_t t) {
    const sty_conv depth = depthwise(p, d);
    return 5 * t * d + sty_conv_scratch(&depth, 1, t);
}

double sty_condition_work(const sty_condition_params *p, size_t d, size_t e, size_t t) {
    return (double)t * (double)d * (2.0 * (double)d + 2.0 * p->kernel) + (double)d * (double)e;
}

void sty_condition_apply(const sty_condition_params *p, const sty_condition_state *s,
                         const sty_tensor *condition, size_t t, size_t d, float *x, float *scratch) {
    const sty_conv depth = depthwise(p, d);
    float *wide = scratch, *mixed = wide + 2 * t * d, *embedded = mixed + 2 * t * d, *rest = embedded + t * d;
    const size_t n = sty_shape_steps(&condition->shape);
    const float half = 0.70710678118654752f;
    sty_linear_run(&s->pointwise, t, x, wide);
    sty_conv_run(&depth, s->depthwise, s->depthwise_bias, wide, 1, t, mixed, rest);
    sty_linear_run(&s->embedding, n, condition->data, embedded);
    sty_activate((sty_activation)p->activation, 0, embedded, n * d);
    for (size_t i = 0; i < t; i++) {
        const float *a = mixed + i * 2 * d, *shift = embedded + (n > 1 ? i * d : 0);
        float *gate = mixed + i * 2 * d + d, *to = x + i * d;
        sty_activate(STY_ACT_SIGMOID, 0, gate, d);
        for (size_t j = 0; j < d; j++)
            to[j] = half * (to[j] + (a[j] + shift[j]) * gate[j]);
    }
}
