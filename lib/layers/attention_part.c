/* attention_part.c - from inputs and tensors to one call of math/attention.h.
 *
 * The scale of the scores is put on the queries, once per clip, not on the much
 * larger scores. u_bias and v_bias make two copies of the queries from one
 * projection. */
#include "layers/attention_part.h"

#include "base/check.h"
#include "math/attention.h"
#include "math/position.h"

#include <math.h>
#include <string.h>

const char *const sty_attention_scales[] = {"head_width", "units", "key_width", "none", NULL};
const char *const sty_mask_meanings[] = {"valid", "masked", NULL};
const char *const sty_mask_fills[] = {"minus_infinity", "large_negative", NULL};
const char *const sty_softmax_axes[] = {"keys", "batch", NULL};
const char *const sty_position_precisions[] = {"float32", "float64", NULL};

sty_attention_params sty_attention_conformer(const sty_attention_params *p, size_t width) {
    sty_attention_params a = *p;
    a.units = a.out = (int)width;
    a.query_projection = a.key_projection = a.value_projection = a.position_projection = true;
    a.position_bias = false;
    a.positions = STY_POSITIONS_SINUSOID;
    a.shift = STY_SHIFT_FRONT;
    a.softmax_axis = 0;
    return a;
}

/* ---- inputs ---- */

static int key_port(const sty_shape *in) {
    return in[STY_PORT_KEY].kind == STY_ABSENT ? STY_PORT_QUERY : STY_PORT_KEY;
}

static int value_port(const sty_shape *in) {
    return in[STY_PORT_VALUE].kind == STY_ABSENT ? key_port(in) : STY_PORT_VALUE;
}

static size_t n_queries(const sty_shape *in) { return sty_shape_steps(&in[STY_PORT_QUERY]); }

static size_t n_keys(const sty_shape *in) { return sty_shape_steps(&in[key_port(in)]); }

static bool is_mapped(const sty_shape *in) { return in[STY_PORT_POSITION].kind != STY_ABSENT; }

/* Rows of positions that Tq queries and Tk keys need. */
static size_t position_rows(const sty_attention_params *p, const sty_shape *in) {
    if (p->positions == STY_POSITIONS_NONE) return 0;
    return p->shift == STY_SHIFT_END ? n_queries(in) + n_keys(in) : n_keys(in);
}

/* Width of the encodings: of the input, or computed as wide as the units. */
static size_t position_width(const sty_attention_params *p, const sty_shape *in) {
    return is_mapped(in) ? sty_shape_width(&in[STY_PORT_POSITION]) : (size_t)p->units;
}

/* ---- shapes ---- */

static sty_status expect_width(bool projected, const sty_attention_params *p, const sty_shape *in,
                               const char *what, sty_err *err) {
    if (projected || sty_shape_width(in) == (size_t)p->units) return STY_OK;
    return sty_err_set(err, STY_BAD_MODEL, "without %s_projection the %s must be %d wide, it is %zu", what,
                       what, p->units, sty_shape_width(in));
}

static sty_status check_widths(const sty_attention_params *p, const sty_shape *in, sty_err *err) {
    static const char *const names[] = {"query", "key", "value"};
    const int ports[] = {STY_PORT_QUERY, key_port(in), value_port(in)};
    const bool projected[] = {p->query_projection, p->key_projection, p->value_projection};
    if (p->units % p->heads != 0)
        return sty_err_set(err, STY_BAD_MODEL, "%d heads do not divide %d units", p->heads, p->units);
    for (int i = 0; i < 3; i++) {
        const sty_shape *one = &in[ports[i]];
        char text[64];
        if (one->kind != STY_VECTOR && one->kind != STY_SEQUENCE)
            return sty_err_set(err, STY_BAD_MODEL, "%s is %s, expected a vector or a sequence", names[i],
                               sty_shape_text(one, text));
        STY_TRY(expect_width(projected[i], p, one, names[i], err));
    }
    return STY_OK;
}

static sty_status check_mask(const sty_shape *in, sty_err *err) {
    const sty_shape *mask = &in[STY_PORT_MASK];
    const size_t keys = n_keys(in), queries = n_queries(in);
    char text[64];
    if (mask->kind == STY_ABSENT) return STY_OK;
    if (mask->kind != STY_VECTOR && mask->kind != STY_SEQUENCE)
        return sty_err_set(err, STY_BAD_MODEL, "mask is %s, expected [Tk] or [Tq, Tk]",
                           sty_shape_text(mask, text));
    if (sty_shape_width(mask) != keys || (mask->kind == STY_SEQUENCE && mask->dim[0] != queries))
        return sty_err_set(err, STY_BAD_ARGUMENT, "mask is %s for %zu queries and %zu keys",
                           sty_shape_text(mask, text), queries, keys);
    return STY_OK;
}

