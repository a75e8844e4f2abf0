/* list_ids.c - a name for every entry, unique. The default is the path without
 * its extension below the folder that all have in common (a bare file name would
 * let two folders overwrite each other), or the list's own id. A part of a file
 * that has no id of its own gets its times in milliseconds behind it. */
#define _GNU_SOURCE
#include "corpus/list_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what --id-from asks for ---- */

static bool is_template(const char *text) { return text && strchr(text, '{') != NULL; }

static sty_status add_column(sty_list *list, const char *name, size_t n, sty_err *err) {
    for (size_t i = 0; i < list->n_columns; i++)
        if (strlen(list->columns[i]) == n && memcmp(list->columns[i], name, n) == 0) return STY_OK;
    if (list->n_columns == STY_LIST_COLUMNS) return sty_err_set(err, STY_BAD_ARGUMENT, "more than %d columns", STY_LIST_COLUMNS);
    if (!list->columns) list->columns = sty_alloc(STY_LIST_COLUMNS, sizeof *list->columns);
    char *copy = list->columns ? sty_texts_put(&list->names, name, n) : NULL;
    if (!copy) return sty_err_no_memory(err, n, "columns");
    list->columns[list->n_columns++] = copy;
    return STY_OK;
}

static bool is_built_in(const char *name, size_t n) {
    static const char *const known[] = {"path", "stem", "id", "speaker", "line", "start", "end"};
    for (size_t i = 0; i < STY_COUNT(known); i++)
        if (strlen(known[i]) == n && memcmp(known[i], name, n) == 0) return true;
    return false;
}

sty_status sty_list_plan_columns(sty_list *list, sty_err *err) {
    const sty_list_options *o = list->options;
    const char *from = o->id_from;
    for (size_t i = 0; i < o->n_keep; i++) {
        STY_TRY(add_column(list, o->keep[i], strlen(o->keep[i]), err));
        if (list->n_columns != i + 1) return sty_err_set(err, STY_BAD_ARGUMENT, "--keep names the column '%s' twice", o->keep[i]);
    }
    if (!from || strcmp(from, "path") == 0 || strcmp(from, "stem") == 0) return STY_OK;
    if (strncmp(from, "column:", 7) == 0 && from[7]) return add_column(list, from + 7, strlen(from + 7), err);
    if (!is_template(from))
        return sty_err_set(err, STY_BAD_ARGUMENT, "--id-from is '%s', expected path, stem, column:NAME or a template as {speaker}-{stem}",
                           from);
    for (const char *p = strchr(from, '{'); p; p = strchr(p + 1, '{')) {
        const char *end = strchr(p, '}');
        if (!end || end == p + 1)
            return sty_err_set(err, STY_BAD_ARGUMENT, "the template '%s' has a '{' without a name and '}'", from);
        if (!is_built_in(p + 1, (size_t)(end - p - 1))) STY_TRY(add_column(list, p + 1, (size_t)(end - p - 1), err));
    }
    return STY_OK;
}

/* ---- the common root ---- */

static bool has_path(const sty_entry *entry) {
    return entry->kind == STY_SOURCE_FILE || entry->kind == STY_SOURCE_ARK;
}

size_t sty_list_common_root(const sty_list *list) {
    const char *first = NULL;
    size_t root = 0;
    for (size_t i = 0; i < list->n; i++) {
        const char *folder = sty_list_folder(list, i);
        if (!folder || folder == first) continue;
        if (!first) {
            first = folder;
            root = strlen(folder);
        }
        size_t end = 0;
        for (size_t k = 0; k < root && first[k] == folder[k]; k++)
            if (first[k] == '/') end = k + 1;
        root = end;
    }
    return root;
}

static size_t without_extension(const char *name) {
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name, *dot = strrchr(base, '.');
    return dot && dot != base ? (size_t)(dot - name) : strlen(name);
}

/* ---- one id ---- */

static void put_path(sty_buf *id, const sty_entry *entry, size_t root) {
    if (entry->kind == STY_SOURCE_STDIN) sty_buf_text(id, "stdin");
    else if (has_path(entry)) sty_buf_put(id, entry->path + root, without_extension(entry->path + root));
    else sty_buf_printf(id, "line-%u", entry->line);
    if (entry->kind == STY_SOURCE_ARK) sty_buf_printf(id, ":%llu", (unsigned long long)entry->offset);
}

static void put_stem(sty_buf *id, const sty_entry *entry) {
    const char *slash = strrchr(entry->path, '/'), *base = slash ? slash + 1 : entry->path;
    if (has_path(entry)) sty_buf_put(id, base, without_extension(base));
    else put_path(id, entry, 0);
}

