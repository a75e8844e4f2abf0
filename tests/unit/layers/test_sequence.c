/* Feed-forward, conformer, convolution and recurrent layers, and the small ones between
 * them, against naive twins in double over random shapes, lengths 1 to 300.
 *
 * Tolerance 2e-5 of max(1, largest), 1e-4 behind an instance norm over few steps, which
 * divides by a deviation that may be small, and over recurrences of 300 steps. */
#include "layer_case.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 2e-5;

typedef struct {
    size_t t, d;
    double *at;
} rows;

static rows make(size_t t, size_t d) { return (rows){t, d, calloc(t * d + 1, sizeof(double))}; }

static rows of(const sty_tensor *x) {
    rows r = make(sty_shape_steps(&x->shape), sty_shape_width(&x->shape));
    for (size_t i = 0; i < r.t * r.d; i++)
        r.at[i] = (double)x->data[i];
    return r;
}

static void replace(rows *x, rows y) {
    free(x->at);
    *x = y;
}

static const char *truth(bool b) { return b ? "true" : "false"; }

static const float *weight(const layer_case *c, const char *prefix, const char *name) {
    char text[64];
    snprintf(text, sizeof text, "%s%s", prefix, name);
    return layer_case_has(c, text) ? layer_case_weight(c, text) : NULL;
}

static double function(const char *kind, double slope, double x) {
    const double s = 1 / (1 + exp(-x)), soft = x > 20 ? x : log1p(exp(x));
    if (strcmp(kind, "relu") == 0) return x > 0 ? x : 0;
    if (strcmp(kind, "leaky_relu") == 0) return x > 0 ? x : slope * x;
    if (strcmp(kind, "tanh") == 0) return tanh(x);
    if (strcmp(kind, "sigmoid") == 0) return s;
    if (strcmp(kind, "softsign") == 0) return x / (1 + fabs(x));
    if (strcmp(kind, "softplus") == 0) return soft;
    if (strcmp(kind, "mish") == 0) return x * tanh(soft);
    if (strcmp(kind, "swish") == 0) return x * s;
    if (strcmp(kind, "gelu") == 0) return x * 0.5 * (1 + erf(x / sqrt(2)));
    return x;
}

static const char *const functions[] = {"none",     "relu",     "leaky_relu", "tanh",  "sigmoid",
                                        "softsign", "softplus", "mish",       "swish", "gelu"};

static const char *random_function(void) { return functions[random_size(0, 9)]; }

static void apply(const char *kind, double slope, rows *x) {
    for (size_t i = 0; i < x->t * x->d; i++)
        x->at[i] = function(kind, slope, x->at[i]);
}

/* Convolution over time with the weight [out, in / groups, kernel]; pads is added at each end. */
static rows convolve(const rows *x, const float *w, const float *b, size_t out, size_t kernel, size_t stride,
                     size_t pad, size_t dilation, size_t groups) {
    const size_t span = (kernel - 1) * dilation + 1, ci = x->d / groups, co = out / groups;
    rows y = make((x->t + 2 * pad - span) / stride + 1, out);
    for (size_t t = 0; t < y.t; t++)
        for (size_t o = 0; o < out; o++) {
            double sum = b ? (double)b[o] : 0;
            for (size_t i = 0; i < ci; i++)
                for (size_t k = 0; k < kernel; k++) {
                    const size_t at = t * stride + k * dilation;
                    if (at >= pad && at - pad < x->t)
                        sum += (double)w[(o * ci + i) * kernel + k] * x->at[(at - pad) * x->d + o / co * ci + i];
                }
            y.at[t * out + o] = sum;
        }
    return y;
}

/* Mean and variance of the elements [t0, t1) x [j0, j1). */
static void moments(const rows *x, size_t t0, size_t t1, size_t j0, size_t j1, double *mean, double *var) {
    const double n = (double)((t1 - t0) * (j1 - j0));
    *mean = *var = 0;
    for (size_t t = t0; t < t1; t++)
        for (size_t j = j0; j < j1; j++)
            *mean += x->at[t * x->d + j] / n;
    for (size_t t = t0; t < t1; t++)
        for (size_t j = j0; j < j1; j++)
            *var += (x->at[t * x->d + j] - *mean) * (x->at[t * x->d + j] - *mean) / n;
}

