/* norm.c - layer `norm` and its kinds by their own names, `layer_norm`, `batch_norm`,
 * `instance_norm`, `group_norm` (norm_part).
 *
 * Formula: y = (x - mean) / sqrt(var + eps) weight + bias; mean and variance (biased) of: layer: the last
 *   axis; batch: the running statistics; instance: all positions of a channel; group: all positions of
 *   C / groups channels.
 * Shapes: x [C], [T, C] or [F, T, C]; y the same.
 * Scratch: none.
 * Source: torch.nn.LayerNorm, BatchNorm in eval, InstanceNorm, GroupNorm. */
#include "layers/layers.h"
#include "layers/norm_part.h"


#define AT(field) offsetof(sty_norm_params, field)
#define GROUPS                                                                                     \
    {.name = "groups", .kind = STY_PARAM_INT, .offset = AT(groups), .initial = "1", .low = 1,      \
     .high = 65536, .help = "channels of a group share their statistics"}
#define AFFINE_AND_EPS                                                                             \
    {.name = "affine", .kind = STY_PARAM_BOOL, .offset = AT(affine), .initial = "true",            \
     .help = "a learned weight and bias follow"},                                                  \
        {.name = "eps", .kind = STY_PARAM_NUMBER, .offset = AT(eps), .initial = "1e-5", .low = 0,  \
         .high = 1, .help = "added to the variance"}
#define KIND(value)                                                                                \
    {.name = "kind", .kind = STY_PARAM_CHOICE, .offset = AT(kind), .initial = value, .choices = sty_norm_names, \
     .help = "what the statistics are taken over"}

static const sty_param params[] = {KIND(NULL), GROUPS, AFFINE_AND_EPS};
/* The kind comes last and is fixed. */
static const sty_param batch_params[] = {AFFINE_AND_EPS, KIND("batch")};
static const sty_param group_params[] = {GROUPS, AFFINE_AND_EPS, KIND("group")};
static const sty_param instance_params[] = {AFFINE_AND_EPS, KIND("instance")};
static const sty_param layer_params[] = {AFFINE_AND_EPS, KIND("layer")};

static size_t positions(const sty_shape *shape) {
    return sty_shape_count(shape) / sty_shape_width(shape);
}

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_VECTOR | 1u << STY_SEQUENCE | 1u << STY_IMAGE,
                             "a vector, sequence or image", err));
    STY_TRY(sty_norm_check(p, sty_shape_width(in), err));
    if (in->kind != STY_VECTOR) STY_TRY(sty_norm_check_length(p, positions(in), err));
    out[0] = in[0];
    return STY_OK;
}

static void slots(const void *p, const sty_shape *in, sty_slots *list) {
    sty_norm_slots(p, sty_shape_width(in), "", list);
}

static sty_status prepare(const void *p, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    sty_norm_state *s;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    *state = s;
    return sty_norm_prepare(p, sty_shape_width(in), "", list, weights, arena, s, err);
}

static void run(const sty_layer_call *call) {
    const sty_shape *in = &call->in[0].shape;
    sty_norm_apply(call->params, call->state, call->in[0].data, positions(in), sty_shape_width(in),
                   call->out[0].data);
}

static sty_reach reach(const void *params_, const sty_shape *in) {
    const sty_norm_params *p = params_;
    (void)in;
    return (sty_reach){sty_norm_sees_all(p) ? STY_WHOLE : 1, 1, 0};
}

static sty_flow flow(const void *params_) {
    return sty_norm_sees_all(params_) ? STY_FLOW_WHOLE : STY_FLOW_BLOCKS;
}

static const char *const inputs[] = {"input", NULL};

#define TYPE(label, text, rows, fixed)                                                             \
    {.name = label, .summary = text, .params = rows, .n_params = STY_COUNT(rows) - (fixed), .n_fixed = fixed, \
     .params_size = sizeof(sty_norm_params), .inputs = inputs, .n_required = 1, .shape = shape,    \
     .slots = slots, .prepare = prepare, .reach = reach, .flow = flow, .run = run}

const sty_layer_type sty_layer_norm = TYPE("norm", "layer, batch, instance or group normalisation", params, 0);
const sty_layer_type sty_layer_batch_norm = TYPE("batch_norm", "normalisation by running statistics", batch_params, 1);
const sty_layer_type sty_layer_group_norm =
    TYPE("group_norm", "normalisation of groups of channels over the clip", group_params, 1);
const sty_layer_type sty_layer_instance_norm =
    TYPE("instance_norm", "normalisation of each channel over the clip", instance_params, 1);
const sty_layer_type sty_layer_layer_norm = TYPE("layer_norm", "normalisation over the last axis", layer_params, 1);
