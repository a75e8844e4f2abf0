/* Long clips: run in blocks they give the bits of a run whole. A session that is asked
 * for the features must keep them, and so runs every clip whole. */
#include "base/mem.h"
#include "model/session_parts.h"
#include "paths.h"
#include "random.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 10000, N_WANTED = 6, WIDTH = 80 };

/* the last is what keeps a session from running in blocks */
static const char *const wanted[N_WANTED + 1] = {"style", "token_weights", "conv1", "conv5", "gru.frames", "gru", "features"};
static sty_model *model;
static float *features;
static sty_err err;

static int open_model(void **state) {
    char path[512];
    const char *models = getenv("MODELS");
    (void)state;
    snprintf(path, sizeof path, "%s/default", models ? models : "models");
    features = malloc(LONGEST * WIDTH * sizeof *features);
    if (!features) return 1;
    random_fill(features, LONGEST * WIDTH);
    return sty_model_open(path, NULL, &model, &err) != STY_OK;
}

static int close_model(void **state) {
    (void)state;
    sty_model_free(model);
    free(features);
    return 0;
}

static sty_session *session_of(size_t n) {
    sty_session *session = NULL;
    if (sty_session_create(model, wanted, n, &session, &err) != STY_OK) fail_msg("%s", err.message);
    return session;
}

static bool kept_features(const sty_session *session) {
    sty_view view;
    return sty_session_output(session, "features", &view, &err) == STY_OK;
}

static void assert_same(const sty_session *blocks, const sty_session *whole, size_t n, const char *what) {
    sty_view a, b;
    for (size_t i = 0; i < N_WANTED; i++) {
        size_t count = 1;
        if (sty_session_output(blocks, wanted[i], &a, &err) || sty_session_output(whole, wanted[i], &b, &err))
            fail_msg("%s", err.message);
        assert_int_equal(a.rank, b.rank);
        for (int d = 0; d < a.rank; d++) {
            assert_int_equal(a.dim[d], b.dim[d]);
            count *= a.dim[d];
        }
        if (memcmp(a.data, b.data, count * sizeof *a.data) != 0)
            fail_msg("%s of %zu %s in blocks has other bits", wanted[i], n, what);
    }
}

static void run_features(sty_session *blocks, sty_session *whole, size_t n) {
    if (sty_session_run_features(blocks, features, n, WIDTH, &err) || sty_session_run_features(whole, features, n, WIDTH, &err))
        fail_msg("%s", err.message);
    assert_same(blocks, whole, n, "frames");
}

static void check_one_length(void) {
    sty_session *blocks = session_of(N_WANTED), *whole = session_of(N_WANTED + 1);
    run_features(blocks, whole, LONGEST - random_below(64));
    assert_true(blocks->in_blocks && !whole->in_blocks);
    sty_session_free(blocks);
    sty_session_free(whole);
}

static void every_path_gives_the_same_bits_in_blocks(void **state) {
    (void)state;
    on_every_path(check_one_length);
}

static void any_number_of_frames_gives_the_same_bits_in_blocks(void **state) {
    (void)state;
    sty_session *blocks = session_of(N_WANTED), *whole = session_of(N_WANTED + 1);
    for (size_t n = 4160; n < 4352; n += 1 + random_below(60)) /* about the shortest that is cut */
        run_features(blocks, whole, n);
    for (int i = 0; i < 4; i++)
        run_features(blocks, whole, 1 + random_below(LONGEST));
    sty_session_free(blocks);
    sty_session_free(whole);
}

static void clips_give_the_same_bits_in_blocks(void **state) {
    static float samples[16000 * 110];
    sty_session *blocks = session_of(N_WANTED), *whole = session_of(N_WANTED + 1);
    (void)state;
    random_fill(samples, STY_COUNT(samples));
    for (size_t i = 0; i < STY_COUNT(samples); i++)
        samples[i] *= 0.01f;
    for (int i = 0; i < 4; i++) {
        const size_t n = 16000 * 70 + random_below(16000 * 40);
        sty_clip *clip = NULL;
        if (sty_clip_from_samples(samples, n, 1, 16000, &clip, &err) || sty_session_run_clip(blocks, clip, &err) ||
            sty_session_run_clip(whole, clip, &err))
            fail_msg("%s", err.message);
        assert_false(kept_features(blocks));
        assert_int_equal(sty_session_frames(blocks), sty_session_frames(whole));
        assert_same(blocks, whole, n, "samples");
        sty_clip_free(clip);
    }
    sty_session_free(blocks);
    sty_session_free(whole);
}

/* The shipped encoder without its wide images: twice the frames in about the memory. */
static void memory_of_the_graph_does_not_grow_with_the_clip(void **state) {
    sty_session *session = NULL;
    (void)state;
    assert_int_equal(sty_session_create(model, wanted, 1, &session, &err), STY_OK);
    assert_int_equal(sty_session_run_features(session, features, 5000, WIDTH, &err), STY_OK);
    const size_t bytes = sty_session_bytes(session);
    assert_int_equal(sty_session_run_features(session, features, LONGEST, WIDTH, &err), STY_OK);
    assert_true(sty_session_bytes(session) <= bytes + bytes / 16);
    sty_session_free(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_gives_the_same_bits_in_blocks),
        cmocka_unit_test(any_number_of_frames_gives_the_same_bits_in_blocks),
        cmocka_unit_test(clips_give_the_same_bits_in_blocks),
        cmocka_unit_test(memory_of_the_graph_does_not_grow_with_the_clip),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
