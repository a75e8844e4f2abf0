/* conv_module_part.c - two norms, a gate, and three convolutions over time: the
 * pointwise ones are linear layers. */
#include "layers/conv_module_part.h"

#include "math/conv.h"
#include "math/gate.h"


static size_t inner_width(const sty_conv_module_params *p, size_t d) { return (size_t)p->expansion * d; }

enum { CONV_1, DEPTHWISE, CONV_2, N_CONVS };
static const char *const names[] = {"conv_1", "depthwise", "conv_2"};

static sty_conv geometry(const sty_conv_module_params *p, size_t d, int which) {
    const size_t w = inner_width(p, d);
    if (which == CONV_1) return sty_conv_same(d, 2 * w, 1, 1);
    if (which == CONV_2) return sty_conv_same(w, d, 1, 1);
    return sty_conv_same(w, w, (size_t)p->kernel, w);
}

/* The norm in front: its own kind, the rest as behind. */
static sty_norm_params first_norm(const sty_conv_module_params *p) {
    sty_norm_params norm = p->norm;
    norm.kind = p->first_norm;
    return norm;
}

sty_status sty_conv_module_check(const sty_conv_module_params *p, size_t d, size_t t, sty_err *err) {
    const sty_norm_params first = first_norm(p);
    if (p->kernel % 2 == 0)
        return sty_err_set(err, STY_BAD_MODEL, "the depthwise kernel %d must be odd", p->kernel);
    STY_TRY(sty_norm_check(&first, d, err));
    STY_TRY(sty_norm_check(&p->norm, inner_width(p, d), err));
    STY_TRY(sty_norm_check_length(&first, t, err));
    return sty_norm_check_length(&p->norm, t, err);
}

void sty_conv_module_slots(const sty_conv_module_params *p, size_t d, const char *prefix,
                           sty_slots *list) {
    const sty_norm_params first = first_norm(p);
    char norm[48];
    sty_norm_slots(&first, d, sty_layer_prefix(norm, prefix, "norm_1."), list);
    for (int i = 0; i < N_CONVS; i++) {
        const sty_conv conv = geometry(p, d, i);
        sty_slot_add(list, 3, conv.out_channels, conv.in_channels / conv.groups, conv.kernel[0], 1,
                     "%s%s.weight", prefix, names[i]);
        if (i == DEPTHWISE ? p->depthwise_bias : p->pointwise_bias)
            STY_SLOT1(list, conv.out_channels, "%s%s.bias", prefix, names[i]);
    }
    sty_norm_slots(&p->norm, inner_width(p, d), sty_layer_prefix(norm, prefix, "norm_2."), list);
}

sty_status sty_conv_module_prepare(const sty_conv_module_params *p, size_t d, const char *prefix,
                                   const sty_slots *list, const float *const *weights,
                                   sty_arena *arena, sty_conv_module_state *state, sty_err *err) {
    const sty_norm_params first = first_norm(p);
    const sty_conv depthwise = geometry(p, d, DEPTHWISE);
    const size_t w = inner_width(p, d);
    char norm[48];
    float *packed;
    STY_TRY(sty_linear_bind_named(2 * w, d, list, weights, prefix, "conv_1", arena, &state->conv_1, err));
    STY_TRY(sty_linear_bind_named(d, w, list, weights, prefix, "conv_2", arena, &state->conv_2, err));
    STY_TRY(sty_layer_alloc(arena, sty_conv_packed(&depthwise), sizeof *packed, &packed, err));
    sty_conv_pack(&depthwise, sty_weight(list, weights, "%sdepthwise.weight", prefix), NULL, packed);
    state->depthwise = packed;
    state->depthwise_bias = sty_weight(list, weights, "%sdepthwise.bias", prefix);
    STY_TRY(sty_norm_prepare(&first, d, sty_layer_prefix(norm, prefix, "norm_1."), list, weights, arena,
                             &state->norm_1, err));
    return sty_norm_prepare(&p->norm, inner_width(p, d), sty_layer_prefix(norm, prefix, "norm_2."), list,
                            weights, arena, &state->norm_2, err);
}

size_t sty_conv_module_floats(const sty_conv_module_params *p, size_t d, size_t t) {
    const sty_conv depthwise = geometry(p, d, DEPTHWISE);
    return t * d + 3 * t * inner_width(p, d) + sty_conv_scratch(&depthwise, 1, t);
}

double sty_conv_module_work(const sty_conv_module_params *p, size_t d, size_t t) {
    return (double)t * (double)inner_width(p, d) * (3.0 * (double)d + p->kernel);
}

void sty_conv_module_apply(const sty_conv_module_params *p, const sty_conv_module_state *s,
                           const float *x, size_t t, size_t d, float *y, float *scratch) {
    const sty_norm_params first = first_norm(p);
    const sty_conv depthwise = geometry(p, d, DEPTHWISE);
    const size_t w = inner_width(p, d);
    float *normed = scratch, *wide = normed + t * d, *gated = wide + 2 * t * w, *rest = gated + t * w;
    sty_norm_apply(&first, &s->norm_1, x, t, d, normed);
    sty_linear_run(&s->conv_1, t, normed, wide);
    sty_glu((sty_activation)p->gate_activation, (float)p->gate_slope, false, t, w, wide, gated);
    sty_conv_run(&depthwise, s->depthwise, s->depthwise_bias, gated, 1, t, wide, rest);
    sty_norm_apply(&p->norm, &s->norm_2, wide, t, w, wide);
    sty_activate((sty_activation)p->activation, (float)p->slope, wide, t * w);
    sty_linear_apply(&s->conv_2, &(sty_linear_call){.n = t,
                                                    .x_ld = w,
                                                    .y_ld = d,
                                                    .x = wide,
                                                    .y = y,
                                                    .add = p->residual ? x : NULL,
                                                    .factor = 1.0f});
}
