/* speak_reference.c - a manner from a clip, a stored style vector or a mix.
 *
 * Of a clip, F0, its range and the level are measured by signal processing, which is
 * more exact than the model's estimate, and its syllables are counted by a model of
 * their own (models/syllables), or by --like-text; the model gives what only it knows:
 * tilt and harmonicity. Of vectors and mixes everything is the model's: the layers
 * behind `style` are run on them. */
#include "speak.h"

#include "common.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A clip is speech when some voice comes and goes in it and its pitch glides. Of 168
 * human prompts the share of steps that stand still is at most 0.12, of monotonous
 * synthetic speech 0.23, of melodies and chords 0.7 to 1; the voice of a sung or bowed
 * melody does not break off, that of speech does at least 0.85 times a second. */
static const double LEAST_ACTIVE_S = 0.2, LEAST_DBFS = -70, LEAST_VOICED = 0.1, MOST_STEADY = 0.45;
static const double LEAST_SYLLABLES = 0.5; /* fewer: the rate is the model's */
static const double UNBROKEN_VOICED = 0.97, UNBROKEN_RUNS = 0.84, UNBROKEN_S = 3;

/* ---- the labelled output ---- */

typedef struct {
    const char *label;
    size_t offset;
} number;

static const number numbers[] = {
    {"f0_hz", offsetof(sty_manner, f0_hz)},           {"f0_range_st", offsetof(sty_manner, range_st)},
    {"rate_syl_s", offsetof(sty_manner, rate_syl_s)}, {"level_dbfs", offsetof(sty_manner, level_dbfs)},
    {"tilt_db_oct", offsetof(sty_manner, tilt_db_oct)}, {"hnr_db", offsetof(sty_manner, hnr_db)},
    {"voiced", offsetof(sty_manner, voiced)},
};

static bool has_label(const sty_output_info *output, const char *label) {
    for (size_t i = 0; i < output->n_labels; i++)
        if (strcmp(output->labels[i], label) == 0) return true;
    return false;
}

static sty_status find_output(const sty_model *model, const sty_output_info **output, sty_err *err) {
    for (size_t i = 0; i < sty_model_facts(model)->n_outputs; i++) {
        *output = sty_model_output(model, i);
        if (has_label(*output, "f0_hz") && has_label(*output, "rate_syl_s")) return STY_OK;
    }
    return sty_err_set(err, STY_BAD_ARGUMENT,
                       "the model '%s' has no output with the labels f0_hz and rate_syl_s, as the shipped model's prosody has",
                       sty_model_facts(model)->name);
}

