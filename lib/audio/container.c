/* container.c - magic numbers, codings and declared sizes.
 *
 * Chunked formats (RIFF, RF64, AIFF, W64, CAF) share one walk: a chunk is an id
 * and a size, data chunks are compared with the bytes that exist. Sizes of
 * 0xFFFFFFFF, 0x7FFFFFFF and so on are what programs write to a pipe when they
 * cannot know better; they mean "to the end". */
#define _GNU_SOURCE
#include "audio/container.h"

#include "base/check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* At least n bytes if they are there, at most so many as there is room for. */
static size_t read_between(sty_source *source, uint64_t offset, void *to, size_t n, size_t room) {
    size_t got = 0;
    while (got < n) {
        const ssize_t more = pread(source->fd, (char *)to + got, room - got, (off_t)(offset + got));
        if (more < 0 && errno == EINTR) continue;
        if (more < 0 && !source->error) source->error = errno;
        if (more <= 0) break;
        got += (size_t)more;
    }
    return got;
}

size_t sty_source_read(sty_source *source, uint64_t offset, void *to, size_t n) {
    if (offset >= source->size) return 0;
    if (n > source->size - offset) n = (size_t)(source->size - offset);
    if (source->data) {
        memcpy(to, source->data + offset, n);
        return n;
    }
    if (!source->ahead || n > STY_SOURCE_AHEAD / 2) return read_between(source, offset, to, n, n);
    if (offset < source->ahead_at || offset + n > source->ahead_at + source->ahead_n) {
        source->ahead_at = offset;
        source->ahead_n = read_between(source, offset, source->ahead, n, STY_SOURCE_AHEAD);
    }
    if (n > source->ahead_n) n = source->ahead_n;
    memcpy(to, source->ahead + (offset - source->ahead_at), n);
    return n;
}

