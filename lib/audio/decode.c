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
#include "base/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { BLOCK_FRAMES = 4096, RESERVED = 1 << 22 };
static const double DEFAULT_MAX_SECONDS = 24 * 3600.0;
static const uint64_t DEFAULT_MAX_BYTES = (uint64_t)4 << 30;

/* A writer may come a moment later than we do; one that never comes must not keep us. */
enum { FIFO_WAIT_MS = 5000 };

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
    if (info->channels < 1 || info->channels > STY_MAX_CHANNELS)
        return sty_err_set(err, STY_BAD_CHANNELS, "'%s' has %d channels, expected 1 to %d",
                           source->name, info->channels, STY_MAX_CHANNELS);
    if (info->samplerate < STY_MIN_RATE_HZ || info->samplerate > STY_MAX_RATE_HZ)
        return sty_err_set(err, STY_BAD_RATE, "'%s' has a rate of %d Hz, expected %d to %d",
                           source->name, info->samplerate, STY_MIN_RATE_HZ, STY_MAX_RATE_HZ);
    if (options->channel > info->channels)
        return sty_err_set(err, STY_BAD_CHANNELS, "'%s' has %d channels, channel %d was asked for",
                           source->name, info->channels, options->channel);
    return STY_OK;
}

/* ---- reading ---- */

/* Frames to drop before the part that is wanted: sought where the file can. */
static sf_count_t skip_to_start(SNDFILE *file, const SF_INFO *info, double start_s) {
    const sf_count_t first = (sf_count_t)llround(start_s * info->samplerate);
    if (first <= 0) return 0;
    if (info->seekable && sf_seek(file, first, SEEK_SET) == first) return 0;
    return first;
}

/* Containers that do not know their length say absurd numbers. */
static bool credible(sf_count_t frames) { return frames < (sf_count_t)1 << 40; }

static sty_status check_length(const SF_INFO *info, sf_count_t total, const char *name, sty_err *err) {
    if (!credible(info->frames) || info->frames >= INT32_MAX || total >= info->frames) return STY_OK;
    return sty_err_set(err, STY_TRUNCATED,
                       "'%s' is truncated: its header announces %lld samples, %lld are there",
                       name, (long long)info->frames, (long long)total);
}

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
    const sf_count_t expected = announced < wanted ? announced : wanted;
    const sf_count_t most = RESERVED / clip->info.n_channels; /* anybody can announce anything */
    if (expected > 0)
        STY_TRY(sty_clip_reserve(clip, (size_t)(expected < most ? expected : most) * (size_t)clip->info.n_channels,
                                 source->name, err));
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
        STY_TRY(sty_clip_append(clip, block + dropped * info->channels, (size_t)keep, info->channels,
                                options, source->name, err));
        if ((double)clip->info.n_frames > limit_s * rate) return too_long(source, limit_s, err);
        if ((sf_count_t)clip->info.n_frames >= wanted) return STY_OK;
    }
    return check_length(info, total, source->name, err);
}

static void describe_clip(const SF_INFO *info, const sty_clip_options *options, sty_clip *clip) {
    clip->info.rate_hz = info->samplerate;
    clip->info.source_channels = info->channels;
    clip->info.n_channels = options->channel > 0 ? 1 : info->channels;
    clip->info.start_s = options->start_s;
    describe(info, clip->info.format, sizeof clip->info.format);
}

/* ---- clips that are not held ---- */

enum { HELD_SAMPLES = 1 << 22, LONG_BLOCK = 1 << 14 };

struct sty_clip_long {
    sty_clip *clip; /* whose it is */
    int fd;
    char *name;
    sty_clip_options options;
    sf_count_t start;
    sty_clip_stream *stream;
    sty_clip *block; /* frames from `first` on */
    size_t first;
};

static bool is_long(const SF_INFO *info, const sty_source *source, const sty_clip_options *options) {
    const double seconds = (double)info->frames / info->samplerate;
    const double end = options->end_s > 0 && options->end_s < seconds ? options->end_s : seconds;
    const int kept = options->channel > 0 ? 1 : info->channels;
    return options->stream && !source->data && credible(info->frames) &&
           (end - options->start_s) * info->samplerate * kept > HELD_SAMPLES;
}

