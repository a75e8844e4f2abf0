/* Feed-forward and conformer layers against naive twins in double over random shapes,
 * lengths 1 to 300, heads 1 to 16.
 *
 * Tolerance 2e-5 of max(1, largest): sums in float32; 2e-4 for whole blocks, up to six norms
 * one behind the other. */
#include "twin.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 2e-5;

static rows feed_forward(const layer_case *c, const char *prefix, const rows *x, bool linear, size_t kernel,
                         size_t second, const char *activation, double slope, double factor) {
    char norm[32];
    snprintf(norm, sizeof norm, "%snorm.", prefix);
    rows n = make_rows(x->t, x->d);
    memcpy(n.at, x->at, x->t * x->d * sizeof *x->at);
    if (weight_of(c, norm, "weight")) normalise(c, norm, "layer", 1, 1e-5, &n);
    size_t w = 0;
    for (size_t i = 0; i < c->slots.n; i++) {
        char name[64];
        snprintf(name, sizeof name, "%sfirst.weight", prefix);
        if (strcmp(c->slots.slot[i].name, name) == 0) w = c->slots.slot[i].dim[0];
    }
    if (linear) kernel = second = 1;
    rows h = convolve(&n, weight_of(c, prefix, "first.weight"), weight_of(c, prefix, "first.bias"), w, kernel, 1, kernel / 2, 1, 1);
    apply_function(activation, slope, &h);
    if (weight_of(c, prefix, "gate.weight")) {
        rows g = convolve(&n, weight_of(c, prefix, "gate.weight"), weight_of(c, prefix, "gate.bias"), w, kernel, 1, kernel / 2, 1, 1);
        for (size_t i = 0; i < h.t * h.d; i++)
            h.at[i] *= g.at[i];
        free(g.at);
    }
    rows y = convolve(&h, weight_of(c, prefix, "second.weight"), weight_of(c, prefix, "second.bias"), x->d, second, 1, second / 2, 1, 1);
    for (size_t i = 0; i < y.t * y.d; i++)
        y.at[i] *= factor;
    free(n.at), free(h.at);
    return y;
}

static void feed_forward_is_its_definition(void **unused) {
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const bool linear = random_bool(), residual = random_bool();
        const size_t kernel = 1 + 2 * random_size(0, 3), second = 1 + 2 * random_size(0, 2);
        const char *activation = random_function();
        char text[512];
        layer_case c;
        snprintf(text, sizeof text,
                 "kind=%s kernel=%zu second_kernel=%zu expansion=%zu width=%zu activation=%s slope=0.2 gate=%s "
                 "first_bias=%s second_bias=%s norm=%s factor=0.75 residual=%s",
                 linear ? "linear" : "conv", kernel, second, random_size(1, 4), random_bool() ? random_size(1, 20) : 0,
                 activation, truth(random_bool()), truth(random_bool()), truth(random_bool()),
                 random_bool() ? "layer" : "none", truth(residual));
        layer_case_open(&c, "feed_forward", text);
        layer_case_input(&c, 0, sty_shape_sequence(random_length(), random_size(1, 24)));
        layer_case_run(&c);
        rows x = rows_of(&c.in[0]), y = feed_forward(&c, "", &x, linear, kernel, second, activation, 0.2, 0.75);
        for (size_t i = 0; residual && i < y.t * y.d; i++)
            y.at[i] += x.at[i];
        compare_rows(&c, &y, tolerance, text);
        free(x.at), free(y.at);
        layer_case_close(&c);
    }
}

