/* Models and sessions in the large: the shipped model, without memory, from two
 * threads, and the numbers that must not depend on anything but the clip. */
#define _GNU_SOURCE
#include "model/session.h"
#include "random.h"
#include "scratch.h"
#include "unit.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sty_err err;
static float speech[32000];
static const char *const names[] = {"style", "token_weights"};

static const char *shipped(void) {
    static char path[4096];
    const char *models = getenv("MODELS");
    snprintf(path, sizeof path, "%s/default", models ? models : "models");
    return path;
}

static sty_model *open_shipped(void) {
    sty_model *model = NULL;
    if (sty_model_open(shipped(), NULL, &model, &err) != STY_OK) fail_msg("%s", err.message);
    return model;
}

static sty_clip *clip_of(size_t first, size_t n, int rate_hz) {
    sty_clip *clip = NULL;
    if (sty_clip_from_samples(speech + first, n, 1, rate_hz, &clip, &err) != STY_OK) fail_msg("%s", err.message);
    return clip;
}

static int make_speech(void **state) {
    (void)state;
    for (size_t i = 0; i < STY_COUNT(speech); i++)
        speech[i] = (float)(0.3 * sin((double)i * (0.05 + 0.01 * sin((double)i * 0.001))) + random_between(-0.01, 0.01));
    return 0;
}

/* Open, run and read one clip; every object is freed whatever happens. */
static sty_status whole_way(const sty_clip *clip, float *first) {
    sty_model *model = NULL;
    sty_session *session = NULL;
    sty_view view;
    sty_status status = sty_model_open(shipped(), NULL, &model, &err);
    if (status == STY_OK) status = sty_session_create(model, names, 2, &session, &err);
    if (status == STY_OK) status = sty_session_run_clip(session, clip, &err);
    if (status == STY_OK) status = sty_session_output(session, "style", &view, &err);
    if (status == STY_OK) *first = view.data[0];
    sty_session_free(session);
    sty_model_free(model);
    return status;
}

static void without_memory_every_step_fails_cleanly(void **state) {
    float first = 0, again = 0;
    size_t made = 0;
    (void)state;
    sty_clip *clip = clip_of(0, 8000, 22050); /* resampled: that needs memory too */
    assert_int_equal(whole_way(clip, &first), STY_OK);
    for (int sticky = 0; sticky < 2; sticky++)
        for (size_t n = 1;; n++) {
            sty_mem_fail_at(n, sticky);
            const sty_status status = whole_way(clip, &again);
            made = sty_mem_fail_at(0, false);
            if (made < n) {
                assert_int_equal(status, STY_OK);
                assert_true(first == again);
                break;
            }
            if (status != STY_OUT_OF_MEMORY)
                fail_msg("allocation %zu: %s, %s", n, sty_status_name(status), err.message);
            assert_true(strlen(err.message) > 10);
        }
    assert_true(made > 20); /* the hook was in the way */
    sty_clip_free(clip);
}

static void a_session_survives_a_failed_run(void **state) {
    (void)state;
    sty_model *model = open_shipped();
    sty_session *session = NULL;
    sty_view view;
    sty_clip *clip = clip_of(0, 16000, 16000), *brief = clip_of(0, 100, 16000), *longer = clip_of(0, 32000, 16000);
    float style[256];
    assert_int_equal(sty_session_create(model, names, 2, &session, &err), STY_OK);
    assert_int_equal(sty_session_output(session, "style", &view, &err), STY_BAD_ARGUMENT);
    assert_int_equal(sty_session_run_clip(session, clip, &err), STY_OK);
    assert_int_equal(sty_session_output(session, "style", &view, &err), STY_OK);
    assert_in_range(view.dim[0], 1, STY_COUNT(style));
    memcpy(style, view.data, view.dim[0] * sizeof *style);
    assert_int_equal(sty_session_run_clip(session, brief, &err), STY_TOO_SHORT);
    assert_int_equal(sty_session_output(session, "style", &view, &err), STY_BAD_ARGUMENT);
    for (size_t n = 1;; n++) {
        sty_mem_fail_at(n, false);
        const sty_status status = sty_session_run_clip(session, longer, &err);
        const size_t made = sty_mem_fail_at(0, false);
        if (made < n) break;
        assert_int_equal(status, STY_OUT_OF_MEMORY);
        assert_int_equal(sty_session_output(session, "style", &view, &err), STY_BAD_ARGUMENT);
    }
    assert_int_equal(sty_session_run_clip(session, clip, &err), STY_OK);
    assert_int_equal(sty_session_output(session, "style", &view, &err), STY_OK);
    assert_memory_equal(style, view.data, view.dim[0] * sizeof *style);
    sty_session_free(session);
    sty_model_free(model);
    sty_clip_free(clip);
    sty_clip_free(brief);
    sty_clip_free(longer);
}

