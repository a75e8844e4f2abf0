/* plot_speech.c - clips one above the other: mel and F0. The mel is the model's front
 * end, F0 is tracked in the samples. */
#include "plot.h"

#include <string.h>

enum { MOST_CLIPS = 8 };

static sty_status follow(plot_job *job, const input *in, float **f0_hz, size_t *n, sty_err *err) {
    const sty_clip_info *facts = sty_clip_facts(in->clip);
    float *mono = sty_arena_alloc(&job->arena, facts->n_frames, sizeof *mono);
    if (!mono) return sty_err_no_memory(err, facts->n_frames * sizeof *mono, in->path);
    sty_wave_mix(sty_clip_samples(in->clip), facts->n_frames, facts->n_channels, mono);
    return sty_pitch_track(mono, facts->n_frames, facts->rate_hz, &job->arena, f0_hz, n, err);
}

static sty_status load(plot_job *job, sty_session *session, const char *path, sty_mel_picture *mel, float **f0_hz, size_t *n_f0,
                       sty_err *err) {
    const sty_front_end_params *p = sty_front_end_facts(job->source.model->front_end);
    sty_view view;
    input in = {0};
    STY_TRY(input_read(path, NULL, &in, err));
    sty_status status = in.is_features ? sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is a feature matrix, expected audio: F0 is not in it", path)
                                       : sty_session_run_front_end(session, in.clip, err);
    if (status == STY_OK) status = sty_session_output(session, "features", &view, err);
    if (status == STY_OK) status = follow(job, &in, f0_hz, n_f0, err);
    input_clear(&in);
    STY_TRY(status);
    float *values = sty_arena_alloc(&job->arena, view.dim[0] * view.dim[1], sizeof *values);
    if (!values) return sty_err_no_memory(err, view.dim[0] * view.dim[1] * sizeof *values, path);
    memcpy(values, view.data, view.dim[0] * view.dim[1] * sizeof *values);
    *mel = (sty_mel_picture){.title = path, .unit = p->log ? "level (as the model sees it)" : "magnitude", .values = values,
                             .frames = view.dim[0], .bins = view.dim[1], .hop_s = (double)p->hop_length / p->sample_rate,
                             .hz = plot_bin_centres(job, p, view.dim[1])};
    return STY_OK;
}

sty_status plot_speech(plot_job *job, sty_err *err) {
    sty_mel_picture mels[MOST_CLIPS];
    float *tracks[MOST_CLIPS];
    const float *f0_hz[MOST_CLIPS];
    size_t n_f0[MOST_CLIPS];
    sty_session *session = NULL;
    if (job->n_args > MOST_CLIPS)
        return sty_err_set(err, STY_BAD_ARGUMENT, "speech shows at most %d clips, %zu are given", MOST_CLIPS, job->n_args);
    job->source = (vector_source){.options = &job->o->model};
    const sty_model *model = vector_source_model(&job->source);
    if (!model) return sty_err_set(err, STY_BAD_MODEL, "speech needs the front end of a model");
    sty_status status = sty_session_create(model, NULL, 0, &session, err);
    for (size_t i = 0; status == STY_OK && i < job->n_args; i++) {
        status = load(job, session, job->args[i], &mels[i], &tracks[i], &n_f0[i], err);
        f0_hz[i] = tracks[i];
    }
    if (status == STY_OK) {
        const sty_speech_picture picture = {.title = job->o->title ? job->o->title : "Speech",
                                            .note = "mel spectrogram and F0 on common scales of time, level and pitch",
                                            .mels = mels, .f0_hz = f0_hz, .n_f0 = n_f0, .f0_hop_s = STY_PITCH_HOP_S, .n = job->n_args};
        status = sty_picture_speech(&job->canvas, &picture, err);
    }
    sty_session_free(session);
    return status;
}
