/* The attention layers against naive twins in double, over random shapes: lengths 1
 * to 300, heads 1 to 16, masks of every length and at every length.
 *
 * Tolerance 2e-5 of max(1, largest): sums of up to 300 products in float32, through an
 * exponential. */
#include "twin.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 2e-5;

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
static double shifted(const rows *p, size_t i, size_t j, size_t tq, size_t tk, bool end) {
    if (end) return p->at[i * p->d + tq + j - i];
    const size_t flat = i * tk + j + tq, row = flat / (tk + 1), column = flat % (tk + 1);
    return column == 0 ? 0 : p->at[row * p->d + column - 1];
}

/* The whole layer. position: rows against which (q + v) is taken, or NULL. */
static void twin(const layer_case *c, const shape_of_case *s, const rows *position, const double *row_bias,
                 bool end, rows *out, double *maps) {
    const size_t u = s->heads * s->head;
    const sty_tensor *key_in = c->in[1].data ? &c->in[1] : &c->in[0];
    const sty_tensor *value_in = c->in[2].data ? &c->in[2] : key_in;
    rows qx = rows_of(&c->in[0]), kx = rows_of(key_in), vx = rows_of(value_in);
    rows q = projected(c, "query", &qx, u), k = projected(c, "key", &kx, u), v = projected(c, "value", &vx, u);
    rows mixed = make_rows(s->tq, u);
    const float *ub = layer_case_has(c, "u_bias") ? layer_case_weight(c, "u_bias") : NULL;
    const float *vb = layer_case_has(c, "v_bias") ? layer_case_weight(c, "v_bias") : NULL;
    for (size_t h = 0; h < s->heads; h++) {
        rows p = make_rows(s->tq, position ? position->t : 0);
        for (size_t i = 0; position && i < s->tq; i++)
            for (size_t r = 0; r < position->t; r++) {
                double sum = row_bias ? row_bias[r * s->heads + h] : 0;
                for (size_t d = h * s->head; d < (h + 1) * s->head; d++)
                    sum += (q.at[i * u + d] + (vb ? (double)vb[d] : 0)) * position->at[r * u + d];
                p.at[i * p.d + r] = sum;
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
    *out = projected(c, "out", &mixed, s->out);
    free(mixed.at), free(q.at), free(k.at), free(v.at), free(qx.at), free(kx.at), free(vx.at);
}

static void compare(const layer_case *c, const shape_of_case *s, const rows *position, const double *row_bias,
                    bool end, const char *what) {
    double *maps = calloc(s->heads * s->tq * s->tk, sizeof *maps);
    rows out;
    twin(c, s, position, row_bias, end, &out, maps);
    assert_int_equal(sty_shape_count(&c->out[0].shape), out.t * out.d);
    assert_int_equal(sty_shape_count(&c->out[1].shape), s->heads * s->tq * s->tk);
    assert_near(what, c->out[0].data, out.at, out.t * out.d, tolerance);
    assert_near(what, c->out[1].data, maps, s->heads * s->tq * s->tk, tolerance);
    free(out.at), free(maps);
}

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
        const size_t n = end ? s.tq + s.tk : s.tk;
        if (given) layer_case_input(&c, 4, sty_shape_sequence(n + random_size(0, 9), random_size(1, 20)));
        layer_case_run(&c);
        rows e = given ? rows_of(&c.in[4]) : sinusoid(n, u, strstr(text, "=50 ") ? 50 : 10000, wide);
        e.t = n;
        rows p = projected(&c, "position", &e, u);
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
        const size_t first = end ? half - s.tk : 0, n = end ? s.tq + s.tk : s.tk;
        rows p = make_rows(n, u), b = make_rows(n, s.heads);
        for (size_t i = 0; i < n * u; i++)
            p.at[i] = (double)layer_case_weight(&c, "table")[first * u + i];
        for (size_t i = 0; bias && i < n * s.heads; i++)
            b.at[i] = (double)layer_case_weight(&c, "table_bias")[first * s.heads + i];
        compare(&c, &s, &p, bias ? b.at : NULL, end, text);
        free(p.at), free(b.at);
        layer_case_close(&c);
    }
}

/* Where the scores of positions come from. */
typedef enum { NO_POSITIONS, FRONT, END, TABLE } positions;
static const struct {
    const char *type, *params;
    positions positions;
} masked_types[] = {
    {"multi_head_attention", "units=4 heads=1 scale=units", NO_POSITIONS},
    {"relative_multi_head_attention", "units=4 heads=1 scale=units", FRONT},
    {"relative_multi_head_attention", "units=4 heads=1 scale=units shift=end", END},
    {"relative_multi_head_attention", "units=4 heads=1 scale=units positions=table table_rows=600 shift=end", TABLE},
    {"conformer_multi_headed_self_attention", "heads=1 scale=units", FRONT},
};

/* Self-attention of that type over t steps against its twin; the first n_valid keys may be
 * attended to, 0: a random choice. */