/* Any norm; groups: of kind group. The elements that share their moments are stretches of steps and channels. */
static void normalise(const layer_case *c, const char *prefix, const char *kind, size_t groups, double eps, rows *x) {
    const float *gain = weight(c, prefix, "weight"), *shift = weight(c, prefix, "bias");
    const float *means = weight(c, prefix, "running_mean"), *vars = weight(c, prefix, "running_var");
    const bool layer = strcmp(kind, "layer") == 0, batch = strcmp(kind, "batch") == 0;
    if (strcmp(kind, "none") == 0) return;
    if (batch || strcmp(kind, "instance") == 0) groups = x->d;
    const size_t steps = layer ? 1 : x->t, width = layer ? x->d : x->d / groups;
    for (size_t t0 = 0; t0 < x->t; t0 += steps)
        for (size_t j0 = 0; j0 < x->d; j0 += width) {
            double mean, var;
            moments(x, t0, t0 + steps, j0, j0 + width, &mean, &var);
            if (batch) mean = (double)means[j0], var = (double)vars[j0];
            for (size_t t = t0; t < t0 + steps; t++)
                for (size_t j = j0; j < j0 + width; j++)
                    x->at[t * x->d + j] = (x->at[t * x->d + j] - mean) / sqrt(var + eps) * (gain ? (double)gain[j] : 1) +
                                          (shift ? (double)shift[j] : 0);
        }
}

static void compare(const layer_case *c, const rows *want, double limit, const char *what) {
    assert_int_equal(sty_shape_count(&c->out[0].shape), want->t * want->d);
    assert_near(what, c->out[0].data, want->at, want->t * want->d, limit);
}

/* ---- feed-forward and conformer ---- */

static size_t random_length(void) { return random_bool() ? random_size(1, 12) : random_size(1, 300); }

static rows feed_forward(const layer_case *c, const char *prefix, const rows *x, bool linear, size_t kernel,
                         size_t second, const char *activation, double slope, double factor) {
    char norm[32];
    snprintf(norm, sizeof norm, "%snorm.", prefix);
    rows n = make(x->t, x->d);
    memcpy(n.at, x->at, x->t * x->d * sizeof *x->at);
    if (weight(c, norm, "weight")) normalise(c, norm, "layer", 1, 1e-5, &n);
    size_t w = 0;
    for (size_t i = 0; i < c->slots.n; i++) {
        char name[64];
        snprintf(name, sizeof name, "%sfirst.weight", prefix);
        if (strcmp(c->slots.slot[i].name, name) == 0) w = c->slots.slot[i].dim[0];
    }
    if (linear) kernel = second = 1;
    rows h = convolve(&n, weight(c, prefix, "first.weight"), weight(c, prefix, "first.bias"), w, kernel, 1, kernel / 2, 1, 1);
    apply(activation, slope, &h);
    if (weight(c, prefix, "gate.weight")) {
        rows g = convolve(&n, weight(c, prefix, "gate.weight"), weight(c, prefix, "gate.bias"), w, kernel, 1, kernel / 2, 1, 1);
        for (size_t i = 0; i < h.t * h.d; i++)
            h.at[i] *= g.at[i];
        free(g.at);
    }
    rows y = convolve(&h, weight(c, prefix, "second.weight"), weight(c, prefix, "second.bias"), x->d, second, 1, second / 2, 1, 1);
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
        rows x = of(&c.in[0]), y = feed_forward(&c, "", &x, linear, kernel, second, activation, 0.2, 0.75);
        for (size_t i = 0; residual && i < y.t * y.d; i++)
            y.at[i] += x.at[i];
        compare(&c, &y, tolerance, text);
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
    rows n = make(x->t, x->d), g = make(x->t, w);
    memcpy(n.at, x->at, x->t * x->d * sizeof *x->at);
    normalise(c, first, "layer", 1, 1e-5, &n);
    rows wide = convolve(&n, weight(c, prefix, "conv_1.weight"), weight(c, prefix, "conv_1.bias"), 2 * w, 1, 1, 0, 1, 1);
    for (size_t t = 0; t < x->t; t++)
        for (size_t j = 0; j < w; j++)
            g.at[t * w + j] = wide.at[2 * t * w + j] * function(gate, 0.3, wide.at[(2 * t + 1) * w + j]);
    rows d = convolve(&g, weight(c, prefix, "depthwise.weight"), weight(c, prefix, "depthwise.bias"), w, kernel, 1,
                      kernel / 2, 1, w);
    normalise(c, behind, norm, 1, 1e-5, &d);
    apply(activation, 0.3, &d);
    rows y = convolve(&d, weight(c, prefix, "conv_2.weight"), weight(c, prefix, "conv_2.bias"), x->d, 1, 1, 0, 1, 1);
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
        rows x = of(&c.in[0]), y = conv_module(&c, "", &x, expansion, kernel, gate, norm, activation);
        compare(&c, &y, 1e-4, text);
        free(x.at), free(y.at);
        layer_case_close(&c);
    }
}

