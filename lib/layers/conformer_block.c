/* conformer_block.c - layer `conformer_block`: feed-forward, convolution modules and
 * attention with their residuals, in one of two orders.
 *
 * Formula:
 *   conv_around_attention  x += ff(x); x += conv_1(x); x += attention(norm(x)); x += conv_2(x)
 *   standard               x += ff(x); x += attention(norm(x)); x += conv_1(x); x += ff_2(x); x = final_norm(x)
 * Shapes: x and y [T, D], condition [E], [1, E] or [T, E], position [R, .], mask [T]; attention [H, T, T].
 * Scratch: a second [T, D], and the largest part's own; attention's with its normed input [T, D].
 *   Kept from clip to clip: the projected rows of computed positions.
 * Source: conv_around_attention: ConformerBlock of nickovchinnikov/tts-framework, dunky11/voicesmith and
 *   coqui-ai/TTS. standard: Gulati et al. 2020 (arXiv 2005.08100), as in
 *   keonlee9420/Comprehensive-Transformer-TTS.
 *
 * Every part reads one of two buffers and writes the other, its residual included. */
#include "layers/attention_part.h"
#include "layers/condition_part.h"
#include "layers/conv_module_part.h"
#include "layers/feed_forward_part.h"
#include "layers/layers.h"

#include <string.h>

typedef struct {
    int order;
    bool ff;
    sty_condition_params condition;
    sty_feed_forward_params feed_forward;
    sty_conv_module_params conv;
    sty_attention_params attention;
    sty_norm_params norm;
    int final_norm; /* a sty_norm with the groups, affine and eps of norm */
} block_params;

typedef struct {
    sty_condition_state condition;
    sty_feed_forward_state ff, ff_2;
    sty_conv_module_state conv_1, conv_2;
    sty_attention_state attention;
    sty_norm_state norm, final_norm;
} block_state;

enum { AROUND, STANDARD };
enum { INPUT, CONDITION, POSITION, MASK };
static const char *const orders[] = {"conv_around_attention", "standard", NULL};

#define AT(field) offsetof(block_params, field)

static const sty_param params[] = {
    STY_ATTENTION_HEADS_ROW(AT(attention)),
    {.name = "order", .kind = STY_PARAM_CHOICE, .offset = AT(order),
     .initial = "conv_around_attention", .choices = orders, .help = "order of the parts"},
    {.name = "condition_kernel", .kind = STY_PARAM_INT, .offset = AT(condition.kernel),
     .initial = "7", .low = 1, .high = 1023, .help = "of the conditioning, odd"},
    {.name = "condition_activation", .kind = STY_PARAM_CHOICE, .offset = AT(condition.activation),
     .initial = "softsign", .choices = sty_activation_names, .help = "of the projected condition"},
    {.name = "ff", .kind = STY_PARAM_BOOL, .offset = AT(ff), .initial = "true",
     .help = "the feed-forward parts exist"},
    STY_FEED_FORWARD_ROWS("ff_", AT(feed_forward)),
    STY_CONV_MODULE_ROWS("conv_", AT(conv)),
    STY_ATTENTION_BIAS_ROWS(AT(attention), "true"),
    STY_ATTENTION_POSITION_ROWS(AT(attention)),
    STY_ATTENTION_SCORE_ROWS(AT(attention), "units", "large_negative"),
    STY_NORM_ROWS("norm", "norm", AT(norm), "layer"),
    {.name = "final_norm", .kind = STY_PARAM_CHOICE, .offset = AT(final_norm), .initial = "none",
     .choices = sty_norm_names, .help = "behind order standard"},
};

/* ---- what follows from the parameters ---- */

static bool has_second_ff(const block_params *p) { return p->ff && p->order == STANDARD; }

static bool has_second_conv(const block_params *p) { return p->order == AROUND; }

static sty_norm_params final_norm(const block_params *p) {
    sty_norm_params norm = p->norm;
    norm.kind = p->order == STANDARD ? p->final_norm : STY_NORM_NONE;
    return norm;
}

/* The parts with their residuals; attention needs the whole sequence, so they get it too. */
static block_params resolve(const void *params_) {
    block_params p = *(const block_params *)params_;
    p.feed_forward.residual = p.conv.residual = p.feed_forward.whole = true;
    return p;
}

/* Self attention: the block's ports in the order of the attention's. */
static void attention_ports(const sty_tensor *in, sty_tensor *to) {
    memset(to, 0, STY_N_ATTENTION_PORTS * sizeof *to);
    to[STY_PORT_QUERY] = in[INPUT];
    to[STY_PORT_MASK] = in[MASK];
    to[STY_PORT_POSITION] = in[POSITION];
}

static sty_attention_params attention_of(const block_params *p, const sty_shape *in, sty_shape *ports) {
    memset(ports, 0, STY_N_ATTENTION_PORTS * sizeof *ports);
    ports[STY_PORT_QUERY] = in[INPUT];
    ports[STY_PORT_MASK] = in[MASK];
    ports[STY_PORT_POSITION] = in[POSITION];
    return sty_attention_conformer(&p->attention, sty_shape_width(&in[INPUT]));
}

