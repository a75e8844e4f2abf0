/* export.c - see export.h. Means are held per speaker, so memory grows with the
 * speakers and not with the clips. */
#define _GNU_SOURCE
#include "corpus/export.h"

#include "corpus/list_parts.h"
#include "style/average.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    char *name;
    sty_average *mean;
    size_t n_inputs, n_frames, n_padded;
    double seconds, left_out_s;
    int channel;
} group;

struct sty_export {
    const sty_run_facts *facts;
    sty_writer *writer;
    sty_out *status;
    sty_buf row;
    struct input_state {
        bool open, failed, cut;
        double start_s, end_s;
    } input; /* at hand */
    sty_unpacked unpacked;
    sty_counts counts;
    group *groups;
    size_t n_groups, capacity;
    sty_text_index index;
};

void sty_unpacked_begin(sty_unpacked *unpacked, const sty_run_facts *facts) {
    memset(unpacked, 0, sizeof *unpacked);
    unpacked->record.model_name = facts->model_name;
    unpacked->record.model_hash = facts->model_hash;
    unpacked->record.column_names = facts->column_names;
    for (size_t i = 0; i < facts->n_names; i++) {
        unpacked->fields[i].name = facts->names[i];
        unpacked->fields[i].labels = facts->labels[i];
    }
}

sty_status sty_export_begin(const sty_export_options *options, sty_export **exported, sty_err *err) {
    sty_export *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "an output");
    made->facts = options->facts;
    sty_unpacked_begin(&made->unpacked, options->facts);
    sty_status status = sty_writer_open(options->output, options->format, options->overwrite, &made->writer, err);
    if (status == STY_OK && options->status) status = sty_out_open(options->status, true, &made->status, err);
    if (status == STY_OK) *exported = made;
    else sty_export_abort(made);
    return status;
}

/* ---- status rows ---- */

/* A row for each input, whatever the number of its records: the input has failed when
 * one of them has. */
static void begin_row(sty_export *e, const sty_record *record) {
    e->input = (struct input_state){.open = true, .start_s = record->start_s};
    if (!e->status) return;
    e->row.length = 0;
    sty_buf_text(&e->row, "{\"id\":");
    sty_buf_json(&e->row, record->input ? record->input : record->id);
    sty_buf_text(&e->row, ",\"path\":");
    sty_buf_json(&e->row, record->path);
}

static void fail_row(sty_export *e, const sty_record *record) {
    e->input.failed = true;
    if (!e->status) return;
    sty_buf_printf(&e->row, ",\"status\":\"error\",\"error\":{\"code\":\"%s\",\"message\":", sty_status_name(record->status));
    sty_buf_json(&e->row, record->message);
    sty_buf_text(&e->row, "}}\n");
}

sty_status sty_export_input_end(sty_export *e, sty_err *err) {
    if (!e->input.open) return STY_OK;
    e->input.open = false;
    e->counts.n_ok += !e->input.failed;
    e->counts.n_failed += e->input.failed;
    e->counts.n_cut += e->input.cut;
    if (!e->status) return STY_OK;
    if (!e->input.failed) sty_buf_printf(&e->row, ",\"status\":\"ok\",\"duration\":%.6g}\n", e->input.end_s - e->input.start_s);
    if (e->row.failed) return sty_err_no_memory(err, e->row.capacity, "a row");
    return sty_out_write(e->status, e->row.data, e->row.length, err);
}

/* ---- means ---- */

static const char *group_name(const void *context, size_t i) { return ((const sty_export *)context)->groups[i].name; }

static sty_status grow(sty_export *e, sty_err *err) {
    const size_t capacity = e->capacity ? e->capacity * 2 : 64;
    group *moved = sty_resize(e->groups, e->n_groups * sizeof *moved, capacity * sizeof *moved);
    if (!moved) return sty_err_no_memory(err, capacity * sizeof *moved, "means");
    e->groups = moved;
    e->capacity = capacity;
    sty_text_index_clear(&e->index);
    if (!sty_text_index_begin(&e->index, capacity, group_name, e)) return sty_err_no_memory(err, capacity, "means");
    for (size_t i = 0; i < e->n_groups; i++)
        sty_text_index_put(&e->index, e->groups[i].name, i);
    return STY_OK;
}

static sty_status group_of(sty_export *e, const char *name, group **found, sty_err *err) {
    if (e->n_groups == e->capacity) STY_TRY(grow(e, err));
    const size_t at = sty_text_index_put(&e->index, name, (size_t)-1);
    if (at != (size_t)-1) {
        *found = &e->groups[at];
        return STY_OK;
    }
    group *g = &e->groups[e->n_groups];
    *g = (group){.name = sty_copy_text(name, strlen(name))};
    if (!g->name) return sty_err_no_memory(err, strlen(name), "a name");
    const sty_status status = sty_average_create(e->facts->n_names, &g->mean, err);
    if (status != STY_OK) {
        sty_free(g->name);
        return status;
    }
    sty_text_index_put(&e->index, name, e->n_groups++);
    *found = g;
    return STY_OK;
}