/* Its length: of lossy codings only decoding tells for sure. */
static sty_status count_frames(SNDFILE *file, const SF_INFO *info, sty_source *source, bool lossy, float *block,
                               sf_count_t *total, sty_err *err) {
    *total = lossy ? 0 : info->frames;
    for (sf_count_t got = 1; lossy && got > 0; *total += got) {
        got = sf_readf_float(file, block, BLOCK_FRAMES);
        if (got < 0) got = 0;
    }
    if (source->error)
        return sty_err_set(err, STY_IO_ERROR, "cannot read '%s': %s", source->name, strerror(source->error));
    return check_length(info, *total, source->name, err);
}

static sty_status open_long(SNDFILE *file, const SF_INFO *info, sty_source *source, const sty_clip_options *options,
                            float *block, sty_clip *clip, sty_err *err) {
    const double limit_s = options->max_duration_s > 0 ? options->max_duration_s : DEFAULT_MAX_SECONDS;
    const sf_count_t start = (sf_count_t)llround(options->start_s * info->samplerate);
    sf_count_t end;
    describe_clip(info, options, clip);
    STY_TRY(count_frames(file, info, source, sty_clip_is_lossy(clip), block, &end, err));
    if (options->end_s > 0 && llround(options->end_s * info->samplerate) < end) end = (sf_count_t)llround(options->end_s * info->samplerate);
    if (end <= start) return STY_OK; /* no samples */
    if ((double)(end - start) > limit_s * info->samplerate) return too_long(source, limit_s, err);
    struct sty_clip_long *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, source->name);
    clip->rest = made; /* freed with it */
    made->clip = clip;
    made->name = sty_copy_text(source->name, strlen(source->name));
    made->fd = fcntl(source->fd, F_DUPFD_CLOEXEC, 0);
    made->options = *options;
    made->start = start;
    if (!made->name) return sty_err_no_memory(err, strlen(source->name), "a name");
    if (made->fd < 0) return sty_err_set(err, STY_IO_ERROR, "cannot keep '%s' open: %s", source->name, strerror(errno));
    clip->info.n_frames = (size_t)(end - start);
    return STY_OK;
}

void sty_clip_long_free(struct sty_clip_long *l) {
    if (!l) return;
    sty_clip_stream_free(l->stream);
    sty_clip_free(l->block);
    if (l->fd >= 0) close(l->fd);
    sty_free(l->name);
    sty_free(l);
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
    if (status == STY_OK && is_long(&info, source, options)) status = open_long(file, &info, source, options, block, clip, err);
    else if (status == STY_OK) {
        describe_clip(&info, options, clip);
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
    unsigned char ahead[STY_SOURCE_AHEAD];
    sty_source source = {.name = name, .fd = fd, .ahead = ahead};
    if (fstat(fd, &st) != 0)
        return sty_err_set(err, STY_IO_ERROR, "cannot stat '%s': %s", name, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return sty_err_set(err, STY_UNREADABLE, "'%s' is a folder, expected an audio file; extract -r reads the files in it", name);
    if (S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0) {
        source.size = (uint64_t)st.st_size;
        return read_source(&source, options, clip, err);
    }
    if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) && strcmp(name, "standard input") == 0) /* Linux: /dev/null */
        return sty_err_set(err, STY_EMPTY, "nothing came on '%s', expected audio", name);
    if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !S_ISREG(st.st_mode))
        return sty_err_set(err, STY_UNREADABLE, "'%s' is neither a file nor a pipe", name);
    const uint64_t cap = options && options->max_bytes ? options->max_bytes : DEFAULT_MAX_BYTES;
    if (options && options->stream && !S_ISREG(st.st_mode)) {
        int copy;
        STY_TRY(sty_pipe_to_file(fd, name, (size_t)cap, &copy, err));
        sty_status status = sty_clip_read_fd(copy, name, options, clip, err);
        close(copy);
        return status;
    }
    const int flags = fcntl(fd, F_GETFL);
    struct pollfd writer = {.fd = fd, .events = POLLIN};
    if (flags >= 0 && flags & O_NONBLOCK) poll(&writer, 1, FIFO_WAIT_MS);
    sty_bytes bytes = {0};
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