/* ---- shapes and weights ---- */

static sty_status check_condition(const block_params *p, const sty_shape *in, sty_status *lengths, sty_err *err) {
    char text[64];
    if (in[CONDITION].kind == STY_ABSENT) return STY_OK;
    if (in[CONDITION].kind != STY_VECTOR && in[CONDITION].kind != STY_SEQUENCE)
        return sty_err_set(err, STY_BAD_MODEL, "condition is %s, expected a vector or a sequence",
                           sty_shape_text(&in[CONDITION], text));
    if (p->condition.kernel % 2 == 0)
        return sty_err_set(err, STY_BAD_MODEL, "condition_kernel %d must be odd", p->condition.kernel);
    const size_t n = sty_shape_steps(&in[CONDITION]);
    if (n != 1 && n != in[INPUT].dim[0])
        *lengths = sty_err_set(err, STY_BAD_ARGUMENT, "condition is %s for %zu steps",
                               sty_shape_text(&in[CONDITION], text), in[INPUT].dim[0]);
    return STY_OK;
}

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const block_params *p = params_;
    const sty_norm_params last = final_norm(p);
    sty_shape ports[STY_N_ATTENTION_PORTS];
    sty_status lengths = STY_OK;
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_SEQUENCE, "a sequence [T, D]", err));
    const size_t t = in->dim[0], d = in->dim[1];
    STY_TRY(check_condition(p, in, &lengths, err));
    if (p->ff) STY_TRY(sty_feed_forward_check(&p->feed_forward, d, t, err));
    STY_TRY(sty_conv_module_check(&p->conv, d, t, err));
    STY_TRY(sty_norm_check(&p->norm, d, err));
    STY_TRY(sty_norm_check(&last, d, err));
    STY_TRY(sty_norm_check_length(&p->norm, t, err));
    STY_TRY(sty_norm_check_length(&last, t, err));
    if (in[MASK].kind != STY_ABSENT && in[MASK].kind != STY_VECTOR)
        return sty_err_set(err, STY_BAD_MODEL, "mask is a %s, expected [T]", sty_kind_name(in[MASK].kind));
    const sty_attention_params a = attention_of(p, in, ports);
    const sty_status status = sty_attention_shape(&a, ports, out, err);
    return status != STY_OK ? status : lengths;
}

static void slots(const void *params_, const sty_shape *in, sty_slots *list) {
    const block_params *p = params_;
    const size_t d = in->dim[1];
    const sty_norm_params last = final_norm(p);
    sty_shape ports[STY_N_ATTENTION_PORTS];
    const sty_attention_params a = attention_of(p, in, ports);
    if (in[CONDITION].kind != STY_ABSENT)
        sty_condition_slots(&p->condition, d, sty_shape_width(&in[CONDITION]), list);
    if (p->ff) sty_feed_forward_slots(&p->feed_forward, d, "ff.", list);
    if (has_second_ff(p)) sty_feed_forward_slots(&p->feed_forward, d, "ff_2.", list);
    sty_conv_module_slots(&p->conv, d, "conv_1.", list);
    if (has_second_conv(p)) sty_conv_module_slots(&p->conv, d, "conv_2.", list);
    sty_norm_slots(&p->norm, d, "norm.", list);
    sty_attention_slots(&a, ports, "attention.", list);
    sty_norm_slots(&last, d, "final_norm.", list);
}

static sty_status prepare(const void *params_, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    const block_params whole = resolve(params_), *p = &whole;
    const size_t d = in->dim[1];
    const sty_norm_params last = final_norm(p);
    sty_shape ports[STY_N_ATTENTION_PORTS];
    const sty_attention_params a = attention_of(p, in, ports);
    block_state *s;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    *state = s;
    if (in[CONDITION].kind != STY_ABSENT)
        STY_TRY(sty_condition_prepare(&p->condition, d, sty_shape_width(&in[CONDITION]), list, weights, arena, &s->condition, err));
    if (p->ff) STY_TRY(sty_feed_forward_prepare(&p->feed_forward, d, "ff.", list, weights, arena, &s->ff, err));
    if (has_second_ff(p))
        STY_TRY(sty_feed_forward_prepare(&p->feed_forward, d, "ff_2.", list, weights, arena, &s->ff_2, err));
    STY_TRY(sty_conv_module_prepare(&p->conv, d, "conv_1.", list, weights, arena, &s->conv_1, err));
    if (has_second_conv(p))
        STY_TRY(sty_conv_module_prepare(&p->conv, d, "conv_2.", list, weights, arena, &s->conv_2, err));
    STY_TRY(sty_norm_prepare(&p->norm, d, "norm.", list, weights, arena, &s->norm, err));
    STY_TRY(sty_norm_prepare(&last, d, "final_norm.", list, weights, arena, &s->final_norm, err));
    return sty_attention_prepare(&a, ports, "attention.", list, weights, arena, &s->attention, err);
}