static sty_status add_to_mean(sty_export *e, const sty_record *record, sty_err *err) {
    const bool list = e->facts->average == STY_AVERAGE_LIST;
    sty_view views[STY_MAX_FIELDS];
    group *g = NULL;
    STY_TRY(group_of(e, list ? "average" : record->speaker ? record->speaker : record->id, &g, err));
    for (size_t i = 0; i < record->n_fields; i++)
        views[i] = record->fields[i].view;
    STY_TRY(sty_average_add_mean(g->mean, e->facts->names, views, record->n_pieces ? record->n_pieces : 1, err));
    g->n_inputs++;
    g->n_frames += record->n_frames;
    g->n_padded += record->n_padded;
    g->seconds += record->duration_s;
    g->left_out_s += record->left_out_s;
    g->channel = record->channel;
    return STY_OK;
}

static sty_status put_mean(sty_export *e, group *g, sty_err *err) {
    const sty_run_facts *facts = e->facts;
    char text[4][80];
    const char *notes[4];
    sty_view views[STY_MAX_FIELDS];
    sty_field fields[STY_MAX_FIELDS];
    size_t n = 0;
    snprintf(text[n], sizeof text[n], "mean of %zu inputs", g->n_inputs);
    notes[n] = text[n], n++;
    if (sty_average_count(g->mean) > g->n_inputs) {
        snprintf(text[n], sizeof text[n], "mean of %zu pieces", sty_average_count(g->mean));
        notes[n] = text[n], n++;
    }
    if (g->n_padded) {
        snprintf(text[n], sizeof text[n], "too short ones, padded by %zu in all", g->n_padded);
        notes[n] = text[n], n++;
    }
    if (g->left_out_s > 0) {
        snprintf(text[n], sizeof text[n], "behind the last windows %.6g s in all", g->left_out_s);
        notes[n] = text[n], n++;
    }
    sty_average_get(g->mean, views);
    for (size_t i = 0; i < facts->n_names; i++)
        fields[i] = (sty_field){.name = facts->names[i], .view = views[i], .labels = facts->labels[i]};
    const sty_record record = {.id = g->name,
                               .path = "",
                               .duration_s = g->seconds,
                               .channel = g->channel,
                               .n_frames = g->n_frames,
                               .status = STY_OK,
                               .notes = notes,
                               .n_notes = n,
                               .fields = fields,
                               .n_fields = facts->n_names,
                               .model_name = facts->model_name,
                               .model_hash = facts->model_hash};
    return sty_writer_put(e->writer, &record, err);
}

/* ---- records ---- */

sty_status sty_export_put(sty_export *e, const void *payload, size_t n, sty_err *err) {
    const sty_record *record = &e->unpacked.record;
    size_t at = 0;
    while (at < n) {
        if (!sty_unpack_record(payload, n, &at, &e->unpacked))
            return sty_err_set(err, STY_INTERNAL, "a record cannot be read back");
        const bool good = record->status == STY_OK;
        const double end_s = record->start_s + record->duration_s;
        if (!e->input.open) begin_row(e, record);
        if (!good && !e->input.failed) fail_row(e, record);
        if (good && end_s > e->input.end_s) e->input.end_s = end_s;
        e->counts.n_records += good;
        if (good) e->counts.seconds += record->duration_s;
        e->counts.left_out_s += record->left_out_s;
        e->input.cut = e->input.cut || record->left_out_s > 0;
        if (good && e->facts->average != STY_AVERAGE_NOTHING) STY_TRY(add_to_mean(e, record, err));
        else STY_TRY(sty_writer_put(e->writer, record, err));
    }
    return STY_OK;
}

sty_status sty_export_flush(sty_export *e, sty_err *err) { return sty_writer_flush(e->writer, err); }

const sty_counts *sty_export_counts(const sty_export *e) { return &e->counts; }

sty_status sty_export_end(sty_export *e, bool keep, sty_err *err) {
    sty_status status = STY_OK;
    for (size_t i = 0; i < e->n_groups && status == STY_OK; i++)
        status = put_mean(e, &e->groups[i], err);
    if (status == STY_OK && keep) {
        status = sty_writer_close(e->writer, err);
        e->writer = NULL;
    }
    if (status == STY_OK && e->status) {
        status = sty_out_commit(e->status, err);
        e->status = NULL;
    }
    sty_export_abort(e);
    return status;
}

void sty_export_abort(sty_export *e) {
    if (!e) return;
    for (size_t i = 0; i < e->n_groups; i++) {
        sty_free(e->groups[i].name);
        sty_average_free(e->groups[i].mean);
    }
    sty_text_index_clear(&e->index);
    sty_free(e->groups);
    sty_writer_abort(e->writer);
    sty_out_abort(e->status);
    sty_buf_clear(&e->row);
    sty_free(e);
}
