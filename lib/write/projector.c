/* projector.c - `projector:DIR`: a folder for the Embedding Projector.
 *
 * tensors.tsv (numbers, no header), metadata.tsv (a header only when it has two
 * columns or more: the projector's own rule), config.json for the stand-alone
 * page and projector_config.pbtxt for TensorBoard. One output; a matrix is
 * written as one row. The configurations come last: with them the folder is whole. */
#define _GNU_SOURCE
#include "write/formats.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    sty_fields fields;
    sty_out *metadata, *page, *board;
    bool made; /* the folder, by us */
} projector_state;

static sty_status sibling(const sty_writer *writer, const char *name, sty_out **out, sty_err *err) {
    sty_buf path = {0};
    const char *slash = strrchr(writer->path, '/'); /* of DIR/tensors.tsv */
    sty_buf_printf(&path, "%.*s/%s", (int)(slash - writer->path), writer->path, name);
    sty_buf_put(&path, "", 1);
    const sty_status status = path.failed ? sty_err_no_memory(err, 0, "a path") : sty_out_open(path.data, writer->overwrite, out, err);
    sty_buf_clear(&path);
    return status;
}

/* The folder is made when it is not there, and goes again when nothing comes of it. */
static sty_status make_folder(sty_writer *writer, sty_err *err) {
    projector_state *state = writer->state;
    char *slash = strrchr(writer->path, '/');
    *slash = '\0';
    state->made = mkdir(writer->path, 0777) == 0;
    const sty_status status = state->made || errno == EEXIST ? STY_OK : sty_output_failed(writer->path, "create the folder", err);
    *slash = '/';
    return status;
}

static sty_status open_projector(sty_writer *writer, sty_err *err) {
    projector_state *state = writer->state;
    return sibling(writer, "metadata.tsv", &state->metadata, err);
}

static void value(sty_buf *out, const char *text) {
    for (; text && *text; text++)
        sty_buf_put(out, strchr("\t\r\n", *text) ? " " : text, 1);
}

static sty_status send(sty_buf *text, sty_out *out, sty_err *err) {
    if (text->failed) return sty_err_no_memory(err, text->capacity, "a row");
    const sty_status status = sty_out_write(out, text->data, text->length, err);
    text->length = 0;
    return status;
}

static sty_status put(sty_writer *writer, const sty_record *record, sty_err *err) {
    projector_state *state = writer->state;
    const bool first = state->fields.n == 0, columns = record->speaker || record->n_columns;
    if (record->n_fields != 1)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the projector shows one output, %zu are wanted", record->n_fields);
    STY_TRY(sty_fields_check(&state->fields, record, "projector", err));
    for (size_t i = 0; i < state->fields.field[0].count; i++) {
        if (i) sty_buf_text(&writer->text, "\t");
        sty_buf_json_float(&writer->text, record->fields[0].view.data[i]);
    }
    sty_buf_text(&writer->text, "\n");
    STY_TRY(sty_writer_send(writer, err));
    if (first) writer->wide = columns;
    if (first && writer->wide) {
        sty_buf_text(&writer->text, "id\tspeaker");
        for (size_t i = 0; i < record->n_columns; i++) {
            sty_buf_text(&writer->text, "\t");
            value(&writer->text, record->column_names[i]);
        }
        sty_buf_text(&writer->text, "\n");
    }
    value(&writer->text, record->id);
    if (writer->wide) {
        sty_buf_text(&writer->text, "\t");
        value(&writer->text, record->speaker);
    }
    for (size_t i = 0; writer->wide && i < record->n_columns; i++) {
        sty_buf_text(&writer->text, "\t");
        value(&writer->text, record->columns[i]);
    }
    sty_buf_text(&writer->text, "\n");
    return send(&writer->text, state->metadata, err);
}

/* A file of what writer->text holds, on the disk but without its name yet. */
static sty_status configuration(sty_writer *writer, const char *name, sty_out **out, sty_err *err) {
    STY_TRY(sibling(writer, name, out, err));
    STY_TRY(send(&writer->text, *out, err));
    return sty_out_sync(*out, err);
}

static sty_status commit(sty_out **out, sty_err *err) {
    sty_out *whole = *out;
    *out = NULL;
    return sty_out_commit(whole, err);
}

/* All four files are on the disk before the first of them gets its name. */
static sty_status finish(sty_writer *writer, sty_err *err) {
    projector_state *state = writer->state;
    const char *name = state->fields.n ? state->fields.field[0].name : "style";
    STY_TRY(sty_out_sync(state->metadata, err));
    STY_TRY(sty_out_sync(writer->out, err));
    sty_buf_text(&writer->text, "{\"embeddings\":[{\"tensorName\":");
    sty_buf_json(&writer->text, name);
    sty_buf_printf(&writer->text, ",\"tensorShape\":[%zu,%zu],\"tensorPath\":\"tensors.tsv\",\"metadataPath\":\"metadata.tsv\"}]}\n",
                   writer->n_records, state->fields.n ? state->fields.field[0].count : 0);
    STY_TRY(configuration(writer, "config.json", &state->page, err));
    sty_buf_text(&writer->text, "embeddings {\n  tensor_path: \"tensors.tsv\"\n  metadata_path: \"metadata.tsv\"\n}\n");
    STY_TRY(configuration(writer, "projector_config.pbtxt", &state->board, err));
    STY_TRY(commit(&state->metadata, err));
    STY_TRY(commit(&writer->out, err));
    state->made = false;
    STY_TRY(commit(&state->page, err));
    return commit(&state->board, err);
}

static void clear(sty_writer *writer) {
    projector_state *state = writer->state;
    char *slash = writer->path ? strrchr(writer->path, '/') : NULL;
    sty_out_abort(state->metadata);
    sty_out_abort(state->page);
    sty_out_abort(state->board);
    sty_fields_clear(&state->fields);
    if (!state->made || !slash) return;
    *slash = '\0';
    rmdir(writer->path);
    *slash = '/';
}

const sty_writer_type sty_writer_projector = {
    .name = "projector",
    .extension = ".projector",
    .summary = "a folder for the Embedding Projector: projector:DIR",
    .columns = true,
    .state_size = sizeof(projector_state),
    .prepare = make_folder,
    .open = open_projector,
    .put = put,
    .close = finish,
    .clear = clear,
};
