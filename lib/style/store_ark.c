/* store_ark.c - Kaldi archives and their indexes.
 *
 * An archive is entries of a key, a space and an object, one behind the other:
 * binary, \0B and a float or double vector (FV, DV) or matrix (FM, DM), or text,
 * "[ 1 2 ]" and "[\n 1 2\n 3 4 ]". An index has lines KEY ARCHIVE:OFFSET, where
 * the offset is that of the object; paths are seen from the working folder, as
 * Kaldi sees them. All objects must have one shape. Read once and held. */
#define _GNU_SOURCE
#include "style/store_parts.h"

#include "base/locale_c.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_KEY = 4096, LONGEST_NUMBER = 63, LARGEST_SIDE = 1 << 24 };

typedef struct {
    sty_store *store;
    FILE *file; /* the archive */
    const char *path;
    size_t capacity; /* of ids */
    sty_buf values;
    char key[LONGEST_KEY + 1];
} reader;

static sty_status damaged(const reader *r, const char *what, sty_err *err) {
    return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' entry '%s': %s, expected a Kaldi vector or matrix", r->path, r->key, what);
}

static sty_status ends_early(const reader *r, sty_err *err) {
    return sty_err_set(err, STY_TRUNCATED, "'%s' ends inside the values of '%s'", r->path, r->key);
}

/* ---- objects ---- */

/* \4 and four bytes. */
static bool read_side(reader *r, size_t *side) {
    unsigned char b[5];
    if (fread(b, 1, sizeof b, r->file) != sizeof b || b[0] != 4) return false;
    *side = b[1] | (size_t)b[2] << 8 | (size_t)b[3] << 16 | (size_t)b[4] << 24;
    return *side > 0 && *side <= LARGEST_SIDE;
}

static sty_status read_values(reader *r, size_t count, bool is_double, sty_err *err) {
    size_t n_bytes;
    float *to = sty_mul(count, sizeof *to, &n_bytes) ? sty_buf_extend(&r->values, n_bytes) : NULL;
    if (!to) return sty_err_no_memory(err, count, "vectors");
    if (!is_double && fread(to, sizeof *to, count, r->file) == count) return STY_OK;
    for (size_t i = 0; is_double; i++) {
        double v;
        if (i == count) return STY_OK;
        if (fread(&v, sizeof v, 1, r->file) != 1) break;
        to[i] = (float)v;
    }
    return ends_early(r, err);
}

static sty_status read_binary(reader *r, int *rank, size_t dim[2], sty_err *err) {
    char mark[5];
    if (fread(mark, 1, sizeof mark, r->file) != sizeof mark || mark[0] != '\0' || mark[1] != 'B' || mark[4] != ' ')
        return damaged(r, "no binary object", err);
    const bool matrix = mark[3] == 'M', is_double = mark[2] == 'D';
    if ((mark[2] != 'F' && mark[2] != 'D') || (mark[3] != 'V' && mark[3] != 'M')) return damaged(r, "another kind of object", err);
    if (!read_side(r, &dim[0]) || (matrix && !read_side(r, &dim[1]))) return damaged(r, "sizes that cannot be", err);
    *rank = matrix ? 2 : 1;
    return read_values(r, dim[0] * (matrix ? dim[1] : 1), is_double, err);
}

static bool is_blank(int c) { return c == ' ' || c == '\t' || c == '\r'; }

/* One number of a text object, whose first character is c. */
static sty_status read_number(reader *r, int c, sty_err *err) {
    char text[LONGEST_NUMBER + 1], *end;
    size_t n = 0;
    for (; c != EOF && !is_blank(c) && c != '\n' && c != ']'; c = getc(r->file)) {
        if (n == LONGEST_NUMBER) return damaged(r, "a word that is no number", err);
        text[n++] = (char)c;
    }
    text[n] = '\0';
    ungetc(c, r->file);
    const float value = (float)sty_strtod(text, &end);
    if (n == 0 || *end) return damaged(r, "a word that is no number", err);
    sty_buf_put(&r->values, &value, sizeof value);
    return r->values.failed ? sty_err_no_memory(err, r->values.capacity, "vectors") : STY_OK;
}

