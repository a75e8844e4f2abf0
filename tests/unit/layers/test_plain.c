/* The layers between the large ones, against naive twins in double over random shapes,
 * lengths 1 to 300.
 *
 * Tolerance 2e-5 of max(1, largest): sums in float32. Layers that only move values or do one
 * operation with each have to be exact. */
#include "twin.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double tolerance = 2e-5;

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
        rows y = make_rows(t, d);
        for (size_t i = 0; i < t * d; i++) {
            const double a = (double)c.in[0].data[i / d * 2 * d + i % d], b = (double)c.in[0].data[i / d * 2 * d + d + i % d];
            y.at[i] = first ? function(kind, 0.2, a) * b : a * function(kind, 0.2, b);
        }
        compare_rows(&c, &y, tolerance, text);
        free(y.at);
        layer_case_close(&c);
    }
}

/* A random shape of a layer that takes anything: [D], [T, D] or [F, T, C]. */
static sty_shape random_shape(size_t width) {
    const size_t kind = random_size(0, 2);
    if (kind == 0) return sty_shape_vector(width);
    if (kind == 1) return sty_shape_sequence(random_length(), width);
    return sty_shape_image(random_size(1, 5), random_length(), width);
}

static void linear_is_its_definition(void **unused) {
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const size_t units = random_size(1, 40), d = random_size(1, 40);
        const char *activation = random_function();
        char text[128];
        layer_case c;
        snprintf(text, sizeof text, "units=%zu bias=%s activation=%s slope=0.2", units, truth(random_bool()), activation);
        layer_case_open(&c, "linear", text);
        layer_case_input(&c, 0, random_bool() ? sty_shape_vector(d) : sty_shape_sequence(random_length(), d));
        layer_case_run(&c);
        rows x = rows_of(&c.in[0]);
        rows y = convolve(&x, weight_of(&c, "", "weight"), weight_of(&c, "", "bias"), units, 1, 1, 0, 1, 1);
        apply_function(activation, 0.2, &y);
        compare_rows(&c, &y, tolerance, text);
        free(x.at), free(y.at);
        layer_case_close(&c);
    }
}

static void activations_are_their_definitions(void **unused) {
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const char *kind = random_function();
        char text[64];
        layer_case c;
        snprintf(text, sizeof text, "kind=%s slope=0.2", kind);
        layer_case_open(&c, "activation", text);
        layer_case_input(&c, 0, random_shape(random_size(1, 20)));
        layer_case_run(&c);
        rows y = rows_of(&c.in[0]);
        apply_function(kind, 0.2, &y);
        compare_rows(&c, &y, tolerance, text);
        free(y.at);
        layer_case_close(&c);
    }
}

static void positional_encodings_are_sines_and_cosines(void **unused) {
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const size_t t = random_length(), d = random_size(1, 40);
        const bool wide = random_bool(), only = random_bool(), base = random_bool();
        char text[96];
        layer_case c;
        snprintf(text, sizeof text, "mode=%s base=%d precision=%s", only ? "only" : "add", base ? 50 : 10000,
                 wide ? "float64" : "float32");
        layer_case_open(&c, "positional_encoding", text);
        layer_case_input(&c, 0, sty_shape_sequence(t, d));
        layer_case_run(&c);
        rows y = sinusoid(t, d, base ? 50 : 10000, wide);
        for (size_t i = 0; !only && i < t * d; i++)
            y.at[i] += (double)c.in[0].data[i];
        compare_rows(&c, &y, tolerance, text);
        free(y.at);
        layer_case_close(&c);
    }
}

/* Element (r, c) of the image is element r F + c of the features, or of their transpose's memory. */
static void images_are_sequences_turned(void **unused) {
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const size_t t = random_length(), bins = random_size(1, 40);
        const bool mel = random_bool();
        layer_case c;
        layer_case_open(&c, "image", mel ? "layout=mel_major" : "");
        layer_case_input(&c, 0, sty_shape_sequence(t, bins));
        layer_case_run(&c);
        float *memory = malloc(t * bins * sizeof *memory);
        for (size_t i = 0; i < t * bins; i++)
            memory[i] = c.in[0].data[mel ? i % t * bins + i / t : i];
        for (size_t i = 0; i < t; i++)
            for (size_t f = 0; f < bins; f++)
                assert_true(c.out[0].data[f * t + i] == memory[i * bins + f]);
        free(memory);
        layer_case_close(&c);
    }
}

