/* The attention layers against naive twins in double, over random shapes: lengths 1
 * to 300, heads 1 to 16, masks at every length.
 *
 * Tolerance 2e-5 of max(1, largest): sums of up to 300 products in float32, through an
 * exponential. */
#include "layer_case.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 2e-5;

/* A matrix of doubles. */
typedef struct {
    size_t rows, columns;
    double *at;
} matrix;

static matrix make(size_t rows, size_t columns) {
    return (matrix){rows, columns, calloc(rows * columns + 1, sizeof(double))};
}

static matrix of(const sty_tensor *t) {
    matrix m = make(sty_shape_steps(&t->shape), sty_shape_width(&t->shape));
    for (size_t i = 0; i < m.rows * m.columns; i++)
        m.at[i] = (double)t->data[i];
    return m;
}

/* x W^T + b by the tensors' names, or a copy of x where there is no such weight. */
static matrix project(const layer_case *c, const char *name, const matrix *x, size_t units) {
    char weight[64], bias[64];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    matrix y = make(x->rows, layer_case_has(c, weight) ? units : x->columns);
    if (!layer_case_has(c, weight)) {
        memcpy(y.at, x->at, y.rows * y.columns * sizeof *y.at);
        return y;
    }
    const float *w = layer_case_weight(c, weight);
    const float *b = layer_case_has(c, bias) ? layer_case_weight(c, bias) : NULL;
    for (size_t i = 0; i < y.rows; i++)
        for (size_t j = 0; j < units; j++) {
            double sum = b ? (double)b[j] : 0;
            for (size_t k = 0; k < x->columns; k++)
                sum += x->at[i * x->columns + k] * (double)w[j * x->columns + k];
            y.at[i * units + j] = sum;
        }
    return y;
}

static void softmax(double *row, size_t n) {
    double largest = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++)
        largest = fmax(largest, row[j]);
    for (size_t j = 0; j < n; j++)
        sum += row[j] = largest == -INFINITY ? 0 : exp(row[j] - largest);
    for (size_t j = 0; j < n && sum > 0; j++)
        row[j] /= sum;
}

/* What a random case is made of. */
typedef struct {
    size_t tq, tk, heads, head, out;
    bool vector, mask, mask_rows, masked_is_one, large;
    double scale;
} shape_of_case;

static shape_of_case random_case(void) {
    shape_of_case s = {.heads = random_size(1, 16), .head = random_size(1, 9), .out = random_bool() ? random_size(1, 9) : 0};
    s.vector = random_size(0, 9) == 0;
    s.tq = s.vector ? 1 : random_bool() ? random_size(1, 12) : random_size(1, 300);
    s.tk = random_bool() ? random_size(1, 12) : random_size(1, 300);
    s.mask = random_bool();
    s.mask_rows = s.mask && !s.vector && random_bool();
    s.masked_is_one = random_bool();
    s.large = random_bool();
    return s;
}

static sty_shape query_shape(const shape_of_case *s, size_t width) {
    return s->vector ? sty_shape_vector(width) : sty_shape_sequence(s->tq, width);
}

static void connect_mask(layer_case *c, const shape_of_case *s) {
    if (!s->mask) return;
    layer_case_mask(c, 3, s->mask_rows ? sty_shape_sequence(s->tq, s->tk) : sty_shape_vector(s->tk));
    for (size_t i = 0; s->masked_is_one && i < sty_shape_count(&c->in[3].shape); i++)
        c->in[3].data[i] = 1.0f - c->in[3].data[i];
}

/* Score of position i, j before the scale, from P [tq, rows]; the definition, element by element. */
static double shifted(const matrix *p, size_t i, size_t j, size_t tq, size_t tk, bool end) {
    if (end) return p->at[i * p->columns + tq + j - i];
    const size_t flat = i * tk + j + tq, row = flat / (tk + 1), column = flat % (tk + 1);
    return column == 0 ? 0 : p->at[row * p->columns + column - 1];
}