/* A line end inside the brackets makes it a matrix. */
static sty_status read_text(reader *r, int *rank, size_t dim[2], sty_err *err) {
    size_t columns = 0, rows = 0, n = 0;
    int c;
    while (is_blank(c = getc(r->file))) {}
    if (c != '[') return damaged(r, "no '['", err);
    *rank = 1;
    for (;;) {
        while (is_blank(c = getc(r->file))) {}
        if (c == EOF) return ends_early(r, err);
        if (c != '\n' && c != ']') {
            STY_TRY(read_number(r, c, err));
            n++;
            continue;
        }
        if (n > 0) {
            if (rows > 0 && n != columns) return damaged(r, "rows of different lengths", err);
            columns = n;
            rows++;
            n = 0;
        }
        if (c == ']') break;
        *rank = 2;
    }
    while ((c = getc(r->file)) != EOF && c != '\n')
        if (!is_blank(c)) return damaged(r, "something behind the ']'", err);
    if (rows == 0) return damaged(r, "no values", err);
    dim[0] = *rank == 2 ? rows : columns;
    dim[1] = *rank == 2 ? columns : 0;
    return STY_OK;
}

/* ---- entries ---- */

static sty_status keep_id(reader *r, sty_err *err) {
    sty_store *s = r->store;
    if (s->info.n == r->capacity) {
        const size_t capacity = r->capacity ? 2 * r->capacity : 256;
        const char **ids = sty_arena_alloc(&s->arena, capacity, sizeof *ids);
        if (!ids) return sty_err_no_memory(err, capacity, "ids");
        if (s->info.n) memcpy(ids, s->ids, s->info.n * sizeof *ids);
        s->ids = ids;
        r->capacity = capacity;
    }
    s->ids[s->info.n] = sty_arena_text(&s->arena, r->key, strlen(r->key));
    return s->ids[s->info.n] ? STY_OK : sty_err_no_memory(err, strlen(r->key), "an id");
}

/* The object that begins here. */
static sty_status read_object(reader *r, sty_err *err) {
    sty_store_info *info = &r->store->info;
    size_t dim[2] = {0, 0};
    int rank = 0;
    const int c = getc(r->file);
    ungetc(c, r->file);
    STY_TRY(c == '\0' ? read_binary(r, &rank, dim, err) : read_text(r, &rank, dim, err));
    if (info->n && (rank != info->rank || dim[0] != info->dim[0] || dim[1] != info->dim[1]))
        return damaged(r, "another shape than the first one's", err);
    STY_TRY(keep_id(r, err));
    info->rank = rank;
    memcpy(info->dim, dim, sizeof dim);
    info->width = dim[0] * (rank == 2 ? dim[1] : 1);
    info->n++;
    return STY_OK;
}

/* The key up to its space; false at the end of the file. */
static bool read_key(reader *r) {
    size_t n = 0;
    int c;
    while ((c = getc(r->file)) != EOF && c != ' ' && n < LONGEST_KEY)
        r->key[n++] = (char)c;
    r->key[n] = '\0';
    return n > 0 || c != EOF;
}

/* The values become the store's rows. */
static sty_status keep_values(reader *r, sty_status status) {
    if (status == STY_OK && r->store->info.n) {
        r->store->rows = (float *)(void *)r->values.data;
        r->values = (sty_buf){0};
    }
    sty_buf_clear(&r->values);
    return status;
}

sty_status sty_store_open_ark(sty_store *store, sty_err *err) {
    reader r = {.store = store, .path = store->path, .file = fdopen(store->fd, "r")};
    if (!r.file) return sty_err_set(err, STY_IO_ERROR, "cannot read '%s'", store->path);
    store->fd = -1;
    sty_status status = sty_store_take_beside(store, store->path, err);
    while (status == STY_OK && read_key(&r))
        status = read_object(&r, err);
    if (status == STY_OK && ferror(r.file)) status = sty_err_set(err, STY_IO_ERROR, "cannot read '%s'", store->path);
    fclose(r.file);
    return keep_values(&r, status);
}

