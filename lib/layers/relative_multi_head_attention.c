/* relative_multi_head_attention.c - layer `relative_multi_head_attention`: attention whose
 * scores know the distance of query and key.
 *
 * Formula: score(i, j) = ((q_i + u) k_j + shift(P)(i, j)) / sqrt(scale), P(i, r) = (q_i + v) p_r + b_r;
 *   then as multi_head_attention.c.
 * Shapes: query [Tq, .], key and value [Tk, .], mask [Tk] or [Tq, Tk], position [R, .], R at least Tk (shift
 *   end: Tq + Tk); y [Tq, units] or [Tq, out]; a vector is one step; attention [H, Tq, Tk].
 * Scratch: the scaled queries, with u and with v, what else is projected, the encodings, the heads before `out`, a
 *   block of scores (attention_part). Kept from clip to clip: the projected rows of computed positions.
 * Source: Dai et al. 2019 (arXiv 1901.02860) as its ports write it. positions sinusoid, shift front:
 *   RelativeMultiHeadAttention of nickovchinnikov/tts-framework, dunky11/voicesmith and
 *   keonlee9420/Comprehensive-Transformer-TTS. positions table, shift end:
 *   labmlai/annotated_deep_learning_paper_implementations. */
#include "layers/attention_part.h"
#include "layers/layers.h"

static const char *const sources[] = {"sinusoid", "table", NULL};
static const char *const shifts[] = {"front", "end", NULL}; /* in the order of sty_shift */

#define AT(field) STY_ATTENTION_AT(0, field)

static const sty_param params[] = {
    STY_ATTENTION_WIDTH_ROWS(0),
    STY_ATTENTION_BIAS_ROWS(0, "false"),
    STY_ATTENTION_SCORE_ROWS(0, "head_width", "minus_infinity"),
    STY_ATTENTION_POSITION_ROWS(0),
    {.name = "positions", .kind = STY_PARAM_CHOICE, .offset = AT(positions), .initial = "sinusoid",
     .choices = sources, .help = "where position rows come from"},
    STY_ATTENTION_FLAG(0, position_projection, "true", "position rows are projected"),
    STY_ATTENTION_FLAG(0, position_bias, "false", "bias of the position projection"),
    {.name = "table_rows", .kind = STY_PARAM_INT, .offset = AT(table_rows), .initial = "8192",
     .low = 2, .high = 1 << 20, .help = "rows of the learned table"},
    STY_ATTENTION_FLAG(0, table_bias, "true", "the table has a bias per row and head"),
    {.name = "shift", .kind = STY_PARAM_CHOICE, .offset = AT(shift), .initial = "front",
     .choices = shifts, .help = "how position rows become pairs of query and key"},
};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)n_in;
    return sty_attention_shape(p, in, out, err);
}

static void slots(const void *p, const sty_shape *in, sty_slots *list) {
    sty_attention_slots(p, in, "", list);
}

static sty_status prepare(const void *p, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    sty_attention_state *s;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    *state = s;
    return sty_attention_prepare(p, in, "", list, weights, arena, s, err);
}

static size_t scratch(const void *p, const sty_shape *in, const sty_shape *out) {
    (void)out;
    return sty_attention_floats(p, in);
}

static size_t keep(const void *p, const sty_shape *in) { return sty_attention_kept(p, in); }

static double work(const void *p, const sty_shape *in, const sty_shape *out) {
    (void)out;
    return sty_attention_work(p, in);
}

static void run(const sty_layer_call *call) {
    sty_attention_apply(call->params, call->state, call->in, call->out[0].data, call->out[1].data, call->kept,
                        call->scratch);
}

static const char *const inputs[] = {"query", "key", "value", "mask", "position", NULL};

const sty_layer_type sty_layer_relative_multi_head_attention = {
    .name = "relative_multi_head_attention",
    .summary = "attention with relative positions",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(sty_attention_params),
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
