/* samples.h - from a clip to the samples that frames are made of: one channel, the rate,
 * the gain and the six sample steps in the order asked for. Floor 2.
 *
 * Every step is a level that is read from the one below, block by block. A clip that
 * is held in memory is read once, whole, or lies there already; of a long one (clip.h) a
 * window is held, and steps that must know all samples (trim, level) read them through
 * once more. Both give the same bits. */
#ifndef STY_AUDIO_SAMPLES_H
#define STY_AUDIO_SAMPLES_H

#include "audio/clip.h"
#include "audio/front_end.h"
#include "audio/wave.h"

typedef struct sty_samples sty_samples;

/* Errors: STY_OUT_OF_MEMORY. params must stay. */
sty_status sty_samples_create(const sty_front_end_params *params, sty_samples **samples, sty_err *err);
void sty_samples_free(sty_samples *samples);

/* Called with the signal after every step when set; all is then held in memory. */
void sty_samples_watch(sty_samples *samples, sty_stage_fn stage, void *context);

/* Begins with a clip, which must stay; *n: the samples it gives, where 0 < *n < least
 * zeros are added up to least, *n_padded of them.
 * Errors: STY_BAD_RATE, STY_BAD_CHANNELS, STY_OUT_OF_MEMORY, those of reading. */
sty_status sty_samples_open(sty_samples *samples, const sty_clip *clip, size_t least, size_t *n, size_t *n_padded,
                            sty_err *err);

/* Makes samples [begin, end) readable: x[i - *first]. begin must not decrease from call
 * to call; end may lie behind the last sample. */
sty_status sty_samples_window(sty_samples *samples, size_t begin, size_t end, const float **x, size_t *first,
                              sty_err *err);

#endif