/* x + attention(norm(x)), the attention by a layer of its own with the same weights. mask: a block's, or not connected. */
static void add_attention(const layer_case *c, size_t heads, const char *meaning, const sty_tensor *mask, rows *x) {
    layer_case a;
    char text[64];
    snprintf(text, sizeof text, "heads=%zu mask_meaning=%s", heads, meaning);
    rows n = make(x->t, x->d);
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
    rows y = make(x->t, x->d);
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

static void conformer_blocks_are_their_parts_in_either_order(void **unused) {
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const size_t heads = random_size(1, 16), d = heads * random_size(1, heads > 4 ? 3 : 6), t = random_length();
        const bool masked = random_bool(), masked_is_one = random_bool();
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
        rows x = of(&c.in[0]);
        if (conditioned) {
            rows e = of(&c.in[1]);
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
        compare(&c, &x, 2e-4, text); /* up to six norms one behind the other */
        free(x.at);
        layer_case_close(&c);
    }
}

/* ---- convolution, recurrences ---- */

static void conv1d_is_its_definition(void **unused) {
    static const char *const norms[] = {"none", "batch", "instance", "layer", "group"};
    static const char *const coordinates[] = {"none", "time", "time_radius"};
    (void)unused;
    for (int round = 0; round < 60; round++) {
        const size_t extra = random_size(0, 2), groups = extra ? 1 : random_size(1, 4), d = groups * random_size(1, 8);
        const size_t out = groups * random_size(1, 8), kernel = random_size(1, 5), stride = random_size(1, 3);
        const size_t dilation = random_size(1, 2), pad = random_size(0, 4), norm = random_size(0, 4);
        const size_t least = (kernel - 1) * dilation + 1 + stride, t = least + random_size(1, random_bool() ? 6 : 290);
        const bool norm_first = random_bool();
        const char *activation = random_function();
        char text[512];
        layer_case c;
        snprintf(text, sizeof text,
                 "channels=%zu kernel=%zu stride=%zu padding=%zu dilation=%zu groups=%zu bias=%s coordinates=%s norm=%s "
                 "activation=%s slope=0.3 order=%s norm_affine=%s",
                 out, kernel, stride, pad, dilation, groups, truth(random_bool()), coordinates[extra], norms[norm],
                 activation, norm_first ? "norm_activation" : "activation_norm", truth(random_bool()));
        layer_case_open(&c, "conv1d", text);
        layer_case_input(&c, 0, sty_shape_sequence(t, d));
        layer_case_run(&c);
        rows x = make(t, d + extra);
        for (size_t i = 0; i < t; i++) {
            const double a = 2 * (double)i / (double)(t - 1) - 1;
            for (size_t j = 0; j < d; j++)
                x.at[i * x.d + j] = (double)c.in[0].data[i * d + j];
            if (extra > 0) x.at[i * x.d + d] = a;
            if (extra > 1) x.at[i * x.d + d + 1] = fabs(a - 0.5);
        }
        rows y = convolve(&x, layer_case_weight(&c, "weight"), weight(&c, "", "bias"), out, kernel, stride, pad, dilation, groups);
        if (!norm_first) apply(activation, 0.3, &y);
        normalise(&c, "norm.", norms[norm], 1, 1e-5, &y);
        if (norm_first) apply(activation, 0.3, &y);
        compare(&c, &y, 1e-4, text);
        free(x.at), free(y.at);
        layer_case_close(&c);
    }
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double row_product(const float *w, const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)w[i] * x[i];
    return sum;
}

/* One direction of one torch layer; backwards runs from the end. states [t, u]. */
static void recurrence(const layer_case *c, bool lstm, size_t layer, bool backwards, const rows *x, size_t u, double *states) {
    char suffix[32], name[64];
    const float *w[4];
    static const char *const names[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    snprintf(suffix, sizeof suffix, "_l%zu%s", layer, backwards ? "_reverse" : "");
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s%s", names[i], suffix);
        w[i] = layer_case_weight(c, name);
    }
    double *h = calloc(u, sizeof *h), *cell = calloc(u, sizeof *cell), *into = calloc(4 * u, sizeof *into);
    double *back = calloc(4 * u, sizeof *back);
    for (size_t step = 0; step < x->t; step++) {
        const size_t t = backwards ? x->t - 1 - step : step;
        for (size_t r = 0; r < (lstm ? 4 : 3) * u; r++) {
            into[r] = row_product(w[0] + r * x->d, x->at + t * x->d, x->d) + (double)w[2][r];
            back[r] = row_product(w[1] + r * u, h, u) + (double)w[3][r];
        }
        for (size_t j = 0; j < u; j++) {
            if (lstm) {
                cell[j] = sigmoid(into[u + j] + back[u + j]) * cell[j] +
                          sigmoid(into[j] + back[j]) * tanh(into[2 * u + j] + back[2 * u + j]);
                h[j] = sigmoid(into[3 * u + j] + back[3 * u + j]) * tanh(cell[j]);
            } else {
                const double r = sigmoid(into[j] + back[j]), z = sigmoid(into[u + j] + back[u + j]);
                h[j] = (1 - z) * tanh(into[2 * u + j] + r * back[2 * u + j]) + z * h[j];
            }
        }
        memcpy(states + t * u, h, u * sizeof *h);
    }
    free(h), free(cell), free(into), free(back);
}

static void recurrent_layers_are_their_definitions(void **unused) {
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const bool lstm = random_bool(), both = random_bool(), all = random_bool();
        const size_t layers = random_size(1, 3), u = random_size(1, 20), t = random_length(), n = both ? 2 : 1;
        char text[256];
        layer_case c;
        snprintf(text, sizeof text, "units=%zu layers=%zu output=%s%s", u, layers, all ? "all" : "last",
                 both && !lstm ? " bidirectional=true" : "");
        layer_case_open(&c, !lstm ? "gru" : both ? "bilstm" : "lstm", text);
        layer_case_input(&c, 0, sty_shape_sequence(t, random_size(1, 20)));
        layer_case_run(&c);
        rows x = of(&c.in[0]);
        for (size_t l = 0; l < layers; l++) {
            rows y = make(t, n * u), one = make(t, u);
            for (size_t direction = 0; direction < n; direction++) {
                recurrence(&c, lstm, l, direction == 1, &x, u, one.at);
                for (size_t i = 0; i < t; i++)
                    memcpy(y.at + i * n * u + direction * u, one.at + i * u, u * sizeof(double));
            }
            free(one.at);
            replace(&x, y);
        }
        assert_near(text, c.out[1].data, x.at, t * n * u, 1e-4);
        rows last = make(1, n * u);
        memcpy(last.at, x.at + (t - 1) * n * u, u * sizeof(double));
        if (both) memcpy(last.at + u, x.at + u, u * sizeof(double));
        compare(&c, all ? &x : &last, 1e-4, text);
        free(x.at), free(last.at);
        layer_case_close(&c);
    }
}