static void check_masked(size_t which, size_t t, size_t n_valid, bool large, bool masked_is_one) {
    const shape_of_case s = {.tq = t, .tk = t, .heads = 1, .head = 4, .mask = true, .large = large, .scale = 4,
                             .masked_is_one = masked_is_one, .mask_rows = !n_valid && t % 3 == 0,
                             .out = strncmp(masked_types[which].type, "conformer", 9) == 0 ? 4 : 0};
    const bool end = masked_types[which].positions >= END;
    rows p = {0, 0, NULL}, bias = p;
    char text[256];
    layer_case c;
    snprintf(text, sizeof text, "%s mask_fill=%s mask_meaning=%s", masked_types[which].params,
             large ? "large_negative" : "minus_infinity", masked_is_one ? "masked" : "valid");
    layer_case_open(&c, masked_types[which].type, text);
    layer_case_input(&c, 0, sty_shape_sequence(t, 4));
    connect_mask(&c, &s);
    for (size_t i = 0; n_valid && i < t; i++)
        c.in[3].data[i] = (i < n_valid) != masked_is_one ? 1.0f : 0.0f;
    layer_case_run(&c);
    if (masked_types[which].positions == TABLE) {
        p = make_rows(2 * t, 4), bias = make_rows(2 * t, 1);
        for (size_t i = 0; i < p.t * p.d; i++)
            p.at[i] = (double)layer_case_weight(&c, "table")[(300 - t) * p.d + i];
        for (size_t i = 0; i < bias.t * bias.d; i++)
            bias.at[i] = (double)layer_case_weight(&c, "table_bias")[(300 - t) * bias.d + i];
    } else if (masked_types[which].positions != NO_POSITIONS) {
        rows e = sinusoid(end ? 2 * t : t, 4, 10000, false);
        p = projected(&c, "position", &e, 4);
        free(e.at);
    }
    compare(&c, &s, p.at ? &p : NULL, bias.at, end, text);
    free(p.at), free(bias.at);
    layer_case_close(&c);
}

static void every_attention_takes_a_mask_at_every_length(void **unused) {
    (void)unused;
    for (size_t which = 0; which < STY_COUNT(masked_types); which++)
        for (size_t t = 1; t <= 300; t++)
            check_masked(which, t, 0, t % 2, t % 4 < 2);
}

static void every_attention_takes_masks_of_every_length(void **unused) {
    enum { STEPS = 100 }; /* more than a block of queries */
    (void)unused;
    for (size_t which = 0; which < STY_COUNT(masked_types); which++)
        for (size_t n = 1; n <= STEPS; n++)
            check_masked(which, STEPS, n, n % 2, n % 4 < 2);
}

/* What a layer has beside its inputs and outputs; the run fails the test when it writes more. */
static void relative_attention_has_less_than_a_score_matrix_per_head(void **unused) {
    static const size_t lengths[] = {300, 1000};
    (void)unused;
    for (size_t which = 1; which < STY_COUNT(masked_types); which++)
        for (size_t i = 0; i < STY_COUNT(lengths); i++) {
            const size_t t = lengths[i], heads = 4;
            const bool conformer = strncmp(masked_types[which].type, "conformer", 9) == 0;
            sty_shape in[STY_MAX_PORTS], out[STY_MAX_OUTPUTS];
            char text[256];
            layer_case c;
            snprintf(text, sizeof text, "%sheads=4%s%s", conformer ? "" : "units=32 ",
                     masked_types[which].positions == TABLE ? " positions=table table_rows=2000" : "",
                     masked_types[which].positions >= END ? " shift=end" : "");
            layer_case_open(&c, masked_types[which].type, text);
            layer_case_input(&c, 0, sty_shape_sequence(t, 32));
            layer_case_run(&c);
            for (size_t port = 0; port < c.n_in; port++)
                in[port] = c.in[port].shape;
            for (int j = 0; j < STY_MAX_OUTPUTS; j++)
                out[j] = c.out[j].shape;
            const size_t floats = sty_layer_scratch(c.type, c.params, in, out, true);
            printf("# %s %s: %zu steps, %.2f of a score matrix per head\n", c.type->name, text, t,
                   (double)floats / (double)(heads * t * t));
            assert_true(floats <= heads * t * t);
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
        rows e = sinusoid(s.tk, u, 10000, false), p = projected(&c, "position", &e, u);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multi_head_attention_is_its_definition),
        cmocka_unit_test(without_projections_inputs_are_used_as_they_are),
        cmocka_unit_test(relative_attention_over_sinusoids_is_its_definition),
        cmocka_unit_test(relative_attention_over_a_table_is_its_definition),
        cmocka_unit_test(every_attention_takes_a_mask_at_every_length),
        cmocka_unit_test(every_attention_takes_masks_of_every_length),
        cmocka_unit_test(relative_attention_has_less_than_a_score_matrix_per_head),
        cmocka_unit_test(a_query_without_any_key_gets_zeros),
        cmocka_unit_test(softmax_over_the_batch_gives_ones),
        cmocka_unit_test(conformer_attention_normalises_then_attends),
        cmocka_unit_test(lengths_and_widths_that_do_not_fit_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