static sty_status check_table(const sty_attention_params *p, const sty_shape *in, sty_err *err) {
    const size_t rows = (size_t)p->table_rows, keys = n_keys(in), queries = n_queries(in);
    const bool end = p->shift == STY_SHIFT_END;
    if (is_mapped(in))
        return sty_err_set(err, STY_BAD_MODEL, "positions are a table, the input 'position' is not used");
    if (keys > (end ? rows / 2 : rows) || (end && queries > rows - rows / 2))
        return sty_err_set(err, STY_TOO_LONG, "%zu queries and %zu keys are too long for a table of %zu positions",
                           queries, keys, rows);
    return STY_OK;
}

static sty_status check_positions(const sty_attention_params *p, const sty_shape *in, sty_err *err) {
    const sty_shape *position = &in[STY_PORT_POSITION];
    char text[64];
    if (p->positions == STY_POSITIONS_NONE) return STY_OK;
    if (p->positions == STY_POSITIONS_TABLE) return check_table(p, in, err);
    if (!is_mapped(in)) return STY_OK;
    if (position->kind != STY_SEQUENCE)
        return sty_err_set(err, STY_BAD_MODEL, "position is %s, expected a sequence",
                           sty_shape_text(position, text));
    STY_TRY(expect_width(p->position_projection, p, position, "position", err));
    if (position->dim[0] < position_rows(p, in))
        return sty_err_set(err, STY_TOO_LONG, "position is %s, %zu rows are needed",
                           sty_shape_text(position, text), position_rows(p, in));
    return STY_OK;
}

sty_status sty_attention_shape(const sty_attention_params *p, const sty_shape *in, sty_shape *out,
                               sty_err *err) {
    STY_TRY(check_widths(p, in, err));
    const size_t width = (size_t)(p->out ? p->out : p->units);
    const bool sequence = in[STY_PORT_QUERY].kind == STY_SEQUENCE;
    const size_t values = sty_shape_steps(&in[value_port(in)]);
    out[0] = sequence ? sty_shape_sequence(n_queries(in), width) : sty_shape_vector(width);
    out[1] = sty_shape_heads((size_t)p->heads, sequence ? n_queries(in) : 0, n_keys(in));
    if (values != n_keys(in))
        return sty_err_set(err, STY_BAD_ARGUMENT, "value has %zu steps, key has %zu", values, n_keys(in));
    STY_TRY(check_mask(in, err));
    return check_positions(p, in, err);
}

/* ---- weights ---- */

void sty_attention_slots(const sty_attention_params *p, const sty_shape *in, const char *prefix,
                         sty_slots *list) {
    const size_t u = (size_t)p->units, h = (size_t)p->heads;
    sty_linear_slots(list, prefix, "query", p->query_projection, p->query_bias, u,
                     sty_shape_width(&in[STY_PORT_QUERY]));
    sty_linear_slots(list, prefix, "key", p->key_projection, p->key_bias, u, sty_shape_width(&in[key_port(in)]));
    sty_linear_slots(list, prefix, "value", p->value_projection, p->value_bias, u,
                     sty_shape_width(&in[value_port(in)]));
    sty_linear_slots(list, prefix, "out", p->out > 0, p->out_bias, (size_t)p->out, u);
    if (p->positions == STY_POSITIONS_NONE) return;
    if (p->u_bias) STY_SLOT2(list, h, u / h, "%su_bias", prefix);
    if (p->v_bias) STY_SLOT2(list, h, u / h, "%sv_bias", prefix);
    if (p->positions == STY_POSITIONS_TABLE) {
        sty_slot_add(list, 3, (size_t)p->table_rows, h, u / h, 1, "%stable", prefix);
        if (p->table_bias) STY_SLOT2(list, (size_t)p->table_rows, h, "%stable_bias", prefix);
    } else {
        sty_linear_slots(list, prefix, "position", p->position_projection, p->position_bias, u, position_width(p, in));
    }
}