/* The whole layer. position: rows against which (q + v) is taken, or NULL. */
static void twin(const layer_case *c, const shape_of_case *s, const matrix *position, const double *row_bias,
                 bool end, matrix *out, double *maps) {
    const size_t u = s->heads * s->head;
    const sty_tensor *key_in = c->in[1].data ? &c->in[1] : &c->in[0];
    const sty_tensor *value_in = c->in[2].data ? &c->in[2] : key_in;
    matrix qx = of(&c->in[0]), kx = of(key_in), vx = of(value_in);
    matrix q = project(c, "query", &qx, u), k = project(c, "key", &kx, u), v = project(c, "value", &vx, u);
    matrix mixed = make(s->tq, u);
    const float *ub = layer_case_has(c, "u_bias") ? layer_case_weight(c, "u_bias") : NULL;
    const float *vb = layer_case_has(c, "v_bias") ? layer_case_weight(c, "v_bias") : NULL;
    for (size_t h = 0; h < s->heads; h++) {
        matrix p = make(s->tq, position ? position->rows : 0);
        for (size_t i = 0; position && i < s->tq; i++)
            for (size_t r = 0; r < position->rows; r++) {
                double sum = row_bias ? row_bias[r * s->heads + h] : 0;
                for (size_t d = h * s->head; d < (h + 1) * s->head; d++)
                    sum += (q.at[i * u + d] + (vb ? (double)vb[d] : 0)) * position->at[r * u + d];
                p.at[i * p.columns + r] = sum;
            }
        for (size_t i = 0; i < s->tq; i++) {
            double *row = maps + (h * s->tq + i) * s->tk;
            for (size_t j = 0; j < s->tk; j++) {
                double sum = position ? shifted(&p, i, j, s->tq, s->tk, end) : 0;
                for (size_t d = h * s->head; d < (h + 1) * s->head; d++)
                    sum += (q.at[i * u + d] + (ub ? (double)ub[d] : 0)) * k.at[j * u + d];
                row[j] = sum / sqrt(s->scale);
                const float *mask = c->in[3].data;
                const bool is_one = mask && mask[(s->mask_rows ? i * s->tk : 0) + j] != 0.0f;
                if (mask && is_one == s->masked_is_one) row[j] = s->large ? -1e9 : -INFINITY;
            }
            softmax(row, s->tk);
            for (size_t d = h * s->head; d < (h + 1) * s->head; d++)
                for (size_t j = 0; j < s->tk; j++)
                    mixed.at[i * u + d] += row[j] * v.at[j * u + d];
        }
        free(p.at);
    }
    *out = project(c, "out", &mixed, s->out);
    free(mixed.at), free(q.at), free(k.at), free(v.at), free(qx.at), free(kx.at), free(vx.at);
}

static void compare(const layer_case *c, const shape_of_case *s, const matrix *position, const double *row_bias,
                    bool end, const char *what) {
    double *maps = calloc(s->heads * s->tq * s->tk, sizeof *maps);
    matrix out;
    twin(c, s, position, row_bias, end, &out, maps);
    assert_int_equal(sty_shape_count(&c->out[0].shape), out.rows * out.columns);
    assert_int_equal(sty_shape_count(&c->out[1].shape), s->heads * s->tq * s->tk);
    assert_near(what, c->out[0].data, out.at, out.rows * out.columns, tolerance);
    assert_near(what, c->out[1].data, maps, s->heads * s->tq * s->tk, tolerance);
    free(out.at), free(maps);
}

static const char *truth(bool b) { return b ? "true" : "false"; }

static void multi_head_attention_is_its_definition(void **unused) {
    static const char *const scales[] = {"head_width", "units", "key_width", "none"};
    (void)unused;
    for (int round = 0; round < 60; round++) {
        shape_of_case s = random_case();
        const size_t u = s.heads * s.head, dq = random_size(1, 20), dk = random_size(1, 20), scale = random_size(0, 3);
        char text[512];
        layer_case c;
        snprintf(text, sizeof text,
                 "units=%zu heads=%zu out=%zu query_bias=%s key_bias=%s value_bias=%s out_bias=%s scale=%s "
                 "mask_meaning=%s mask_fill=%s",
                 u, s.heads, s.out, truth(random_bool()), truth(random_bool()), truth(random_bool()),
                 truth(random_bool()), scales[scale], s.masked_is_one ? "masked" : "valid",
                 s.large ? "large_negative" : "minus_infinity");
        s.scale = scale == 0 ? (double)s.head : scale == 1 ? (double)u : scale == 2 ? (double)dk : 1;
        layer_case_open(&c, "multi_head_attention", text);
        layer_case_input(&c, 0, query_shape(&s, dq));
        layer_case_input(&c, 1, sty_shape_sequence(s.tk, dk));
        if (random_bool()) layer_case_input(&c, 2, sty_shape_sequence(s.tk, random_size(1, 20)));
        connect_mask(&c, &s);
        layer_case_run(&c);
        compare(&c, &s, NULL, NULL, false, text);
        layer_case_close(&c);
    }
}

