/* A session allocates while it sees longer clips than before, and then no more:
 * neither by the library's own calls nor, in the plain build, by malloc at all
 * (counted by standing in for it, so that the libraries below are seen too).
 *
 * With model folders as arguments only these are looked at, all of their outputs: what the
 * tests of converted checkpoints do. */
#include "base/mem.h"
#include "stylet.h"
#include "unit.h"

#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTED 0
#endif
#endif
#ifndef COUNTED
#define COUNTED 1
#endif

static size_t n_mallocs;

#if COUNTED
/* glibc's own functions under the names that stay reachable */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *block, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);

void *malloc(size_t n) {
    n_mallocs++;
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    n_mallocs++;
    return __libc_calloc(n, size);
}

void *realloc(void *block, size_t n) {
    n_mallocs++;
    return __libc_realloc(block, n);
}

void *aligned_alloc(size_t alignment, size_t n) {
    n_mallocs++;
    return __libc_memalign(alignment, n);
}
#endif

enum { LONGEST = 16000 * 3 };

typedef struct {
    sty_model *model;
    sty_session *session;
} fixture;

static sty_clip *clip_of(size_t n, int n_channels, int rate_hz) {
    static float samples[2 * LONGEST];
    sty_clip *clip = NULL;
    random_fill(samples, n * (size_t)n_channels);
    assert_int_equal(sty_clip_from_samples(samples, n, n_channels, rate_hz, &clip, NULL), STY_OK);
    return clip;
}

/* Further inputs: random values, the same for every session, free axes of six steps. */
static void bind_inputs(const fixture *f) {
    static float values[LONGEST];
    if (values[0] == 0.0f) random_fill(values, LONGEST);
    for (size_t i = 0; i < sty_model_facts(f->model)->n_inputs; i++) {
        const sty_input_info *input = sty_model_input(f->model, i);
        size_t dim[STY_MAX_RANK], n = 1;
        sty_err err;
        for (int axis = 0; axis < input->rank; axis++)
            n *= dim[axis] = input->dim[axis] ? input->dim[axis] : 6;
        assert_true(n <= LONGEST);
        if (sty_session_bind(f->session, input->name, values, input->rank, dim, &err)) fail_msg("%s", err.message);
    }
}

/* A session of all outputs. */
static fixture open_model(const char *path) {
    const char *want[16];
    fixture f = {NULL, NULL};
    sty_err err;
    if (sty_model_open(path, NULL, &f.model, &err)) fail_msg("%s", err.message);
    const size_t n = sty_model_facts(f.model)->n_outputs;
    assert_true(n <= STY_COUNT(want));
    for (size_t i = 0; i < n; i++)
        want[i] = sty_model_output(f.model, i)->name;
    if (sty_session_create(f.model, want, n, &f.session, &err)) fail_msg("%s", err.message);
    bind_inputs(&f);
    return f;
}

static fixture open_fixture(const char *model) {
    const char *folder = getenv("MODELS");
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "models", model);
    return open_model(path);
}

static void run(const fixture *f, const sty_clip *clip) {
    sty_err err;
    sty_view view;
    if (sty_session_run_clip(f->session, clip, &err)) fail_msg("%s", err.message);
    assert_int_equal(sty_session_output(f->session, "style", &view, &err), STY_OK);
}

static void check_warm(fixture f, sty_clip *longest, sty_clip *shorter) {
    run(&f, longest);
    run(&f, longest);
    sty_mem_fail_at(SIZE_MAX, false); /* counts from here on */
    n_mallocs = 0;
    for (int i = 0; i < 5; i++) {
        run(&f, shorter);
        run(&f, longest);
    }
    assert_int_equal(n_mallocs, 0);
    assert_int_equal(sty_mem_fail_at(0, false), 0);
    sty_session_free(f.session);
    sty_model_free(f.model);
    sty_clip_free(longest);
    sty_clip_free(shorter);
}

static void clips_at_the_models_rate_allocate_nothing(void **state) {
    (void)state;
    check_warm(open_fixture("default"), clip_of(LONGEST, 1, 16000), clip_of(LONGEST / 2, 1, 16000));
}

