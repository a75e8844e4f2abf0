/* norm_part.c - one normalisation for every layer that has one. */
#include "layers/norm_part.h"

#include "math/norm.h"

#include <string.h>

const char *const sty_norm_names[] = {"none", "batch", "instance", "layer", "group", NULL};

bool sty_norm_sees_all(const sty_norm_params *p) {
    return p->kind == STY_NORM_INSTANCE || p->kind == STY_NORM_GROUP;
}

sty_status sty_norm_check(const sty_norm_params *p, size_t channels, sty_err *err) {
    if (p->kind == STY_NORM_GROUP && channels % (size_t)p->groups != 0)
        return sty_err_set(err, STY_BAD_MODEL, "%d norm groups do not divide %zu channels",
                           p->groups, channels);
    return STY_OK;
}

sty_status sty_norm_check_length(const sty_norm_params *p, size_t positions, sty_err *err) {
    if (p->kind == STY_NORM_INSTANCE && positions < 2)
        return sty_err_set(err, STY_TOO_SHORT, "instance norm needs at least 2 steps, there is one");
    return STY_OK;
}

void sty_norm_slots(const sty_norm_params *p, size_t channels, const char *prefix,
                    sty_slots *slots) {
    if (p->kind == STY_NORM_NONE) return;
    if (p->affine) {
        STY_SLOT1(slots, channels, "%sweight", prefix);
        STY_SLOT1(slots, channels, "%sbias", prefix);
    }
    if (p->kind == STY_NORM_BATCH) {
        STY_SLOT1(slots, channels, "%srunning_mean", prefix);
        STY_SLOT1(slots, channels, "%srunning_var", prefix);
    }
}

sty_status sty_norm_prepare(const sty_norm_params *p, size_t channels, const char *prefix,
                            const sty_slots *slots, const float *const *weights, sty_arena *arena,
                            sty_norm_state *state, sty_err *err) {
    const float *weight = sty_weight(slots, weights, "%sweight", prefix);
    const float *bias = sty_weight(slots, weights, "%sbias", prefix);
    state->gain = weight;
    state->shift = bias;
    if (p->kind != STY_NORM_BATCH) return STY_OK;
    float *folded;
    STY_TRY(sty_layer_alloc(arena, 2 * channels, sizeof *folded, &folded, err));
    sty_batch_norm_fold(channels, weight, bias,
                        sty_weight(slots, weights, "%srunning_mean", prefix),
                        sty_weight(slots, weights, "%srunning_var", prefix), p->eps, folded,
                        folded + channels);
    state->gain = folded;
    state->shift = folded + channels;
    return STY_OK;
}

void sty_norm_apply(const sty_norm_params *p, const sty_norm_state *state, const float *x, size_t positions,
                    size_t channels, float *y) {
    const float eps = (float)p->eps;
    switch ((sty_norm)p->kind) {
    case STY_NORM_NONE:
        if (y != x) memcpy(y, x, positions * channels * sizeof *x);
        break;
    case STY_NORM_BATCH: sty_affine(x, positions, channels, state->gain, state->shift, y); break;
    case STY_NORM_INSTANCE:
        sty_group_norm_run(x, positions, channels, channels, eps, state->gain, state->shift, y);
        break;
    case STY_NORM_LAYER:
        sty_layer_norm_run(x, positions, channels, eps, state->gain, state->shift, y);
        break;
    case STY_NORM_GROUP:
        sty_group_norm_run(x, positions, channels, (size_t)p->groups, eps, state->gain, state->shift, y);
        break;
    }
}