/* ---- part after part ---- */

struct sty_clip_stream {
    sty_source source;
    sty_clip_options options;
    SF_INFO info;
    SNDFILE *file;
    float *raw; /* [n, channels] from frame `first` on */
    size_t capacity, n;
    sf_count_t first;
    char format[sizeof(((sty_clip_info *)0)->format)];
    bool lossy, ended;
    sf_count_t origin; /* where the clip begins whose frames messages count; -1: each part's own */
    unsigned char ahead[STY_SOURCE_AHEAD];
};

sty_status sty_clip_stream_open(int fd, const char *name, const sty_clip_options *options, sty_clip_stream **stream, sty_err *err) {
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return sty_err_set(err, STY_UNREADABLE, "'%s' is no regular file", name);
    sty_clip_stream *s = sty_alloc(1, sizeof *s);
    if (!s) return sty_err_no_memory(err, sizeof *s, name);
    s->source = (sty_source){.name = name, .fd = fd, .size = (uint64_t)st.st_size, .ahead = s->ahead};
    s->options = *options;
    s->origin = -1;
    sty_status status = sty_container_check(&s->source, err);
    if (status == STY_OK) status = open_decoder(&s->source, &s->info, &s->file, err);
    if (status == STY_OK) status = check_info(&s->info, &s->source, options, err);
    if (status == STY_OK) {
        describe(&s->info, s->format, sizeof s->format);
        s->lossy = sty_format_is_lossy(s->format);
        *stream = s;
    } else sty_clip_stream_free(s);
    return status;
}

/* Forgets what lies before start; a long way is sought where that gives the same samples. */
static void forget(sty_clip_stream *s, sf_count_t start) {
    const size_t channels = (size_t)s->info.channels;
    if (start <= s->first) return;
    const size_t gone = start - s->first < (sf_count_t)s->n ? (size_t)(start - s->first) : s->n;
    if (gone) memmove(s->raw, s->raw + gone * channels, (s->n - gone) * channels * sizeof *s->raw); /* there is nothing yet at the begin */
    s->n -= gone;
    s->first += (sf_count_t)gone;
    if (start - s->first < BLOCK_FRAMES || s->lossy || !s->info.seekable) return;
    if (sf_seek(s->file, start, SEEK_SET) == start) s->first = start;
}

static sty_status read_block(sty_clip_stream *s, sty_err *err) {
    const size_t channels = (size_t)s->info.channels;
    if (s->capacity - s->n < BLOCK_FRAMES) {
        const size_t capacity = s->capacity + s->capacity / 2 + BLOCK_FRAMES;
        float *moved = sty_resize(s->raw, s->n * channels * sizeof *moved, capacity * channels * sizeof *moved);
        if (!moved) return sty_err_no_memory(err, capacity * channels * sizeof *moved, s->source.name);
        s->raw = moved;
        s->capacity = capacity;
    }
    const sf_count_t got = sf_readf_float(s->file, s->raw + s->n * channels, BLOCK_FRAMES);
    if (s->source.error)
        return sty_err_set(err, STY_IO_ERROR, "cannot read '%s': %s", s->source.name, strerror(s->source.error));
    if (got > 0) s->n += (size_t)got;
    else s->ended = true;
    return s->ended ? check_length(&s->info, s->first + (sf_count_t)s->n, s->source.name, err) : STY_OK;
}

