/* decode.c - audio files to samples, the one door to libsndfile.
 *
 * libsndfile only ever sees a checked container through virtual I/O. Its frame
 * count is a claim, not a size: samples are read block by block until they end,
 * and a claim that was too high is reported as truncation. Read errors inside
 * the callbacks are invisible to libsndfile, so the source remembers them. */
#define _GNU_SOURCE
#include "audio/clip.h"
#include "audio/container.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_FRAMES = 4096, MAX_CHANNELS = 64, MIN_RATE = 1000, MAX_RATE = 768000 };
static const double DEFAULT_MAX_SECONDS = 24 * 3600.0;
static const uint64_t DEFAULT_MAX_BYTES = (uint64_t)4 << 30;

/* A writer may come a moment later than we do; one that never comes must not keep us. */
enum { FIFO_WAIT_MS = 5000 };

/* Louder than any scale of samples: squares of sums of such values leave float32, and
 * what a clamp then makes of them looks like a result. */
static const float LOUDEST = 1e9f;

/* libsndfile keeps the error of a failed open in process globals. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- virtual I/O ---- */

static sf_count_t vio_length(void *user) { return (sf_count_t)((sty_source *)user)->size; }

static sf_count_t vio_seek(sf_count_t offset, int whence, void *user) {
    sty_source *source = user;
    int64_t base = whence == SEEK_SET   ? 0
                   : whence == SEEK_CUR ? (int64_t)source->position
                                        : (int64_t)source->size;
    int64_t to;
    if (__builtin_add_overflow(base, offset, &to) || to < 0) return -1;
    source->position = (uint64_t)to;
    return to;
}

static sf_count_t vio_read(void *to, sf_count_t n, void *user) {
    sty_source *source = user;
    if (n <= 0) return 0;
    size_t got = sty_source_read(source, source->position, to, (size_t)n);
    source->position += got;
    return (sf_count_t)got;
}

static sf_count_t vio_write(const void *from, sf_count_t n, void *user) {
    (void)from, (void)n, (void)user;
    return 0;
}

static sf_count_t vio_tell(void *user) { return (sf_count_t)((sty_source *)user)->position; }

static SF_VIRTUAL_IO vio = {vio_length, vio_seek, vio_read, vio_write, vio_tell};

/* ---- opening ---- */

static bool coding_allowed(int format) {
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_16:
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_FLOAT:
    case SF_FORMAT_DOUBLE:
    case SF_FORMAT_ULAW:
    case SF_FORMAT_ALAW:
    case SF_FORMAT_VORBIS:
    case SF_FORMAT_OPUS:
    case SF_FORMAT_ALAC_16:
    case SF_FORMAT_ALAC_20:
    case SF_FORMAT_ALAC_24:
    case SF_FORMAT_ALAC_32:
    case SF_FORMAT_MPEG_LAYER_I:
    case SF_FORMAT_MPEG_LAYER_II:
    case SF_FORMAT_MPEG_LAYER_III: return true;
    default: return false;
    }
}

static sty_status open_decoder(sty_source *source, SF_INFO *info, SNDFILE **file, sty_err *err) {
    char reason[160] = "";
    memset(info, 0, sizeof *info);
    pthread_mutex_lock(&open_lock);
    *file = sf_open_virtual(&vio, SFM_READ, info, source);
    if (!*file) snprintf(reason, sizeof reason, "%s", sf_strerror(NULL));
    pthread_mutex_unlock(&open_lock);
    if (source->error) {
        if (*file) sf_close(*file);
        return sty_err_set(err, STY_IO_ERROR, "cannot read '%s': %s", source->name,
                           strerror(source->error));
    }
    if (!*file) {
        reason[strcspn(reason, "\n")] = '\0';
        size_t n = strlen(reason);
        if (n && reason[n - 1] == '.') reason[n - 1] = '\0';
        return sty_err_set(err, STY_NOT_AUDIO, "cannot decode '%s': %s", source->name, reason);
    }
    return STY_OK;
}