static void flattened_images_have_their_order(void **unused) {
    static const char *const orders[] = {"channel_major", "mel_major", "channel_time_mel_reinterpreted"};
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const size_t order = random_size(0, 2), bins = random_size(1, 9), t = random_length(), channels = random_size(1, 9);
        char text[64];
        layer_case c;
        snprintf(text, sizeof text, "order=%s", orders[order]);
        layer_case_open(&c, "flatten", text);
        layer_case_input(&c, 0, sty_shape_image(bins, t, channels));
        layer_case_run(&c);
        const size_t width = bins * channels;
        for (size_t i = 0; i < t * width; i++) {
            size_t step = i / width, channel = i % width / bins, f = i % width % bins;
            if (order == 1) f = i % width / channels, channel = i % width % channels;
            if (order == 2) channel = i / (t * bins), step = i / bins % t, f = i % bins;
            assert_true(c.out[0].data[i] == c.in[0].data[(f * t + step) * channels + channel]);
        }
        layer_case_close(&c);
    }
}

/* Vectors among the later inputs stand at every step or position. */
static void residuals_are_sums(void **unused) {
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const size_t d = random_size(1, 9), n = random_size(1, STY_MAX_PORTS);
        const sty_shape shape = random_shape(d);
        layer_case c;
        layer_case_open(&c, random_bool() ? "add" : "residual", "factor=0.75");
        for (size_t i = 0; i < n; i++)
            layer_case_input(&c, i, i && random_bool() ? sty_shape_vector(d) : shape);
        layer_case_run(&c);
        rows y = rows_of(&c.in[0]);
        for (size_t i = 1; i < n; i++)
            for (size_t k = 0; k < y.t * d; k++)
                y.at[k] += 0.75 * (double)c.in[i].data[c.in[i].shape.kind == STY_VECTOR ? k % d : k];
        compare_rows(&c, &y, tolerance, "residual");
        free(y.at);
        layer_case_close(&c);
    }
}

static void concat_joins_last_axes_and_repeats_vectors(void **unused) {
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const size_t n = random_size(1, STY_MAX_PORTS);
        sty_shape shape = random_shape(1);
        size_t steps = sty_shape_count(&shape), width = 0, at = 0;
        layer_case c;
        layer_case_open(&c, "concat", "");
        for (size_t i = 0; i < n; i++) {
            const size_t d = random_size(1, 5);
            shape.dim[shape.rank - 1] = d;
            layer_case_input(&c, i, i + 1 < n && random_bool() ? sty_shape_vector(d) : shape);
            width += d;
        }
        layer_case_run(&c);
        assert_int_equal(sty_shape_count(&c.out[0].shape), steps * width);
        for (size_t i = 0; i < n; i++) {
            const size_t d = sty_shape_width(&c.in[i].shape), repeated = c.in[i].shape.kind == STY_VECTOR;
            for (size_t k = 0; k < steps * d; k++)
                assert_true(c.out[0].data[k / d * width + at + k % d] == c.in[i].data[repeated ? k % d : k]);
            at += d;
        }
        layer_case_close(&c);
    }
}

static void norms_are_their_definitions(void **unused) {
    static const char *const types[] = {"batch_norm", "instance_norm", "layer_norm", "group_norm"};
    static const char *const kinds[] = {"batch", "instance", "layer", "group"};
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const size_t type = random_size(0, 3);
        const size_t groups = random_size(1, 3), d = groups * random_size(4, 8), bins = random_size(1, 4), t = random_size(6, 300);
        const bool group = type == 3;
        const bool named = random_bool();
        char text[96], more[32] = "";
        layer_case c;
        if (group) snprintf(more, sizeof more, " groups=%zu", groups);
        snprintf(text, sizeof text, "affine=%s eps=1e-4%s%s%s", truth(random_bool()), more, named ? "" : " kind=",
                 named ? "" : kinds[type]);
        layer_case_open(&c, named ? types[type] : "norm", text);
        layer_case_input(&c, 0, bins > 1 ? sty_shape_image(bins, t, d) : sty_shape_sequence(t, d));
        layer_case_run(&c);
        rows y = rows_of(&c.in[0]);
        normalise(&c, "", kinds[type], group ? groups : 1, 1e-4, &y);
        compare_rows(&c, &y, tolerance, text);
        free(y.at);
        layer_case_close(&c);
    }
}

static void scale_multiplies_and_slice_takes_a_part(void **unused) {
    (void)unused;
    for (int round = 0; round < 40; round++) {
        const size_t d = random_size(1, 20), start = random_size(0, d - 1), width = random_size(1, d - start);
        const sty_shape shape = random_shape(d);
        char text[64];
        layer_case c;
        layer_case_open(&c, "scale", "factor=-2.5");
        layer_case_input(&c, 0, shape);
        layer_case_run(&c);
        for (size_t i = 0; i < sty_shape_count(&shape); i++)
            assert_true(c.out[0].data[i] == -2.5f * c.in[0].data[i]);
        layer_case_close(&c);
        snprintf(text, sizeof text, "start=%zu width=%zu", start, width);
        layer_case_open(&c, "slice", text);
        layer_case_input(&c, 0, shape);
        layer_case_run(&c);
        for (size_t i = 0; i < sty_shape_count(&c.out[0].shape); i++)
            assert_true(c.out[0].data[i] == c.in[0].data[i / width * d + start + i % width]);
        layer_case_close(&c);
    }
}

