/* kaldi.c - `ark`: Kaldi archives, binary or text, with an scp index.
 *
 *   ark:FILE        binary archive            ark,t:FILE       text
 *   ark,scp:A,S     binary archive and index  ark,t,scp:A,S    text and index
 *   scp:S           index S, archive S with .ark in place of .scp
 *
 * One output; a vector is written as FV, an array [H, K] as FM, of any shape. The
 * vectors of a recording's windows are the rows of one FM, and A.segments has a line
 * for each row, "WINDOW RECORDING START END", as Kaldi's segments. An
 * entry is KEY, a space, and in binary \0B and the object; the index points to
 * the \0 behind the space. Layout from Kaldi's io-funcs and kaldi-matrix
 * (kaldi-asr/kaldi); read back by kaldiio. Text numbers always have a point:
 * kaldiio takes "1" for an integer vector. */
#include "write/formats.h"

#include <stdint.h>
#include <string.h>

typedef struct {
    sty_out *index;
    /* the matrix being written, of a recording's windows */
    char *series;
    size_t n_rows, n_columns, rows_at;
    sty_out *segments;
} kaldi_state;

static sty_status open_kaldi(sty_writer *writer, sty_err *err) {
    kaldi_state *state = writer->state;
    if (!writer->second) return STY_OK;
    if (sty_out_is_stream(writer->out))
        return sty_err_set(err, STY_BAD_ARGUMENT, "an scp points into a file, '%s' is a stream", writer->path);
    return sty_out_open(writer->second, writer->overwrite, &state->index, err);
}

static void little32(sty_buf *out, size_t value) {
    const unsigned char bytes[5] = {4, (unsigned char)value, (unsigned char)(value >> 8), (unsigned char)(value >> 16),
                                    (unsigned char)(value >> 24)};
    sty_buf_put(out, bytes, sizeof bytes);
}

static void put_binary(const sty_view *view, sty_buf *out) {
    const size_t n = view->dim[0] * (view->rank == 2 ? view->dim[1] : 1);
    sty_buf_put(out, view->rank == 2 ? "\0BFM " : "\0BFV ", 5);
    little32(out, view->dim[0]);
    if (view->rank == 2) little32(out, view->dim[1]);
    sty_buf_put(out, view->data, n * sizeof *view->data);
}

static void put_number(sty_buf *out, float value) {
    const size_t from = out->length;
    sty_buf_json_float(out, value);
    if (!out->failed && !memchr(out->data + from, '.', out->length - from) && !memchr(out->data + from, 'e', out->length - from))
        sty_buf_text(out, ".0");
    sty_buf_text(out, " ");
}

static void put_text(const sty_view *view, sty_buf *out) {
    const size_t rows = view->rank == 2 ? view->dim[0] : 1, columns = view->dim[view->rank - 1];
    sty_buf_text(out, view->rank == 2 ? " [\n  " : " [ ");
    for (size_t r = 0; r < rows; r++) {
        if (r) sty_buf_text(out, "\n  ");
        for (size_t c = 0; c < columns; c++)
            put_number(out, view->data[r * columns + c]);
    }
    sty_buf_text(out, "]\n");
}

static sty_status put_index(sty_writer *writer, const char *key, size_t offset, sty_err *err) {
    kaldi_state *state = writer->state;
    if (!state->index) return STY_OK;
    sty_buf_printf(&writer->text, "%s %s:%zu\n", key, writer->path, offset);
    if (writer->text.failed) return sty_err_no_memory(err, writer->text.capacity, "a line");
    const sty_status status = sty_out_write(state->index, writer->text.data, writer->text.length, err);
    writer->text.length = 0;
    return status;
}

/* ---- windows ---- */

static sty_status end_series(sty_writer *writer, sty_err *err) {
    kaldi_state *state = writer->state;
    const size_t n = state->n_rows;
    const unsigned char rows[4] = {(unsigned char)n, (unsigned char)(n >> 8), (unsigned char)(n >> 16), (unsigned char)(n >> 24)};
    if (!state->series) return STY_OK;
    sty_free(state->series);
    state->series = NULL;
    if (!writer->text_form) return sty_out_patch(writer->out, state->rows_at, rows, sizeof rows, err);
    sty_buf_text(&writer->text, "]\n");
    return sty_writer_send(writer, err);
}