static void the_tensorflow_cell_resets_before_its_product(void **unused) {
    (void)unused;
    for (int round = 0; round < 20; round++) {
        const size_t u = random_size(1, 20), d = random_size(1, 20), t = random_length();
        char text[64];
        layer_case c;
        snprintf(text, sizeof text, "units=%zu cell=tensorflow", u);
        layer_case_open(&c, "gru", text);
        layer_case_input(&c, 0, sty_shape_sequence(t, d));
        layer_case_run(&c);
        const float *wg = layer_case_weight(&c, "gates.weight"), *bg = layer_case_weight(&c, "gates.bias");
        const float *wc = layer_case_weight(&c, "candidate.weight"), *bc = layer_case_weight(&c, "candidate.bias");
        rows x = of(&c.in[0]), h = make(1, u), g = make(1, 2 * u), both = make(1, d + u);
        for (size_t i = 0; i < t; i++) {
            memcpy(both.at, x.at + i * d, d * sizeof(double));
            memcpy(both.at + d, h.at, u * sizeof(double));
            for (size_t r = 0; r < 2 * u; r++)
                g.at[r] = sigmoid(row_product(wg + r * (d + u), both.at, d + u) + (double)bg[r]);
            for (size_t j = 0; j < u; j++)
                both.at[d + j] *= g.at[j];
            for (size_t j = 0; j < u; j++)
                h.at[j] = g.at[u + j] * h.at[j] +
                          (1 - g.at[u + j]) * tanh(row_product(wc + j * (d + u), both.at, d + u) + (double)bc[j]);
        }
        compare(&c, &h, 1e-4, text);
        free(x.at), free(h.at), free(g.at), free(both.at);
        layer_case_close(&c);
    }
}