static void stereo_clips_allocate_nothing(void **state) {
    (void)state;
    check_warm(open_fixture("default"), clip_of(LONGEST, 2, 16000), clip_of(LONGEST / 3, 2, 16000));
}

static void graphs_of_every_attention_layer_allocate_nothing(void **state) {
    static const char *const examples[] = {"style_token_attention", "multi_head_attention", "relative_multi_head_attention",
                                           "conformer_multi_headed_self_attention", "feed_forward"};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(examples); i++) {
        char path[128];
        snprintf(path, sizeof path, "examples/%s", examples[i]);
        check_warm(open_fixture(path), clip_of(LONGEST, 1, 16000), clip_of(LONGEST / 2, 1, 16000));
    }
}

static void check_style(const fixture *f, const sty_clip *clip, const float *expected, size_t n) {
    sty_err err;
    sty_view view;
    run(f, clip);
    assert_int_equal(sty_session_output(f->session, "style", &view, &err), STY_OK);
    assert_memory_equal(view.data, expected, n * sizeof *expected);
}

/* Rows of positions are kept from clip to clip, and grow with the longest. */
static void clips_before_leave_no_trace(void **state) {
    static const char *const examples[] = {"relative_multi_head_attention", "conformer_multi_headed_self_attention"};
    enum { SHORTER, LONGER, N_CLIPS };
    sty_clip *clips[] = {clip_of(LONGEST / 2, 1, 16000), clip_of(LONGEST, 1, 16000)};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(examples); i++) {
        static float alone[N_CLIPS][4096];
        size_t n[N_CLIPS] = {0};
        char path[128];
        snprintf(path, sizeof path, "examples/%s", examples[i]);
        for (int c = 0; c < N_CLIPS; c++) {
            fixture f = open_fixture(path);
            sty_err err;
            sty_view view;
            run(&f, clips[c]);
            assert_int_equal(sty_session_output(f.session, "style", &view, &err), STY_OK);
            n[c] = 1;
            for (int axis = 0; axis < view.rank; axis++)
                n[c] *= view.dim[axis];
            assert_true(n[c] <= STY_COUNT(alone[c]));
            memcpy(alone[c], view.data, n[c] * sizeof(float));
            sty_session_free(f.session);
            sty_model_free(f.model);
        }
        fixture f = open_fixture(path);
        for (int turn = 0; turn < 2; turn++) {
            check_style(&f, clips[SHORTER], alone[SHORTER], n[SHORTER]);
            check_style(&f, clips[LONGER], alone[LONGER], n[LONGER]);
        }
        sty_session_free(f.session);
        sty_model_free(f.model);
    }
    for (int c = 0; c < N_CLIPS; c++)
        sty_clip_free(clips[c]);
}

static void the_count_sees_an_allocation(void **state) {
    (void)state;
    n_mallocs = 0;
    sty_mem_fail_at(SIZE_MAX, false);
    void *block = sty_alloc(1, 100);
    assert_int_equal(sty_mem_fail_at(0, false), 1);
    if (COUNTED) assert_true(n_mallocs >= 1);
    sty_free(block);
}

static void given_models_allocate_nothing(void **state) {
    for (char **path = *state; *path; path++) {
        const fixture f = open_model(*path);
        const int rate_hz = sty_model_facts(f.model)->rate_hz;
        check_warm(f, clip_of(LONGEST, 1, rate_hz), clip_of(LONGEST / 2, 1, rate_hz));
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest given[] = {cmocka_unit_test_prestate(given_models_allocate_nothing, argv + 1)};
    if (argc > 1) return cmocka_run_group_tests(given, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clips_at_the_models_rate_allocate_nothing),
        cmocka_unit_test(stereo_clips_allocate_nothing),
        cmocka_unit_test(graphs_of_every_attention_layer_allocate_nothing),
        cmocka_unit_test(clips_before_leave_no_trace),
        cmocka_unit_test(the_count_sees_an_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