/* The number of rows is written when it is known. */
static sty_status begin_series(sty_writer *writer, const sty_record *record, sty_err *err) {
    kaldi_state *state = writer->state;
    STY_TRY(end_series(writer, err));
    if (!writer->text_form && sty_out_is_stream(writer->out))
        return sty_err_set(err, STY_BAD_ARGUMENT, "windows are rows of a matrix, whose size stands in front: give a file, or ark,t:-");
    state->series = sty_copy_text(record->series, strlen(record->series));
    if (!state->series) return sty_err_no_memory(err, strlen(record->series), "a key");
    state->n_rows = 0;
    state->n_columns = record->fields[0].view.dim[0];
    sty_buf_printf(&writer->text, "%s ", state->series);
    const size_t offset = sty_out_position(writer->out) + writer->text.length;
    state->rows_at = offset + 6; /* behind \0BFM, a blank and the size of an integer */
    if (writer->text_form) sty_buf_text(&writer->text, " [\n  ");
    else {
        sty_buf_put(&writer->text, "\0BFM ", 5);
        little32(&writer->text, 0);
        little32(&writer->text, state->n_columns);
    }
    STY_TRY(sty_writer_send(writer, err));
    return put_index(writer, state->series, offset, err);
}

static sty_status put_segment(sty_writer *writer, const sty_record *record, sty_err *err) {
    kaldi_state *state = writer->state;
    if (sty_out_is_stream(writer->out)) return STY_OK;
    if (!state->segments) {
        sty_buf path = {0};
        sty_buf_printf(&path, "%s.segments", writer->path);
        sty_buf_put(&path, "", 1);
        const sty_status opened = path.failed ? sty_err_no_memory(err, 0, "a path") : sty_out_open(path.data, true, &state->segments, err);
        sty_buf_clear(&path);
        STY_TRY(opened);
    }
    sty_buf_printf(&writer->text, "%s %s %.10g %.10g\n", record->id, record->series, record->start_s, record->start_s + record->duration_s);
    if (writer->text.failed) return sty_err_no_memory(err, writer->text.capacity, "a line");
    const sty_status status = sty_out_write(state->segments, writer->text.data, writer->text.length, err);
    writer->text.length = 0;
    return status;
}

static sty_status put_window(sty_writer *writer, const sty_record *record, sty_err *err) {
    kaldi_state *state = writer->state;
    const sty_view *view = &record->fields[0].view;
    if (!state->series || strcmp(state->series, record->series) != 0) STY_TRY(begin_series(writer, record, err));
    if (view->dim[0] != state->n_columns || state->n_rows == INT32_MAX)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the windows of '%s' do not make one matrix", record->series);
    if (writer->text_form) {
        if (state->n_rows) sty_buf_text(&writer->text, "\n  ");
        for (size_t i = 0; i < view->dim[0]; i++)
            put_number(&writer->text, view->data[i]);
    } else sty_buf_put(&writer->text, view->data, view->dim[0] * sizeof *view->data);
    state->n_rows++;
    STY_TRY(sty_writer_send(writer, err));
    return put_segment(writer, record, err);
}

static sty_status put(sty_writer *writer, const sty_record *record, sty_err *err) {
    const sty_view *view = &record->fields[0].view;
    if (record->n_fields != 1)
        return sty_err_set(err, STY_BAD_ARGUMENT, "a Kaldi archive holds one output, %zu are wanted; npz holds several", record->n_fields);
    if (view->rank < 1 || view->rank > 2 || view->dim[0] == 0 || view->dim[view->rank - 1] == 0 || view->dim[0] > INT32_MAX)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is neither a vector nor a matrix, which is what Kaldi archives hold",
                           record->fields[0].name);
    if (record->series && view->rank == 1) return put_window(writer, record, err);
    sty_buf_printf(&writer->text, "%s ", record->id);
    const size_t offset = sty_out_position(writer->out) + writer->text.length;
    if (writer->text_form) put_text(view, &writer->text);
    else put_binary(view, &writer->text);
    STY_TRY(sty_writer_send(writer, err));
    return put_index(writer, record->id, offset, err);
}

/* The index appears after the archive it points into. */
static sty_status finish(sty_writer *writer, sty_err *err) {
    kaldi_state *state = writer->state;
    STY_TRY(end_series(writer, err));
    sty_out *segments = state->segments;
    state->segments = NULL;
    if (segments) STY_TRY(sty_out_commit(segments, err));
    if (!state->index) return STY_OK;
    sty_out *archive = writer->out, *index = state->index;
    writer->out = NULL;
    STY_TRY(sty_out_commit(archive, err));
    state->index = NULL;
    return sty_out_commit(index, err);
}

static void clear(sty_writer *writer) {
    kaldi_state *state = writer->state;
    sty_out_abort(state->index);
    sty_out_abort(state->segments);
    sty_free(state->series);
}

const sty_writer_type sty_writer_ark = {
    .name = "ark",
    .extension = ".ark",
    .summary = "Kaldi archive: ark:F  ark,t:F  ark,scp:A,S",
    .any_shape = true,
    .plain_ids = true,
    .model_beside = true,
    .state_size = sizeof(kaldi_state),
    .open = open_kaldi,
    .put = put,
    .close = finish,
    .clear = clear,
};
