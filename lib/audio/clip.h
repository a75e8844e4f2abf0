/* clip.h - decoded audio as the library holds it. Floor 2. */
#ifndef STY_AUDIO_CLIP_H
#define STY_AUDIO_CLIP_H

#include "base/err.h"

struct sty_clip {
    sty_clip_info info;
    float *samples; /* interleaved [n_frames, n_channels]; NULL: decoded when they are read */
    size_t capacity;
    size_t before; /* frames that came before these, for messages */
    struct sty_clip_long *rest;
};

/* A clip that is not held (sty_clip_options.stream): as sty_clip_block. */
sty_status sty_clip_long_block(struct sty_clip_long *rest, size_t first, const float **x, size_t *n, sty_err *err);
void sty_clip_long_free(struct sty_clip_long *rest);

/* Some frames from number `first` on: *x interleaved, *n of them, 0 behind the end. */
sty_status sty_clip_block(const sty_clip *clip, size_t first, const float **x, size_t *n, sty_err *err);

/* Frames [begin, end) as a clip of their own; quickest in order. Errors: those of reading. */
sty_status sty_clip_cut(const sty_clip *clip, size_t begin, size_t end, sty_clip **part, sty_err *err);

/* The part from start_s to end_s (0: the end) as a clip of its own, sample for
 * sample what reading that part gives. Errors: STY_EMPTY, STY_OUT_OF_MEMORY. */
sty_status sty_clip_part(const sty_clip *clip, double start_s, double end_s, const char *name, sty_clip **part,
                         sty_err *err);

/* One channel (from 1) of a clip that has all of its source's. */
sty_status sty_clip_pick(const sty_clip *clip, int channel, sty_clip **one, sty_err *err);

/* Coded so that decoding from the middle may differ in the last bits from
 * decoding from the start (MPEG, Vorbis, Opus). */
int sty_clip_is_lossy(const sty_clip *clip);
int sty_format_is_lossy(const char *format); /* of sty_clip_info */

enum { STY_MAX_CHANNELS = 64, STY_MIN_RATE_HZ = 1000, STY_MAX_RATE_HZ = 768000 };

/* Room for n_samples in all. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_clip_reserve(sty_clip *clip, size_t n_samples, const char *name, sty_err *err);

/* Appends frames [n_frames, channels] to a clip whose info.n_channels is set, keeping
 * one channel if options ask for it. Errors: STY_NONFINITE, STY_OUT_OF_MEMORY. */
sty_status sty_clip_append(sty_clip *clip, const float *block, size_t n_frames, int channels, const sty_clip_options *options,
                           const char *name, sty_err *err);

/* Part after part of a recording that is decoded once and never held whole: sample
 * for sample what reading each part alone gives. fd is a regular file at its begin,
 * and stays the caller's; name must stay too. Errors: those of sty_clip_read_fd. */
typedef struct sty_clip_stream sty_clip_stream;
sty_status sty_clip_stream_open(int fd, const char *name, const sty_clip_options *options, sty_clip_stream **stream, sty_err *err);
int sty_clip_stream_channels(const sty_clip_stream *stream);

/* From start_s (never before that of an earlier part) to end_s, or to the recording's
 * end. Errors: STY_EMPTY (it begins behind the end), STY_TRUNCATED, STY_IO_ERROR;
 * STY_NONFINITE is of this part alone. */
sty_status sty_clip_stream_part(sty_clip_stream *stream, double start_s, double end_s, sty_clip **part, sty_err *err);
void sty_clip_stream_free(sty_clip_stream *stream);

#endif