static sty_status bind_projections(const sty_attention_params *p, const sty_shape *in, const char *prefix,
                                   const sty_slots *list, const float *const *weights, sty_arena *arena,
                                   sty_attention_state *s, sty_err *err) {
    const size_t u = (size_t)p->units;
    const struct {
        const char *name;
        sty_linear *linear;
        size_t rows, columns;
    } all[] = {{"query", &s->query, u, sty_shape_width(&in[STY_PORT_QUERY])},
               {"key", &s->key, u, sty_shape_width(&in[key_port(in)])},
               {"value", &s->value, u, sty_shape_width(&in[value_port(in)])},
               {"position", &s->position, u, position_width(p, in)},
               {"out", &s->out, (size_t)p->out, u}};
    for (size_t i = 0; i < STY_COUNT(all); i++)
        STY_TRY(sty_linear_bind_named(all[i].rows, all[i].columns, list, weights, prefix, all[i].name, arena,
                                      all[i].linear, err));
    return STY_OK;
}

sty_status sty_attention_prepare(const sty_attention_params *p, const sty_shape *in,
                                 const char *prefix, const sty_slots *list,
                                 const float *const *weights, sty_arena *arena,
                                 sty_attention_state *state, sty_err *err) {
    const double units = p->units, head = units / p->heads;
    const double divisors[] = {head, units, (double)sty_shape_width(&in[key_port(in)]), 1.0};
    *state = (sty_attention_state){
        .u_bias = sty_weight(list, weights, "%su_bias", prefix),
        .v_bias = sty_weight(list, weights, "%sv_bias", prefix),
        .table = sty_weight(list, weights, "%stable", prefix),
        .scale = (float)(1.0 / sqrt(divisors[p->scale])),
    };
    STY_TRY(bind_projections(p, in, prefix, list, weights, arena, state, err));
    const float *bias = sty_weight(list, weights, "%stable_bias", prefix);
    if (!bias) return STY_OK;
    const size_t n = (size_t)p->table_rows * (size_t)p->heads;
    float *scaled;
    STY_TRY(sty_layer_alloc(arena, n, sizeof *scaled, &scaled, err));
    for (size_t i = 0; i < n; i++)
        scaled[i] = bias[i] * state->scale;
    state->table_bias = scaled;
    return STY_OK;
}

/* ---- running ---- */

/* Where things lie in the scratch; 0 floats: not needed. */
typedef struct {
    size_t query, position_query, key, value, position, mixed, inner;
} layout;

static sty_attention describe(const sty_attention_params *p, const sty_shape *in) {
    const size_t u = (size_t)p->units, head = u / (size_t)p->heads;
    return (sty_attention){.heads = (size_t)p->heads,
                           .n_queries = n_queries(in),
                           .n_keys = n_keys(in),
                           .key_width = head,
                           .value_width = head,
                           .query_ld = u,
                           .key_ld = u,
                           .value_ld = u,
                           .value_step = head,
                           .position_ld = u,
                           .shift = (sty_shift)p->shift,
                           .out_ld = u,
                           .uniform = p->softmax_axis != 0};
}

static layout plan(const sty_attention_params *p, const sty_shape *in) {
    const size_t u = (size_t)p->units, q = sty_whole_lines(n_queries(in) * u);
    const size_t k = sty_whole_lines(n_keys(in) * u), r = sty_whole_lines(position_rows(p, in) * u);
    const bool sinusoid = p->positions == STY_POSITIONS_SINUSOID;
    const float something = 0;
    sty_attention a = describe(p, in);
    if (p->positions != STY_POSITIONS_NONE) a.position_query = &something;
    return (layout){.query = q,
                    .position_query = a.position_query ? q : 0,
                    .key = p->key_projection ? k : 0,
                    .value = p->value_projection ? k : 0,
                    .position = sinusoid && p->position_projection ? r : 0,
                    .mixed = p->out ? q : 0,
                    .inner = sty_attention_scratch(&a)};
}

size_t sty_attention_floats(const sty_attention_params *p, const sty_shape *in) {
    const layout l = plan(p, in);
    return l.query + l.position_query + l.key + l.value + l.position + l.mixed + l.inner;
}

/* How many rows there are, in a line of its own, and the rows. */
enum { ROWS_AT = STY_ALIGN / sizeof(float) };

size_t sty_attention_kept(const sty_attention_params *p, const sty_shape *in) {
    if (p->positions != STY_POSITIONS_SINUSOID || is_mapped(in)) return 0;
    return ROWS_AT + position_rows(p, in) * (size_t)p->units;
}

