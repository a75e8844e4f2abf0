/* writer.c - the table of formats and what they share. */
#define _GNU_SOURCE
#include "write/writer.h"

#include "write/formats.h"
#include "write/place.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const sty_writer_type *const sty_writer_types[] = {
    &sty_writer_jsonl, &sty_writer_json, &sty_writer_csv,
    &sty_writer_tsv,   &sty_writer_npy,  &sty_writer_npz,
    &sty_writer_safetensors, &sty_writer_ark, &sty_writer_projector,
};

const size_t sty_n_writer_types = STY_COUNT(sty_writer_types);

sty_status sty_writer_check(const char *path, const char *format, bool overwrite, const sty_writer_type **type,
                            char **file, sty_err *err) {
    sty_place at;
    struct stat st;
    STY_TRY(sty_place_find(path, format, &at, err));
    sty_status status = STY_OK;
    bool device = strcmp(at.path, "-") == 0;
    *type = at.type;
    *file = NULL;
    if (!device && stat(at.path, &st) == 0) {
        device = !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode); /* written as it comes */
        if (S_ISDIR(st.st_mode)) status = sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is a folder, expected the name of a file", at.path);
        else if (!device && !overwrite)
            status = sty_err_set(err, STY_BAD_ARGUMENT, "'%s' exists already; choose another name or give --overwrite", at.path);
    }
    if (at.type == &sty_writer_projector) *strrchr(at.path, '/') = '\0'; /* its folder is made when there is something to put into it */
    if (status == STY_OK && !device) status = sty_out_check_folder(at.path, err);
    if (status == STY_OK && !device && at.second) status = sty_out_check_folder(at.second, err);
    if (status == STY_OK && !device) {
        *file = at.path;
        at.path = NULL;
    }
    sty_place_clear(&at);
    return status;
}

sty_status sty_writer_open(const char *path, const char *format, bool overwrite,
                           sty_writer **writer, sty_err *err) {
    sty_place at;
    STY_TRY(sty_place_find(path, format, &at, err));
    sty_writer *made = sty_alloc(1, sizeof *made);
    if (!made) {
        sty_place_clear(&at);
        return sty_err_no_memory(err, sizeof *made, "a writer");
    }
    made->type = at.type;
    made->overwrite = overwrite;
    made->path = at.path;
    made->text_form = at.text;
    made->second = at.second;
    made->state = sty_alloc(1, at.type->state_size);
    sty_status status = made->state ? STY_OK : sty_err_no_memory(err, at.type->state_size, path);
    if (status == STY_OK && at.type->prepare) status = at.type->prepare(made, err);
    if (status == STY_OK) status = sty_out_open(made->path, overwrite, &made->out, err);
    if (status == STY_OK && at.type->open) status = at.type->open(made, err);
    if (status == STY_OK) *writer = made;
    else sty_writer_abort(made);
    return status;
}

/* The model is the same in all records: a run has one. */
static sty_status remember_model(sty_writer *writer, const sty_record *record, sty_err *err) {
    if (writer->model_hash || record->status != STY_OK || !record->model_hash) return STY_OK;
    const char *name = record->model_name ? record->model_name : "";
    writer->model_hash = sty_copy_text(record->model_hash, strlen(record->model_hash));
    writer->model_name = sty_copy_text(name, strlen(name));
    return writer->model_hash && writer->model_name ? STY_OK : sty_err_no_memory(err, strlen(name), "a model's name");
}

sty_status sty_writer_put(sty_writer *writer, const sty_record *record, sty_err *err) {
    if (record->status != STY_OK && !writer->type->failures) return STY_OK;
    STY_TRY(writer->type->put(writer, record, err));
    writer->n_records++;
    return remember_model(writer, record, err);
}

sty_status sty_writer_flush(sty_writer *writer, sty_err *err) {
    return sty_out_flush(writer->out, err);
}

/* OUT.model.txt, there before OUT is. A file of this name says something about OUT
 * alone, so an old one is replaced. */
static sty_status write_beside(const sty_writer *writer, const char *path, sty_err *err) {
    sty_buf line = {0};
    sty_buf_printf(&line, "%s  %s\n", writer->model_hash, writer->model_name);
    const sty_status status = line.failed ? sty_err_no_memory(err, line.capacity, "a line")
                                          : sty_file_write(path, line.data, line.length, true, err);
    sty_buf_clear(&line);
    return status;
}

static sty_status finish(sty_writer *writer, sty_err *err) {
    STY_TRY(writer->type->close ? writer->type->close(writer, err) : STY_OK);
    sty_out *out = writer->out;
    writer->out = NULL;
    return out ? sty_out_commit(out, err) : STY_OK;
}

sty_status sty_writer_close(sty_writer *writer, sty_err *err) {
    const bool beside = writer->type->model_beside && writer->model_hash && !sty_out_is_stream(writer->out);
    sty_buf path = {0};
    sty_status status = STY_OK;
    if (beside) {
        sty_buf_printf(&path, "%s" STY_MODEL_BESIDE, writer->path);
        sty_buf_put(&path, "", 1);
        status = path.failed ? sty_err_no_memory(err, path.capacity, "a path") : write_beside(writer, path.data, err);
    }
    if (status == STY_OK) status = finish(writer, err);
    if (status != STY_OK && beside && !path.failed) remove(path.data);
    sty_buf_clear(&path);
    sty_writer_abort(writer);
    return status;
}

void sty_writer_abort(sty_writer *writer) {
    if (!writer) return;
    sty_out_abort(writer->out);
    if (writer->state && writer->type->clear) writer->type->clear(writer);
    sty_buf_clear(&writer->text);
    sty_free(writer->path);
    sty_free(writer->second);
    sty_free(writer->model_name);
    sty_free(writer->model_hash);
    sty_free(writer->state);
    sty_free(writer);
}

