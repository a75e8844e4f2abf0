/* list_table.c - CSV (RFC 4180, quoted line ends included) and TSV with a header
 * row. Columns are found by name; those that mean nothing here may be kept. */
#include "corpus/list_parts.h"

#include <string.h>

enum { MAX_COLUMNS = 4096 };

typedef struct {
    char **cell;
    sty_column *meaning;
    char **name;
    size_t n_cells, n_columns;
    sty_buf record;
    char separator;
} table;

/* One record into t->record; several lines when a quoted cell holds line ends. */
static sty_status read_record(table *t, sty_lines *lines, bool *more, sty_err *err) {
    size_t quotes = 0;
    t->record.length = 0;
    do {
        char *text;
        size_t n;
        STY_TRY(sty_lines_next(lines, &text, &n, err));
        *more = text != NULL;
        if (!text) break;
        if (t->record.length) sty_buf_text(&t->record, "\n");
        sty_buf_put(&t->record, text, n);
        for (size_t i = 0; i < n && t->separator == ','; i++)
            quotes += text[i] == '"';
    } while (quotes % 2);
    if (quotes % 2)
        return sty_err_set(err, STY_BAD_ARGUMENT, "a quoted cell of '%s' never ends", lines->name);
    sty_buf_put(&t->record, "", 1);
    return t->record.failed ? sty_err_no_memory(err, t->record.capacity, "a list") : STY_OK;
}

/* Splits the record in place, quotes removed. */
static void split(table *t) {
    char *from = t->record.data, *to = from;
    t->n_cells = 0;
    for (;;) {
        const bool quoted = t->separator == ',' && *from == '"';
        char *cell = to;
        if (quoted) {
            for (from++; *from && (*from != '"' || from[1] == '"'); from++) {
                from += *from == '"';
                *to++ = *from;
            }
            from += *from == '"';
        }
        while (*from && *from != t->separator)
            *to++ = *from++;
        const bool last = *from == '\0';
        from++;
        *to++ = '\0';
        if (t->n_cells < MAX_COLUMNS) t->cell[t->n_cells++] = cell;
        if (last) return;
    }
}

static const char *trimmed(char *cell) {
    size_t n;
    cell += strspn(cell, " ");
    n = strlen(cell);
    while (n && cell[n - 1] == ' ')
        cell[--n] = '\0';
    return cell;
}

static sty_status read_header(sty_list *list, table *t, sty_lines *lines, sty_err *err) {
    bool more, path = false;
    STY_TRY(read_record(t, lines, &more, err));
    if (!more) return STY_OK;
    split(t);
    for (size_t i = 0; i < t->n_cells; i++) {
        const char *name = trimmed(t->cell[i]);
        t->meaning[i] = sty_column_of(name);
        t->name[i] = sty_texts_put(&list->names, name, strlen(name));
        if (!t->name[i]) return sty_err_no_memory(err, strlen(name), "a list");
        path = path || t->meaning[i] == STY_COLUMN_PATH;
    }
    t->n_columns = t->n_cells;
    for (size_t k = 0; k < list->n_columns; k++) {
        bool known = false;
        for (size_t i = 0; i < t->n_columns; i++)
            known = known || strcmp(t->name[i], list->columns[k]) == 0;
        if (!known) return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has no column '%s'", lines->name, list->columns[k]);
    }
    if (path) return STY_OK;
    if (t->n_cells == 1 && strchr(t->name[0], ';'))
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has columns separated by ';', expected ',' or tabs", lines->name);
    return sty_err_set(err, STY_BAD_ARGUMENT,
                       "'%s' has no path column; expected one of path, file, filename, file_name, audio_filepath, wav "
                       "in its first line (--list-format plain reads a path a line)",
                       lines->name);
}

static sty_status one_row(sty_list *list, table *t, size_t line, sty_err *err) {
    split(t);
    if (t->n_cells == 1 && !*t->cell[0]) return STY_OK;
    if (t->n_cells != t->n_columns)
        return sty_list_bad(list, line, t->cell[0], err, "line %zu: %zu columns, the header has %zu", line, t->n_cells, t->n_columns);
    sty_entry *entry = sty_list_new(list, line, err);
    if (!entry) return STY_OUT_OF_MEMORY;
    for (size_t i = 0; i < t->n_cells; i++) {
        STY_TRY(sty_list_apply(list, entry, t->meaning[i], t->cell[i], err));
        STY_TRY(sty_list_set_column(list, entry, t->name[i], t->cell[i], err));
    }
    if (!*entry->path) return sty_list_spoil(list, entry, err, "line %zu: no path", line);
    if (entry->start_s > 0 && entry->end_s <= 0 && entry->duration_s > 0) entry->end_s = entry->start_s + entry->duration_s;
    return STY_OK;
}

static sty_status read_table(sty_list *list, sty_lines *lines, char separator, sty_err *err) {
    table t = {.separator = separator};
    t.cell = sty_alloc(MAX_COLUMNS, sizeof *t.cell);
    t.name = sty_alloc(MAX_COLUMNS, sizeof *t.name);
    t.meaning = sty_alloc(MAX_COLUMNS, sizeof *t.meaning);
    bool more = true;
    sty_status status = t.cell && t.name && t.meaning ? read_header(list, &t, lines, err)
                                                      : sty_err_no_memory(err, MAX_COLUMNS, "columns");
    while (status == STY_OK && more) {
        const size_t line = lines->number + 1;
        status = read_record(&t, lines, &more, err);
        if (status == STY_OK && more) status = one_row(list, &t, line, err);
    }
    sty_free(t.cell);
    sty_free(t.name);
    sty_free(t.meaning);
    sty_buf_clear(&t.record);
    return status;
}

sty_status sty_list_read_csv(sty_list *list, sty_lines *lines, sty_err *err) { return read_table(list, lines, ',', err); }

sty_status sty_list_read_tsv(sty_list *list, sty_lines *lines, sty_err *err) { return read_table(list, lines, '\t', err); }