double sty_attention_work(const sty_attention_params *p, const sty_shape *in) {
    const double u = p->units, q = (double)n_queries(in), k = (double)n_keys(in);
    double work = 2 * q * k * u + q * u * p->out;
    if (p->query_projection) work += q * u * (double)sty_shape_width(&in[STY_PORT_QUERY]);
    if (p->key_projection) work += k * u * (double)sty_shape_width(&in[key_port(in)]);
    if (p->value_projection) work += k * u * (double)sty_shape_width(&in[value_port(in)]);
    if (p->positions != STY_POSITIONS_NONE) work += q * k * u;
    if (p->positions == STY_POSITIONS_SINUSOID && p->position_projection)
        work += (double)position_rows(p, in) * u * (double)position_width(p, in);
    return work;
}

/* y = scale (x + bias), per row; y may be x. */
static void shift_queries(const float *x, size_t n, size_t u, const float *bias, float scale, float *y) {
    for (size_t i = 0; i < n; i++, x += u, y += u)
        for (size_t j = 0; j < u; j++)
            y[j] = scale * (bias ? x[j] + bias[j] : x[j]);
}

static const float *project(const sty_tensor *in, const sty_linear *linear, float *scratch) {
    if (!linear->packed) return in->data;
    sty_linear_run(linear, sty_shape_steps(&in->shape), in->data, scratch);
    return scratch;
}

/* The rows of sinusoids, projected: a row follows from its place alone, so that more of them begin as fewer do. */
static const float *computed_positions(const sty_attention_params *p, const sty_attention_state *s, size_t rows,
                                       float *kept, float *encodings) {
    float *result = kept + ROWS_AT;
    if ((size_t)kept[0] >= rows) return result;
    sty_position_sinusoid(rows, (size_t)p->units, p->position_base, p->position_precision == 1, false,
                          p->position_projection ? encodings : result);
    if (p->position_projection) sty_linear_run(&s->position, rows, encodings, result);
    kept[0] = (float)rows;
    return result;
}

/* The rows that scores are made against; scratch: for encodings, or what is made of those given. */
static const float *positions(const sty_attention_params *p, const sty_attention_state *s, const sty_tensor *in,
                              const sty_shape *shapes, float *kept, float *scratch) {
    const size_t rows = position_rows(p, shapes);
    const float *given = in[STY_PORT_POSITION].data;
    if (!is_mapped(shapes)) return computed_positions(p, s, rows, kept, scratch);
    if (!p->position_projection) return given;
    sty_linear_run(&s->position, rows, given, scratch);
    return scratch;
}

/* First table row that is used. */
static size_t table_start(const sty_attention_params *p, size_t keys) {
    return p->shift == STY_SHIFT_END ? (size_t)p->table_rows / 2 - keys : 0;
}

void sty_attention_apply(const sty_attention_params *p, const sty_attention_state *s,
                         const sty_tensor *in, float *out, float *weights, float *kept, float *scratch) {
    sty_shape shapes[STY_N_ATTENTION_PORTS];
    for (int i = 0; i < STY_N_ATTENTION_PORTS; i++)
        shapes[i] = in[i].shape;
    const layout l = plan(p, shapes);
    const size_t u = (size_t)p->units, queries = n_queries(shapes), keys = n_keys(shapes);
    float *query = scratch, *position_query = query + l.query, *key = position_query + l.position_query;
    float *value = key + l.key, *position = value + l.value, *mixed = position + l.position, *inner = mixed + l.mixed;
    sty_attention a = describe(p, shapes);
    const float *q = project(&in[STY_PORT_QUERY], &s->query, query);
    a.key = project(&in[key_port(shapes)], &s->key, key);
    a.value = project(&in[value_port(shapes)], &s->value, value);
    if (p->positions != STY_POSITIONS_NONE) {
        shift_queries(q, queries, u, s->v_bias, s->scale, position_query);
        a.position_query = position_query;
        if (p->positions == STY_POSITIONS_TABLE) {
            const size_t start = table_start(p, keys);
            a.position = s->table + start * u;
            if (s->table_bias) a.position_bias = s->table_bias + start * (size_t)p->heads;
        } else {
            a.position = positions(p, s, in, shapes, kept, position);
        }
    }
    shift_queries(q, queries, u, s->u_bias, s->scale, query);
    a.query = query;
    a.mask = in[STY_PORT_MASK].data;
    a.mask_ld = shapes[STY_PORT_MASK].kind == STY_SEQUENCE ? keys : 0;
    a.mask_valid = p->mask_meaning == 0;
    a.mask_fill = p->mask_fill == 0 ? -INFINITY : -1e9f;
    a.out = p->out ? mixed : out;
    a.weights = weights;
    sty_attention_run(&a, inner);
    if (p->out) sty_linear_run(&s->out, queries, mixed, out);
}
