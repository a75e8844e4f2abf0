/* safetensors.c - `safetensors`: every output of all clips as a tensor [N, ...],
 * ids beside it in OUT.ids.txt.
 *
 * The header stands in front and tells all sizes, so rows wait in nameless files
 * until the end. It is padded with spaces so that data begin at a multiple of 8.
 * Format: huggingface/safetensors. */
#define _GNU_SOURCE
#include "write/formats.h"
#include "write/spool.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    sty_fields fields;
    FILE *rows[STY_MAX_FIELDS];
    sty_out *ids;
} tensors_state;

static sty_status open_tensors(sty_writer *writer, sty_err *err) {
    tensors_state *state = writer->state;
    if (sty_out_is_stream(writer->out))
        return sty_err_set(err, STY_BAD_ARGUMENT, "safetensors needs a file; give it with -o OUT.safetensors");
    return sty_ids_open(writer, &state->ids, err);
}

static sty_status put(sty_writer *writer, const sty_record *record, sty_err *err) {
    tensors_state *state = writer->state;
    STY_TRY(sty_fields_check(&state->fields, record, "safetensors", err));
    for (size_t i = 0; i < state->fields.n; i++) {
        const size_t n = state->fields.field[i].count;
        if (!state->rows[i] && !(state->rows[i] = sty_spool_open(writer))) return sty_spool_failed(writer, err);
        if (fwrite(record->fields[i].view.data, sizeof(float), n, state->rows[i]) != n) return sty_spool_failed(writer, err);
    }
    return sty_ids_put(state->ids, record->id, err);
}

static void header(const sty_writer *writer, sty_buf *text) {
    const tensors_state *state = writer->state;
    size_t at = 0;
    sty_buf_text(text, "{\"__metadata__\":{\"format\":\"stylet\"");
    if (writer->model_hash) {
        sty_buf_printf(text, ",\"model_hash\":\"%s\",\"model_name\":", writer->model_hash);
        sty_buf_json(text, writer->model_name);
    }
    sty_buf_text(text, "}");
    for (size_t i = 0; i < state->fields.n; i++) {
        const size_t bytes = writer->n_records * state->fields.field[i].count * sizeof(float);
        sty_buf_text(text, ",");
        sty_buf_json(text, state->fields.field[i].name);
        sty_buf_printf(text, ":{\"dtype\":\"F32\",\"shape\":[%zu", writer->n_records);
        for (int d = 0; d < state->fields.field[i].rank; d++)
            sty_buf_printf(text, ",%zu", state->fields.field[i].dim[d]);
        sty_buf_printf(text, "],\"data_offsets\":[%zu,%zu]}", at, at + bytes);
        at += bytes;
    }
    sty_buf_text(text, "}");
    while (text->length % 8 && !text->failed)
        sty_buf_text(text, " ");
}

static sty_status copy_rows(sty_writer *writer, FILE *rows, sty_err *err) {
    char chunk[1 << 16];
    size_t n;
    if (fflush(rows) != 0) return sty_spool_failed(writer, err);
    rewind(rows);
    while ((n = fread(chunk, 1, sizeof chunk, rows)) > 0)
        STY_TRY(sty_out_write(writer->out, chunk, n, err));
    return ferror(rows) ? sty_spool_failed(writer, err) : STY_OK;
}

static sty_status finish(sty_writer *writer, sty_err *err) {
    tensors_state *state = writer->state;
    unsigned char length[8];
    header(writer, &writer->text);
    if (writer->text.failed) return sty_err_no_memory(err, writer->text.capacity, "a header");
    for (size_t i = 0; i < sizeof length; i++)
        length[i] = (unsigned char)((uint64_t)writer->text.length >> (8 * i));
    STY_TRY(sty_out_write(writer->out, length, sizeof length, err));
    STY_TRY(sty_writer_send(writer, err));
    for (size_t i = 0; i < state->fields.n; i++)
        STY_TRY(copy_rows(writer, state->rows[i], err));
    sty_out *ids = state->ids;
    state->ids = NULL;
    return sty_out_commit(ids, err);
}

static void clear(sty_writer *writer) {
    tensors_state *state = writer->state;
    for (size_t i = 0; i < STY_MAX_FIELDS; i++)
        if (state->rows[i]) fclose(state->rows[i]);
    sty_out_abort(state->ids);
    sty_fields_clear(&state->fields);
}

const sty_writer_type sty_writer_safetensors = {
    .name = "safetensors",
    .extension = ".safetensors",
    .summary = "a tensor [N, ...] for each output, ids in OUT.ids.txt",
    .state_size = sizeof(tensors_state),
    .open = open_tensors,
    .put = put,
    .close = finish,
    .clear = clear,
};