static uint64_t little(const unsigned char *p, int n) {
    uint64_t v = 0;
    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

static uint64_t big(const unsigned char *p, int n) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static sty_status truncated(const sty_source *source, uint64_t declared, uint64_t there,
                            sty_err *err) {
    return sty_err_set(err, STY_TRUNCATED,
                       "'%s' is truncated: its header announces %llu bytes of audio, %llu are there",
                       source->name, (unsigned long long)declared, (unsigned long long)there);
}

static sty_status no_data(const sty_source *source, sty_err *err) {
    return sty_err_set(err, STY_TRUNCATED, "'%s' is truncated: it ends before its audio begins", source->name);
}

static sty_status codec_refused(const sty_source *source, const char *what, sty_err *err) {
    return sty_err_set(err, STY_UNSUPPORTED_CODEC,
                       "'%s' holds %s, which is not decoded; convert it to WAV or FLAC, or let extract's --decoder", source->name,
                       what);
}

/* ---- chunked formats ---- */

typedef struct {
    uint64_t first;    /* offset of the first chunk */
    int id_bytes, size_bytes;
    bool is_big;
    uint64_t align;    /* chunks start at multiples of this */
    bool size_is_whole; /* the size counts the chunk's own header (W64) */
} chunk_layout;

static const chunk_layout riff_layout = {12, 4, 4, false, 2, false};
static const chunk_layout rifx_layout = {12, 4, 4, true, 2, false};
static const chunk_layout aiff_layout = {12, 4, 4, true, 2, false};
static const chunk_layout w64_layout = {40, 16, 8, false, 8, true};
static const chunk_layout caf_layout = {8, 4, 8, true, 1, false};

/* Finds a chunk: its content's offset and declared size. */
static bool find_chunk(sty_source *source, const chunk_layout *layout, const char *id,
                       uint64_t *offset, uint64_t *size) {
    unsigned char head[24];
    const size_t header = (size_t)(layout->id_bytes + layout->size_bytes);
    uint64_t at = layout->first;
    for (int i = 0; i < 65536; i++) {
        if (sty_source_read(source, at, head, header) < header) return false;
        uint64_t n = layout->is_big ? big(head + layout->id_bytes, layout->size_bytes)
                                    : little(head + layout->id_bytes, layout->size_bytes);
        if (layout->size_is_whole) n = n < header ? 0 : n - header;
        if (memcmp(head, id, 4) == 0) {
            *offset = at + header;
            *size = n;
            return true;
        }
        if (n > source->size || at > source->size) return false;
        at += header + n;
        at = (at + layout->align - 1) / layout->align * layout->align;
    }
    return false;
}

/* The declared size of audio against what the file has. unknown: sizes from
 * there on mean "to the end". */
static sty_status check_data(const sty_source *source, uint64_t offset, uint64_t size,
                             uint64_t unknown, sty_err *err) {
    const uint64_t there = offset < source->size ? source->size - offset : 0;
    if (size >= unknown || size <= there) return STY_OK;
    return truncated(source, size, there, err);
}

/* Those that are met; "" for others. */
static const char *coding_name(unsigned tag) {
    switch (tag) {
    case 0x02: return " (Microsoft ADPCM)";
    case 0x11: return " (IMA ADPCM)";
    case 0x31: return " (GSM 6.10)";
    case 0x50: return " (MPEG)";
    case 0x55: return " (MP3)";
    default: return "";
    }
}

static sty_status check_wave(sty_source *source, const chunk_layout *layout, sty_err *err) {
    uint64_t offset, size;
    unsigned char head[28] = {0};
    char what[64];
    if (find_chunk(source, layout, "fmt ", &offset, &size)) {
        if (sty_source_read(source, offset, head, sizeof head) < 16) return no_data(source, err);
        unsigned tag = (unsigned)(layout->is_big ? big(head, 2) : little(head, 2));
        if (tag == 0xFFFE) tag = (unsigned)little(head + 24, 2);
        if (tag != 1 && tag != 3 && tag != 6 && tag != 7) {
            snprintf(what, sizeof what, "WAV coding 0x%04x%s", tag, coding_name(tag));
            return codec_refused(source, what, err);
        }
    }
    uint64_t ds64, ds64_size, declared;
    if (!find_chunk(source, layout, "data", &offset, &size)) return no_data(source, err);
    declared = size;
    if (size == 0xFFFFFFFF && find_chunk(source, layout, "ds64", &ds64, &ds64_size) &&
        sty_source_read(source, ds64 + 8, head, 8) == 8)
        return check_data(source, offset, little(head, 8), UINT64_MAX, err);
    return check_data(source, offset, declared, 0x7FFFF000, err);
}

static sty_status check_w64(sty_source *source, sty_err *err) {
    uint64_t offset, size;
    if (!find_chunk(source, &w64_layout, "data", &offset, &size)) return no_data(source, err);
    return check_data(source, offset, size, UINT64_MAX / 4, err);
}

static sty_status check_aiff(sty_source *source, sty_err *err) {
    static const char allowed[][5] = {"NONE", "sowt", "twos", "raw ", "fl32", "FL32", "fl64",
                                      "FL64", "alaw", "ALAW", "ulaw", "ULAW", "in24", "in32"};
    uint64_t offset, size;
    unsigned char head[22] = {0};
    char what[64];
    sty_source_read(source, 8, head, 4);
    if (memcmp(head, "8SVX", 4) == 0 || memcmp(head, "16SV", 4) == 0) {
        if (!find_chunk(source, &aiff_layout, "BODY", &offset, &size)) return no_data(source, err);
        return check_data(source, offset, size, 0xFFFFFFFF, err);
    }
    if (memcmp(head, "AIFC", 4) == 0 && find_chunk(source, &aiff_layout, "COMM", &offset, &size) &&
        sty_source_read(source, offset, head, 22) == 22) {
        bool known = false;
        for (size_t i = 0; i < STY_COUNT(allowed); i++)
            known = known || memcmp(head + 18, allowed[i], 4) == 0;
        if (!known) {
            snprintf(what, sizeof what, "AIFF-C coding '%.4s'", (const char *)head + 18);
            return codec_refused(source, what, err);
        }
    }
    if (!find_chunk(source, &aiff_layout, "SSND", &offset, &size)) return no_data(source, err);
    return check_data(source, offset, size, 0x7FFFF000, err);
}

static sty_status check_caf(sty_source *source, sty_err *err) {
    static const char allowed[][5] = {"lpcm", "alac", "ulaw", "alaw"};
    uint64_t offset, size;
    unsigned char head[12];
    char what[64];
    if (find_chunk(source, &caf_layout, "desc", &offset, &size) &&
        sty_source_read(source, offset, head, 12) == 12) {
        bool known = false;
        for (size_t i = 0; i < STY_COUNT(allowed); i++)
            known = known || memcmp(head + 8, allowed[i], 4) == 0;
        if (!known) {
            snprintf(what, sizeof what, "CAF coding '%.4s'", (const char *)head + 8);
            return codec_refused(source, what, err);
        }
    }
    if (!find_chunk(source, &caf_layout, "data", &offset, &size)) return no_data(source, err);
    return check_data(source, offset, size, UINT64_MAX, err);
}

/* ---- others ---- */

static sty_status check_au(sty_source *source, sty_err *err) {
    unsigned char head[24];
    char what[64];
    if (sty_source_read(source, 0, head, 24) < 24) return truncated(source, 24, source->size, err);
    const bool is_big = memcmp(head, ".snd", 4) == 0;
    const uint64_t offset = is_big ? big(head + 4, 4) : little(head + 4, 4);
    const uint64_t size = is_big ? big(head + 8, 4) : little(head + 8, 4);
    const unsigned coding = (unsigned)(is_big ? big(head + 12, 4) : little(head + 12, 4));
    if (!(coding >= 1 && coding <= 7) && coding != 27) {
        snprintf(what, sizeof what, "AU coding %u", coding);
        return codec_refused(source, what, err);
    }
    return check_data(source, offset, size, 0x7FFFF000, err);
}

/* The last page of an Ogg stream carries the end-of-stream flag and is whole. */
static sty_status check_ogg(sty_source *source, sty_err *err) {
    unsigned char tail[65536 + 282], segments[255];
    const uint64_t from = source->size > sizeof tail ? source->size - sizeof tail : 0;
    const size_t n = sty_source_read(source, from, tail, sizeof tail);
    for (size_t i = n < 27 ? 0 : n - 26; i-- > 0;) {
        if (memcmp(tail + i, "OggS", 4) != 0 || tail[i + 4] != 0) continue;
        const size_t n_segments = tail[i + 26];
        uint64_t end = from + i + 27 + n_segments;
        if (sty_source_read(source, from + i + 27, segments, n_segments) == n_segments)
            for (size_t s = 0; s < n_segments; s++)
                end += segments[s];
        if (end > source->size) return truncated(source, end, source->size, err);
        if (tail[i + 5] & 4) return STY_OK;
        break;
    }
    return sty_err_set(err, STY_TRUNCATED, "'%s' is truncated: its Ogg stream has no end",
                       source->name);
}

/* One "name -iN value" line of a NIST SPHERE header; 0 when absent. */
static uint64_t sphere_field(const char *header, const char *name) {
    unsigned long long value = 0;
    const char *line = strstr(header, name);
    if (line) sscanf(line + strlen(name), " -i %llu", &value);
    return value;
}

static sty_status check_sphere(sty_source *source, sty_err *err) {
    char header[1025] = {0};
    sty_source_read(source, 0, header, 1024);
    const uint64_t channels = sphere_field(header, "channel_count");
    const uint64_t size = sphere_field(header, "sample_count") * (channels ? channels : 1) *
                          sphere_field(header, "sample_n_bytes");
    return check_data(source, 1024, size, UINT64_MAX / 2, err);
}

/* ---- what it is ---- */

typedef enum { RIFF, RIFX, W64, AIFF, CAF, AU, OGG, SPHERE, PLAIN, REFUSED } container_kind;

static const struct {
    const char *magic;
    unsigned char n, at;
    container_kind kind;
    const char *what; /* of refused ones */
} containers[] = {
    {"RIFF", 4, 0, RIFF, NULL},          {"RF64", 4, 0, RIFF, NULL},
    {"RIFX", 4, 0, RIFX, NULL},          {"FORM", 4, 0, AIFF, NULL},
    {"riff\x2e\x91\xcf\x11", 8, 0, W64, NULL},
    {"caff", 4, 0, CAF, NULL},           {".snd", 4, 0, AU, NULL},
    {"dns.", 4, 0, AU, NULL},            {"OggS", 4, 0, OGG, NULL},
    {"NIST_1A", 7, 0, SPHERE, NULL},     {"fLaC", 4, 0, PLAIN, NULL},
    {"ID3", 3, 0, PLAIN, NULL},          {"Creative Voice File", 19, 0, PLAIN, NULL},
    {"\x64\xa3", 2, 0, PLAIN, NULL},     {" paf", 4, 0, PLAIN, NULL},
    {"fap ", 4, 0, PLAIN, NULL},         {"PVF1", 4, 0, PLAIN, NULL},
    {"ftyp", 4, 4, REFUSED, "MP4 or M4A audio"},
    {"\x1a\x45\xdf\xa3", 4, 0, REFUSED, "WebM or Matroska"},
    {"\x30\x26\xb2\x75", 4, 0, REFUSED, "Windows Media audio"},
    {"#!AMR", 5, 0, REFUSED, "AMR audio"},
    {"2BIT", 4, 0, REFUSED, "AVR audio"},
    {"MThd", 4, 0, REFUSED, "MIDI"},
};

/* Printable ASCII and blanks only. */
static bool is_text(const unsigned char *head, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((head[i] < ' ' || head[i] > '~') && head[i] != '\t' && head[i] != '\r' && head[i] != '\n') return false;
    return n > 0;
}

static container_kind identify(const unsigned char *head, size_t n, const char **what) {
    for (size_t i = 0; i < STY_COUNT(containers); i++)
        if (n >= (size_t)containers[i].at + containers[i].n &&
            memcmp(head + containers[i].at, containers[i].magic, containers[i].n) == 0) {
            *what = containers[i].what;
            return containers[i].kind;
        }
    /* MPEG audio: eleven sync bits, a legal version, layer and rate */
    if (n >= 4 && head[0] == 0xFF && (head[1] & 0xE0) == 0xE0 && (head[1] & 0x18) != 0x08 &&
        (head[1] & 0x06) != 0 && (head[2] & 0xF0) != 0xF0 && (head[2] & 0x0C) != 0x0C)
        return PLAIN;
    *what = NULL;
    return REFUSED;
}

sty_status sty_container_check(sty_source *source, sty_err *err) {
    unsigned char head[32];
    const char *what = NULL;
    if (source->size == 0)
        return sty_err_set(err, STY_EMPTY, "'%s' is empty, expected audio", source->name);
    const size_t n = sty_source_read(source, 0, head, sizeof head);
    if (source->error)
        return sty_err_set(err, STY_IO_ERROR, "cannot read '%s': %s", source->name,
                           strerror(source->error));
    switch (identify(head, n, &what)) {
    case RIFF: return check_wave(source, &riff_layout, err);
    case RIFX: return check_wave(source, &rifx_layout, err);
    case W64: return check_w64(source, err);
    case AIFF: return check_aiff(source, err);
    case CAF: return check_caf(source, err);
    case AU: return check_au(source, err);
    case OGG: return check_ogg(source, err);
    case SPHERE: return check_sphere(source, err);
    case PLAIN: return STY_OK;
    case REFUSED: break;
    }
    if (what) return codec_refused(source, what, err);
    return sty_err_set(err, STY_NOT_AUDIO, "'%s' is not audio: %s", source->name,
                       is_text(head, n) ? "it is text; extract --files-from reads lists" : "no known format begins like this");
}
