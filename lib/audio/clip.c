/* clip.c - decoded samples: kept as they come, checked, cut into parts. */
#include "audio/clip.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

/* Louder than any scale of samples: squares of sums of such values leave float32, and
 * what a clamp then makes of them looks like a result. */
static const float LOUDEST = 1e9f;

enum { BLOCK_FRAMES = 4096 };

sty_status sty_clip_reserve(sty_clip *clip, size_t n_samples, const char *name, sty_err *err) {
    if (n_samples <= clip->capacity) return STY_OK;
    size_t capacity = clip->capacity ? clip->capacity : 65536, n_bytes;
    while (capacity < n_samples)
        capacity += capacity / 2;
    if (!sty_mul(capacity, sizeof *clip->samples, &n_bytes))
        return sty_err_no_memory(err, SIZE_MAX, name);
    float *moved = sty_resize(clip->samples, clip->capacity * sizeof *moved, n_bytes);
    if (!moved) return sty_err_no_memory(err, n_bytes, name);
    clip->samples = moved;
    clip->capacity = capacity;
    return STY_OK;
}

/* True when every value is usable. Blocks without a way out: the compiler makes them wide. */
static bool all_usable(const float *x, size_t n) {
    enum { BLOCK = 64 };
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        int unusable = 0;
        for (size_t j = 0; j < BLOCK; j++)
            unusable |= !(fabsf(x[i + j]) <= LOUDEST);
        if (unusable) return false;
    }
    for (; i < n; i++)
        if (!(fabsf(x[i]) <= LOUDEST)) return false;
    return true;
}

sty_status sty_clip_append(sty_clip *clip, const float *block, size_t n_frames, int channels,
                           const sty_clip_options *options, const char *name, sty_err *err) {
    const size_t kept = (size_t)clip->info.n_channels;
    const size_t first = options->channel > 0 ? (size_t)options->channel - 1 : 0;
    if (n_frames == 0) return STY_OK;
    STY_TRY(sty_clip_reserve(clip, (clip->info.n_frames + n_frames) * kept, name, err));
    float *to = clip->samples + clip->info.n_frames * kept;
    if (kept == (size_t)channels && all_usable(block, n_frames * kept)) {
        memcpy(to, block, n_frames * kept * sizeof *to);
        clip->info.n_frames += n_frames;
        return STY_OK;
    }
    for (size_t i = 0; i < n_frames; i++)
        for (size_t c = 0; c < kept; c++) {
            float v = block[i * (size_t)channels + first + c];
            if (!(fabsf(v) <= LOUDEST)) {
                if (!options->zero_nonfinite)
                    return sty_err_set(err, STY_NONFINITE,
                                       "'%s' has the value %g at sample %zu; --nonfinite zero "
                                       "reads it as 0",
                                       name, (double)v, clip->before + clip->info.n_frames + i);
                v = 0.0f;
                clip->info.n_zeroed++;
            }
            *to++ = v;
        }
    clip->info.n_frames += n_frames;
    return STY_OK;
}

sty_status sty_clip_from_samples(const float *samples, size_t n_frames, int n_channels,
                                 int rate_hz, sty_clip **clip, sty_err *err) {
    if (n_channels < 1 || n_channels > STY_MAX_CHANNELS)
        return sty_err_set(err, STY_BAD_CHANNELS, "%d channels, expected 1 to %d", n_channels, STY_MAX_CHANNELS);
    if (rate_hz < STY_MIN_RATE_HZ || rate_hz > STY_MAX_RATE_HZ)
        return sty_err_set(err, STY_BAD_RATE, "a rate of %d Hz, expected %d to %d", rate_hz, STY_MIN_RATE_HZ, STY_MAX_RATE_HZ);
    if (n_frames == 0) return sty_err_set(err, STY_EMPTY, "no samples");
    sty_clip *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a clip");
    made->info = (sty_clip_info){.rate_hz = rate_hz, .n_channels = n_channels,
                                 .source_channels = n_channels, .format = "samples",
                                 .duration_s = (double)n_frames / rate_hz};
    const sty_clip_options options = {0};
    sty_status status = sty_clip_append(made, samples, n_frames, n_channels, &options, "samples", err);
    if (status == STY_OK) *clip = made;
    else sty_clip_free(made);
    return status;
}

