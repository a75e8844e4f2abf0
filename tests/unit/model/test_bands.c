/* Chains of convolutions run bin by bin (graph.h, sty_band): a session that is asked for the last image alone
 * gives the bits of one that is asked for every image and so makes each of them whole. Random chains, clips of
 * 1 to 70 frames; the images are wide enough to become bands from the first frames on. */
#include "base/buf.h"
#include "base/hash.h"
#include "model/session.h"
#include "paths.h"
#include "random.h"
#include "scratch.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { N_LAYERS = 5, WIDTH = 513, LONGEST = 70 };

/* Of each layer: kernel, stride, padding and dilation, (time, frequency) each. */
typedef struct {
    size_t channels, groups, kernel[2], stride[2], padding[2], dilation[2];
} layer;

static const char *const all[N_LAYERS] = {"c4", "c3", "c2", "c1", "c0"}; /* the last one first */
static float features[LONGEST * WIDTH];
static sty_err err;

/* The first image is wide, so that it is a band, and the others are as wide as their strides leave them. */
static void choose_layers(layer *layers) {
    static const size_t channels[N_LAYERS] = {200, 8, 40, 40, 3};
    for (size_t i = 0; i < N_LAYERS; i++) {
        layer *l = &layers[i];
        *l = (layer){.channels = channels[i], .groups = i == 3 ? (size_t[]){1, 4, 40}[random_below(3)] : 1};
        for (int axis = 0; axis < 2; axis++) {
            l->kernel[axis] = 1 + random_below(4);
            l->stride[axis] = 1 + (axis == 1 && i == 0 ? 0 : random_below(i < 2 ? 2 : 3));
            l->dilation[axis] = 1 + random_below(2);
            /* over time and where few bins are left enough that there is always an output */
            const size_t half = (l->kernel[axis] - 1) * l->dilation[axis] / 2 + 1;
            l->padding[axis] = axis == 1 && i < 2 ? random_below(4) : half + random_below(2);
        }
    }
}

static void put_tensor(sty_buf *header, sty_buf *data, const char *name, const char *shape, size_t n) {
    static const char *const comma[] = {"", ","};
    const size_t begin = data->length;
    for (size_t i = 0; i < n; i++) {
        const float value = (float)random_between(-0.2, 0.2);
        sty_buf_put(data, &value, sizeof value);
    }
    sty_buf_printf(header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}", comma[begin > 0], name, shape,
                   begin, data->length);
}

/* safetensors of the layers; what the manifest says of them into `tensors`. */
static const char *write_weights(const layer *layers, char digest[65], sty_buf *tensors) {
    static const char *const comma[] = {"", ","};
    sty_buf header = {0}, data = {0}, file = {0};
    sty_buf_printf(&header, "{");
    for (size_t i = 0; i < N_LAYERS; i++) {
        const layer *l = &layers[i];
        const size_t in = i ? layers[i - 1].channels / l->groups : 1;
        char shape[96], name[32];
        snprintf(shape, sizeof shape, "[%zu,%zu,%zu,%zu]", l->channels, in, l->kernel[0], l->kernel[1]);
        snprintf(name, sizeof name, "c%zu.weight", i);
        put_tensor(&header, &data, name, shape, l->channels * in * l->kernel[0] * l->kernel[1]);
        sty_buf_printf(tensors, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":%s}", comma[i > 0], name, shape);
        snprintf(shape, sizeof shape, "[%zu]", l->channels);
        snprintf(name, sizeof name, "c%zu.bias", i);
        put_tensor(&header, &data, name, shape, l->channels);
        sty_buf_printf(tensors, ",\"%s\":{\"dtype\":\"F32\",\"shape\":%s}", name, shape);
    }
    sty_buf_printf(&header, "}");
    const uint64_t length = header.length;
    sty_buf_put(&file, &length, sizeof length);
    sty_buf_put(&file, header.data, header.length);
    sty_buf_put(&file, data.data, data.length);
    sty_sha256_hex(file.data, file.length, digest);
    const char *path = scratch_file("bands/weights.safetensors", file.data, file.length);
    sty_buf_clear(&header);
    sty_buf_clear(&data);
    sty_buf_clear(&file);
    return path;
}