static void describe(const SF_INFO *info, char *text, size_t n) {
    SF_FORMAT_INFO major = {.format = info->format & SF_FORMAT_TYPEMASK};
    SF_FORMAT_INFO minor = {.format = info->format & SF_FORMAT_SUBMASK};
    sf_command(NULL, SFC_GET_FORMAT_INFO, &major, sizeof major);
    sf_command(NULL, SFC_GET_FORMAT_INFO, &minor, sizeof minor);
    const char *name = major.name ? major.name : "audio";
    snprintf(text, n, "%.*s, %s", (int)strcspn(name, "("), name, minor.name ? minor.name : "?");
    char *gap = strstr(text, " ,");
    if (gap) memmove(gap, gap + 1, strlen(gap));
}

static sty_status check_info(const SF_INFO *info, const sty_source *source,
                             const sty_clip_options *options, sty_err *err) {
    if (!coding_allowed(info->format))
        return sty_err_set(err, STY_UNSUPPORTED_CODEC,
                           "'%s' holds a coding that is not decoded; convert it to WAV or FLAC",
                           source->name);
    if (info->channels < 1 || info->channels > MAX_CHANNELS)
        return sty_err_set(err, STY_BAD_CHANNELS, "'%s' has %d channels, expected 1 to %d",
                           source->name, info->channels, MAX_CHANNELS);
    if (info->samplerate < MIN_RATE || info->samplerate > MAX_RATE)
        return sty_err_set(err, STY_BAD_RATE, "'%s' has a rate of %d Hz, expected %d to %d",
                           source->name, info->samplerate, MIN_RATE, MAX_RATE);
    if (options->channel > info->channels)
        return sty_err_set(err, STY_BAD_CHANNELS, "'%s' has %d channels, channel %d was asked for",
                           source->name, info->channels, options->channel);
    return STY_OK;
}

/* ---- reading ---- */

static sty_status reserve(sty_clip *clip, size_t n_samples, const char *name, sty_err *err) {
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

/* True when every value is usable. No way out of the loop: that makes it quick. */
static bool all_usable(const float *x, size_t n) {
    bool usable = true;
    for (size_t i = 0; i < n; i++)
        usable &= fabsf(x[i]) <= LOUDEST;
    return usable;
}

/* Appends a block, keeping one channel if asked to. */
static sty_status append(sty_clip *clip, const float *block, size_t n_frames, int channels,
                         const sty_clip_options *options, const sty_source *source, sty_err *err) {
    const size_t kept = (size_t)clip->info.n_channels;
    const size_t first = options->channel > 0 ? (size_t)options->channel - 1 : 0;
    if (n_frames == 0) return STY_OK;
    STY_TRY(reserve(clip, (clip->info.n_frames + n_frames) * kept, source->name, err));
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
                                       source->name, (double)v, clip->info.n_frames + i);
                v = 0.0f;
                clip->info.n_zeroed++;
            }
            *to++ = v;
        }
    clip->info.n_frames += n_frames;
    return STY_OK;
}

/* Frames to drop before the part that is wanted: sought where the file can. */
static sf_count_t skip_to_start(SNDFILE *file, const SF_INFO *info, double start_s) {
    const sf_count_t first = (sf_count_t)llround(start_s * info->samplerate);
    if (first <= 0) return 0;
    if (info->seekable && sf_seek(file, first, SEEK_SET) == first) return 0;
    return first;
}

/* Containers that do not know their length say absurd numbers. */
static bool credible(sf_count_t frames) { return frames < (sf_count_t)1 << 40; }

static sty_status too_long(const sty_source *source, double limit_s, sty_err *err) {
    return sty_err_set(err, STY_TOO_LONG, "'%s' is longer than the limit of %g s", source->name, limit_s);
}