sty_status sty_clip_block(const sty_clip *clip, size_t first, const float **x, size_t *n, sty_err *err) {
    const size_t left = clip->info.n_frames - first;
    if (clip->rest) return sty_clip_long_block(clip->rest, first, x, n, err);
    *n = left < BLOCK_FRAMES ? left : BLOCK_FRAMES;
    *x = clip->samples + first * (size_t)clip->info.n_channels;
    return STY_OK;
}

/* Frames [begin, end) appended to a new clip, of one channel if options ask for it. */
static sty_status copy_frames(const sty_clip *clip, size_t begin, size_t end, const sty_clip_options *options,
                              sty_clip **copy, sty_err *err) {
    sty_status status = STY_OK;
    sty_clip *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a part");
    made->info = clip->info;
    made->info.n_frames = 0;
    if (options->channel > 0) made->info.n_channels = 1;
    for (size_t at = begin, n = 0; at < end && status == STY_OK; at += n) {
        const float *x = NULL;
        status = sty_clip_block(clip, at, &x, &n, err);
        if (n > end - at) n = end - at;
        if (status == STY_OK) status = sty_clip_append(made, x, n, clip->info.n_channels, options, "a part", err);
    }
    if (status == STY_OK) *copy = made;
    else sty_clip_free(made);
    return status;
}

sty_status sty_clip_cut(const sty_clip *clip, size_t begin, size_t end, sty_clip **part, sty_err *err) {
    const sty_clip_options options = {0};
    STY_TRY(copy_frames(clip, begin, end, &options, part, err));
    sty_clip_info *info = &(*part)->info;
    info->start_s += (double)begin / info->rate_hz;
    info->duration_s = (double)info->n_frames / info->rate_hz;
    return STY_OK;
}

sty_status sty_clip_part(const sty_clip *clip, double start_s, double end_s, const char *name, sty_clip **part,
                         sty_err *err) {
    const double rate = clip->info.rate_hz;
    const size_t kept = (size_t)clip->info.n_channels;
    const long long start = llround(start_s * rate);
    const size_t first = (size_t)(start > 0 ? start : 0);
    size_t end = clip->info.n_frames;
    if (end_s > 0 && llround(end_s * rate) < (long long)end) end = (size_t)llround(end_s * rate);
    if (first >= end) return sty_err_set(err, STY_EMPTY, "'%s' has no samples in the part asked for", name);
    sty_clip *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, name);
    made->info = clip->info;
    made->info.n_frames = 0;
    sty_status status = sty_clip_reserve(made, (end - first) * kept, name, err);
    if (status != STY_OK) {
        sty_clip_free(made);
        return status;
    }
    memcpy(made->samples, clip->samples + first * kept, (end - first) * kept * sizeof *made->samples);
    made->info.n_frames = end - first;
    made->info.start_s = start_s;
    made->info.duration_s = (double)made->info.n_frames / rate;
    *part = made;
    return STY_OK;
}

sty_status sty_clip_pick(const sty_clip *clip, int channel, sty_clip **one, sty_err *err) {
    const sty_clip_options options = {.channel = channel};
    return copy_frames(clip, 0, clip->info.n_frames, &options, one, err);
}

int sty_format_is_lossy(const char *format) {
    return strstr(format, "MPEG") || strstr(format, "Vorbis") || strstr(format, "Opus");
}

int sty_clip_is_lossy(const sty_clip *clip) { return sty_format_is_lossy(clip->info.format); }

const sty_clip_info *sty_clip_facts(const sty_clip *clip) { return &clip->info; }

const float *sty_clip_samples(const sty_clip *clip) { return clip->samples; }

void sty_clip_free(sty_clip *clip) {
    if (!clip) return;
    sty_clip_long_free(clip->rest);
    sty_free(clip->samples);
    sty_free(clip);
}