/* ---- indexes ---- */

/* "KEY ARCHIVE:OFFSET" in place: false when it is something else. */
static bool split_line(char *line, size_t n, char **key, char **path, long *offset) {
    while (n > 0 && strchr(" \t\r\n", line[n - 1]))
        n--;
    line[n] = '\0';
    *key = line;
    char *p = line + strcspn(line, " \t");
    if (p == line || *p == '\0') return false;
    *p++ = '\0';
    *path = p + strspn(p, " \t");
    char *colon = strrchr(*path, ':'), *end;
    if (!colon || colon == *path || colon[1] < '0' || colon[1] > '9') return false;
    errno = 0;
    *offset = strtol(colon + 1, &end, 10);
    *colon = '\0';
    return *end == '\0' && errno == 0;
}

static sty_status enter_archive(reader *r, const char *path, sty_err *err) {
    if (r->file && strcmp(path, r->path) == 0) return STY_OK;
    if (r->file) fclose(r->file);
    r->file = NULL;
    int fd;
    r->path = sty_arena_text(&r->store->arena, path, strlen(path));
    if (!r->path) return sty_err_no_memory(err, strlen(path), "a path");
    STY_TRY(sty_file_open(path, &fd, err));
    r->file = fdopen(fd, "r");
    if (!r->file) return sty_err_set(err, STY_IO_ERROR, "cannot read '%s'", path);
    return sty_store_take_beside(r->store, path, err);
}

static sty_status read_line(reader *r, char *line, size_t n, size_t number, sty_err *err) {
    char *key, *path;
    long offset;
    if (!split_line(line, n, &key, &path, &offset) || strlen(key) > LONGEST_KEY)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' line %zu: expected KEY ARCHIVE:OFFSET", r->store->path, number);
    memcpy(r->key, key, strlen(key) + 1);
    STY_TRY(enter_archive(r, path, err));
    if (fseek(r->file, offset, SEEK_SET) != 0)
        return sty_err_set(err, STY_IO_ERROR, "cannot read '%s' at byte %ld", path, offset);
    return read_object(r, err);
}

sty_status sty_store_open_scp(sty_store *store, sty_err *err) {
    reader r = {.store = store, .path = ""};
    char *line = NULL;
    size_t capacity = 0, number = 0;
    ssize_t n;
    FILE *index = fdopen(store->fd, "r");
    sty_status status = index ? STY_OK : sty_err_set(err, STY_IO_ERROR, "cannot read '%s'", store->path);
    if (index) store->fd = -1;
    while (status == STY_OK && (n = getline(&line, &capacity, index)) > 0)
        status = read_line(&r, line, (size_t)n, ++number, err);
    if (status == STY_OK && ferror(index)) status = sty_err_set(err, STY_IO_ERROR, "cannot read '%s'", store->path);
    free(line);
    if (r.file) fclose(r.file);
    if (index) fclose(index);
    return keep_values(&r, status);
}

/* ---- telling ---- */

bool sty_store_is_ark(const void *bytes, size_t n) {
    const char *b = bytes, *space = memchr(b, ' ', n), *end = b + n;
    if (!space || space == b || memchr(b, '\n', (size_t)(space - b)) || memchr(b, '\0', (size_t)(space - b))) return false;
    if (end - space >= 3 && space[1] == '\0' && space[2] == 'B') return true;
    while (space < end && *space == ' ')
        space++;
    return space < end && *space == '[';
}

bool sty_store_is_scp(const void *bytes, size_t n) {
    char line[STY_STORE_HEAD], *key, *path;
    const char *end = memchr(bytes, '\n', n);
    const size_t length = end ? (size_t)(end - (const char *)bytes) : n;
    long offset;
    if (length == 0 || length >= sizeof line || memchr(bytes, '\0', length)) return false;
    memcpy(line, bytes, length);
    return split_line(line, length, &key, &path, &offset);
}
