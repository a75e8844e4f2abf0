/* list_lines.c - lines of a list. zlib reads plain and compressed files alike,
 * and nothing but the line at hand is held. */
#define _GNU_SOURCE
#include "corpus/list_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { FIRST_BYTES = 1 << 15, MAX_LINE = 1 << 30 };

sty_status sty_lines_open(sty_lines *lines, const char *path, char separator, sty_err *err) {
    const bool standard = strcmp(path, "-") == 0;
    memset(lines, 0, sizeof *lines);
    lines->separator = separator;
    lines->name = standard ? "standard input" : path;
    const int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "cannot read the list '%s': %s", lines->name, strerror(errno));
    lines->file = gzdopen(fd, "rb");
    lines->data = sty_alloc(FIRST_BYTES, 1);
    lines->capacity = FIRST_BYTES;
    if (lines->file && lines->data) {
        gzbuffer(lines->file, 1 << 14);
        return STY_OK;
    }
    if (!lines->file) close(fd);
    sty_lines_close(lines);
    return sty_err_no_memory(err, FIRST_BYTES, path);
}

sty_status sty_lines_open_live(sty_lines *lines, const char *path, sty_err *err) {
    const bool standard = strcmp(path, "-") == 0;
    memset(lines, 0, sizeof *lines);
    lines->separator = '\n';
    lines->name = standard ? "standard input" : path;
    lines->fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (lines->fd < 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "cannot read '%s': %s", lines->name, strerror(errno));
    lines->data = sty_alloc(FIRST_BYTES, 1);
    lines->capacity = FIRST_BYTES;
    if (lines->data) return STY_OK;
    sty_lines_close(lines);
    return sty_err_no_memory(err, FIRST_BYTES, path);
}

static sty_status fill_live(sty_lines *lines, sty_err *err) {
    const ssize_t got = read(lines->fd, lines->data + lines->end, lines->capacity - lines->end - 1);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return STY_OK;
    if (got < 0) return sty_err_set(err, STY_BAD_ARGUMENT, "cannot read '%s': %s", lines->name, strerror(errno));
    lines->ended = got == 0;
    lines->end += (size_t)got;
    return STY_OK;
}

/* More bytes behind what is there. */
sty_status sty_lines_fill(sty_lines *lines, sty_err *err) {
    if (lines->begin > 0) {
        memmove(lines->data, lines->data + lines->begin, lines->end - lines->begin);
        lines->end -= lines->begin;
        lines->begin = 0;
    }
    if (lines->capacity - lines->end < 2) {
        if (lines->capacity >= MAX_LINE)
            return sty_err_set(err, STY_BAD_ARGUMENT, "line %zu of '%s' is longer than 1 GiB", lines->number + 1,
                               lines->name);
        char *moved = sty_resize(lines->data, lines->capacity, lines->capacity * 2);
        if (!moved) return sty_err_no_memory(err, lines->capacity * 2, lines->name);
        lines->data = moved;
        lines->capacity *= 2;
    }
    if (!lines->file) return fill_live(lines, err);
    const int got = gzread(lines->file, lines->data + lines->end, (unsigned)(lines->capacity - lines->end - 1));
    int code = Z_OK;
    const char *why = got < 0 ? gzerror(lines->file, &code) : "";
    if (got < 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "cannot read the list '%s': %s", lines->name,
                           code == Z_ERRNO ? strerror(errno) : why);
    lines->ended = got == 0;
    lines->end += (size_t)got;
    if (!lines->ended) return STY_OK;
    gzerror(lines->file, &code);
    if (code == Z_OK || code == Z_STREAM_END) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "the compressed list '%s' ends too early", lines->name);
}

bool sty_lines_take(sty_lines *lines, char **text, size_t *n) {
    const size_t there = lines->end - lines->begin;
    char *end = memchr(lines->data + lines->begin + lines->searched, lines->separator, there - lines->searched);
    lines->searched = end ? 0 : there;
    if (!end && (!lines->ended || there == 0)) return false;
    lines->searched = 0;
    *text = lines->data + lines->begin;
    *n = end ? (size_t)(end - *text) : there;
    lines->begin += *n + (end != NULL);
    if (lines->separator == '\n' && *n && (*text)[*n - 1] == '\r') --*n;
    (*text)[*n] = '\0';
    lines->number++;
    return true;
}

sty_status sty_lines_next(sty_lines *lines, char **text, size_t *n, sty_err *err) {
    *text = NULL;
    while (!sty_lines_take(lines, text, n)) {
        if (lines->ended) return STY_OK;
        STY_TRY(sty_lines_fill(lines, err));
    }
    return STY_OK;
}

/* The first line lies at the front of the buffer until the next read. */
void sty_lines_rewind(sty_lines *lines) {
    if (lines->number != 1) return;
    const size_t n = strlen(lines->data);
    size_t at = lines->begin;
    if (at > n) { /* put back what was cut off: end of line, carriage return */
        lines->data[at - 1] = lines->separator;
        if (at - 1 > n && lines->separator == '\n' && at - 1 == n + 1) lines->data[n] = '\r';
    }
    lines->begin = lines->offset;
    lines->number = 0;
}

void sty_lines_close(sty_lines *lines) {
    if (lines->file) gzclose(lines->file);
    else if (lines->data) close(lines->fd);
    sty_free(lines->data);
    lines->file = NULL;
    lines->data = NULL;
}
