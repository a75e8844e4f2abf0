/* npz.c - `npz`: ids, every output as an array [N, ...], and list columns as texts,
 * for numpy.load. Every array has N rows, so the model stands where no array does:
 * as a JSON object in the archive's comment.
 *
 * A zip file of stored .npy members, as NumPy writes them: ZIP64 sizes, the date
 * 1980-01-01, no flags. Members follow one another, so each output's rows wait
 * in a nameless temporary file until the end. */
#define _GNU_SOURCE
#include "base/npy.h"
#include "write/formats.h"
#include "write/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { CHUNK = 1 << 16, LONGEST_COMMENT = 65535 };

/* A text for each record, UTF-8, each followed by a NUL. */
typedef struct {
    char *name;
    FILE *file;
    size_t longest; /* code points */
} text_rows;

typedef struct {
    sty_fields fields;
    FILE *rows[STY_MAX_FIELDS];
    text_rows texts[1 + STY_MAX_COLUMNS]; /* ids, then list columns */
    size_t n_texts;
    sty_buf directory;
    size_t n_members;
} npz_state;

static sty_status open_texts(sty_writer *writer, const char *name, sty_err *err) {
    npz_state *state = writer->state;
    text_rows *t = &state->texts[state->n_texts];
    t->name = sty_copy_text(name, strlen(name));
    if (!t->name) return sty_err_no_memory(err, strlen(name), "a name");
    t->file = sty_spool_open(writer);
    state->n_texts++;
    return t->file ? STY_OK : sty_spool_failed(writer, err);
}

static sty_status open_npz(sty_writer *writer, sty_err *err) {
    if (sty_out_is_stream(writer->out))
        return sty_err_set(err, STY_BAD_ARGUMENT, "npz needs a file; give it with -o OUT.npz");
    return open_texts(writer, "ids", err);
}

