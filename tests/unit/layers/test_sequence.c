/* Convolutions and recurrent layers against naive twins in double over random shapes,
 * lengths 1 to 300.
 *
 * Tolerance 2e-5 of max(1, largest), 1e-4 behind an instance norm over few steps, which
 * divides by a deviation that may be small, and over recurrences of 300 steps. */
#include "twin.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One axis of a convolution; n: what it has of the input. */
typedef struct {
    size_t n, kernel, stride, dilation, pad, outputs;
} axis;

static axis random_axis(size_t longest, bool same) {
    axis a = {.kernel = random_size(1, 5), .stride = random_size(1, 3), .dilation = random_size(1, 2)};
    const size_t span = (a.kernel - 1) * a.dilation + 1;
    a.n = span + a.stride + random_size(1, longest);
    a.pad = random_size(0, 4);
    a.outputs = (a.n + 2 * a.pad - span) / a.stride + 1;
    if (!same) return a;
    a.outputs = (a.n + a.stride - 1) / a.stride; /* TensorFlow's, the odd zero behind */
    const size_t covered = (a.outputs - 1) * a.stride + span;
    a.pad = covered > a.n ? (covered - a.n) / 2 : 0;
    return a;
}

/* Place k of the kernel at output o: true where there is an input, in *at. */
static bool meets(const axis *a, size_t o, size_t k, size_t *at) {
    const size_t padded = o * a->stride + k * a->dilation;
    *at = padded - a->pad;
    return padded >= a->pad && *at < a->n;
}

/* x, a row for each (bin, frame); the weight [out, in / groups, time, frequency]. */
static rows convolve_image(const rows *x, const float *w, const float *b, size_t out, const axis *time, const axis *bins,
                           size_t groups) {
    const size_t ci = x->d / groups, co = out / groups, taps = time->kernel * bins->kernel;
    rows y = make_rows(bins->outputs * time->outputs, out);
    for (size_t i = 0; i < y.t * out; i++) {
        const size_t f = i / out / time->outputs, t = i / out % time->outputs, o = i % out;
        y.at[i] = b ? (double)b[o] : 0;
        for (size_t k = 0; k < taps; k++) {
            size_t frame, bin;
            if (!meets(time, t, k / bins->kernel, &frame) || !meets(bins, f, k % bins->kernel, &bin)) continue;
            for (size_t c = 0; c < ci; c++)
                y.at[i] += (double)w[(o * ci + c) * taps + k] * x->at[(bin * time->n + frame) * x->d + o / co * ci + c];
        }
    }
    return y;
}

/* The input with its coordinates behind the channels: n_added of a, radius or of a, b, radius. */
static rows with_coordinates(const sty_tensor *in, size_t n_added, const axis *time, const axis *bins) {
    const size_t d = sty_shape_width(&in->shape);
    rows x = make_rows(bins->n * time->n, d + n_added);
    for (size_t i = 0; i < x.t; i++) {
        const double a = 2 * (double)(i % time->n) / (double)(time->n - 1) - 1;
        const double b = bins->n > 1 ? 2 * (double)(i / time->n) / (double)(bins->n - 1) - 1 : 0.5;
        const double radius = sqrt((a - 0.5) * (a - 0.5) + (b - 0.5) * (b - 0.5));
        const double more[] = {a, n_added == 3 ? b : radius, radius};
        for (size_t j = 0; j < x.d; j++)
            x.at[i * x.d + j] = j < d ? (double)in->data[i * d + j] : more[j - d];
    }
    return x;
}

static void check_convolution(bool image) {
    static const char *const norms[] = {"none", "batch", "instance", "layer", "group"};
    static const char *const coordinates[] = {"none", "time", "time_radius", "time_frequency_radius"};
    const bool same = random_bool(), norm_first = random_bool();
    const axis time = random_axis(random_bool() ? 6 : 290, same);
    const axis bins = image ? random_axis(6, same) : (axis){1, 1, 1, 1, 0, 1};
    const size_t added = image ? (random_bool() ? 3 : 0) : random_size(0, 2), groups = added ? 1 : random_size(1, 4);
    const size_t d = groups * random_size(1, 8), out = groups * random_size(1, 8), norm = random_size(0, 4);
    const char *activation = random_function();
    char text[512], axes[128];
    layer_case c;
    if (image)
        snprintf(axes, sizeof axes, "kernel=%zu,%zu stride=%zu,%zu padding=%zu,%zu dilation=%zu,%zu", time.kernel, bins.kernel,
                 time.stride, bins.stride, time.pad, bins.pad, time.dilation, bins.dilation);
    else
        snprintf(axes, sizeof axes, "kernel=%zu stride=%zu padding=%zu dilation=%zu", time.kernel, time.stride, time.pad,
                 time.dilation);
    snprintf(text, sizeof text,
             "channels=%zu %s padding_rule=%s groups=%zu bias=%s coordinates=%s norm=%s activation=%s slope=0.3 order=%s "
             "norm_affine=%s", out, axes, same ? "same" : "given", groups, truth(random_bool()), coordinates[added], norms[norm],
             activation, norm_first ? "norm_activation" : "activation_norm", truth(random_bool()));
    layer_case_open(&c, image ? "conv2d" : "conv1d", text);
    layer_case_input(&c, 0, image ? sty_shape_image(bins.n, time.n, d) : sty_shape_sequence(time.n, d));
    layer_case_run(&c);
    rows x = with_coordinates(&c.in[0], added, &time, &bins);
    rows y = convolve_image(&x, layer_case_weight(&c, "weight"), weight_of(&c, "", "bias"), out, &time, &bins, groups);
    if (!norm_first) apply_function(activation, 0.3, &y);
    normalise(&c, "norm.", norms[norm], 1, 1e-5, &y);
    if (norm_first) apply_function(activation, 0.3, &y);
    compare_rows(&c, &y, 1e-4, text);
    free(x.at), free(y.at);
    layer_case_close(&c);
}

static void conv1d_is_its_definition(void **unused) {
    (void)unused;
    for (int round = 0; round < 60; round++)
        check_convolution(false);
}

static void conv2d_is_its_definition(void **unused) {
    (void)unused;
    for (int round = 0; round < 60; round++)
        check_convolution(true);
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
        rows x = rows_of(&c.in[0]);
        for (size_t l = 0; l < layers; l++) {
            rows y = make_rows(t, n * u), one = make_rows(t, u);
            for (size_t direction = 0; direction < n; direction++) {
                recurrence(&c, lstm, l, direction == 1, &x, u, one.at);
                for (size_t i = 0; i < t; i++)
                    memcpy(y.at + i * n * u + direction * u, one.at + i * u, u * sizeof(double));
            }
            free(one.at);
            replace_rows(&x, y);
        }
        assert_near(text, c.out[1].data, x.at, t * n * u, 1e-4);
        rows last = make_rows(1, n * u);
        memcpy(last.at, x.at + (t - 1) * n * u, u * sizeof(double));
        if (both) memcpy(last.at + u, x.at + u, u * sizeof(double));
        compare_rows(&c, all ? &x : &last, 1e-4, text);
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
        rows x = rows_of(&c.in[0]), h = make_rows(1, u), g = make_rows(1, 2 * u), both = make_rows(1, d + u);
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
        compare_rows(&c, &h, 1e-4, text);
        free(x.at), free(h.at), free(g.at), free(both.at);
        layer_case_close(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv1d_is_its_definition),
        cmocka_unit_test(conv2d_is_its_definition),
        cmocka_unit_test(recurrent_layers_are_their_definitions),
        cmocka_unit_test(the_tensorflow_cell_resets_before_its_product),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