static void requests_that_cannot_be_met_are_named(void **state) {
    (void)state;
    sty_model *model = open_shipped();
    sty_session *session = NULL;
    sty_view view;
    float row[80] = {0};
    assert_int_equal(sty_session_create(model, &(const char *){"stile"}, 1, &session, &err), STY_BAD_ARGUMENT);
    assert_string_equal(err.message, "unknown output 'stile', did you mean 'style'?");
    assert_null(session);
    assert_int_equal(sty_session_create(model, names, 1, &session, &err), STY_OK);
    assert_int_equal(sty_session_run_features(session, row, 1, 79, &err), STY_NOT_AUDIO);
    assert_int_equal(sty_session_run_features(session, row, 0, 80, &err), STY_EMPTY);
    assert_int_equal(sty_session_run_features(session, row, SIZE_MAX / 80, 80, &err), STY_TOO_LONG);
    row[17] = NAN;
    assert_int_equal(sty_session_run_features(session, row, 1, 80, &err), STY_NONFINITE);
    row[17] = 0;
    assert_int_equal(sty_session_run_features(session, row, 1, 80, &err), STY_OK);
    assert_int_equal(sty_session_output(session, "token_weights", &view, &err), STY_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "was not asked for"));
    assert_int_equal(sty_session_bind(session, "speaker", row, 1, (const size_t[]){80}, &err), STY_BAD_ARGUMENT);
    assert_int_equal(sty_session_bind(session, "features", row, 1, (const size_t[]){80}, &err), STY_BAD_ARGUMENT);
    assert_int_equal(sty_session_bind(session, "features", row, -1, NULL, &err), STY_BAD_ARGUMENT);
    sty_session_free(session);
    sty_session_free(NULL);
    sty_model_free(model);
    sty_model_free(NULL);
    assert_int_equal(sty_model_open(scratch_path("nowhere"), NULL, &model, NULL), STY_BAD_MODEL); /* no record wanted */
}

/* A clip's numbers do not depend on what the session has run before. */
static void clips_do_not_see_each_other(void **state) {
    enum { CLIPS = 6 };
    float alone[CLIPS][512];
    sty_clip *clips[CLIPS];
    sty_view view;
    (void)state;
    sty_model *model = open_shipped();
    for (size_t i = 0; i < CLIPS; i++) {
        sty_session *session = NULL;
        clips[i] = clip_of(random_below(16000), 2000 + random_below(14000), i % 2 ? 16000 : 24000);
        assert_int_equal(sty_session_create(model, names, 2, &session, &err), STY_OK);
        assert_int_equal(sty_session_run_clip(session, clips[i], &err), STY_OK);
        assert_int_equal(sty_session_output(session, "style", &view, &err), STY_OK);
        memcpy(alone[i], view.data, view.dim[0] * sizeof(float));
        sty_session_free(session);
    }
    sty_session *session = NULL;
    assert_int_equal(sty_session_create(model, names, 2, &session, &err), STY_OK);
    for (int round = 0; round < 20; round++) {
        const size_t i = random_below(CLIPS);
        assert_int_equal(sty_session_run_clip(session, clips[i], &err), STY_OK);
        assert_int_equal(sty_session_output(session, "style", &view, &err), STY_OK);
        assert_memory_equal(alone[i], view.data, view.dim[0] * sizeof(float));
    }
    sty_session_free(session);
    for (size_t i = 0; i < CLIPS; i++)
        sty_clip_free(clips[i]);
    sty_model_free(model);
}