static sty_status read_samples(SNDFILE *file, const SF_INFO *info, sty_source *source,
                               const sty_clip_options *options, float *block, sty_clip *clip,
                               sty_err *err) {
    const double limit_s =
        options->max_duration_s > 0 ? options->max_duration_s : DEFAULT_MAX_SECONDS;
    const double rate = info->samplerate;
    const sf_count_t start = (sf_count_t)llround(options->start_s * rate);
    sf_count_t drop = skip_to_start(file, info, options->start_s);
    sf_count_t wanted = INT64_MAX, total = start - drop;
    if (options->end_s > 0) wanted = (sf_count_t)llround(options->end_s * rate) - start;
    const sf_count_t announced = credible(info->frames) ? info->frames - start : 0;
    if ((double)(announced < wanted ? announced : wanted) > limit_s * rate) /* before it fills the memory */
        return too_long(source, limit_s, err);
    for (;;) {
        sf_count_t got = sf_readf_float(file, block, BLOCK_FRAMES);
        if (source->error)
            return sty_err_set(err, STY_IO_ERROR, "cannot read '%s': %s", source->name,
                               strerror(source->error));
        if (got <= 0) break;
        total += got;
        const sf_count_t dropped = drop < got ? drop : got;
        drop -= dropped;
        sf_count_t keep = got - dropped;
        if (keep > wanted - (sf_count_t)clip->info.n_frames)
            keep = wanted - (sf_count_t)clip->info.n_frames;
        STY_TRY(append(clip, block + dropped * info->channels, (size_t)keep, info->channels,
                       options, source, err));
        if ((double)clip->info.n_frames > limit_s * rate) return too_long(source, limit_s, err);
        if ((sf_count_t)clip->info.n_frames >= wanted) return STY_OK;
    }
    if (credible(info->frames) && info->frames < INT32_MAX && total < info->frames)
        return sty_err_set(err, STY_TRUNCATED,
                           "'%s' is truncated: its header announces %lld samples, %lld are there",
                           source->name, (long long)info->frames, (long long)total);
    return STY_OK;
}

static sty_status decode(sty_source *source, const sty_clip_options *options, sty_clip *clip,
                         sty_err *err) {
    SF_INFO info;
    SNDFILE *file;
    STY_TRY(sty_container_check(source, err));
    STY_TRY(open_decoder(source, &info, &file, err));
    sty_status status = check_info(&info, source, options, err);
    float *block = NULL;
    if (status == STY_OK) {
        block = sty_alloc(BLOCK_FRAMES * (size_t)info.channels, sizeof *block);
        if (!block) status = sty_err_no_memory(err, BLOCK_FRAMES, source->name);
    }
    if (status == STY_OK) {
        clip->info.rate_hz = info.samplerate;
        clip->info.source_channels = info.channels;
        clip->info.n_channels = options->channel > 0 ? 1 : info.channels;
        clip->info.start_s = options->start_s;
        describe(&info, clip->info.format, sizeof clip->info.format);
        status = read_samples(file, &info, source, options, block, clip, err);
    }
    sty_free(block);
    sf_close(file);
    if (status == STY_OK && clip->info.n_frames == 0)
        return sty_err_set(err, STY_EMPTY, "'%s' has no samples%s", source->name,
                           options->start_s > 0 ? " in the part asked for" : "");
    clip->info.duration_s = (double)clip->info.n_frames / (double)(info.samplerate ? info.samplerate : 1);
    return status;
}

static sty_status check_options(const sty_clip_options *o, const sty_source *source, sty_err *err) {
    const double most = 1e9;
    if (!(o->start_s >= 0 && o->start_s <= most) || !(o->end_s <= most) || !(o->max_duration_s <= most) || o->channel < 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s': start %g, end %g, limit %g or channel %d is out of range",
                           source->name, o->start_s, o->end_s, o->max_duration_s, o->channel);
    if (o->end_s > 0 && o->end_s <= o->start_s)
        return sty_err_set(err, STY_EMPTY, "'%s' has no samples from %g s to %g s", source->name, o->start_s, o->end_s);
    return STY_OK;
}

