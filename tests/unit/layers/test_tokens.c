/* Attention over learned tokens against naive twins in double over random shapes, lengths 1
 * to 300, heads 1 to 16; and what `stylet mix` rests on.
 *
 * Tolerance 2e-5 of max(1, largest): sums in float32, through an exponential. */
#include "twin.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double tolerance = 2e-5;

/* Of one head's query q and key k [w]: the perceptron n, b; without n the scaled product. */
static double token_score(const double *n, const float *b, const double *q, const double *k, size_t w, double divisor) {
    double sum = 0;
    for (size_t j = 0; j < w; j++)
        sum += n ? n[j] * tanh(k[j] + q[j] + (b ? (double)b[j] : 0)) : k[j] * q[j] / sqrt(divisor);
    return sum;
}

/* g v / |v|, or v; NULL for a layer without them. */
static double *perceptron(const layer_case *c, size_t w) {
    const float *v = weight_of(c, "", "v"), *g = weight_of(c, "", "g");
    double *n = v ? calloc(w, sizeof *n) : NULL, squares = 0;
    for (size_t j = 0; v && j < w; j++)
        squares += (double)v[j] * (double)v[j];
    for (size_t j = 0; v && j < w; j++)
        n[j] = (g ? (double)*g / sqrt(squares) : 1) * (double)v[j];
    return n;
}

/* maps [heads, n, k] and the output of either layer; batch: every weight is 1. */
static rows attend_tokens(const layer_case *c, size_t heads, size_t u, double divisor, bool batch, size_t out, double *maps) {
    rows x = rows_of(&c->in[0]), tokens = make_rows(c->slots.slot[0].dim[0], c->slots.slot[0].dim[1]);
    for (size_t i = 0; i < tokens.t * tokens.d; i++)
        tokens.at[i] = tanh((double)layer_case_weight(c, "tokens")[i]);
    rows q = projected(c, "query", &x, u), key = projected(c, "key", &tokens, u), value = projected(c, "value", &tokens, u);
    const bool whole = !layer_case_has(c, "value.weight");
    const size_t k = tokens.t, w = u / heads, vw = whole ? tokens.d : w;
    double *n = perceptron(c, w);
    const float *b = weight_of(c, "", "b");
    rows mixed = make_rows(x.t, heads * vw);
    for (size_t h = 0; h < heads; h++)
        for (size_t i = 0; i < x.t; i++) {
            double *row = maps + (h * x.t + i) * k, sum = 0;
            for (size_t t = 0; t < k; t++)
                sum += row[t] = exp(token_score(n, b, q.at + i * u + h * w, key.at + t * u + h * w, w, divisor));
            for (size_t t = 0; t < k; t++) {
                row[t] = batch ? 1 : row[t] / sum;
                for (size_t j = 0; j < vw; j++)
                    mixed.at[i * mixed.d + h * vw + j] += row[t] * value.at[t * value.d + (whole ? 0 : h * w) + j];
            }
        }
    rows y = projected(c, "out", &mixed, out);
    free(x.at), free(tokens.at), free(q.at), free(key.at), free(value.at), free(mixed.at), free(n);
    return y;
}

static void token_attentions_are_their_definitions(void **unused) {
    static const char *const scales[] = {"token_width", "head_width", "units", "none"};
    (void)unused;
    for (int round = 0; round < 100; round++) {
        const size_t heads = random_size(1, 16), w = random_size(1, 8), u = heads * w, k = random_size(1, 12);
        const bool additive = random_bool(), query = random_bool(), key = random_bool(), batch = random_size(0, 3) == 0;
        const size_t e = key ? random_size(1, 9) : u, d = query ? random_size(1, 20) : u, n = random_length();
        const size_t out = random_bool() ? random_size(1, 9) : 0, scale = random_size(0, 3);
        const double divisors[] = {(double)e, (double)w, (double)u, 1};
        char text[512];
        layer_case c;
        snprintf(text, sizeof text,
                 "tokens=%zu token_width=%zu units=%zu heads=%zu query_projection=%s key_projection=%s value_projection=%s "
                 "query_bias=%s key_bias=%s value_bias=%s out=%zu out_bias=%s softmax_axis=%s %s%s",
                 k, e, u, heads, truth(query), truth(key), truth(random_bool()), truth(random_bool()), truth(random_bool()),
                 truth(random_bool()), out, truth(random_bool()), batch ? "batch" : "tokens",
                 additive ? "normalize=" : "scale=", additive ? truth(random_bool()) : scales[scale]);
        layer_case_open(&c, additive ? "additive_attention" : "style_token_attention", text);
        layer_case_input(&c, 0, random_size(0, 3) ? sty_shape_sequence(n, d) : sty_shape_vector(d));
        layer_case_run(&c);
        const size_t n_maps = sty_shape_count(&c.out[1].shape);
        double *maps = calloc(n_maps, sizeof *maps);
        rows y = attend_tokens(&c, heads, u, divisors[scale], batch, out, maps);
        compare_rows(&c, &y, tolerance, text);
        assert_near(text, c.out[1].data, maps, n_maps, tolerance);
        free(y.at), free(maps);
        layer_case_close(&c);
    }
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
        cmocka_unit_test(token_attentions_are_their_definitions),
        cmocka_unit_test(mixing_the_computed_weights_gives_the_computed_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
