/* clip.h - decoded audio as the library holds it. Floor 2. */
#ifndef STY_AUDIO_CLIP_H
#define STY_AUDIO_CLIP_H

#include "base/err.h"

struct sty_clip {
    sty_clip_info info;
    float *samples; /* interleaved [n_frames, n_channels] */
    size_t capacity;
};

#endif
