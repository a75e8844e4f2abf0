/* front_end.h - from a clip to features [T, F]. Floor 2.
 *
 * The parameters are the manifest's `front_end` section (models/README.md); the
 * order of operations is the order of that table. The plan is immutable and
 * shared; the state holds one session's buffers and transform. */
#ifndef STY_AUDIO_FRONT_END_H
#define STY_AUDIO_FRONT_END_H

#include "audio/clip.h"
#include "base/param.h"

typedef enum sty_wave_step {
    STY_STEP_CUT,
    STY_STEP_TRIM,
    STY_STEP_LEVEL,
    STY_STEP_PRE_EMPHASIS,
    STY_STEP_CLIP,
    STY_STEP_PAD,
    STY_N_STEPS
} sty_wave_step;

typedef struct sty_front_end_params {
    int sample_rate, channels, resample;
    double input_gain;
    unsigned char order[STY_MAX_ORDER];
    double cut_head_ms, cut_tail_ms;
    double trim;
    int trim_frame_length, trim_hop_length, trim_padding;
    int level;
    double level_target, pre_emphasis;
    bool clip;
    int pad_samples;
    int feature, n_fft, hop_length, win_length, window;
    bool window_periodic;
    int padding, pad_mode, power;
    double magnitude_eps;
    int magnitude_eps_rule, first_bin, n_bins;
    int n_mels;
    double fmin, fmax;
    int mel_scale, mel_norm, mel_sample_rate;
    int log;
    double log_gain, log_floor;
    int log_floor_rule;
    double log_ceiling;
    double range_ref, range_min, range_max;
    bool range_symmetric;
    double mean, std;
    char mean_tensor[STY_MAX_NAME], std_tensor[STY_MAX_NAME];
    double clip_low, clip_high;
    int last_frame, frame_multiple;
    double frame_pad_value;
} sty_front_end_params;

extern const sty_param sty_front_end_table[];
extern const size_t sty_n_front_end_params;

/* Checks what one value alone cannot show (window longer than the transform,
 * fmax above half the rate, ...). Errors: STY_BAD_ARGUMENT. */
sty_status sty_front_end_check(const sty_front_end_params *params, sty_err *err);

/* One value from text, "n_fft=2048". Errors: STY_BAD_ARGUMENT. */
sty_status sty_front_end_set(sty_front_end_params *params, const char *text, sty_err *err);

/* A published front end by name; index: its number. Errors: STY_BAD_ARGUMENT
 * (unknown, with the nearest one). */
sty_status sty_front_end_preset(const char *name, sty_front_end_params *params, size_t *index,
                                sty_err *err);

/* Names and one-line descriptions, in order; NULL past the last. */
const char *sty_front_end_preset_name(size_t index);
const char *sty_front_end_preset_text(size_t index);

/* Columns of the features. */
size_t sty_front_end_width(const sty_front_end_params *params);

typedef struct sty_front_end sty_front_end;

/* mean and std: [F] or NULL, kept by reference. Lives in the arena. params must
 * have passed sty_front_end_check. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_front_end_create(const sty_front_end_params *params, const float *mean,
                                const float *std, sty_arena *arena, const sty_front_end **made,
                                sty_err *err);
const sty_front_end_params *sty_front_end_facts(const sty_front_end *front_end);

/* Frames that n samples (after the sample steps) give; 0 when too few. */
size_t sty_front_end_frames(const sty_front_end_params *params, size_t n_samples);

/* Samples that are needed for n_frames frames. */
size_t sty_front_end_samples(const sty_front_end_params *params, size_t n_frames);

/* Called with every intermediate array when set: "samples", "trim", ... */
typedef void (*sty_stage_fn)(void *context, const char *name, const float *data, int rank,
                             const size_t *dim);

typedef struct sty_front_end_state sty_front_end_state;
sty_status sty_front_end_state_create(const sty_front_end *front_end, sty_front_end_state **state,
                                      sty_err *err);
void sty_front_end_state_free(sty_front_end_state *state);
void sty_front_end_state_watch(sty_front_end_state *state, sty_stage_fn stage, void *context);

/* Clips of which something, but fewer samples than n_frames need, remains after
 * the sample steps get zeros behind them up to that. 0 switches it off. */
void sty_front_end_state_pad_short(sty_front_end_state *state, size_t n_frames);

/* Zeros that the last run added for it. */
size_t sty_front_end_state_padded(const sty_front_end_state *state);

/* A clip to be run in parts, which must stay: how many frames it gives. Errors: as of run; STY_TOO_LONG when
 * steps are watched and would not fit into memory. */
sty_status sty_front_end_open(sty_front_end_state *state, const sty_clip *clip, size_t *n_frames,
                              sty_err *err);

/* features[n, F]: its frames first to first + n, the same bits for any parts. */
sty_status sty_front_end_frames_at(sty_front_end_state *state, size_t first, size_t n,
                                   float *features, sty_err *err);

/* All of them: features [n_frames, F], valid until the next run. */
sty_status sty_front_end_all(sty_front_end_state *state, float **features, sty_err *err);

/* Both for a whole clip. features: [*n_frames, F], valid until the next run. Errors: STY_TOO_SHORT (with
 * the minimum), STY_BAD_RATE, STY_BAD_CHANNELS, STY_OUT_OF_MEMORY. */
sty_status sty_front_end_run(sty_front_end_state *state, const sty_clip *clip, float **features,
                             size_t *n_frames, sty_err *err);

#endif
