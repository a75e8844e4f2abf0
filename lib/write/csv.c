/* csv.c - `csv` (RFC 4180) and `tsv`, with a header row.
 *
 *   one vector output     id,path,start,end,e0,e1,...   (labels instead of e0, ...)
 *   one matrix output     id,head,t0,t1,...             a row for each head
 *   list columns          before the values
 *   several outputs       id,path,start,end,style.0,...,token_weights.0.0,... */
#include "write/formats.h"

#include <string.h>

static char separator(const sty_writer *writer) {
    return writer->type == &sty_writer_tsv ? '\t' : ',';
}

/* Quoted where a reader needs it. TSV has no quotes: tabs and line ends become spaces. */
static void cell(sty_writer *writer, const char *text) {
    const bool tabs = separator(writer) == '\t';
    if (tabs) {
        for (; *text; text++)
            sty_buf_put(&writer->text, strchr("\t\r\n", *text) ? " " : text, 1);
        return;
    }
    if (!text[strcspn(text, ",\"\r\n")]) {
        sty_buf_text(&writer->text, text);
        return;
    }
    sty_buf_text(&writer->text, "\"");
    for (; *text; text++)
        sty_buf_put(&writer->text, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    sty_buf_text(&writer->text, "\"");
}

static void gap(sty_writer *writer) {
    const char c = separator(writer);
    sty_buf_put(&writer->text, &c, 1);
}

static bool heads_form(const sty_fields *fields) {
    return fields->n == 1 && fields->field[0].rank == 2;
}

/* "style.0", "token_weights.0.3": the index of value i in an array. */
static void indexed(sty_writer *writer, const sty_fields *fields, size_t f, size_t i) {
    const size_t *dim = fields->field[f].dim;
    const int rank = fields->field[f].rank;
    sty_buf_text(&writer->text, fields->field[f].name);
    size_t below = fields->field[f].count;
    for (int d = 0; d < rank; d++) {
        below /= dim[d];
        sty_buf_printf(&writer->text, ".%zu", i / below % dim[d]);
    }
}

static void column_names(sty_writer *writer, const sty_record *record) {
    for (size_t i = 0; i < record->n_columns; i++) {
        gap(writer);
        cell(writer, record->column_names[i]);
    }
}

static void columns(sty_writer *writer, const sty_record *record) {
    for (size_t i = 0; i < record->n_columns; i++) {
        gap(writer);
        cell(writer, record->columns[i] ? record->columns[i] : "");
    }
}

static void header(sty_writer *writer, const sty_record *record) {
    const sty_fields *fields = writer->state;
    static const char *const names[] = {"id", "path", "start", "end"};
    if (heads_form(fields)) {
        cell(writer, "id");
        gap(writer);
        cell(writer, "head");
        column_names(writer, record);
        for (size_t i = 0; i < fields->field[0].dim[1]; i++) {
            gap(writer);
            sty_buf_printf(&writer->text, "t%zu", i);
        }
        sty_buf_text(&writer->text, "\n");
        return;
    }
    for (size_t i = 0; i < STY_COUNT(names); i++) {
        if (i) gap(writer);
        cell(writer, names[i]);
    }
    column_names(writer, record);
    for (size_t f = 0; f < fields->n; f++)
        for (size_t i = 0; i < fields->field[f].count; i++) {
            gap(writer);
            if (record->fields[f].labels) cell(writer, record->fields[f].labels[i]);
            else if (fields->n == 1 && fields->field[0].rank == 1)
                sty_buf_printf(&writer->text, "e%zu", i);
            else indexed(writer, fields, f, i);
        }
    sty_buf_text(&writer->text, "\n");
}

static void values(sty_writer *writer, const float *data, size_t n) {
    for (size_t i = 0; i < n; i++) {
        gap(writer);
        sty_buf_json_float(&writer->text, data[i]);
    }
    sty_buf_text(&writer->text, "\n");
}

static sty_status put(sty_writer *writer, const sty_record *record, sty_err *err) {
    sty_fields *fields = writer->state;
    const bool first = fields->n == 0;
    STY_TRY(sty_fields_check(fields, record, writer->type->name, err));
    if (first) header(writer, record);
    if (heads_form(fields)) {
        const size_t *dim = fields->field[0].dim;
        for (size_t h = 0; h < dim[0]; h++) {
            cell(writer, record->id);
            gap(writer);
            sty_buf_printf(&writer->text, "%zu", h);
            columns(writer, record);
            values(writer, record->fields[0].view.data + h * dim[1], dim[1]);
        }
        return sty_writer_send(writer, err);
    }
    cell(writer, record->id);
    gap(writer);
    cell(writer, record->path);
    gap(writer);
    sty_buf_printf(&writer->text, "%.10g", record->start_s);
    gap(writer);
    sty_buf_printf(&writer->text, "%.10g", record->start_s + record->duration_s);
    columns(writer, record);
    for (size_t f = 0; f + 1 < fields->n; f++)
        for (size_t i = 0; i < fields->field[f].count; i++) {
            gap(writer);
            sty_buf_json_float(&writer->text, record->fields[f].view.data[i]);
        }
    const size_t last = fields->n - 1;
    values(writer, record->fields[last].view.data, fields->field[last].count);
    return sty_writer_send(writer, err);
}

static void clear(sty_writer *writer) { sty_fields_clear(writer->state); }

const sty_writer_type sty_writer_csv = {
    .name = "csv",
    .extension = ".csv",
    .summary = "comma-separated, header row",
    .columns = true,
    .state_size = sizeof(sty_fields),
    .put = put,
    .clear = clear,
};

const sty_writer_type sty_writer_tsv = {
    .name = "tsv",
    .extension = ".tsv",
    .summary = "tab-separated, header row",
    .columns = true,
    .state_size = sizeof(sty_fields),
    .put = put,
    .clear = clear,
};