static void take(const sty_output_info *output, const float *values, sty_manner *m) {
    *m = (sty_manner){NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    for (size_t i = 0; i < output->n_labels; i++)
        for (size_t k = 0; k < STY_COUNT(numbers); k++) {
            const double v = (double)values[i];
            if (strcmp(output->labels[i], numbers[k].label) == 0 && isfinite(v))
                memcpy((char *)m + numbers[k].offset, &v, sizeof v);
        }
    /* a linear layer may give less than nothing */
    if (m->range_st < 0) m->range_st = 0;
    if (m->level_dbfs > 0) m->level_dbfs = 0;
}

/* ---- a clip ---- */

static sty_status check_speech(const sty_speechlike *s, const char *path, sty_err *err) {
    if (s->level_dbfs < LEAST_DBFS) return sty_err_set(err, STY_NOT_AUDIO, "'%s' is silent, expected speech", path);
    if (s->active_s < LEAST_ACTIVE_S)
        return sty_err_set(err, STY_NOT_AUDIO, "'%s' has %.3g s of sound, expected at least %.2g s of speech", path, s->active_s,
                           LEAST_ACTIVE_S);
    if (s->voiced < LEAST_VOICED)
        return sty_err_set(err, STY_NOT_AUDIO, "'%s' has no voice in it (%.0f %% of its sound is voiced), expected speech", path,
                           100 * s->voiced);
    if (s->steady > MOST_STEADY)
        return sty_err_set(err, STY_NOT_AUDIO,
                           "'%s' sounds like music or a tone: its pitch stands still (%.0f %% of the time), expected speech", path,
                           100 * s->steady);
    if (s->voiced > UNBROKEN_VOICED && s->runs_s < UNBROKEN_RUNS && s->active_s > UNBROKEN_S)
        return sty_err_set(err, STY_NOT_AUDIO, "'%s' sounds like music or singing: its voice never breaks off, expected speech", path);
    return STY_OK;
}

static sty_status measure_clip(const sty_clip *clip, const char *path, sty_manner *m, double *speaking_s, sty_err *err) {
    const sty_clip_info *facts = sty_clip_facts(clip);
    sty_speechlike speechlike;
    float *mono = sty_alloc(facts->n_frames, sizeof *mono);
    if (!mono) return sty_err_no_memory(err, facts->n_frames * sizeof *mono, path);
    sty_wave_mix(sty_clip_samples(clip), facts->n_frames, facts->n_channels, mono);
    sty_status status = sty_manner_measure(mono, facts->n_frames, facts->rate_hz, m, &speechlike, err);
    sty_free(mono);
    *speaking_s = speechlike.speaking_s;
    return status == STY_OK ? check_speech(&speechlike, path, err) : status;
}

/* The sum of models/syllables' only output. */
static sty_status count_nuclei(const sty_model *model, const input *in, double *count, sty_err *err) {
    static const char *const output[] = {"nuclei"};
    sty_session *session = NULL;
    sty_view view;
    STY_TRY(sty_session_create(model, output, 1, &session, err));
    sty_session_pad_short(session, true);
    sty_status status = input_run(session, in, err);
    if (status == STY_OK) status = sty_session_output(session, output[0], &view, err);
    *count = 0;
    for (size_t i = 0; status == STY_OK && i < view.dim[0]; i++)
        *count += (double)view.data[i];
    sty_session_free(session);
    return status;
}

static sty_status count_syllables(const input *in, double *count, sty_err *err) {
    char path[4400];
    sty_model *model = NULL;
    shipped_path("syllables", "/manifest.json", path, sizeof path);
    STY_TRY(sty_model_open(path, NULL, &model, err));
    const sty_status status = count_nuclei(model, in, count, err);
    sty_model_free(model);
    return status;
}

static sty_status run_model(const sty_model *model, const input *in, sty_manner *m, sty_err *err) {
    const sty_output_info *output;
    sty_session *session = NULL;
    sty_view view;
    STY_TRY(find_output(model, &output, err));
    STY_TRY(sty_session_create(model, &output->name, 1, &session, err));
    sty_session_pad_short(session, true);
    sty_status status = input_run(session, in, err);
    if (status == STY_OK) status = sty_session_output(session, output->name, &view, err);
    if (status == STY_OK) take(output, view.data, m);
    sty_session_free(session);
    return status;
}

/* What was measured stays, the rest is the model's. */
static sty_status complete(const sty_model *model, const input *in, sty_manner *m, sty_err *err) {
    sty_manner estimate;
    STY_TRY(run_model(model, in, &estimate, err));
    for (size_t k = 0; k < STY_COUNT(numbers); k++) {
        double *value = (double *)((char *)m + numbers[k].offset);
        if (isnan(*value)) memcpy(value, (char *)&estimate + numbers[k].offset, sizeof *value);
    }
    return STY_OK;
}

static sty_status read_clip(const sty_model *model, const char *path, speak_reference *r, sty_err *err) {
    input in = {0};
    note_list notes;
    double syllables = 0;
    sty_status status = input_read(path, NULL, &in, err);
    if (status == STY_OK && !in.is_features) status = measure_clip(in.clip, path, &r->manner, &r->speaking_s, err);
    if (status == STY_OK && r->speaking_s > 0) status = count_syllables(&in, &syllables, err);
    r->by_time = syllables >= LEAST_SYLLABLES;
    if (r->by_time) r->manner.rate_syl_s = syllables / r->speaking_s;
    if (status == STY_OK) status = complete(model, &in, &r->manner, err);
    r->kind = in.is_features ? "features" : "clip";
    r->measured = !in.is_features;
    if (status == STY_OK) {
        input_notes(&in, model, 0, &notes);
        for (size_t i = 0; i < notes.n; i++) {
            const size_t n = strlen(r->notes);
            snprintf(r->notes + n, sizeof r->notes - n, "%s%s", n ? ", " : "", notes.text[i]);
        }
    }
    input_clear(&in);
    return status;
}

/* ---- vectors ---- */

static sty_status add_tokens(const sty_model *model, const speak_options *o, float *style, size_t width, sty_err *err) {
    sty_mixer *mixer = NULL;
    float *weights = NULL, *sum = NULL;
    sty_status status = sty_mixer_create(model, "style", NULL, &mixer, err);
    if (status != STY_OK) return status;
    const sty_mixer_info *info = sty_mixer_facts(mixer);
    weights = sty_alloc(info->heads * info->tokens, sizeof *weights);
    sum = sty_alloc(info->width, sizeof *sum);
    if (!weights || !sum) status = sty_err_no_memory(err, info->width, "a style");
    if (status == STY_OK && info->width != width) status = sty_err_set(err, STY_BAD_ARGUMENT, "the sources are of another model");
    if (status == STY_OK) status = recipe_weights(info, "token", &o->token, false, weights, err);
    if (status == STY_OK) status = recipe_weights(info, "head", &o->head, true, weights, err);
    if (status == STY_OK) status = sty_mixer_run(mixer, weights, sum, err);
    if (status == STY_OK) sty_blend_add(sum, 1, width, style);
    sty_free(weights);
    sty_free(sum);
    sty_mixer_free(mixer);
    return status;
}

static sty_status read_style(const sty_model *model, const float *style, size_t width, sty_manner *m, sty_err *err) {
    const sty_output_info *output;
    sty_mixer *mixer = NULL;
    STY_TRY(find_output(model, &output, err));
    STY_TRY(sty_mixer_create(model, output->name, NULL, &mixer, err));
    float *values = sty_alloc(sty_mixer_facts(mixer)->width, sizeof *values);
    sty_status status = values ? sty_mixer_read(mixer, style, width, values, err) : sty_err_no_memory(err, width, "a style");
    if (status == STY_OK) take(output, values, m);
    sty_free(values);
    sty_mixer_free(mixer);
    return status;
}

static size_t style_width(const sty_model *model) {
    for (size_t i = 0; i < sty_model_facts(model)->n_outputs; i++)
        if (strcmp(sty_model_output(model, i)->name, "style") == 0) return sty_model_output(model, i)->dim[0];
    return 0;
}

/* The sum of all sources and tokens, as `mix` makes it. */
static sty_status read_mix(vector_source *source, const sty_model *model, const speak_options *o, sty_manner *m, sty_err *err) {
    vector_set set = {.model = sty_model_facts(model)->hash};
    const size_t width = style_width(model);
    sty_status status = STY_OK;
    bool given;
    float *style = sty_alloc(width, sizeof *style);
    if (!style) return sty_err_no_memory(err, width, "a style");
    for (size_t i = 0; status == STY_OK && i < o->from.n; i++) {
        double factor;
        status = recipe_from(o->from.items[i], source, &set, &factor, &given, err);
        if (status == STY_OK && set.width != width)
            status = sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has %zu values, the style of the model '%s' has %zu",
                                 o->from.items[i], set.width, sty_model_facts(model)->name, width);
        if (status == STY_OK) sty_blend_add(set.data + i * width, factor, width, style);
    }
    if (status == STY_OK && (o->token.n || o->head.n)) status = add_tokens(model, o, style, width, err);
    if (status == STY_OK) status = read_style(model, style, width, m, err);
    vectors_clear(&set);
    sty_free(style);
    return status;
}

