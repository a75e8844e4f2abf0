/* conformer_multi_headed_self_attention.c - layer of that name: relative attention as
 * conformers use it, with its norm; self or cross attention.
 *
 * Formula: relative_multi_head_attention.c's of norm(query); units and output as wide as the query.
 * Shapes: query [Tq, D], key and value [Tk, .], mask [Tk] or [Tq, Tk], position [R, .]; y [Tq, D]; a vector is
 *   one step; attention [H, Tq, Tk].
 * Scratch: the normed query [Tq, D] where there is a norm, and that of attention_part.
 *   Kept from clip to clip: the projected rows of computed positions.
 * Source: ConformerMultiHeadedSelfAttention of nickovchinnikov/tts-framework, dunky11/voicesmith and
 *   coqui-ai/TTS (no norm inside, scale units) and of keonlee9420/Comprehensive-Transformer-TTS (norm
 *   inside, no biases). */
#include "layers/attention_part.h"
#include "layers/layers.h"
#include "layers/norm_part.h"

#include <string.h>

typedef struct {
    sty_attention_params attention;
    sty_norm_params norm;
} conformer_params;

typedef struct {
    sty_attention_state attention;
    sty_norm_state norm;
} conformer_state;

enum { ATTENTION = offsetof(conformer_params, attention), NORM = offsetof(conformer_params, norm) };

static const sty_param params[] = {
    STY_ATTENTION_HEADS_ROW(ATTENTION),
    STY_NORM_ROWS("norm", "norm", NORM, "none"),
    STY_ATTENTION_BIAS_ROWS(ATTENTION, "true"),
    STY_ATTENTION_POSITION_ROWS(ATTENTION),
    STY_ATTENTION_SCORE_ROWS(ATTENTION, "units", "large_negative"),
};

static sty_attention_params resolve(const conformer_params *p, const sty_shape *in) {
    return sty_attention_conformer(&p->attention, sty_shape_width(&in[STY_PORT_QUERY]));
}

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const conformer_params *p = params_;
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_VECTOR | 1u << STY_SEQUENCE, "a vector or a sequence", err));
    const sty_attention_params a = resolve(p, in);
    STY_TRY(sty_norm_check(&p->norm, sty_shape_width(in), err));
    STY_TRY(sty_norm_check_length(&p->norm, sty_shape_steps(in), err));
    return sty_attention_shape(&a, in, out, err);
}

static void slots(const void *params_, const sty_shape *in, sty_slots *list) {
    const conformer_params *p = params_;
    const sty_attention_params a = resolve(p, in);
    sty_norm_slots(&p->norm, sty_shape_width(in), "norm.", list);
    sty_attention_slots(&a, in, "", list);
}

static sty_status prepare(const void *params_, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    const conformer_params *p = params_;
    const sty_attention_params a = resolve(p, in);
    conformer_state *s;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    *state = s;
    STY_TRY(sty_norm_prepare(&p->norm, sty_shape_width(in), "norm.", list, weights, arena, &s->norm, err));
    return sty_attention_prepare(&a, in, "", list, weights, arena, &s->attention, err);
}

/* The normalised query. */
static size_t normed(const conformer_params *p, const sty_shape *in) {
    return p->norm.kind == STY_NORM_NONE ? 0 : sty_shape_count(in);
}

static size_t scratch(const void *params_, const sty_shape *in, const sty_shape *out) {
    const sty_attention_params a = resolve(params_, in);
    (void)out;
    return normed(params_, in) + sty_attention_floats(&a, in);
}

static size_t keep(const void *params_, const sty_shape *in) {
    const sty_attention_params a = resolve(params_, in);
    return sty_attention_kept(&a, in);
}

static double work(const void *params_, const sty_shape *in, const sty_shape *out) {
    const sty_attention_params a = resolve(params_, in);
    (void)out;
    return sty_attention_work(&a, in);
}

static void run(const sty_layer_call *call) {
    const conformer_params *p = call->params;
    const conformer_state *s = call->state;
    const sty_shape *query = &call->in[STY_PORT_QUERY].shape;
    const sty_attention_params a = resolve(p, query);
    const size_t n = normed(p, query);
    sty_tensor in[STY_N_ATTENTION_PORTS];
    memcpy(in, call->in, sizeof in);
    if (n) {
        sty_norm_apply(&p->norm, &s->norm, in[STY_PORT_QUERY].data, sty_shape_steps(query), sty_shape_width(query),
                       call->scratch);
        in[STY_PORT_QUERY].data = call->scratch;
    }
    sty_attention_apply(&a, &s->attention, in, call->out[0].data, call->out[1].data, call->kept, call->scratch + n);
}

static const char *const inputs[] = {"query", "key", "value", "mask", "position", NULL};

const sty_layer_type sty_layer_conformer_multi_headed_self_attention = {
    .name = "conformer_multi_headed_self_attention",
    .summary = "relative attention of a conformer, self or cross",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(conformer_params),
    .inputs = inputs,
    .n_required = 1,
    .extra = "attention",
    .shape = shape,
    .slots = slots,
    .prepare = prepare,
    .scratch = scratch,
    .work = work,
    .keep = keep,
    .reach = sty_reach_whole,
    .run = run,
};