static size_t code_points(const char *text) {
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static sty_status put_row(sty_writer *writer, text_rows *t, const char *text, sty_err *err) {
    const size_t length = strlen(text) + 1, points = code_points(text);
    if (points > t->longest) t->longest = points;
    return fwrite(text, 1, length, t->file) == length ? STY_OK : sty_spool_failed(writer, err);
}

static sty_status put(sty_writer *writer, const sty_record *record, sty_err *err) {
    npz_state *state = writer->state;
    STY_TRY(sty_fields_check(&state->fields, record, "npz", err));
    for (size_t i = 0; i < state->fields.n; i++) {
        const size_t n = state->fields.field[i].count;
        if (!state->rows[i] && !(state->rows[i] = sty_spool_open(writer))) return sty_spool_failed(writer, err);
        if (fwrite(record->fields[i].view.data, sizeof(float), n, state->rows[i]) != n)
            return sty_spool_failed(writer, err);
    }
    STY_TRY(put_row(writer, &state->texts[0], record->id, err));
    for (size_t i = 0; i < record->n_columns && i < STY_MAX_COLUMNS; i++) {
        if (state->n_texts == i + 1) STY_TRY(open_texts(writer, record->column_names[i], err));
        STY_TRY(put_row(writer, &state->texts[i + 1], record->columns[i] ? record->columns[i] : "", err));
    }
    return STY_OK;
}

/* ---- zip ---- */

static void little(char *to, uint64_t value, int n) {
    for (int i = 0; i < n; i++)
        to[i] = (char)(value >> (8 * i));
}

/* The fields that local headers and directory entries share. */
static void common_header(char *h, uint32_t crc, uint32_t sizes, size_t name_length, int extra) {
    little(h, 45, 2);      /* version needed: ZIP64 */
    little(h + 2, 0, 2);   /* flags */
    little(h + 4, 0, 2);   /* stored */
    little(h + 6, 0, 2);   /* time */
    little(h + 8, 33, 2);  /* 1980-01-01 */
    little(h + 10, crc, 4);
    little(h + 14, sizes, 4);
    little(h + 18, sizes, 4);
    little(h + 22, name_length, 2);
    little(h + 24, (uint64_t)extra, 2);
}

static void local_header(char h[30], uint32_t crc, size_t name_length) {
    memcpy(h, "PK\3\4", 4);
    common_header(h + 4, crc, 0xFFFFFFFF, name_length, 20);
}

static void zip64_sizes(char extra[20], uint64_t size) {
    little(extra, 1, 2);
    little(extra + 2, 16, 2);
    little(extra + 4, size, 8);
    little(extra + 12, size, 8);
}

static void directory_entry(sty_buf *directory, const char *name, uint32_t crc, uint64_t size,
                            uint64_t offset) {
    char h[46] = {0}, extra[28];
    memcpy(h, "PK\1\2", 4);
    little(h + 4, 45 | 3 << 8, 2); /* made by: 4.5, Unix */
    common_header(h + 6, crc, 0xFFFFFFFF, strlen(name), sizeof extra);
    little(h + 38, 0600u << 16, 4);
    little(h + 42, 0xFFFFFFFF, 4);
    little(extra, 1, 2);
    little(extra + 2, 24, 2);
    little(extra + 4, size, 8);
    little(extra + 12, size, 8);
    little(extra + 20, offset, 8);
    sty_buf_put(directory, h, sizeof h);
    sty_buf_text(directory, name);
    sty_buf_put(directory, extra, sizeof extra);
}

/* A member being written: its checksum and size are patched in at its end. */
typedef struct {
    char name[STY_MAX_NAME];
    size_t offset, start;
    uLong crc;
} member;

static sty_status begin_member(sty_writer *writer, const char *name, member *m, sty_err *err) {
    char h[30], extra[20];
    m->offset = sty_out_position(writer->out);
    m->crc = crc32(0, NULL, 0);
    snprintf(m->name, sizeof m->name, "%.100s.npy", name);
    local_header(h, 0, strlen(m->name));
    zip64_sizes(extra, 0);
    STY_TRY(sty_out_write(writer->out, h, sizeof h, err));
    STY_TRY(sty_out_write(writer->out, m->name, strlen(m->name), err));
    STY_TRY(sty_out_write(writer->out, extra, sizeof extra, err));
    m->start = sty_out_position(writer->out);
    return STY_OK;
}

static sty_status member_bytes(sty_writer *writer, member *m, const void *data, size_t n,
                               sty_err *err) {
    m->crc = crc32_z(m->crc, data, n);
    return sty_out_write(writer->out, data, n, err);
}

static sty_status end_member(sty_writer *writer, const member *m, sty_err *err) {
    npz_state *state = writer->state;
    const uint64_t size = sty_out_position(writer->out) - m->start;
    char h[30], extra[20];
    local_header(h, (uint32_t)m->crc, strlen(m->name));
    zip64_sizes(extra, size);
    STY_TRY(sty_out_patch(writer->out, m->offset, h, sizeof h, err));
    STY_TRY(sty_out_patch(writer->out, m->offset + sizeof h + strlen(m->name), extra, sizeof extra, err));
    directory_entry(&state->directory, m->name, (uint32_t)m->crc, size, m->offset);
    state->n_members++;
    return STY_OK;
}

/* {"model":{"name":NAME,"hash":HASH}}; a name that is too long for a comment is left out. */
static void put_comment(const sty_writer *writer, sty_buf *out) {
    if (!writer->model_hash) return;
    sty_buf_text(out, "{");
    sty_model_json(writer->model_name, writer->model_hash, out);
    sty_buf_text(out, "}");
    if (out->length <= LONGEST_COMMENT) return;
    out->length = 0;
    sty_buf_printf(out, "{\"model\":{\"hash\":\"%s\"}}", writer->model_hash);
}

static void end_records(const npz_state *state, uint64_t start, uint64_t size, size_t comment, sty_buf *out) {
    char e64[56] = {0}, locator[20] = {0}, e[22] = {0};
    memcpy(e64, "PK\6\6", 4);
    little(e64 + 4, sizeof e64 - 12, 8);
    little(e64 + 12, 45, 2);
    little(e64 + 14, 45, 2);
    little(e64 + 24, state->n_members, 8);
    little(e64 + 32, state->n_members, 8);
    little(e64 + 40, size, 8);
    little(e64 + 48, start, 8);
    memcpy(locator, "PK\6\7", 4);
    little(locator + 8, start + size, 8);
    little(locator + 16, 1, 4);
    memcpy(e, "PK\5\6", 4);
    little(e + 8, state->n_members, 2);
    little(e + 10, state->n_members, 2);
    little(e + 12, size, 4);
    little(e + 16, 0xFFFFFFFF, 4);
    little(e + 20, comment, 2);
    sty_buf_put(out, e64, sizeof e64);
    sty_buf_put(out, locator, sizeof locator);
    sty_buf_put(out, e, sizeof e);
}

static sty_status end_archive(sty_writer *writer, sty_err *err) {
    npz_state *state = writer->state;
    const uint64_t start = sty_out_position(writer->out), size = state->directory.length;
    put_comment(writer, &writer->text);
    end_records(state, start, size, writer->text.length, &state->directory);
    if (state->directory.failed) return sty_err_no_memory(err, state->directory.capacity, "a directory");
    STY_TRY(sty_out_write(writer->out, state->directory.data, state->directory.length, err));
    return sty_writer_send(writer, err);
}

/* ---- members ---- */

static uint32_t next_code_point(const char **text) {
    const unsigned char *s = (const unsigned char *)*text;
    const int n = sty_utf8_length(*text, strlen(*text));
    uint32_t c = s[0];
    if (n == 0) c = 0xFFFD;
    if (n > 1) c = s[0] & (0xFFu >> (n + 1));
    for (int i = 1; i < n; i++)
        c = c << 6 | (s[i] & 0x3F);
    *text += n ? n : 1;
    return c;
}

static sty_status put_text(sty_writer *writer, member *m, const char *text, uint32_t *row, size_t width, sty_err *err) {
    size_t n = 0;
    memset(row, 0, width * sizeof *row);
    while (*text && n < width)
        row[n++] = next_code_point(&text);
    return member_bytes(writer, m, row, width * sizeof *row, err);
}

/* Texts as NumPy has them: UCS-4, each as wide as the longest. */
static sty_status write_texts(sty_writer *writer, text_rows *rows, sty_err *err) {
    char *line = NULL, descr[32], header[STY_NPY_HEADER];
    size_t capacity = 0;
    const size_t width = rows->longest ? rows->longest : 1;
    member m;
    if (fflush(rows->file) != 0) return sty_spool_failed(writer, err);
    rewind(rows->file);
    uint32_t *row = sty_alloc(width, sizeof *row);
    if (!row) return sty_err_no_memory(err, width, rows->name);
    snprintf(descr, sizeof descr, "<U%zu", width);
    sty_npy_header(descr, 1, &writer->n_records, header);
    sty_status status = begin_member(writer, rows->name, &m, err);
    if (status == STY_OK) status = member_bytes(writer, &m, header, sizeof header, err);
    while (status == STY_OK && getdelim(&line, &capacity, '\0', rows->file) > 0)
        status = put_text(writer, &m, line, row, width, err);
    free(line);
    sty_free(row);
    return status == STY_OK ? end_member(writer, &m, err) : status;
}

static sty_status write_rows(sty_writer *writer, size_t i, sty_err *err) {
    npz_state *state = writer->state;
    char header[STY_NPY_HEADER], chunk[CHUNK];
    size_t dim[1 + STY_MAX_RANK] = {writer->n_records}, n;
    member m;
    memcpy(dim + 1, state->fields.field[i].dim, sizeof dim - sizeof *dim);
    if (!sty_npy_header("<f4", state->fields.field[i].rank + 1, dim, header))
        return sty_err_set(err, STY_OUTPUT_ERROR, "the shape of '%s' does not fit its header",
                           state->fields.field[i].name);
    STY_TRY(begin_member(writer, state->fields.field[i].name, &m, err));
    STY_TRY(member_bytes(writer, &m, header, sizeof header, err));
    if (fflush(state->rows[i]) != 0) return sty_spool_failed(writer, err);
    rewind(state->rows[i]);
    while ((n = fread(chunk, 1, sizeof chunk, state->rows[i])) > 0)
        STY_TRY(member_bytes(writer, &m, chunk, n, err));
    if (ferror(state->rows[i])) return sty_spool_failed(writer, err);
    return end_member(writer, &m, err);
}

static sty_status finish(sty_writer *writer, sty_err *err) {
    npz_state *state = writer->state;
    STY_TRY(write_texts(writer, &state->texts[0], err));
    for (size_t i = 0; i < state->fields.n; i++)
        STY_TRY(write_rows(writer, i, err));
    for (size_t i = 1; i < state->n_texts; i++)
        STY_TRY(write_texts(writer, &state->texts[i], err));
    return end_archive(writer, err);
}

static void clear(sty_writer *writer) {
    npz_state *state = writer->state;
    for (size_t i = 0; i < STY_MAX_FIELDS; i++)
        if (state->rows[i]) fclose(state->rows[i]);
    for (size_t i = 0; i < state->n_texts; i++) {
        if (state->texts[i].file) fclose(state->texts[i].file);
        sty_free(state->texts[i].name);
    }
    sty_buf_clear(&state->directory);
    sty_fields_clear(&state->fields);
}

const sty_writer_type sty_writer_npz = {
    .name = "npz",
    .extension = ".npz",
    .summary = "NumPy archive: ids, an array [N, ...] for each output",
    .columns = true,
    .state_size = sizeof(npz_state),
    .open = open_npz,
    .put = put,
    .close = finish,
    .clear = clear,
};