static sty_status read_stored(vector_source *source, const sty_model *model, const char *operand, sty_manner *m, sty_err *err) {
    vector_set set = {.model = sty_model_facts(model)->hash};
    sty_status status = vectors_add(source, operand, &set, err);
    if (status == STY_OK && set.n != 1)
        status = sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has %zu vectors; name one as %s#ID", operand, set.n, operand);
    if (status == STY_OK) status = read_style(model, set.data, set.width, m, err);
    vectors_clear(&set);
    return status;
}

sty_status speak_read_reference(const speak_options *o, speak_reference *r, bool *said, sty_err *err) {
    char path[4096];
    const bool mixed = o->from.n || o->token.n || o->head.n;
    *r = (speak_reference){.manner = {NAN, NAN, NAN, NAN, NAN, NAN, NAN}, .kind = "none"};
    if (!o->like && !mixed) return STY_OK;
    vector_source source = {.options = &o->model, .output = "style"};
    const sty_model *model = vector_source_model(&source);
    sty_status status = STY_OK;
    *said = !model;
    if (!model) return sty_err_set(err, STY_BAD_MODEL, "no model");
    if (mixed) {
        r->kind = "mix";
        status = read_mix(&source, model, o, &r->manner, err);
    } else if (vectors_split_id(o->like, path, sizeof path), vectors_is_store(path)) {
        r->kind = "style vector";
        status = read_stored(&source, model, o->like, &r->manner, err);
    } else status = read_clip(model, o->like, r, err);
    vector_source_close(&source);
    return status;
}