static void without_projections_inputs_are_used_as_they_are(void **unused) {
    (void)unused;
    for (int round = 0; round < 10; round++) {
        shape_of_case s = random_case();
        char text[256];
        layer_case c;
        s.out = 0;
        s.scale = (double)s.head;
        snprintf(text, sizeof text,
                 "units=%zu heads=%zu query_projection=false key_projection=false value_projection=false "
                 "mask_meaning=%s mask_fill=%s",
                 s.heads * s.head, s.heads, s.masked_is_one ? "masked" : "valid",
                 s.large ? "large_negative" : "minus_infinity");
        layer_case_open(&c, "multi_head_attention", text);
        layer_case_input(&c, 0, query_shape(&s, s.heads * s.head));
        layer_case_input(&c, 1, sty_shape_sequence(s.tk, s.heads * s.head));
        connect_mask(&c, &s);
        layer_case_run(&c);
        assert_int_equal(c.slots.n, 0);
        compare(&c, &s, NULL, NULL, false, text);
        layer_case_close(&c);
    }
}

/* Sinusoids by their formula. float32: the published rounding of the angle. */
static matrix sinusoid(size_t rows, size_t width, double base, bool wide) {
    matrix e = make(rows, width);
    for (size_t t = 0; t < rows; t++)
        for (size_t j = 0; j < width; j++) {
            const float step = (float)(-log(base) / (double)width);
            const float w = (float)exp((double)((float)(j / 2 * 2) * step));
            const double a = wide ? (double)t / pow(base, (double)(j / 2 * 2) / (double)width)
                                  : (double)((float)t * w);
            e.at[t * width + j] = j % 2 ? cos(a) : sin(a);
        }
    return e;
}

static void relative_attention_over_sinusoids_is_its_definition(void **unused) {
    (void)unused;
    for (int round = 0; round < 60; round++) {
        shape_of_case s = random_case();
        const size_t u = s.heads * s.head;
        const bool end = random_bool(), wide = random_bool(), given = random_bool();
        char text[512];
        layer_case c;
        snprintf(text, sizeof text,
                 "units=%zu heads=%zu out=%zu query_bias=%s key_bias=%s u_bias=%s v_bias=%s position_bias=%s "
                 "shift=%s position_precision=%s position_base=%d scale=units mask_meaning=%s mask_fill=%s",
                 u, s.heads, s.out, truth(random_bool()), truth(random_bool()), truth(random_bool()),
                 truth(random_bool()), truth(random_bool()), end ? "end" : "front", wide ? "float64" : "float32",
                 random_bool() ? 10000 : 50, s.masked_is_one ? "masked" : "valid",
                 s.large ? "large_negative" : "minus_infinity");
        s.scale = (double)u;
        layer_case_open(&c, "relative_multi_head_attention", text);
        layer_case_input(&c, 0, query_shape(&s, random_size(1, 20)));
        layer_case_input(&c, 1, sty_shape_sequence(s.tk, random_size(1, 20)));
        connect_mask(&c, &s);
        const size_t rows = end ? s.tq + s.tk : s.tk;
        if (given) layer_case_input(&c, 4, sty_shape_sequence(rows + random_size(0, 9), random_size(1, 20)));
        layer_case_run(&c);
        matrix e = given ? of(&c.in[4]) : sinusoid(rows, u, strstr(text, "=50 ") ? 50 : 10000, wide);
        e.rows = rows;
        matrix p = project(&c, "position", &e, u);
        compare(&c, &s, &p, NULL, end, text);
        free(e.at), free(p.at);
        layer_case_close(&c);
    }
}