sty_status sty_clip_stream_part(sty_clip_stream *s, double start_s, double end_s, sty_clip **part, sty_err *err) {
    const sf_count_t start = (sf_count_t)llround(start_s * s->info.samplerate), end = (sf_count_t)llround(end_s * s->info.samplerate);
    sty_assert(start >= s->first || s->n == 0);
    forget(s, start);
    while (!s->ended && s->first + (sf_count_t)s->n < end) {
        STY_TRY(read_block(s, err));
        forget(s, start);
    }
    const sf_count_t there = s->first + (sf_count_t)s->n < end ? s->first + (sf_count_t)s->n : end;
    if (there <= start)
        return sty_err_set(err, STY_EMPTY, "'%s' has no samples%s", s->source.name, start > 0 ? " in the part asked for" : "");
    sty_clip *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, s->source.name);
    made->info.rate_hz = s->info.samplerate;
    made->info.source_channels = s->info.channels;
    made->info.n_channels = s->options.channel > 0 ? 1 : s->info.channels;
    made->info.start_s = start_s;
    memcpy(made->info.format, s->format, sizeof s->format);
    if (s->origin >= 0) made->before = (size_t)(start - s->origin);
    const sty_status status = sty_clip_append(made, s->raw + (size_t)(start - s->first) * (size_t)s->info.channels, (size_t)(there - start),
                                              s->info.channels, &s->options, s->source.name, err);
    made->info.duration_s = (double)made->info.n_frames / s->info.samplerate;
    if (status == STY_OK) *part = made;
    else sty_clip_free(made);
    return status;
}

int sty_clip_stream_channels(const sty_clip_stream *s) { return s->info.channels; }

void sty_clip_stream_free(sty_clip_stream *s) {
    if (!s) return;
    if (s->file) sf_close(s->file);
    sty_free(s->raw);
    sty_free(s);
}

/* ---- long clips, block by block ---- */

static sty_status restart(struct sty_clip_long *l, sty_err *err) {
    sty_clip_stream_free(l->stream);
    l->stream = NULL;
    l->clip->info.n_zeroed = 0;
    STY_TRY(sty_clip_stream_open(l->fd, l->name, &l->options, &l->stream, err));
    l->stream->origin = l->start;
    return STY_OK;
}

/* Frames [first, first + n) of the clip; *there: how many there are. */
static sty_status load(struct sty_clip_long *l, size_t first, size_t n, sty_clip **part, size_t *there, sty_err *err) {
    const double rate = l->clip->info.rate_hz, at = (double)l->start + (double)first;
    sty_err why;
    const sty_status status = sty_clip_stream_part(l->stream, at / rate, (at + (double)n) / rate, part, &why);
    *there = status == STY_OK ? (*part)->info.n_frames : 0;
    if (status == STY_OK || status == STY_EMPTY) return STY_OK;
    if (err) *err = why;
    return status;
}

/* Behind the last block nothing may follow, or the header would have hidden samples. */
static sty_status check_end(struct sty_clip_long *l, sty_err *err) {
    sty_clip *more = NULL;
    size_t there;
    if (l->options.end_s > 0) return STY_OK;
    STY_TRY(load(l, l->clip->info.n_frames, 1, &more, &there, err));
    sty_clip_free(more);
    if (there == 0) return STY_OK;
    return sty_err_set(err, STY_NOT_AUDIO, "'%s' has more samples than its header says", l->name);
}

sty_status sty_clip_long_block(struct sty_clip_long *l, size_t first, const float **x, size_t *n, sty_err *err) {
    const size_t all = l->clip->info.n_frames, left = all - first;
    const size_t have = l->block ? l->block->info.n_frames : 0;
    if (left == 0) {
        *n = 0;
        return STY_OK;
    }
    if (!l->block || first < l->first || first >= l->first + have) {
        const size_t wanted = left < LONG_BLOCK ? left : LONG_BLOCK;
        if (!l->stream || first < l->first + have) STY_TRY(restart(l, err));
        sty_clip_free(l->block);
        l->block = NULL;
        size_t there;
        STY_TRY(load(l, first, wanted, &l->block, &there, err));
        if (there < wanted)
            return sty_err_set(err, STY_TRUNCATED, "'%s' is truncated: %zu samples are missing", l->name, left - there);
        l->first = first;
        l->clip->info.n_zeroed += l->block->info.n_zeroed;
        if (wanted == left) STY_TRY(check_end(l, err));
    }
    *x = l->block->samples + (first - l->first) * (size_t)l->block->info.n_channels;
    *n = l->block->info.n_frames - (first - l->first);
    return STY_OK;
}
