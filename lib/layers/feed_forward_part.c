/* feed_forward_part.c - two convolutions over time; linear layers are those of
 * kernel 1. */
#include "layers/feed_forward_part.h"

#include "math/conv.h"


const char *const sty_feed_forward_kinds[] = {"conv", "linear", NULL};

static size_t inner_width(const sty_feed_forward_params *p, size_t d) {
    return p->width ? (size_t)p->width : (size_t)p->expansion * d;
}

static size_t kernel(const sty_feed_forward_params *p, bool second) {
    if (p->kind == STY_FEED_FORWARD_LINEAR) return 1;
    return (size_t)(second ? p->second_kernel : p->kernel);
}

static sty_conv geometry(const sty_feed_forward_params *p, size_t d, bool second) {
    const size_t w = inner_width(p, d);
    sty_conv conv = sty_conv_same(second ? w : d, second ? d : w, kernel(p, second), 1);
    conv.whole = p->whole;
    return conv;
}

sty_status sty_feed_forward_check(const sty_feed_forward_params *p, size_t d, size_t t, sty_err *err) {
    if (kernel(p, false) % 2 == 0 || kernel(p, true) % 2 == 0)
        return sty_err_set(err, STY_BAD_MODEL, "the feed-forward kernels %d and %d must be odd", p->kernel,
                           p->second_kernel);
    size_t width, weights;
    if (!sty_mul((size_t)p->expansion, d, &width) || !sty_mul(inner_width(p, d), d * kernel(p, false), &weights))
        return sty_err_set(err, STY_BAD_MODEL, "the inner width does not fit");
    STY_TRY(sty_norm_check(&p->norm, d, err));
    return sty_norm_check_length(&p->norm, t, err);
}

static void layer_slots(const sty_feed_forward_params *p, size_t rows, size_t columns, bool second, bool bias,
                        const char *prefix, const char *name, sty_slots *list) {
    sty_slot_add(list, p->kind == STY_FEED_FORWARD_CONV ? 3 : 2, rows, columns, kernel(p, second), 1,
                 "%s%s.weight", prefix, name);
    if (bias) STY_SLOT1(list, rows, "%s%s.bias", prefix, name);
}

void sty_feed_forward_slots(const sty_feed_forward_params *p, size_t d, const char *prefix,
                            sty_slots *list) {
    char norm[48];
    const size_t w = inner_width(p, d);
    sty_norm_slots(&p->norm, d, sty_layer_prefix(norm, prefix, "norm."), list);
    layer_slots(p, w, d, false, p->first_bias, prefix, "first", list);
    layer_slots(p, d, w, true, p->second_bias, prefix, "second", list);
    if (p->gate) layer_slots(p, w, d, false, p->gate_bias, prefix, "gate", list);
}

sty_status sty_feed_forward_prepare(const sty_feed_forward_params *p, size_t d, const char *prefix,
                                    const sty_slots *list, const float *const *weights,
                                    sty_arena *arena, sty_feed_forward_state *state, sty_err *err) {
    static const char *const names[] = {"first", "second", "gate"};
    const float **const packed[] = {&state->first, &state->second, &state->gate};
    char norm[48];
    for (int i = 0; i < (p->gate ? 3 : 2); i++) {
        const sty_conv conv = geometry(p, d, i == 1);
        float *made;
        STY_TRY(sty_layer_alloc(arena, sty_conv_packed(&conv), sizeof *made, &made, err));
        sty_conv_pack(&conv, sty_weight(list, weights, "%s%s.weight", prefix, names[i]), NULL, made);
        *packed[i] = made;
    }
    state->first_bias = sty_weight(list, weights, "%sfirst.bias", prefix);
    state->second_bias = sty_weight(list, weights, "%ssecond.bias", prefix);
    state->gate_bias = sty_weight(list, weights, "%sgate.bias", prefix);
    return sty_norm_prepare(&p->norm, d, sty_layer_prefix(norm, prefix, "norm."), list, weights, arena,
                            &state->norm, err);
}

size_t sty_feed_forward_floats(const sty_feed_forward_params *p, size_t d, size_t t) {
    const sty_conv first = geometry(p, d, false), second = geometry(p, d, true);
    const size_t a = sty_conv_scratch(&first, 1, t), b = sty_conv_scratch(&second, 1, t);
    return t * d + t * inner_width(p, d) * (p->gate ? 2 : 1) + (a > b ? a : b);
}

double sty_feed_forward_work(const sty_feed_forward_params *p, size_t d, size_t t) {
    const size_t taps = kernel(p, false) * (p->gate ? 2 : 1) + kernel(p, true);
    return (double)t * (double)d * (double)inner_width(p, d) * (double)taps;
}

void sty_feed_forward_apply(const sty_feed_forward_params *p, const sty_feed_forward_state *s,
                            const float *x, size_t t, size_t d, float *y, float *scratch) {
    const sty_conv second = geometry(p, d, true);
    sty_conv first = geometry(p, d, false);
    const size_t inner = t * inner_width(p, d);
    float *normed = scratch, *hidden = normed + t * d, *gate = hidden + inner;
    float *rest = gate + (p->gate ? inner : 0);
    sty_norm_apply(&p->norm, &s->norm, x, t, d, normed);
    if (p->gate) sty_conv_run(&first, s->gate, s->gate_bias, normed, 1, t, gate, rest);
    first.activation = (sty_activation)p->activation;
    first.slope = (float)p->slope;
    sty_conv_run(&first, s->first, s->first_bias, normed, 1, t, hidden, rest);
    for (size_t i = 0; p->gate && i < inner; i++)
        hidden[i] *= gate[i];
    sty_conv_run(&second, s->second, s->second_bias, hidden, 1, t, y, rest);
    const float factor = (float)p->factor;
    for (size_t i = 0; i < t * d; i++)
        y[i] = factor * y[i] + (p->residual ? x[i] : 0.0f);
}