static void put_times(sty_buf *id, const sty_entry *entry) {
    if (entry->start_s <= 0 && entry->end_s <= 0) return;
    sty_buf_printf(id, "-%07lld", (long long)llround(entry->start_s * 1000));
    if (entry->end_s > 0) sty_buf_printf(id, "-%07lld", (long long)llround(entry->end_s * 1000));
}

/* false: a named column is missing. */
static bool put_name(const sty_list *list, sty_buf *id, const sty_entry *entry, size_t root, const char *name, size_t n) {
    char text[256];
    if (n >= sizeof text) return false;
    memcpy(text, name, n);
    text[n] = '\0';
    if (strcmp(text, "path") == 0) put_path(id, entry, root);
    else if (strcmp(text, "stem") == 0) put_stem(id, entry);
    else if (strcmp(text, "line") == 0) sty_buf_printf(id, "%u", entry->line);
    else if (strcmp(text, "start") == 0) sty_buf_printf(id, "%07lld", (long long)llround(entry->start_s * 1000));
    else if (strcmp(text, "end") == 0) sty_buf_printf(id, "%07lld", (long long)llround(entry->end_s * 1000));
    else {
        const char *value = strcmp(text, "id") == 0        ? entry->id
                            : strcmp(text, "speaker") == 0 ? entry->speaker
                                                           : sty_list_column(list, entry, text);
        if (!value) return false;
        sty_buf_text(id, value);
    }
    return true;
}

static bool put_template(const sty_list *list, sty_buf *id, const sty_entry *entry, size_t root) {
    const char *p = list->options->id_from;
    while (*p) {
        const size_t n = strcspn(p, "{");
        sty_buf_put(id, p, n);
        p += n;
        if (!*p) break;
        const char *end = strchr(p, '}');
        if (!put_name(list, id, entry, root, p + 1, (size_t)(end - p - 1))) return false;
        p = end + 1;
    }
    return true;
}

void sty_list_path_id(const sty_list *list, const sty_entry *entry, sty_buf *id) {
    put_path(id, entry, list->root);
    put_times(id, entry);
}

sty_status sty_list_give_id(sty_list *list, sty_entry *entry, sty_buf *id, bool *changed, sty_err *err) {
    const char *from = list->options->id_from;
    const size_t root = list->root;
    bool found = true;
    id->length = 0;
    if (!from) {
        if (entry->id) return STY_OK;
        sty_list_path_id(list, entry, id);
        if (id->length) return id->failed ? sty_err_no_memory(err, id->capacity, "an id") : STY_OK; /* made again when it is asked for */
    } else if (strcmp(from, "path") == 0) put_path(id, entry, root);
    else if (strcmp(from, "stem") == 0) put_stem(id, entry);
    else if (is_template(from)) found = put_template(list, id, entry, root);
    else found = put_name(list, id, entry, root, from + 7, strlen(from + 7));
    if (found && id->length == 0) found = false;
    if (!found) {
        id->length = 0;
        sty_buf_printf(id, "line-%u", entry->line);
        STY_TRY(sty_list_spoil(list, entry, err, "line %u: nothing to make the id '%.100s' of", entry->line, from ? from : "path"));
    }
    sty_buf_put(id, "", 1);
    if (id->failed) return sty_err_no_memory(err, id->capacity, "an id");
    entry->id = id->data;
    *changed = true;
    return STY_OK;
}

typedef struct {
    const sty_list *list;
    sty_listed *listed;
} ids;

static const char *id_at(const void *context, size_t i) {
    const ids *all = context;
    return sty_list_at(all->list, i, all->listed)->id;
}

static sty_status refuse_twice(const sty_list *list, size_t i, size_t k, sty_listed *of_i, sty_listed *of_k, sty_err *err) {
    const sty_entry *a = sty_list_at(list, i, of_i), *b = sty_list_at(list, k, of_k);
    return sty_err_set(err, STY_BAD_ARGUMENT, "'%.250s' and '%.250s' would both have the id '%.150s'; %s", a->path, b->path, b->id,
                       b->line ? "--id-from names another source of ids" : "--glob takes files of one kind, --id-from names another source of ids");
}

sty_status sty_list_check_ids(const sty_list *list, sty_listed *listed, sty_err *err) {
    sty_text_index index;
    sty_listed other = {0};
    const ids all = {list, &other};
    if (!sty_listed_begin(&other, list)) return sty_err_no_memory(err, list->store.longest, "ids");
    sty_status status = sty_text_index_begin(&index, list->n, id_at, &all) ? STY_OK : sty_err_no_memory(err, list->n, "ids");
    for (size_t i = 0; i < list->n && status == STY_OK; i++) {
        const size_t there = sty_text_index_put(&index, sty_list_at(list, i, listed)->id, i);
        if (there != (size_t)-1) status = refuse_twice(list, there, i, &other, listed, err);
    }
    sty_text_index_clear(&index);
    sty_listed_clear(&other);
    return status;
}
