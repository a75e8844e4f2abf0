/* store_npz.c - members of a NumPy archive: a zip file of .npy files that are
 * stored, not compressed, so their rows can be read in place. Sizes come from the
 * directory at the end, ZIP64 included; each is checked against the file. The comment
 * at the end may say which model the vectors are of. */
#include "base/param.h"
#include "model/json.h"
#include "style/store_parts.h"

#include <stdio.h>
#include <string.h>

enum { DIRECTORY_LIMIT = 1 << 20, END = 22, LOCATOR = 20, TAIL = END + 65535 + LOCATOR };

typedef struct {
    uint64_t size, offset;
    unsigned method;
    bool found;
} member;

static uint64_t little(const unsigned char *b, int n) {
    uint64_t v = 0;
    while (n-- > 0)
        v = v << 8 | b[n];
    return v;
}

static sty_status damaged(const sty_store *store, const char *what, sty_err *err) {
    return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is no usable zip archive: %s", store->path, what);
}

/* The archive's end, [n]: the last bytes of the file, its end record at `end`. */
typedef struct {
    unsigned char *bytes;
    size_t n, end;
} tail;

static sty_status find_end(const sty_store *store, uint64_t size, tail *t, sty_err *err) {
    t->n = size < TAIL ? (size_t)size : TAIL;
    t->bytes = sty_alloc(t->n, 1);
    if (!t->bytes) return sty_err_no_memory(err, t->n, store->path);
    STY_TRY(sty_store_bytes(store, size - t->n, t->bytes, t->n, err));
    for (size_t i = t->n < END ? 0 : t->n - END + 1; i-- > 0;)
        if (memcmp(t->bytes + i, "PK\5\6", 4) == 0) {
            t->end = i;
            return STY_OK;
        }
    return damaged(store, "it has no directory, so it is truncated", err);
}

/* Where the directory is, and how long. */
static sty_status find_directory(const sty_store *store, uint64_t size, const tail *t, uint64_t *at, uint64_t *length, sty_err *err) {
    unsigned char e64[56];
    const unsigned char *end = t->bytes + t->end;
    *length = little(end + 12, 4);
    *at = little(end + 16, 4);
    if (t->end >= LOCATOR && memcmp(end - LOCATOR, "PK\6\7", 4) == 0) {
        STY_TRY(sty_store_bytes(store, little(end - LOCATOR + 8, 8), e64, sizeof e64, err));
        if (memcmp(e64, "PK\6\6", 4) == 0) {
            *length = little(e64 + 40, 8);
            *at = little(e64 + 48, 8);
        }
    }
    if (*length > DIRECTORY_LIMIT || *at > size || *length > size - *at)
        return damaged(store, "its directory does not fit", err);
    return STY_OK;
}

/* The model, as the writer's comment tells it; any other comment says nothing. */
static sty_status take_comment(sty_store *store, const tail *t, sty_err *err) {
    static const sty_json_limits limits = {.max_bytes = TAIL, .max_depth = 4, .max_keys = 16};
    const size_t there = t->n - t->end - END, length = (size_t)little(t->bytes + t->end + 20, 2);
    sty_json *json = NULL;
    sty_status status = STY_OK;
    if (length > there) return damaged(store, "its comment is truncated", err);
    if (sty_json_parse((const char *)t->bytes + t->end + END, length, &limits, &json, NULL) == STY_OK) {
        const sty_cursor root = sty_json_root(json);
        status = sty_store_take_model(store, store->path, &root, err);
    }
    sty_json_free(json);
    return status == STY_BAD_MODEL ? STY_OK : status;
}

/* The 64-bit sizes that stand in an entry's extra field. */
static void zip64(const unsigned char *extra, size_t n, uint64_t *size, uint64_t *packed, uint64_t *offset) {
    while (n >= 4) {
        const size_t length = (size_t)little(extra + 2, 2);
        if (length > n - 4) return;
        if (little(extra, 2) == 1) {
            uint64_t *const fields[] = {size, packed, offset};
            size_t at = 4;
            for (size_t i = 0; i < STY_COUNT(fields) && at + 8 <= 4 + length; i++)
                if (*fields[i] == 0xFFFFFFFF) {
                    *fields[i] = little(extra + at, 8);
                    at += 8;
                }
            return;
        }
        extra += 4 + length;
        n -= 4 + length;
    }
}

/* Looks a member up; names: where to list what there is. */
static member find_member(const unsigned char *directory, size_t n, const char *name, sty_buf *names) {
    member m = {0};
    while (n >= 46 && memcmp(directory, "PK\1\2", 4) == 0) {
        const size_t name_length = (size_t)little(directory + 28, 2), extra = (size_t)little(directory + 30, 2);
        const size_t whole = 46 + name_length + extra + (size_t)little(directory + 32, 2);
        if (whole > n) break;
        const char *here = (const char *)directory + 46;
        if (name_length > 4 && names)
            sty_buf_printf(names, "%s%.*s", names->length ? ", " : "", (int)name_length - 4, here);
        if (name_length == strlen(name) && memcmp(here, name, name_length) == 0) {
            uint64_t packed = little(directory + 20, 4);
            m.found = true;
            m.method = (unsigned)little(directory + 10, 2);
            m.size = little(directory + 24, 4);
            m.offset = little(directory + 42, 4);
            zip64(directory + 46 + name_length, extra, &m.size, &packed, &m.offset);
            return m;
        }
        directory += whole;
        n -= whole;
    }
    return m;
}