static rows conv_module(const layer_case *c, const char *prefix, const rows *x, size_t expansion, size_t kernel,
                        const char *gate, const char *norm, const char *activation) {
    char first[32], behind[32];
    const size_t w = expansion * x->d;
    snprintf(first, sizeof first, "%snorm_1.", prefix);
    snprintf(behind, sizeof behind, "%snorm_2.", prefix);
    rows n = make_rows(x->t, x->d), g = make_rows(x->t, w);
    memcpy(n.at, x->at, x->t * x->d * sizeof *x->at);
    normalise(c, first, "layer", 1, 1e-5, &n);
    rows wide = convolve(&n, weight_of(c, prefix, "conv_1.weight"), weight_of(c, prefix, "conv_1.bias"), 2 * w, 1, 1, 0, 1, 1);
    for (size_t t = 0; t < x->t; t++)
        for (size_t j = 0; j < w; j++)
            g.at[t * w + j] = wide.at[2 * t * w + j] * function(gate, 0.3, wide.at[(2 * t + 1) * w + j]);
    rows d = convolve(&g, weight_of(c, prefix, "depthwise.weight"), weight_of(c, prefix, "depthwise.bias"), w, kernel, 1,
                      kernel / 2, 1, w);
    normalise(c, behind, norm, 1, 1e-5, &d);
    apply_function(activation, 0.3, &d);
    rows y = convolve(&d, weight_of(c, prefix, "conv_2.weight"), weight_of(c, prefix, "conv_2.bias"), x->d, 1, 1, 0, 1, 1);
    free(n.at), free(g.at), free(wide.at), free(d.at);
    return y;
}

static void conformer_conv_module_is_its_definition(void **unused) {
    static const char *const norms[] = {"group", "batch", "layer", "none"};
    (void)unused;
    for (int round = 0; round < 30; round++) {
        const size_t expansion = random_size(1, 3), kernel = 1 + 2 * random_size(0, 15);
        const char *gate = random_bool() ? "leaky_relu" : "sigmoid", *norm = norms[random_size(0, 3)];
        const char *activation = random_function();
        char text[512];
        layer_case c;
        snprintf(text, sizeof text,
                 "expansion=%zu kernel=%zu pointwise_bias=%s depthwise_bias=%s gate_activation=%s norm=%s activation=%s",
                 expansion, kernel, truth(random_bool()), truth(random_bool()), gate, norm, activation);
        layer_case_open(&c, "conformer_conv_module", text);
        layer_case_input(&c, 0, sty_shape_sequence(random_length(), random_size(2, 16)));
        layer_case_run(&c);
        rows x = rows_of(&c.in[0]), y = conv_module(&c, "", &x, expansion, kernel, gate, norm, activation);
        compare_rows(&c, &y, 1e-4, text);
        free(x.at), free(y.at);
        layer_case_close(&c);
    }
}

/* x + attention(norm(x)), the attention by a layer of its own with the same weights. mask: a block's, or not connected. */
static void add_attention(const layer_case *c, size_t heads, const char *meaning, const sty_tensor *mask, rows *x) {
    layer_case a;
    char text[64];
    snprintf(text, sizeof text, "heads=%zu mask_meaning=%s", heads, meaning);
    rows n = make_rows(x->t, x->d);
    memcpy(n.at, x->at, x->t * x->d * sizeof *x->at);
    normalise(c, "norm.", "layer", 1, 1e-5, &n);
    layer_case_open(&a, "conformer_multi_headed_self_attention", text);
    layer_case_input(&a, 0, sty_shape_sequence(x->t, x->d));
    for (size_t i = 0; i < x->t * x->d; i++)
        a.in[0].data[i] = (float)n.at[i];
    if (mask->data) {
        layer_case_mask(&a, 3, mask->shape);
        memcpy(a.in[3].data, mask->data, x->t * sizeof *mask->data);
    }
    layer_case_weights_from(&a, c, "attention.");
    layer_case_run(&a);
    for (size_t i = 0; i < x->t * x->d; i++)
        x->at[i] += (double)a.out[0].data[i];
    free(n.at);
    layer_case_close(&a);
}

static void add_rows(rows *x, rows y, double scale) {
    for (size_t i = 0; i < x->t * x->d; i++)
        x->at[i] = scale * (x->at[i] + y.at[i]);
    free(y.at);
}