/* mean, last or max of the positions [t, d] that count. */
static void check_pool(size_t kind, sty_shape shape, bool masked) {
    static const char *const kinds[] = {"mean", "last", "max"};
    const size_t d = sty_shape_width(&shape);
    char text[32];
    layer_case c;
    snprintf(text, sizeof text, "kind=%s", kinds[kind]);
    layer_case_open(&c, "pool", text);
    layer_case_input(&c, 0, shape);
    if (masked) layer_case_mask(&c, 1, sty_shape_vector(shape.dim[0]));
    layer_case_run(&c);
    rows x = rows_of(&c.in[0]), y = make_rows(1, d);
    for (size_t j = 0; j < d; j++) {
        double sum = 0, n = 0, last = 0, most = -INFINITY;
        for (size_t i = 0; i < x.t; i++)
            if (!masked || c.in[1].data[i] != 0.0f) {
                last = x.at[i * d + j];
                sum += last;
                most = fmax(most, last);
                n++;
            }
        y.at[j] = kind == 0 ? sum / n : kind == 1 ? last : most;
    }
    compare_rows(&c, &y, tolerance, text);
    free(x.at), free(y.at);
    layer_case_close(&c);
}

static void pools_count_what_the_mask_leaves_at_every_length(void **unused) {
    (void)unused;
    for (size_t t = 1; t <= 300; t++) {
        check_pool(t % 3, sty_shape_sequence(t, random_size(1, 9)), true);
        check_pool(t % 3, sty_shape_sequence(t, random_size(1, 9)), false);
        if (t % 3 != 1) check_pool(t % 3, sty_shape_image(random_size(1, 4), t, random_size(1, 9)), false);
    }
}

/* Frame t of an image or sequence of n frames; the odd last one may stand twice. */
static void average_pools_are_means_of_windows(void **unused) {
    (void)unused;
    for (int round = 0; round < 60; round++) {
        const size_t kt = random_size(1, 4), kf = random_size(1, 4), st = random_size(1, 4), sf = random_size(1, 4);
        const size_t t = kt + random_size(0, random_bool() ? 6 : 290), d = random_size(1, 6);
        const bool image = random_bool(), repeat = random_bool();
        const size_t bins = image ? kf + random_size(0, 6) : 1, kernel_f = image ? kf : 1;
        char text[96];
        layer_case c;
        snprintf(text, sizeof text, "kernel=%zu,%zu stride=%zu,%zu odd_frames=%s", kt, kf, st, sf, repeat ? "repeat" : "drop");
        layer_case_open(&c, "average_pool", text);
        layer_case_input(&c, 0, image ? sty_shape_image(bins, t, d) : sty_shape_sequence(t, d));
        layer_case_run(&c);
        const size_t frames = (t + (repeat ? t % 2 : 0) - kt) / st + 1, rows_out = image ? (bins - kf) / sf + 1 : 1;
        rows y = make_rows(rows_out * frames, d);
        for (size_t i = 0; i < y.t * d; i++)
            for (size_t k = 0; k < kt * kernel_f; k++) {
                const size_t at = i / d % frames * st + k % kt, frame = at < t ? at : t - 1;
                const size_t bin = i / d / frames * sf + k / kt;
                y.at[i] += (double)c.in[0].data[(bin * t + frame) * d + i % d] / (double)(kt * kernel_f);
            }
        compare_rows(&c, &y, tolerance, text);
        free(y.at);
        layer_case_close(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_are_halves),
        cmocka_unit_test(linear_is_its_definition),
        cmocka_unit_test(activations_are_their_definitions),
        cmocka_unit_test(positional_encodings_are_sines_and_cosines),
        cmocka_unit_test(images_are_sequences_turned),
        cmocka_unit_test(flattened_images_have_their_order),
        cmocka_unit_test(residuals_are_sums),
        cmocka_unit_test(concat_joins_last_axes_and_repeats_vectors),
        cmocka_unit_test(norms_are_their_definitions),
        cmocka_unit_test(scale_multiplies_and_slice_takes_a_part),
        cmocka_unit_test(pools_count_what_the_mask_leaves_at_every_length),
        cmocka_unit_test(average_pools_are_means_of_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