static sty_model *open_chain(const layer *layers) {
    static const char *const activations[] = {"none", "relu", "leaky_relu", "tanh"};
    char digest[65];
    sty_buf tensors = {0}, text = {0};
    sty_model *model = NULL;
    mkdir(scratch_path("bands"), 0700);
    write_weights(layers, digest, &tensors);
    sty_buf_put(&tensors, "", 1);
    sty_buf_printf(&text, "{\"format\":\"stylet\",\"version\":1,\"name\":\"chain\",\"front_end\":{\"sample_rate\":22050,"
                   "\"feature\":\"linear\",\"n_bins\":%d},\"weights\":[{\"file\":\"weights.safetensors\",\"sha256\":\"%s\","
                   "\"tensors\":{%s}}],\"layers\":[{\"name\":\"image\",\"type\":\"image\"}", WIDTH, digest, tensors.data);
    for (size_t i = 0; i < N_LAYERS; i++) {
        const layer *l = &layers[i];
        sty_buf_printf(&text, ",{\"name\":\"c%zu\",\"type\":\"conv2d\",\"channels\":%zu,\"groups\":%zu,\"kernel\":[%zu,%zu],"
                       "\"stride\":[%zu,%zu],\"padding\":[%zu,%zu],\"dilation\":[%zu,%zu],\"activation\":\"%s\",\"weights\":\"c%zu.\"}",
                       i, l->channels, l->groups, l->kernel[0], l->kernel[1], l->stride[0], l->stride[1], l->padding[0],
                       l->padding[1], l->dilation[0], l->dilation[1], activations[random_below(4)], i);
    }
    sty_buf_printf(&text, "],\"outputs\":{\"style\":{\"from\":\"c%d\"}}}", N_LAYERS - 1);
    scratch_file("bands/manifest.json", text.data, text.length);
    if (sty_model_open(scratch_path("bands"), NULL, &model, &err) != STY_OK) fail_msg("%s", err.message);
    sty_buf_clear(&tensors);
    sty_buf_clear(&text);
    return model;
}

static void compare(sty_session *bands, sty_session *whole, size_t n) {
    sty_view a, b;
    const sty_status status = sty_session_run_features(whole, features, n, WIDTH, &err);
    assert_int_equal(sty_session_run_features(bands, features, n, WIDTH, &err), status);
    if (status == STY_TOO_SHORT) return;
    if (status != STY_OK || sty_session_output(bands, all[0], &a, &err) || sty_session_output(whole, all[0], &b, &err))
        fail_msg("%zu frames: %s", n, err.message);
    assert_memory_equal(a.dim, b.dim, (size_t)a.rank * sizeof *a.dim);
    if (memcmp(a.data, b.data, a.dim[0] * a.dim[1] * a.dim[2] * sizeof *a.data) != 0)
        fail_msg("a chain over %zu frames has other bits in bands", n);
}

static void check_chain(void) {
    layer layers[N_LAYERS];
    sty_session *bands = NULL, *whole = NULL;
    choose_layers(layers);
    sty_model *model = open_chain(layers);
    if (sty_session_create(model, all, 1, &bands, &err) || sty_session_create(model, all, N_LAYERS, &whole, &err))
        fail_msg("%s", err.message);
    for (size_t n = 1 + random_below(3); n <= LONGEST; n += 1 + random_below(12))
        compare(bands, whole, n);
    compare(bands, whole, LONGEST);
    assert_true(sty_session_bytes(bands) < sty_session_bytes(whole) / 2); /* there were bands */
    sty_session_free(bands);
    sty_session_free(whole);
    sty_model_free(model);
}

static void chains_in_bands_give_the_same_bits(void **state) {
    (void)state;
    random_fill(features, STY_COUNT(features));
    for (int round = 0; round < 2; round++)
        on_every_path(check_chain);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(chains_in_bands_give_the_same_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
