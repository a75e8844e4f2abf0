/* writer.c - the table of formats and what they share. */
#define _GNU_SOURCE
#include "write/writer.h"

#include "write/formats.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const sty_writer_type *const sty_writer_types[] = {
    &sty_writer_jsonl, &sty_writer_json, &sty_writer_csv,
    &sty_writer_tsv,   &sty_writer_npy,  &sty_writer_npz,
    &sty_writer_safetensors, &sty_writer_ark, &sty_writer_projector,
};

const size_t sty_n_writer_types = STY_COUNT(sty_writer_types);

static const char *format_at(const void *context, size_t i) {
    (void)context;
    return sty_writer_types[i]->name;
}

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* ---- where results go ---- */

/* What -o means: "ark,scp:A,S" is specifier "ark,scp:", path A, second S. */
typedef struct {
    const sty_writer_type *type;
    char *path, *specifier, *second;
} place;

static void place_clear(place *at) {
    sty_free(at->path);
    sty_free(at->specifier);
    sty_free(at->second);
}

static sty_status find_type(const char *path, const char *format, const sty_writer_type **type, sty_err *err) {
    if (!format && strcmp(path, "-") == 0) format = "jsonl";
    for (size_t i = 0; i < sty_n_writer_types; i++) {
        *type = sty_writer_types[i];
        if (format ? strcmp(format, (*type)->name) == 0 : ends_with(path, (*type)->extension))
            return STY_OK;
    }
    if (format) return sty_unknown_name("format", format, format_at, NULL, sty_n_writer_types, err);
    return sty_err_set(err, STY_BAD_ARGUMENT,
                       "'%s' has no known extension; name the format with -f (jsonl, json, csv, "
                       "tsv, npy, npz, safetensors, ark, projector)",
                       path);
}

/* The length of a specifier in front of the path, its colon included; 0: none. */
static size_t specifier_length(const char *path) {
    static const char *const known[] = {"ark:", "ark,t:", "ark,scp:", "ark,t,scp:", "projector:"};
    for (size_t i = 0; i < STY_COUNT(known); i++)
        if (strncmp(path, known[i], strlen(known[i])) == 0) return strlen(known[i]);
    return 0;
}

static sty_status choose(const char *path, const char *format, place *at, sty_err *err) {
    const size_t n = specifier_length(path);
    const char *rest = path + n, *comma = NULL;
    memset(at, 0, sizeof *at);
    if (n == 0 && (strncmp(path, "ark,", 4) == 0 || strncmp(path, "scp:", 4) == 0))
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s': expected ark:F, ark,t:F, ark,scp:A,S or ark,t,scp:A,S", path);
    if (n) format = strncmp(path, "ark", 3) == 0 ? "ark" : "projector";
    STY_TRY(find_type(rest, format, &at->type, err));
    if (n && memmem(path, n, ",scp:", 5)) {
        comma = strchr(rest, ',');
        if (!comma || comma == rest || !comma[1])
            return sty_err_set(err, STY_BAD_ARGUMENT, "'%s': expected an archive and an index, ark,scp:A,S", path);
        at->second = sty_copy_text(comma + 1, strlen(comma + 1));
    }
    sty_buf file = {0};
    sty_buf_put(&file, rest, comma ? (size_t)(comma - rest) : strlen(rest));
    if (at->type == &sty_writer_projector) {
        while (file.length > 1 && !file.failed && file.data[file.length - 1] == '/')
            file.length--;
        sty_buf_text(&file, "/tensors.tsv");
    }
    at->specifier = n ? sty_copy_text(path, n) : NULL;
    at->path = file.failed ? NULL : sty_copy_text(file.data, file.length);
    sty_buf_clear(&file);
    if (at->path && (!n || at->specifier) && (!comma || at->second)) return STY_OK;
    place_clear(at);
    return sty_err_no_memory(err, strlen(path), "a path");
}

/* The folder of projector:DIR, made when it is not there. */
static sty_status make_folder(const place *at, sty_err *err) {
    if (at->type != &sty_writer_projector) return STY_OK;
    char *slash = strrchr(at->path, '/');
    *slash = '\0';
    const bool made = mkdir(at->path, 0777) == 0 || errno == EEXIST;
    sty_status status = STY_OK;
    if (!made) status = sty_err_set(err, STY_OUTPUT_ERROR, "cannot create the folder '%s': %s", at->path, strerror(errno));
    *slash = '/';
    return status;
}

sty_status sty_writer_check(const char *path, const char *format, bool overwrite, const sty_writer_type **type,
                            char **file, sty_err *err) {
    place at;
    struct stat st;
    STY_TRY(choose(path, format, &at, err));
    sty_status status = STY_OK;
    bool device = strcmp(at.path, "-") == 0;
    *type = at.type;
    *file = NULL;
    if (!device && stat(at.path, &st) == 0) {
        device = !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode); /* written as it comes */
        if (!device && !overwrite)
            status = sty_err_set(err, STY_BAD_ARGUMENT, "'%s' exists already; choose another name or give --overwrite", at.path);
    }
    if (status == STY_OK && !device) {
        status = make_folder(&at, err);
        *file = at.path;
        at.path = NULL;
    }
    place_clear(&at);
    return status;
}

sty_status sty_writer_open(const char *path, const char *format, bool overwrite,
                           sty_writer **writer, sty_err *err) {
    place at;
    STY_TRY(choose(path, format, &at, err));
    sty_writer *made = sty_alloc(1, sizeof *made);
    if (!made) {
        place_clear(&at);
        return sty_err_no_memory(err, sizeof *made, "a writer");
    }
    made->type = at.type;
    made->overwrite = overwrite;
    made->path = at.path;
    made->specifier = at.specifier;
    made->second = at.second;
    made->state = sty_alloc(1, at.type->state_size);
    sty_status status = made->state ? make_folder(&at, err) : sty_err_no_memory(err, at.type->state_size, path);
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
    if (writer->state && writer->type->clear) writer->type->clear(writer);
    sty_out_abort(writer->out);
    sty_buf_clear(&writer->text);
    sty_free(writer->path);
    sty_free(writer->specifier);
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

static void json_seconds(sty_buf *out, const char *key, double seconds) {
    sty_buf_printf(out, ",\"%s\":%.10g", key, seconds);
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
    json_seconds(out, "start", record->start_s);
    json_seconds(out, "duration", record->duration_s);
    if (record->channel) sty_buf_printf(out, ",\"channel\":%d", record->channel);
    else sty_buf_text(out, ",\"channel\":\"mix\"");
    if (record->rate_hz) sty_buf_printf(out, ",\"sample_rate\":%d", record->rate_hz);
    sty_buf_printf(out, ",\"num_frames\":%zu,\"status\":\"ok\"", record->n_frames);
    json_columns(record, out);
    for (size_t i = 0; i < record->n_notes; i++) {
        sty_buf_text(out, i ? "," : ",\"notes\":[");
        sty_buf_json(out, record->notes[i]);
        if (i + 1 == record->n_notes) sty_buf_text(out, "]");
    }
    for (size_t i = 0; i < record->n_fields; i++)
        json_field(&record->fields[i], out);
    sty_buf_text(out, ",\"model\":{\"name\":");
    sty_buf_json(out, record->model_name);
    sty_buf_printf(out, ",\"hash\":\"%s\"}}", record->model_hash);
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
                               "clip; %s needs equal shapes, jsonl does not",
                               fields->field[i].name, record->id, format);
    }
    return STY_OK;
}

void sty_fields_clear(sty_fields *fields) {
    for (size_t i = 0; i < fields->n; i++)
        sty_free(fields->field[i].name);
    fields->n = 0;
}