typedef struct {
    const sty_model *model;
    const char *path;
    float style[512];
    sty_status status;
} thread_job;

static void *run_thread(void *argument) {
    thread_job *job = argument;
    sty_err own;
    sty_session *session = NULL;
    sty_clip *clip = NULL;
    sty_view view;
    job->status = sty_session_create(job->model, names, 2, &session, &own);
    for (int i = 0; i < 4 && job->status == STY_OK; i++) {
        job->status = sty_clip_read(job->path, NULL, &clip, &own);
        if (job->status == STY_OK) job->status = sty_session_run_clip(session, clip, &own);
        sty_clip_free(clip);
        clip = NULL;
    }
    if (job->status == STY_OK) job->status = sty_session_output(session, "style", &view, &own);
    if (job->status == STY_OK) memcpy(job->style, view.data, view.dim[0] * sizeof(float));
    sty_session_free(session);
    return NULL;
}

static void write_wav(const char *path, size_t n) {
    unsigned char head[44] = "RIFF....WAVEfmt \20\0\0\0\1\0\1\0\200\76\0\0\0\175\0\0\2\0\20\0data";
    FILE *file = fopen(path, "wb");
    for (int i = 0; i < 4; i++)
        head[40 + i] = (unsigned char)(2 * n >> (8 * i));
    if (!file || fwrite(head, 1, 44, file) != 44) fail();
    for (size_t i = 0; i < n; i++) {
        const int v = (int)(speech[i] * 32767);
        fputc(v & 255, file);
        fputc(v >> 8 & 255, file);
    }
    fclose(file);
}

/* Two threads, a session each, one model: `make tsan` looks for races in it. */
static void two_threads_share_a_model(void **state) {
    thread_job jobs[2] = {{0}};
    pthread_t threads[2];
    (void)state;
    sty_model *model = open_shipped();
    const char *path = scratch_path("threads.wav");
    write_wav(path, 16000);
    for (int i = 0; i < 2; i++) {
        jobs[i].model = model;
        jobs[i].path = path;
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, &jobs[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(jobs[0].status, STY_OK);
    assert_int_equal(jobs[1].status, STY_OK);
    assert_memory_equal(jobs[0].style, jobs[1].style, sizeof jobs[0].style);
    assert_true(jobs[0].style[0] != 0.0f);
    sty_model_free(model);
}

/* The host program's locale must not reach the manifest or the digest. */
static void a_decimal_comma_of_the_host_changes_nothing(void **state) {
    static const char source[] = "comment_char %\nescape_char /\nLC_NUMERIC\ndecimal_point \",\"\n"
                                 "thousands_sep \"\"\ngrouping -1\nEND LC_NUMERIC\nLC_CTYPE\nEND LC_CTYPE\n";
    char command[9000], hash[33];
    (void)state;
    sty_model *model = open_shipped();
    snprintf(hash, sizeof hash, "%s", sty_model_facts(model)->hash);
    sty_model_free(model);
    const char *path = scratch_file("comma.src", source, sizeof source - 1);
    snprintf(command, sizeof command, "localedef -c --no-archive -i '%s' '%s' 2>/dev/null", path, scratch_path("comma"));
    if (system(command) == -1) fail();
    setenv("LOCPATH", scratch_path("."), 1);
    if (!setlocale(LC_ALL, "comma")) fail_msg("localedef made no locale");
    model = open_shipped();
    assert_string_equal(sty_model_facts(model)->hash, hash);
    sty_model_free(model);
    setlocale(LC_ALL, "C");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_every_step_fails_cleanly),
        cmocka_unit_test(a_session_survives_a_failed_run),
        cmocka_unit_test(requests_that_cannot_be_met_are_named),
        cmocka_unit_test(clips_do_not_see_each_other),
        cmocka_unit_test(two_threads_share_a_model),
        cmocka_unit_test(a_decimal_comma_of_the_host_changes_nothing),
    };
    return cmocka_run_group_tests(tests, make_speech, NULL);
}
