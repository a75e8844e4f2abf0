/* clip.h - decoded audio as the library holds it. Floor 2. */
#ifndef STY_AUDIO_CLIP_H
#define STY_AUDIO_CLIP_H

#include "base/err.h"

struct sty_clip {
    sty_clip_info info;
    float *samples; /* interleaved [n_frames, n_channels] */
    size_t capacity;
};

/* The part from start_s to end_s (0: the end) as a clip of its own, sample for
 * sample what reading that part gives. Errors: STY_EMPTY, STY_OUT_OF_MEMORY. */
sty_status sty_clip_part(const sty_clip *clip, double start_s, double end_s, const char *name, sty_clip **part,
                         sty_err *err);

/* Coded so that decoding from the middle may differ in the last bits from
 * decoding from the start (MPEG, Vorbis, Opus). */
int sty_clip_is_lossy(const sty_clip *clip);

#endif