/* ---- running ---- */

static size_t most(size_t a, size_t b) { return a > b ? a : b; }

/* A second buffer, and the largest part; attention also has its normalised input. */
static size_t scratch(const void *params_, const sty_shape *in, const sty_shape *out) {
    const block_params whole = resolve(params_), *p = &whole;
    const size_t t = in->dim[0], d = in->dim[1];
    sty_shape ports[STY_N_ATTENTION_PORTS];
    const sty_attention_params a = attention_of(p, in, ports);
    size_t part = t * d + sty_attention_floats(&a, ports);
    (void)out;
    part = most(part, sty_conv_module_floats(&p->conv, d, t));
    if (p->ff) part = most(part, sty_feed_forward_floats(&p->feed_forward, d, t));
    if (in[CONDITION].kind != STY_ABSENT) part = most(part, sty_condition_floats(&p->condition, d, t));
    return t * d + part;
}

static size_t keep(const void *params_, const sty_shape *in) {
    sty_shape ports[STY_N_ATTENTION_PORTS];
    const sty_attention_params a = attention_of(params_, in, ports);
    return sty_attention_kept(&a, ports);
}

static double work(const void *params_, const sty_shape *in, const sty_shape *out) {
    const block_params *p = params_;
    const size_t t = in->dim[0], d = in->dim[1];
    sty_shape ports[STY_N_ATTENTION_PORTS];
    const sty_attention_params a = attention_of(p, in, ports);
    double work = sty_attention_work(&a, ports);
    (void)out;
    work += (has_second_conv(p) ? 2 : 1) * sty_conv_module_work(&p->conv, d, t);
    if (p->ff) work += (has_second_ff(p) ? 2 : 1) * sty_feed_forward_work(&p->feed_forward, d, t);
    if (in[CONDITION].kind != STY_ABSENT)
        work += sty_condition_work(&p->condition, d, sty_shape_width(&in[CONDITION]), t);
    return work;
}

/* y = x + attention(norm(x)) */
static void attend(const block_params *p, const block_state *s, const sty_layer_call *call, const float *x,
                   float *y, float *rest) {
    const size_t t = call->in[INPUT].shape.dim[0], d = call->in[INPUT].shape.dim[1];
    const sty_attention_params a = sty_attention_conformer(&p->attention, d);
    sty_tensor in[STY_N_ATTENTION_PORTS];
    attention_ports(call->in, in);
    in[STY_PORT_QUERY].data = rest;
    sty_norm_apply(&p->norm, &s->norm, x, t, d, rest);
    sty_attention_apply(&a, &s->attention, in, y, call->out[1].data, call->kept, rest + t * d);
    for (size_t i = 0; i < t * d; i++)
        y[i] += x[i];
}

static void clear_masked(const block_params *p, const sty_tensor *mask, size_t t, size_t d, float *x) {
    for (size_t i = 0; mask->data && i < t; i++)
        if ((mask->data[i] != 0.0f) != (p->attention.mask_meaning == 0)) memset(x + i * d, 0, d * sizeof *x);
}

static void swap(float **a, float **b) {
    float *other = *a;
    *a = *b;
    *b = other;
}

static void run(const sty_layer_call *call) {
    const block_params p = resolve(call->params);
    const block_state *s = call->state;
    const size_t t = call->in[INPUT].shape.dim[0], d = call->in[INPUT].shape.dim[1];
    const sty_norm_params last = final_norm(&p);
    float *x = call->out[0].data, *y = call->scratch, *rest = call->scratch + t * d;
    memcpy(x, call->in[INPUT].data, t * d * sizeof *x);
    if (call->in[CONDITION].data)
        sty_condition_apply(&p.condition, &s->condition, &call->in[CONDITION], t, d, x, rest);
    if (p.ff) {
        sty_feed_forward_apply(&p.feed_forward, &s->ff, x, t, d, y, rest);
        swap(&x, &y);
    }
    if (p.order == AROUND) {
        sty_conv_module_apply(&p.conv, &s->conv_1, x, t, d, y, rest);
        attend(&p, s, call, y, x, rest);
        clear_masked(&p, &call->in[MASK], t, d, x);
        sty_conv_module_apply(&p.conv, &s->conv_2, x, t, d, y, rest);
    } else {
        attend(&p, s, call, x, y, rest);
        sty_conv_module_apply(&p.conv, &s->conv_1, y, t, d, x, rest);
        if (p.ff) sty_feed_forward_apply(&p.feed_forward, &s->ff_2, x, t, d, y, rest);
        else swap(&x, &y);
        sty_norm_apply(&last, &s->final_norm, y, t, d, y);
        clear_masked(&p, &call->in[MASK], t, d, y);
    }
    if (y != call->out[0].data) memcpy(call->out[0].data, y, t * d * sizeof *y);
}

static const char *const inputs[] = {"input", "condition", "position", "mask", NULL};

const sty_layer_type sty_layer_conformer_block = {
    .name = "conformer_block",
    .summary = "a whole conformer block",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(block_params),
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
