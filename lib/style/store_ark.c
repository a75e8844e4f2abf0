/* store_ark.c - binary Kaldi archives: entries of a key, a space, \0B and a float
 * or double vector (FV, DV) or matrix (FM, DM), one behind the other. All entries
 * must have one shape. Read once from front to back and held. */
#define _GNU_SOURCE
#include "style/store_parts.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_KEY = 4096, LARGEST_SIDE = 1 << 24 };

typedef struct {
    sty_store *store;
    FILE *file;
    size_t capacity; /* of ids */
    sty_buf values;
    char key[LONGEST_KEY + 1];
} reader;

static sty_status damaged(const reader *r, const char *what, sty_err *err) {
    return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' entry %zu: %s, expected a binary Kaldi vector or matrix", r->store->path,
                       r->store->info.n, what);
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
    return sty_err_set(err, STY_TRUNCATED, "'%s' ends inside the values of '%s'", r->store->path, r->key);
}

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

static sty_status read_entry(reader *r, sty_err *err) {
    sty_store_info *info = &r->store->info;
    char mark[5];
    size_t dim[2] = {0, 0};
    if (fread(mark, 1, sizeof mark, r->file) != sizeof mark || mark[0] != '\0' || mark[1] != 'B' || mark[4] != ' ')
        return damaged(r, "no binary object", err);
    const bool matrix = mark[3] == 'M', is_double = mark[2] == 'D';
    if ((mark[2] != 'F' && mark[2] != 'D') || (mark[3] != 'V' && mark[3] != 'M')) return damaged(r, "another kind of object", err);
    if (!read_side(r, &dim[0]) || (matrix && !read_side(r, &dim[1]))) return damaged(r, "sizes that cannot be", err);
    const int rank = matrix ? 2 : 1;
    if (info->n && (rank != info->rank || dim[0] != info->dim[0] || dim[1] != info->dim[1]))
        return damaged(r, "another shape than the first one's", err);
    STY_TRY(keep_id(r, err));
    STY_TRY(read_values(r, dim[0] * (matrix ? dim[1] : 1), is_double, err));
    info->rank = rank;
    memcpy(info->dim, dim, sizeof dim);
    info->width = dim[0] * (matrix ? dim[1] : 1);
    info->n++;
    return STY_OK;
}

bool sty_store_is_ark(const void *bytes, size_t n) {
    const char *space = memchr(bytes, ' ', n);
    return space && space != bytes && (size_t)(space - (const char *)bytes) + 3 <= n && space[1] == '\0' && space[2] == 'B';
}

sty_status sty_store_open_ark(sty_store *store, sty_err *err) {
    reader r = {.store = store, .file = fdopen(store->fd, "r")};
    if (!r.file) return sty_err_set(err, STY_IO_ERROR, "cannot read '%s'", store->path);
    store->fd = -1;
    sty_status status = STY_OK;
    while (status == STY_OK && read_key(&r))
        status = read_entry(&r, err);
    if (status == STY_OK && ferror(r.file)) status = sty_err_set(err, STY_IO_ERROR, "cannot read '%s'", store->path);
    fclose(r.file);
    if (status == STY_OK && store->info.n) {
        store->rows = (float *)(void *)r.values.data;
        r.values = (sty_buf){0};
    }
    sty_buf_clear(&r.values);
    return status;
}