/* ---- attention over learned tokens, and the small layers ---- */

/* x [n, D] through the layer's projection of that name, or as it is. */
static rows projected(const layer_case *c, const char *name, const rows *x, size_t out) {
    char text[48];
    snprintf(text, sizeof text, "%s.", name);
    const float *w = weight(c, text, "weight");
    if (w) return convolve(x, w, weight(c, text, "bias"), out, 1, 1, 0, 1, 1);
    rows y = make(x->t, x->d);
    memcpy(y.at, x->at, x->t * x->d * sizeof *x->at);
    return y;
}

/* Of one head's query q and key k [w]: the perceptron n, b; without n the scaled product. */
static double token_score(const double *n, const float *b, const double *q, const double *k, size_t w, double divisor) {
    double sum = 0;
    for (size_t j = 0; j < w; j++)
        sum += n ? n[j] * tanh(k[j] + q[j] + (b ? (double)b[j] : 0)) : k[j] * q[j] / sqrt(divisor);
    return sum;
}

/* g v / |v|, or v; NULL for a layer without them. */
static double *perceptron(const layer_case *c, size_t w) {
    const float *v = weight(c, "", "v"), *g = weight(c, "", "g");
    double *n = v ? calloc(w, sizeof *n) : NULL, squares = 0;
    for (size_t j = 0; v && j < w; j++)
        squares += (double)v[j] * (double)v[j];
    for (size_t j = 0; v && j < w; j++)
        n[j] = (g ? (double)*g / sqrt(squares) : 1) * (double)v[j];
    return n;
}

/* maps [heads, n, k] and the output of either layer; batch: every weight is 1. */
static rows attend_tokens(const layer_case *c, size_t heads, size_t u, double divisor, bool batch, size_t out, double *maps) {
    rows x = of(&c->in[0]), tokens = make(c->slots.slot[0].dim[0], c->slots.slot[0].dim[1]);
    for (size_t i = 0; i < tokens.t * tokens.d; i++)
        tokens.at[i] = tanh((double)layer_case_weight(c, "tokens")[i]);
    rows q = projected(c, "query", &x, u), key = projected(c, "key", &tokens, u), value = projected(c, "value", &tokens, u);
    const bool whole = !layer_case_has(c, "value.weight");
    const size_t k = tokens.t, w = u / heads, vw = whole ? tokens.d : w;
    double *n = perceptron(c, w);
    const float *b = weight(c, "", "b");
    rows mixed = make(x.t, heads * vw);
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
        compare(&c, &y, tolerance, text);
        assert_near(text, c.out[1].data, maps, n_maps, tolerance);
        free(y.at), free(maps);
        layer_case_close(&c);
    }
}

