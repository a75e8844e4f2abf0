/* front_end_plan.h - what front_end.c prepares and front_end_run.c runs. Floor 2. */
#ifndef STY_AUDIO_FRONT_END_PLAN_H
#define STY_AUDIO_FRONT_END_PLAN_H

#include "audio/front_end.h"
#include "audio/stft.h"

struct sty_front_end {
    sty_front_end_params params;
    const float *window; /* [n_fft], zero outside win_length */
    sty_mel mel;
    sty_stft_spec spec; /* of the features */
};

/* Choices of the parameter table, in its order. */
enum { CHANNELS_MEAN, CHANNELS_FIRST, CHANNELS_ERROR };
enum { RESAMPLE_CONVERT, RESAMPLE_ERROR };
enum { FEATURE_MEL, FEATURE_LINEAR };
enum { WINDOW_HANN, WINDOW_HAMMING, WINDOW_BLACKMAN, WINDOW_RECTANGULAR };
enum { PADDING_NONE, PADDING_CENTER, PADDING_HIFIGAN };
enum { PAD_CONSTANT, PAD_REFLECT };
enum { EPS_ADD, EPS_CLAMP };
enum { LOG_NONE, LOG_LN, LOG_LOG10 };
enum { FLOOR_CLAMP, FLOOR_ADD };
enum { LAST_KEEP, LAST_DROP, LAST_DROP_IF_EXACT };

/* Samples added at each end for the frames. */
size_t sty_front_end_padding(const sty_front_end_params *params);

/* Frames of n samples that are computed: without those that frame_multiple adds. */
size_t sty_front_end_real_frames(const sty_front_end_params *params, size_t n_samples);

/* The block's steps up to a given one, whose array has spec->width columns. */
typedef enum sty_front_end_step { STY_SPECTRUM, STY_MAGNITUDE, STY_MEL, STY_LOG, STY_N_SHOWN } sty_front_end_step;
sty_stft_spec sty_front_end_step_spec(const sty_front_end *front_end, sty_front_end_step step);

#endif