/* From a directory entry to where the values' file begins. */
static sty_status enter(const sty_store *store, uint64_t size, member *m, sty_err *err) {
    unsigned char head[30];
    if (m->method != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is compressed; write it with numpy.savez", store->path);
    STY_TRY(sty_store_bytes(store, m->offset, head, sizeof head, err));
    if (memcmp(head, "PK\3\4", 4) != 0) return damaged(store, "a member is not where the directory says", err);
    m->offset += sizeof head + little(head + 26, 2) + little(head + 28, 2);
    if (m->offset > size || m->size > size - m->offset) return damaged(store, "a member does not fit", err);
    return STY_OK;
}

/* One row of UCS-4 as UTF-8. */
static void put_text(const unsigned char *from, size_t width, sty_buf *out) {
    for (size_t i = 0; i < width; i++, from += 4) {
        const uint32_t c = (uint32_t)little(from, 4);
        char utf8[4];
        size_t n = 1;
        if (c == 0) break;
        if (c < 0x80) utf8[0] = (char)c;
        else {
            n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
            for (size_t k = n - 1; k > 0; k--)
                utf8[k] = (char)(0x80 | (c >> (6 * (n - 1 - k)) & 0x3F));
            utf8[0] = (char)((0xF00u >> n & 0xF0) | c >> (6 * (n - 1)));
        }
        sty_buf_put(out, utf8, n);
    }
}

static sty_status decode_texts(sty_store *store, const unsigned char *from, size_t n, size_t width, const char ***texts,
                               sty_err *err) {
    sty_buf one = {0};
    *texts = sty_arena_alloc(&store->arena, n, sizeof **texts);
    bool ok = *texts != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        one.length = 0;
        put_text(from + i * width * 4, width, &one);
        (*texts)[i] = sty_arena_text(&store->arena, one.data ? one.data : "", one.length);
        ok = (*texts)[i] && !one.failed;
    }
    sty_buf_clear(&one);
    return ok ? STY_OK : sty_err_no_memory(err, n, "texts");
}

/* A text for each row. */
static sty_status take_ids(sty_store *store, const member *m, sty_err *err) {
    const size_t n = store->info.n;
    sty_npy_head head;
    size_t n_bytes, width = 0;
    unsigned char *bytes = sty_alloc((size_t)m->size, 1);
    if (!bytes) return sty_err_no_memory(err, (size_t)m->size, "texts");
    sty_status status = sty_store_bytes(store, m->offset, bytes, (size_t)m->size, err);
    if (status == STY_OK && sty_npy_parse_head(bytes, (size_t)m->size, store->path, &head, NULL) == STY_OK &&
        sscanf(head.descr, "<U%zu", &width) == 1 && head.rank == 1 && head.dim[0] == n && sty_mul(width * 4, head.count, &n_bytes) &&
        n_bytes <= m->size - head.start)
        status = decode_texts(store, bytes + head.start, n, width, &store->ids, err);
    sty_free(bytes);
    if (status == STY_OK && !store->ids) return damaged(store, "its 'ids' are not one text for each row", err);
    return status;
}

static sty_status read_members(sty_store *store, uint64_t size, const unsigned char *directory, size_t n, sty_err *err) {
    char name[STY_MAX_NAME];
    sty_buf names = {0};
    snprintf(name, sizeof name, "%.100s.npy", store->output);
    member m = find_member(directory, n, name, &names);
    if (!m.found)
        sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has no '%s', it has: %s", store->path, store->output,
                    names.length ? names.data : "nothing");
    sty_buf_clear(&names);
    if (!m.found) return STY_BAD_ARGUMENT;
    STY_TRY(enter(store, size, &m, err));
    STY_TRY(sty_store_take_npy(store, m.offset, m.size, err));
    m = find_member(directory, n, "ids.npy", NULL);
    if (!m.found) return STY_OK;
    STY_TRY(enter(store, size, &m, err));
    return take_ids(store, &m, err);
}

static sty_status read_archive(sty_store *store, uint64_t size, const tail *t, sty_err *err) {
    uint64_t at, length;
    STY_TRY(find_directory(store, size, t, &at, &length, err));
    unsigned char *directory = sty_alloc((size_t)length, 1);
    if (!directory) return sty_err_no_memory(err, (size_t)length, store->path);
    sty_status status = sty_store_bytes(store, at, directory, (size_t)length, err);
    if (status == STY_OK) status = read_members(store, size, directory, (size_t)length, err);
    sty_free(directory);
    return status == STY_OK ? take_comment(store, t, err) : status;
}

sty_status sty_store_open_npz(sty_store *store, uint64_t size, sty_err *err) {
    tail t = {0};
    sty_status status = find_end(store, size, &t, err);
    if (status == STY_OK) status = read_archive(store, size, &t, err);
    sty_free(t.bytes);
    return status;
}