static void gates_are_halves(void **unused) {
    (void)unused;
    for (int round = 0; round < 20; round++) {
        const bool first = random_bool();
        const char *kind = random_function();
        const size_t bins = random_size(1, 5), t = random_length() * bins, d = random_size(1, 20);
        char text[128];
        layer_case c;
        snprintf(text, sizeof text, "activation=%s slope=0.2 gate=%s", kind, first ? "first" : "second");
        layer_case_open(&c, "glu", text);
        layer_case_input(&c, 0, bins > 1 ? sty_shape_image(bins, t / bins, 2 * d) : sty_shape_sequence(t, 2 * d));
        layer_case_run(&c);
        rows y = make(t, d);
        for (size_t i = 0; i < t * d; i++) {
            const double a = (double)c.in[0].data[i / d * 2 * d + i % d], b = (double)c.in[0].data[i / d * 2 * d + d + i % d];
            y.at[i] = first ? function(kind, 0.2, a) * b : a * function(kind, 0.2, b);
        }
        compare(&c, &y, tolerance, text);
        free(y.at);
        layer_case_close(&c);
    }
}

static void sums_repeat_vectors_at_every_step(void **unused) {
    layer_case c;
    (void)unused;
    layer_case_open(&c, "residual", "factor=0.5");
    layer_case_input(&c, 0, sty_shape_sequence(7, 3));
    layer_case_input(&c, 1, sty_shape_vector(3));
    layer_case_input(&c, 2, sty_shape_sequence(7, 3));
    layer_case_run(&c);
    for (size_t i = 0; i < 21; i++)
        assert_float_equal(c.out[0].data[i], c.in[0].data[i] + 0.5f * (c.in[1].data[i % 3] + c.in[2].data[i]), 1e-6);
    layer_case_close(&c);
}

static void concat_repeats_vectors_at_every_step(void **unused) {
    layer_case c;
    (void)unused;
    layer_case_open(&c, "concat", "");
    layer_case_input(&c, 0, sty_shape_vector(2));
    layer_case_input(&c, 1, sty_shape_sequence(4, 3));
    layer_case_run(&c);
    for (size_t t = 0; t < 4; t++)
        for (size_t j = 0; j < 5; j++)
            assert_true(c.out[0].data[t * 5 + j] == (j < 2 ? c.in[0].data[j] : c.in[1].data[t * 3 + j - 2]));
    layer_case_close(&c);
}

static void concat_joins_the_channels_of_images(void **unused) {
    layer_case c;
    (void)unused;
    layer_case_open(&c, "concat", "");
    layer_case_input(&c, 0, sty_shape_image(3, 4, 2));
    layer_case_input(&c, 1, sty_shape_vector(1));
    layer_case_input(&c, 2, sty_shape_image(3, 4, 5));
    layer_case_run(&c);
    for (size_t i = 0; i < 12; i++)
        for (size_t j = 0; j < 8; j++)
            assert_true(c.out[0].data[i * 8 + j] == (j < 2 ? c.in[0].data[i * 2 + j]
                                                     : j < 3 ? c.in[1].data[0] : c.in[2].data[i * 5 + j - 3]));
    layer_case_close(&c);
}

/* The kinds of norm, and each by its own name. */
static void norms_are_their_definitions(void **unused) {
    static const char *const kinds[] = {"batch", "instance", "layer", "group"};
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const char *kind = kinds[random_size(0, 3)];
        const size_t groups = random_size(1, 3), d = groups * random_size(4, 8), bins = random_size(1, 4), t = random_size(6, 300);
        const bool group = strcmp(kind, "group") == 0;
        char text[96], type[32], more[32] = "";
        layer_case c;
        snprintf(type, sizeof type, "%s_norm", kind);
        if (group) snprintf(more, sizeof more, " groups=%zu", groups);
        snprintf(text, sizeof text, "affine=%s eps=1e-4%s", truth(random_bool()), more);
        layer_case_open(&c, type, text);
        layer_case_input(&c, 0, bins > 1 ? sty_shape_image(bins, t, d) : sty_shape_sequence(t, d));
        layer_case_run(&c);
        rows y = make(bins * t, d);
        for (size_t i = 0; i < y.t * d; i++)
            y.at[i] = (double)c.in[0].data[i];
        normalise(&c, "", kind, group ? groups : 1, 1e-4, &y);
        compare(&c, &y, tolerance, text);
        free(y.at);
        layer_case_close(&c);
    }
}

