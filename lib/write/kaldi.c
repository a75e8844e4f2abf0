/* kaldi.c - `ark`: Kaldi archives, binary or text, with an scp index.
 *
 *   ark:FILE        binary archive            ark,t:FILE       text
 *   ark,scp:A,S     binary archive and index  ark,t,scp:A,S    text and index
 *   scp:S           index S, archive S with .ark in place of .scp
 *
 * One output; a vector is written as FV, an array [H, K] as FM, of any shape. An
 * entry is KEY, a space, and in binary \0B and the object; the index points to
 * the \0 behind the space. Layout from Kaldi's io-funcs and kaldi-matrix
 * (kaldi-asr/kaldi); read back by kaldiio. Text numbers always have a point:
 * kaldiio takes "1" for an integer vector. */
#include "write/formats.h"

#include <string.h>

typedef struct {
    sty_out *index;
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

static sty_status put(sty_writer *writer, const sty_record *record, sty_err *err) {
    kaldi_state *state = writer->state;
    const sty_view *view = &record->fields[0].view;
    if (record->n_fields != 1)
        return sty_err_set(err, STY_BAD_ARGUMENT, "a Kaldi archive holds one output, %zu are wanted; npz holds several", record->n_fields);
    if (view->rank < 1 || view->rank > 2 || view->dim[0] == 0 || view->dim[view->rank - 1] == 0 || view->dim[0] > INT32_MAX)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is neither a vector nor a matrix, which is what Kaldi archives hold",
                           record->fields[0].name);
    sty_buf_text(&writer->text, record->id);
    sty_buf_text(&writer->text, " ");
    const size_t offset = sty_out_position(writer->out) + writer->text.length;
    if (writer->text_form) put_text(view, &writer->text);
    else put_binary(view, &writer->text);
    STY_TRY(sty_writer_send(writer, err));
    if (!state->index) return STY_OK;
    sty_buf_printf(&writer->text, "%s %s:%zu\n", record->id, writer->path, offset);
    if (writer->text.failed) return sty_err_no_memory(err, writer->text.capacity, "a line");
    const sty_status status = sty_out_write(state->index, writer->text.data, writer->text.length, err);
    writer->text.length = 0;
    return status;
}

/* The index appears after the archive it points into. */
static sty_status finish(sty_writer *writer, sty_err *err) {
    kaldi_state *state = writer->state;
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
