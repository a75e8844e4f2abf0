/* A session allocates while it sees longer clips than before, and then no more:
 * neither by the library's own calls nor, in the plain build, by malloc at all
 * (counted by standing in for it, so that the libraries below are seen too). */
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

static fixture open_fixture(const char *model) {
    static const char *const want[] = {"style"};
    const char *folder = getenv("MODELS");
    char path[512];
    fixture f = {NULL, NULL};
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "models", model);
    sty_err err;
    if (sty_model_open(path, NULL, &f.model, &err) || sty_session_create(f.model, want, 1, &f.session, &err))
        fail_msg("%s", err.message);
    return f;
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
    static const float text[6 * 8] = {1, 2, 3};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(examples); i++) {
        char path[128];
        sty_err err;
        snprintf(path, sizeof path, "examples/%s", examples[i]);
        fixture f = open_fixture(path);
        if (strncmp(examples[i], "conformer", 9) == 0 &&
            sty_session_bind(f.session, "text", text, 2, (const size_t[]){6, 8}, &err))
            fail_msg("%s", err.message);
        check_warm(f, clip_of(LONGEST, 1, 16000), clip_of(LONGEST / 2, 1, 16000));
    }
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clips_at_the_models_rate_allocate_nothing),
        cmocka_unit_test(stereo_clips_allocate_nothing),
        cmocka_unit_test(graphs_of_every_attention_layer_allocate_nothing),
        cmocka_unit_test(the_count_sees_an_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
