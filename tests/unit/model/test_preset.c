/* Presets through the public interface: what they give, and what is refused before
 * a byte is allocated. */
#include "base/mem.h"
#include "stylet.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A value that is refused, and what the message must say: key, value, what is allowed. */
static const struct {
    const char *value;
    const char *says[3];
} refused[] = {
    {"n_fft=1023", {"'n_fft'", "1023", "even number from 16 to 65536"}},
    {"n_fft=0", {"'n_fft'", "0", "from 16 to 65536"}},
    {"n_fft=-512", {"'n_fft'", "-512", "from 16 to 65536"}},
    {"n_fft=1018", {"'n_fft'", "1018", "without prime factors above 7"}},
    {"n_fft=131072", {"'n_fft'", "131072", "from 16 to 65536"}},
    {"n_fft=1024.5", {"'n_fft'", "1024.5", "an integer"}},
    {"n_fft=many", {"'n_fft'", "many", "an integer"}},
    {"hop_length=0", {"'hop_length'", "0", "from 1 to 65536"}},
    {"hop_length=-1", {"'hop_length'", "-1", "from 1 to 65536"}},
    {"win_length=2048", {"'win_length'", "2048", "at most n_fft = 1024"}},
    {"win_length=0", {"'win_length'", "0", "from 1 to 65536"}},
    {"fmax=11026", {"'fmax'", "11026", "at most half the rate, 11025"}},
    {"fmin=8000", {"'fmin'", "8000", "less than fmax = 8000"}},
    {"n_mels=514", {"'n_mels'", "514", "at most the 513 bins"}},
    {"n_mels=0", {"'n_mels'", "0", "from 1 to 4096"}},
    {"power=3", {"'power'", "3", "from 1 to 2"}},
    {"window=kaiser", {"'window'", "kaiser", "hann"}},
    {"sample_rate=999", {"'sample_rate'", "999", "from 1000 to 768000"}},
    {"n_ftt=512", {"'n_ftt'", "unknown key", "did you mean 'n_fft'"}},
    {"1024", {"'1024'", "not of the form", "key=value"}},
    {"order=cut,trim", {"'order'", "'cut', 'trim'", "each of these once"}},
    {"mean_tensor=m", {"'mean_tensor'", "'m'", "a preset has no weights"}},
};

static void bad_values_are_refused_before_anything_is_allocated(void **state) {
    (void)state;
    for (size_t i = 0; i < STY_COUNT(refused); i++) {
        const sty_model_options options = {.overrides = &refused[i].value, .n_overrides = 1};
        sty_model *model = NULL;
        sty_err err;
        sty_mem_fail_at(0, false);
        assert_int_equal(sty_model_from_preset("tacotron2", &options, &model, &err), STY_BAD_ARGUMENT);
        assert_int_equal(sty_mem_fail_at(0, false), 0);
        assert_null(model);
        for (size_t j = 0; j < 3; j++)
            if (!strstr(err.message, refused[i].says[j])) fail_msg("'%s' lacks '%s'", err.message, refused[i].says[j]);
    }
}

static void every_preset_gives_features_of_silence_at_its_floor(void **state) {
    static const float silence[96000];
    (void)state;
    for (size_t i = 0; sty_preset_name(i); i++) {
        sty_model *model = NULL;
        sty_session *session = NULL;
        sty_clip *clip = NULL;
        sty_view view;
        assert_int_equal(sty_model_from_preset(sty_preset_name(i), NULL, &model, NULL), STY_OK);
        const sty_model_info *info = sty_model_facts(model);
        assert_int_equal(strlen(info->hash), 32);
        assert_int_equal(sty_clip_from_samples(silence, 96000, 1, info->rate_hz, &clip, NULL), STY_OK);
        assert_int_equal(sty_session_create(model, NULL, 0, &session, NULL), STY_OK);
        assert_int_equal(sty_session_run_clip(session, clip, NULL), STY_OK);
        assert_int_equal(sty_session_output(session, "features", &view, NULL), STY_OK);
        assert_int_equal(view.dim[1], info->n_features);
        for (size_t j = 1; j < view.dim[0] * view.dim[1]; j++)
            assert_true(fabsf(view.data[j] - view.data[j % view.dim[1]]) <= 0.0f);
        sty_session_free(session);
        sty_clip_free(clip);
        sty_model_free(model);
    }
}

static void a_warm_session_allocates_nothing(void **state) {
    static const char *const values[] = {"trim=30", "level=rms", "pre_emphasis=0.97", "pad_samples=100", "clip=true"};
    const sty_model_options options = {.overrides = values, .n_overrides = STY_COUNT(values)};
    static float noise[2 * 40000];
    sty_model *model = NULL;
    sty_session *session = NULL;
    sty_clip *clip = NULL;
    (void)state;
    for (size_t i = 0; i < STY_COUNT(noise); i++)
        noise[i] = (float)(i * 2654435761u % 1000) / 1000.0f - 0.5f;
    assert_int_equal(sty_model_from_preset("espnet", &options, &model, NULL), STY_OK);
    assert_int_equal(sty_session_create(model, NULL, 0, &session, NULL), STY_OK);
    assert_int_equal(sty_clip_from_samples(noise, 40000, 2, 16000, &clip, NULL), STY_OK); /* mixed and resampled */
    assert_int_equal(sty_session_run_front_end(session, clip, NULL), STY_OK);
    sty_mem_fail_at(0, false);
    assert_int_equal(sty_session_run_front_end(session, clip, NULL), STY_OK);
    assert_int_equal(sty_mem_fail_at(0, false), 0);
    sty_clip_free(clip);
    sty_session_free(session);
    sty_model_free(model);
}

static void a_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    for (size_t n = 1; n < 100; n++) {
        sty_model *model = NULL;
        sty_session *session = NULL;
        sty_mem_fail_at(n, true);
        sty_status status = sty_model_from_preset("hifigan", NULL, &model, NULL);
        if (status == STY_OK) status = sty_session_create(model, NULL, 0, &session, NULL);
        sty_mem_fail_at(0, false);
        assert_true(status == STY_OK || status == STY_OUT_OF_MEMORY);
        sty_session_free(session);
        sty_model_free(model);
        if (status == STY_OK) return;
    }
    fail_msg("more than a hundred allocations for a front end");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_values_are_refused_before_anything_is_allocated),
        cmocka_unit_test(every_preset_gives_features_of_silence_at_its_floor),
        cmocka_unit_test(a_warm_session_allocates_nothing),
        cmocka_unit_test(a_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