static void relative_attention_over_a_table_is_its_definition(void **unused) {
    (void)unused;
    for (int round = 0; round < 60; round++) {
        shape_of_case s = random_case();
        const size_t u = s.heads * s.head, half = (s.tq > s.tk ? s.tq : s.tk) + random_size(0, 5);
        const bool end = random_bool(), bias = random_bool();
        char text[512];
        layer_case c;
        snprintf(text, sizeof text,
                 "units=%zu heads=%zu out=%zu positions=table table_rows=%zu table_bias=%s v_bias=%s shift=%s "
                 "mask_meaning=%s mask_fill=%s",
                 u, s.heads, s.out, 2 * half, truth(bias), truth(random_bool()), end ? "end" : "front",
                 s.masked_is_one ? "masked" : "valid", s.large ? "large_negative" : "minus_infinity");
        s.scale = (double)s.head;
        layer_case_open(&c, "relative_multi_head_attention", text);
        layer_case_input(&c, 0, query_shape(&s, random_size(1, 20)));
        layer_case_input(&c, 1, sty_shape_sequence(s.tk, random_size(1, 20)));
        connect_mask(&c, &s);
        layer_case_run(&c);
        const size_t first = end ? half - s.tk : 0, rows = end ? s.tq + s.tk : s.tk;
        matrix p = make(rows, u), b = make(rows, s.heads);
        for (size_t i = 0; i < rows * u; i++)
            p.at[i] = (double)layer_case_weight(&c, "table")[first * u + i];
        for (size_t i = 0; bias && i < rows * s.heads; i++)
            b.at[i] = (double)layer_case_weight(&c, "table_bias")[first * s.heads + i];
        compare(&c, &s, &p, bias ? b.at : NULL, end, text);
        free(p.at), free(b.at);
        layer_case_close(&c);
    }
}

static void masks_work_at_every_length(void **unused) {
    (void)unused;
    for (size_t t = 1; t <= 300; t++) {
        shape_of_case s = {.tq = t, .tk = t, .heads = 2, .head = 4, .out = 0, .mask = true, .large = t % 2, .scale = 8};
        char text[128];
        layer_case c;
        snprintf(text, sizeof text, "units=8 heads=2 scale=units mask_fill=%s",
                 s.large ? "large_negative" : "minus_infinity");
        layer_case_open(&c, "relative_multi_head_attention", text);
        layer_case_input(&c, 0, sty_shape_sequence(t, 8));
        connect_mask(&c, &s);
        layer_case_run(&c);
        matrix e = sinusoid(t, 8, 10000, false), p = project(&c, "position", &e, 8);
        compare(&c, &s, &p, NULL, false, text);
        free(e.at), free(p.at);
        layer_case_close(&c);
    }
}

static void a_query_without_any_key_gets_zeros(void **unused) {
    layer_case c;
    (void)unused;
    layer_case_open(&c, "multi_head_attention", "units=4 heads=2");
    layer_case_input(&c, 0, sty_shape_sequence(3, 4));
    layer_case_input(&c, 3, sty_shape_vector(3));
    memset(c.in[3].data, 0, 3 * sizeof(float));
    layer_case_run(&c);
    for (size_t i = 0; i < 12; i++)
        assert_true(c.out[0].data[i] == 0.0f);
    layer_case_close(&c);
}

static void softmax_over_the_batch_gives_ones(void **unused) {
    layer_case c;
    (void)unused;
    layer_case_open(&c, "multi_head_attention", "units=4 heads=2 softmax_axis=batch");
    layer_case_input(&c, 0, sty_shape_sequence(3, 4));
    layer_case_run(&c);
    for (size_t i = 0; i < 18; i++)
        assert_true(c.out[1].data[i] == 1.0f);
    layer_case_close(&c);
}

static void conformer_attention_normalises_then_attends(void **unused) {
    (void)unused;
    for (int round = 0; round < 20; round++) {
        shape_of_case s = random_case();
        char text[256];
        layer_case c;
        const size_t u = s.heads * s.head;
        s.vector = false;
        s.tk = s.tq;
        s.out = u;
        s.scale = (double)u;
        s.mask = false;
        snprintf(text, sizeof text, "heads=%zu norm=layer query_bias=%s", s.heads, truth(random_bool()));
        layer_case_open(&c, "conformer_multi_headed_self_attention", text);
        layer_case_input(&c, 0, sty_shape_sequence(s.tq, u));
        layer_case_run(&c);
        /* the twin attends over the normalised input */
        for (size_t i = 0; i < s.tq; i++) {
            float *x = c.in[0].data + i * u;
            double mean = 0, var = 0;
            for (size_t j = 0; j < u; j++)
                mean += (double)x[j] / (double)u;
            for (size_t j = 0; j < u; j++)
                var += ((double)x[j] - mean) * ((double)x[j] - mean) / (double)u;
            for (size_t j = 0; j < u; j++)
                x[j] = (float)(((double)x[j] - mean) / sqrt(var + 1e-5) * (double)layer_case_weight(&c, "norm.weight")[j] +
                               (double)layer_case_weight(&c, "norm.bias")[j]);
        }
        matrix e = sinusoid(s.tk, u, 10000, false), p = project(&c, "position", &e, u);
        compare(&c, &s, &p, NULL, false, text);
        free(e.at), free(p.at);
        layer_case_close(&c);
    }
}

