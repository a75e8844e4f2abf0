/* store_jsonl.c - records of `extract`, one JSON object a line. Records of
 * failures are passed over; the others must agree in shape and model. */
#define _GNU_SOURCE
#include "model/json.h"
#include "style/store_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

typedef struct {
    sty_store *store;
    size_t capacity; /* of ids and paths */
    sty_buf values;
} reader;

/* Nested lists of numbers, at most two deep. */
static sty_status take_values(const sty_cursor *list, int depth, size_t dim[2], sty_buf *out, sty_err *err) {
    sty_cursor c;
    size_t n = 0;
    for (bool more = sty_json_first(list, &c); more; more = sty_json_next(&c), n++) {
        if (depth == 0 && sty_json_is_list(&c)) {
            STY_TRY(take_values(&c, 1, dim, out, err));
            continue;
        }
        double v;
        STY_TRY(sty_json_number(&c, &v, err));
        const float value = (float)v;
        sty_buf_put(out, &value, sizeof value);
    }
    if (depth == 1 && dim[1] && dim[1] != n) return sty_json_fail(list, err, "lists of different lengths");
    dim[depth] = n;
    return STY_OK;
}

static sty_status grow(reader *r, sty_err *err) {
    sty_store *s = r->store;
    if (s->info.n < r->capacity) return STY_OK;
    const size_t capacity = r->capacity ? 2 * r->capacity : 256;
    const char **ids = sty_arena_alloc(&s->arena, capacity, sizeof *ids);
    const char **paths = sty_arena_alloc(&s->arena, capacity, sizeof *paths);
    if (!ids || !paths) return sty_err_no_memory(err, capacity, "ids");
    if (s->info.n) {
        memcpy(ids, s->ids, s->info.n * sizeof *ids);
        memcpy(paths, s->paths, s->info.n * sizeof *paths);
    }
    s->ids = ids;
    s->paths = paths;
    r->capacity = capacity;
    return STY_OK;
}

sty_status sty_store_take_model(sty_store *s, const char *from, const sty_cursor *root, sty_err *err) {
    sty_cursor model, hash;
    const char *text;
    if (!sty_json_get(root, "model", &model) || !sty_json_get(&model, "hash", &hash)) return STY_OK;
    STY_TRY(sty_json_text(&hash, &text, err));
    return sty_store_take_hash(s, from, text, strlen(text), err);
}

static sty_status take_text(reader *r, const sty_cursor *root, const char *key, const char **to, sty_err *err) {
    sty_cursor c;
    const char *text;
    *to = NULL;
    if (!sty_json_get(root, key, &c)) return STY_OK;
    STY_TRY(sty_json_text(&c, &text, err));
    *to = sty_arena_text(&r->store->arena, text, strlen(text));
    return *to ? STY_OK : sty_err_no_memory(err, strlen(text), key);
}

static sty_status take_record(reader *r, const sty_cursor *root, sty_err *err) {
    sty_store *s = r->store;
    sty_store_info *info = &s->info;
    sty_cursor c;
    const char *text;
    size_t dim[2] = {0, 0};
    STY_TRY(sty_json_object(root, err));
    if (sty_json_get(root, "status", &c) && sty_json_text(&c, &text, NULL) == STY_OK && strcmp(text, "ok") != 0)
        return STY_OK;
    STY_TRY(sty_json_need(root, s->output, &c, err));
    STY_TRY(sty_json_list(&c, err));
    STY_TRY(take_values(&c, 0, dim, &r->values, err));
    const int rank = dim[1] ? 2 : 1;
    if (info->n && (rank != info->rank || dim[0] != info->dim[0] || dim[1] != info->dim[1]))
        return sty_json_fail(&c, err, "has another shape than the first record's");
    STY_TRY(sty_store_take_model(s, "the record", root, err));
    STY_TRY(grow(r, err));
    STY_TRY(take_text(r, root, "id", &s->ids[info->n], err));
    STY_TRY(take_text(r, root, "path", &s->paths[info->n], err));
    if (!s->ids[info->n]) return sty_json_fail(root, err, "has no 'id'");
    info->rank = rank;
    memcpy(info->dim, dim, sizeof dim);
    info->width = dim[0] * (rank == 2 ? dim[1] : 1);
    info->n++;
    return STY_OK;
}

static sty_status take_line(reader *r, const char *line, size_t n, size_t number, sty_err *err) {
    static const sty_json_limits limits = {.max_bytes = (size_t)256 << 20, .max_depth = 16, .max_keys = 1 << 16};
    sty_json *json = NULL;
    sty_status status = sty_json_parse(line, n, &limits, &json, err);
    if (status == STY_OK) {
        const sty_cursor root = sty_json_root(json);
        status = take_record(r, &root, err);
    }
    sty_json_free(json);
    if (status == STY_OK && r->values.failed) status = sty_err_no_memory(err, r->values.capacity, "vectors");
    if (status != STY_OK) sty_err_prefix(err, "'%s' line %zu: ", r->store->path, number);
    if (status != STY_BAD_MODEL) return status;
    if (err) err->status = STY_BAD_ARGUMENT; /* nothing is wrong with a model here */
    return STY_BAD_ARGUMENT;
}

sty_status sty_store_open_jsonl(sty_store *store, sty_err *err) {
    reader r = {.store = store};
    char *line = NULL;
    size_t capacity = 0, number = 0;
    ssize_t n;
    FILE *file = fdopen(store->fd, "r");
    sty_status status = file ? STY_OK : sty_err_set(err, STY_IO_ERROR, "cannot read '%s'", store->path);
    if (file) store->fd = -1;
    while (status == STY_OK && (n = getline(&line, &capacity, file)) > 0) {
        number++;
        if (strspn(line, " \t\r\n") < (size_t)n) status = take_line(&r, line, (size_t)n, number, err);
    }
    if (status == STY_OK && ferror(file)) status = sty_err_set(err, STY_IO_ERROR, "cannot read '%s'", store->path);
    free(line);
    if (file) fclose(file);
    if (status == STY_OK && store->info.n) {
        store->rows = (float *)(void *)r.values.data;
        r.values = (sty_buf){0};
    }
    sty_buf_clear(&r.values);
    return status;
}