static sty_status read_source(sty_source *source, const sty_clip_options *options, sty_clip **clip,
                              sty_err *err) {
    static const sty_clip_options defaults = {0};
    if (!options) options = &defaults;
    STY_TRY(check_options(options, source, err));
    sty_clip *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, source->name);
    sty_status status = decode(source, options, made, err);
    if (status == STY_OK) *clip = made;
    else sty_clip_free(made);
    return status;
}

sty_status sty_clip_read_fd(int fd, const char *name, const sty_clip_options *options,
                            sty_clip **clip, sty_err *err) {
    struct stat st;
    sty_source source = {.name = name, .fd = fd};
    if (fstat(fd, &st) != 0)
        return sty_err_set(err, STY_IO_ERROR, "cannot stat '%s': %s", name, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return sty_err_set(err, STY_UNREADABLE, "'%s' is a folder; -r reads the files in it", name);
    if (S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0) {
        source.size = (uint64_t)st.st_size;
        return read_source(&source, options, clip, err);
    }
    if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !S_ISREG(st.st_mode))
        return sty_err_set(err, STY_UNREADABLE, "'%s' is neither a file nor a pipe", name);
    const int flags = fcntl(fd, F_GETFL);
    struct pollfd writer = {.fd = fd, .events = POLLIN};
    if (flags >= 0 && flags & O_NONBLOCK) poll(&writer, 1, FIFO_WAIT_MS);
    sty_bytes bytes = {0};
    const uint64_t cap = options && options->max_bytes ? options->max_bytes : DEFAULT_MAX_BYTES;
    STY_TRY(sty_file_slurp(fd, name, (size_t)cap, &bytes, err));
    source.data = bytes.data;
    source.size = bytes.n;
    sty_status status = read_source(&source, options, clip, err);
    sty_bytes_clear(&bytes);
    return status;
}

sty_status sty_clip_read(const char *path, const sty_clip_options *options, sty_clip **clip,
                         sty_err *err) {
    if (strcmp(path, "-") == 0) return sty_clip_read_fd(STDIN_FILENO, "standard input", options, clip, err);
    int fd;
    STY_TRY(sty_file_open(path, &fd, err));
    sty_status status = sty_clip_read_fd(fd, path, options, clip, err);
    close(fd);
    return status;
}

sty_status sty_clip_from_samples(const float *samples, size_t n_frames, int n_channels,
                                 int rate_hz, sty_clip **clip, sty_err *err) {
    if (n_channels < 1 || n_channels > MAX_CHANNELS)
        return sty_err_set(err, STY_BAD_CHANNELS, "%d channels, expected 1 to %d", n_channels, MAX_CHANNELS);
    if (rate_hz < MIN_RATE || rate_hz > MAX_RATE)
        return sty_err_set(err, STY_BAD_RATE, "a rate of %d Hz, expected %d to %d", rate_hz, MIN_RATE, MAX_RATE);
    if (n_frames == 0) return sty_err_set(err, STY_EMPTY, "no samples");
    sty_clip *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a clip");
    made->info = (sty_clip_info){.rate_hz = rate_hz, .n_channels = n_channels,
                                 .source_channels = n_channels, .format = "samples",
                                 .duration_s = (double)n_frames / rate_hz};
    const sty_source source = {.name = "samples"};
    const sty_clip_options options = {0};
    sty_status status = append(made, samples, n_frames, n_channels, &options, &source, err);
    if (status == STY_OK) *clip = made;
    else sty_clip_free(made);
    return status;
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
    sty_status status = reserve(made, (end - first) * kept, name, err);
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

int sty_clip_is_lossy(const sty_clip *clip) {
    const char *format = clip->info.format;
    return strstr(format, "MPEG") || strstr(format, "Vorbis") || strstr(format, "Opus");
}

const sty_clip_info *sty_clip_facts(const sty_clip *clip) { return &clip->info; }

const float *sty_clip_samples(const sty_clip *clip) { return clip->samples; }

void sty_clip_free(sty_clip *clip) {
    if (!clip) return;
    sty_free(clip->samples);
    sty_free(clip);
}