static void lengths_and_widths_that_do_not_fit_are_named(void **unused) {
    layer_case c;
    sty_shape out[STY_MAX_OUTPUTS];
    sty_err err;
    (void)unused;
    layer_case_open(&c, "relative_multi_head_attention", "units=8 heads=3");
    layer_case_input(&c, 0, sty_shape_sequence(5, 8));
    assert_int_equal(layer_case_shape(&c, out, &err), STY_BAD_MODEL);
    assert_string_equal(err.message, "3 heads do not divide 8 units");
    layer_case_close(&c);
    layer_case_open(&c, "relative_multi_head_attention", "units=8 heads=2 positions=table table_rows=8");
    layer_case_input(&c, 0, sty_shape_sequence(9, 8));
    assert_int_equal(layer_case_shape(&c, out, &err), STY_TOO_LONG);
    assert_non_null(strstr(err.message, "a table of 8 positions"));
    assert_int_equal(out[0].dim[0], 9);
    layer_case_close(&c);
    layer_case_open(&c, "multi_head_attention", "units=8 heads=2");
    layer_case_input(&c, 0, sty_shape_sequence(5, 8));
    layer_case_input(&c, 3, sty_shape_vector(6));
    assert_int_equal(layer_case_shape(&c, out, &err), STY_BAD_ARGUMENT);
    assert_string_equal(err.message, "mask is vector [6] for 5 queries and 5 keys");
    layer_case_close(&c);
}

/* What `stylet mix` rests on, for every type that has tokens of its own. */
static void mixing_the_computed_weights_gives_the_computed_output(void **unused) {
    static const char *const cases[][2] = {
        {"style_token_attention", "tokens=5 token_width=6 units=8 heads=2"},
        {"style_token_attention", "tokens=5 token_width=6 units=8 heads=2 value_projection=false out=7"},
        {"additive_attention", "tokens=5 token_width=6 units=8 heads=4"},
        {"additive_attention", "tokens=5 token_width=6 units=8 heads=4 value_projection=true out=5"}};
    (void)unused;
    for (size_t i = 0; i < STY_COUNT(cases); i++) {
        float scratch[256], mixed[64];
        layer_case c;
        layer_case_open(&c, cases[i][0], cases[i][1]);
        layer_case_input(&c, 0, sty_shape_vector(9));
        layer_case_run(&c);
        const size_t n = sty_shape_count(&c.out[0].shape);
        assert_true(n <= STY_COUNT(mixed) && c.type->scratch(c.params, &c.in[0].shape, &c.out[0].shape) <= 256);
        c.type->mix(c.params, c.state, c.out[1].data, scratch, mixed);
        for (size_t j = 0; j < n; j++)
            assert_float_equal(mixed[j], c.out[0].data[j], 1e-6);
        layer_case_close(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multi_head_attention_is_its_definition),
        cmocka_unit_test(without_projections_inputs_are_used_as_they_are),
        cmocka_unit_test(relative_attention_over_sinusoids_is_its_definition),
        cmocka_unit_test(relative_attention_over_a_table_is_its_definition),
        cmocka_unit_test(masks_work_at_every_length),
        cmocka_unit_test(a_query_without_any_key_gets_zeros),
        cmocka_unit_test(softmax_over_the_batch_gives_ones),
        cmocka_unit_test(conformer_attention_normalises_then_attends),
        cmocka_unit_test(lengths_and_widths_that_do_not_fit_are_named),
        cmocka_unit_test(mixing_the_computed_weights_gives_the_computed_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