sty_status sty_writer_send(sty_writer *writer, sty_err *err) {
    if (writer->text.failed) return sty_err_no_memory(err, writer->text.capacity, "a record");
    sty_status status = sty_out_write(writer->out, writer->text.data, writer->text.length, err);
    writer->text.length = 0;
    return status;
}

/* ---- records as JSON ---- */

static void json_count(sty_buf *out, const char *key, size_t n) {
    sty_buf_text(out, key);
    sty_buf_count(out, n);
}

static void json_seconds(sty_buf *out, const char *key, double seconds) {
    sty_buf_text(out, key);
    sty_buf_seconds(out, seconds);
}

static void json_field(const sty_field *field, sty_buf *out) {
    sty_buf_text(out, ",");
    sty_buf_json(out, field->name);
    sty_buf_text(out, ":");
    if (!field->labels) {
        sty_buf_json_array(out, field->view.data, field->view.rank, field->view.dim);
        return;
    }
    for (size_t i = 0; i < field->view.dim[0]; i++) {
        sty_buf_text(out, i ? "," : "{");
        sty_buf_json(out, field->labels[i]);
        sty_buf_text(out, ":");
        sty_buf_json_float(out, field->view.data[i]);
    }
    sty_buf_text(out, "}");
}

static void json_columns(const sty_record *record, sty_buf *out) {
    bool any = false;
    if (record->speaker) {
        sty_buf_text(out, ",\"speaker\":");
        sty_buf_json(out, record->speaker);
    }
    for (size_t i = 0; i < record->n_columns; i++) {
        if (!record->columns[i]) continue;
        sty_buf_text(out, any ? "," : ",\"columns\":{");
        sty_buf_json(out, record->column_names[i]);
        sty_buf_text(out, ":");
        sty_buf_json(out, record->columns[i]);
        any = true;
    }
    if (any) sty_buf_text(out, "}");
}

void sty_model_json(const char *name, const char *hash, sty_buf *out) {
    sty_buf_text(out, "\"model\":{\"name\":");
    sty_buf_json(out, name);
    sty_buf_text(out, ",\"hash\":\"");
    sty_buf_text(out, hash);
    sty_buf_text(out, "\"}");
}

void sty_record_json(const sty_record *record, sty_buf *out) {
    sty_buf_text(out, "{\"id\":");
    sty_buf_json(out, record->id);
    sty_buf_text(out, ",\"path\":");
    sty_buf_json(out, record->path);
    if (record->status != STY_OK) {
        sty_buf_printf(out, ",\"status\":\"error\",\"error\":{\"code\":\"%s\",\"message\":",
                       sty_status_name(record->status));
        sty_buf_json(out, record->message);
        sty_buf_text(out, "}}");
        return;
    }
    json_seconds(out, ",\"start\":", record->start_s);
    json_seconds(out, ",\"duration\":", record->duration_s);
    if (record->channel) sty_buf_printf(out, ",\"channel\":%d", record->channel);
    else sty_buf_text(out, ",\"channel\":\"mix\"");
    if (record->rate_hz) json_count(out, ",\"sample_rate\":", (size_t)record->rate_hz);
    json_count(out, ",\"num_frames\":", record->n_frames);
    sty_buf_text(out, ",\"status\":\"ok\"");
    json_columns(record, out);
    for (size_t i = 0; i < record->n_notes; i++) {
        sty_buf_text(out, i ? "," : ",\"notes\":[");
        sty_buf_json(out, record->notes[i]);
        if (i + 1 == record->n_notes) sty_buf_text(out, "]");
    }
    for (size_t i = 0; i < record->n_fields; i++)
        json_field(&record->fields[i], out);
    sty_buf_text(out, ",");
    sty_model_json(record->model_name, record->model_hash, out);
    sty_buf_text(out, "}");
}

/* ---- equal shapes ---- */

static size_t view_count(const sty_view *view) {
    size_t n = 1;
    for (int i = 0; i < view->rank; i++)
        n *= view->dim[i];
    return n;
}

static sty_status fields_first(sty_fields *fields, const sty_record *record, sty_err *err) {
    if (record->n_fields > STY_MAX_FIELDS)
        return sty_err_set(err, STY_BAD_ARGUMENT, "more than %d outputs", STY_MAX_FIELDS);
    for (size_t i = 0; i < record->n_fields; i++) {
        const sty_field *from = &record->fields[i];
        fields->field[i].name = sty_copy_text(from->name, strlen(from->name));
        if (!fields->field[i].name) return sty_err_no_memory(err, strlen(from->name), "a name");
        fields->n++;
        fields->field[i].rank = from->view.rank;
        fields->field[i].count = view_count(&from->view);
        memcpy(fields->field[i].dim, from->view.dim, sizeof from->view.dim);
    }
    return STY_OK;
}

sty_status sty_fields_check(sty_fields *fields, const sty_record *record, const char *format,
                            sty_err *err) {
    if (fields->n == 0) return fields_first(fields, record, err);
    for (size_t i = 0; i < fields->n; i++) {
        const sty_view *view = &record->fields[i].view;
        bool same = view->rank == fields->field[i].rank;
        for (int d = 0; same && d < view->rank; d++)
            same = view->dim[d] == fields->field[i].dim[d];
        if (!same)
            return sty_err_set(err, STY_BAD_ARGUMENT,
                               "the output '%s' of '%s' has another shape than that of the first "
                               "clip; %s needs equal shapes; jsonl, json and ark do not",
                               fields->field[i].name, record->id, format);
    }
    return STY_OK;
}

void sty_fields_clear(sty_fields *fields) {
    for (size_t i = 0; i < fields->n; i++)
        sty_free(fields->field[i].name);
    fields->n = 0;
}