static void scale_and_slice_are_plain(void **unused) {
    layer_case c;
    (void)unused;
    layer_case_open(&c, "scale", "factor=-2.5");
    layer_case_input(&c, 0, sty_shape_image(2, 3, 4));
    layer_case_run(&c);
    for (size_t i = 0; i < 24; i++)
        assert_true(c.out[0].data[i] == -2.5f * c.in[0].data[i]);
    layer_case_close(&c);
    layer_case_open(&c, "slice", "start=3 width=2");
    layer_case_input(&c, 0, sty_shape_sequence(4, 6));
    layer_case_run(&c);
    for (size_t i = 0; i < 8; i++)
        assert_true(c.out[0].data[i] == c.in[0].data[i / 2 * 6 + 3 + i % 2]);
    layer_case_close(&c);
}

static void pools_count_what_the_mask_leaves(void **unused) {
    static const char *const kinds[] = {"mean", "last", "max"};
    (void)unused;
    for (int round = 0; round < 30; round++) {
        const size_t kind = random_size(0, 2), d = random_size(1, 9), bins = kind == 1 ? 1 : random_size(1, 4);
        const size_t t = random_length() * bins;
        const bool masked = bins == 1 && random_bool();
        char text[32];
        layer_case c;
        snprintf(text, sizeof text, "kind=%s", kinds[kind]);
        layer_case_open(&c, "pool", text);
        layer_case_input(&c, 0, bins > 1 ? sty_shape_image(bins, t / bins, d) : sty_shape_sequence(t, d));
        if (masked) layer_case_mask(&c, 1, sty_shape_vector(t));
        layer_case_run(&c);
        rows y = make(1, d);
        for (size_t j = 0; j < d; j++) {
            double sum = 0, n = 0, last = 0, most = -INFINITY;
            for (size_t i = 0; i < t; i++)
                if (!masked || c.in[1].data[i] != 0.0f) {
                    last = (double)c.in[0].data[i * d + j];
                    sum += last;
                    most = fmax(most, last);
                    n++;
                }
            y.at[j] = kind == 0 ? sum / n : kind == 1 ? last : most;
        }
        compare(&c, &y, tolerance, text);
        free(y.at);
        layer_case_close(&c);
    }
}

static void average_pools_repeat_the_last_of_odd_frames(void **unused) {
    (void)unused;
    for (size_t t = 2; t < 9; t++) {
        layer_case c;
        layer_case_open(&c, "average_pool", "odd_frames=repeat");
        layer_case_input(&c, 0, sty_shape_image(5, t, 3));
        layer_case_run(&c);
        assert_int_equal(c.out[0].shape.dim[0], 2);
        assert_int_equal(c.out[0].shape.dim[1], (t + 1) / 2);
        const float *x = c.in[0].data;
        for (size_t f = 0; f < 2; f++)
            for (size_t i = 0; i < (t + 1) / 2; i++)
                for (size_t j = 0; j < 3; j++) {
                    const size_t a = 2 * i, b = a + 1 < t ? a + 1 : t - 1, top = 2 * f * t, next = top + t;
                    assert_float_equal(c.out[0].data[(f * ((t + 1) / 2) + i) * 3 + j],
                                       0.25f * (x[(top + a) * 3 + j] + x[(top + b) * 3 + j] + x[(next + a) * 3 + j] +
                                                x[(next + b) * 3 + j]), 1e-6);
                }
        layer_case_close(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feed_forward_is_its_definition),
        cmocka_unit_test(conformer_conv_module_is_its_definition),
        cmocka_unit_test(conformer_blocks_are_their_parts_in_either_order),
        cmocka_unit_test(conv1d_is_its_definition),
        cmocka_unit_test(recurrent_layers_are_their_definitions),
        cmocka_unit_test(the_tensorflow_cell_resets_before_its_product),
        cmocka_unit_test(token_attentions_are_their_definitions),
        cmocka_unit_test(gates_are_halves),
        cmocka_unit_test(sums_repeat_vectors_at_every_step),
        cmocka_unit_test(concat_repeats_vectors_at_every_step),
        cmocka_unit_test(concat_joins_the_channels_of_images),
        cmocka_unit_test(norms_are_their_definitions),
        cmocka_unit_test(scale_and_slice_are_plain),
        cmocka_unit_test(pools_count_what_the_mask_leaves),
        cmocka_unit_test(average_pools_repeat_the_last_of_odd_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