static rows condition(const layer_case *c, const rows *x, const rows *e, size_t kernel) {
    rows p = convolve(x, layer_case_weight(c, "condition.pointwise.weight"), layer_case_weight(c, "condition.pointwise.bias"),
                      2 * x->d, 1, 1, 0, 1, 1);
    rows m = convolve(&p, layer_case_weight(c, "condition.depthwise.weight"),
                      layer_case_weight(c, "condition.depthwise.bias"), 2 * x->d, kernel, 1, kernel / 2, 1, 2 * x->d);
    rows s = convolve(e, layer_case_weight(c, "condition.embedding.weight"),
                      layer_case_weight(c, "condition.embedding.bias"), x->d, 1, 1, 0, 1, 1);
    rows y = make_rows(x->t, x->d);
    for (size_t t = 0; t < x->t; t++)
        for (size_t j = 0; j < x->d; j++)
            y.at[t * x->d + j] = (m.at[t * 2 * x->d + j] + function("softsign", 0, s.at[(e->t > 1 ? t : 0) * x->d + j])) *
                                 function("sigmoid", 0, m.at[t * 2 * x->d + x->d + j]);
    free(p.at), free(m.at), free(s.at);
    return y;
}

/* Steps that a mask leaves out become zeros. */
static void zero_masked(const sty_tensor *mask, bool masked_is_one, rows *x) {
    for (size_t i = 0; mask->data && i < x->t * x->d; i++)
        if ((mask->data[i / x->d] != 0.0f) == masked_is_one) x->at[i] = 0;
}

static void check_block(size_t heads, size_t d, size_t t, bool masked) {
    const bool masked_is_one = random_bool();
    const char *meaning = masked_is_one ? "masked" : "valid";
    const bool standard = random_bool(), ff = random_bool(), conditioned = random_bool(), steps = random_bool();
    char text[512];
    layer_case c;
    snprintf(text, sizeof text, "heads=%zu order=%s ff=%s condition_kernel=5 final_norm=%s mask_meaning=%s", heads,
             standard ? "standard" : "conv_around_attention", truth(ff), standard ? "layer" : "none",
             meaning);
    layer_case_open(&c, "conformer_block", text);
    layer_case_input(&c, 0, sty_shape_sequence(t, d));
    if (conditioned) layer_case_input(&c, 1, steps ? sty_shape_sequence(t, 3) : sty_shape_vector(3));
    if (masked) layer_case_mask(&c, 3, sty_shape_vector(t));
    for (size_t i = 0; masked && masked_is_one && i < t; i++)
        c.in[3].data[i] = 1.0f - c.in[3].data[i];
    layer_case_run(&c);
    rows x = rows_of(&c.in[0]);
    if (conditioned) {
        rows e = rows_of(&c.in[1]);
        add_rows(&x, condition(&c, &x, &e, 5), sqrt(0.5));
        free(e.at);
    }
    if (ff) add_rows(&x, feed_forward(&c, "ff.", &x, false, 3, 1, "leaky_relu", 0.3, 0.5), 1);
    if (standard) add_attention(&c, heads, meaning, &c.in[3], &x);
    add_rows(&x, conv_module(&c, "conv_1.", &x, 2, 7, "leaky_relu", "group", "leaky_relu"), 1);
    if (!standard) {
        add_attention(&c, heads, meaning, &c.in[3], &x);
        zero_masked(&c.in[3], masked_is_one, &x);
        add_rows(&x, conv_module(&c, "conv_2.", &x, 2, 7, "leaky_relu", "group", "leaky_relu"), 1);
    }
    if (standard && ff) add_rows(&x, feed_forward(&c, "ff_2.", &x, false, 3, 1, "leaky_relu", 0.3, 0.5), 1);
    if (standard) normalise(&c, "final_norm.", "layer", 1, 1e-5, &x);
    if (standard) zero_masked(&c.in[3], masked_is_one, &x);
    compare_rows(&c, &x, 2e-4, text); /* up to six norms one behind the other */
    free(x.at);
    layer_case_close(&c);
}

static void conformer_blocks_are_their_parts_in_either_order(void **unused) {
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const size_t heads = random_size(1, 16), d = heads * random_size(1, heads > 4 ? 3 : 6);
        check_block(heads, d, random_length(), random_bool());
    }
}

static void conformer_blocks_take_a_mask_at_every_length(void **unused) {
    (void)unused;
    for (size_t t = 1; t <= 300; t++)
        check_block(2, 4, t, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feed_forward_is_its_definition),
        cmocka_unit_test(conformer_conv_module_is_its_definition),
        cmocka_unit_test(conformer_blocks_are_their_parts_in_either_order),
        cmocka_unit_test(conformer_blocks_take_a_mask_at_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
