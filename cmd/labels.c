/* labels.c - see labels.h. Entries are sorted by id and by path once, so that
 * looking up a corpus takes no longer than reading its list. */
#include "labels.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *text;
    size_t entry;
} row;

static int by_text(const void *a, const void *b) { return strcmp(((const row *)a)->text, ((const row *)b)->text); }

typedef struct {
    row *ids, *paths; /* [n], sorted */
    size_t n;
    sty_listed *listed;
} lookup;

static bool put_row(label_set *labels, row *at, const char *text, size_t entry) {
    *at = (row){sty_arena_text(&labels->arena, text, strlen(text)), entry};
    return at->text != NULL;
}

static sty_status index_list(label_set *labels, lookup *at, sty_err *err) {
    at->n = labels->list.n;
    at->ids = sty_arena_alloc(&labels->arena, at->n, sizeof *at->ids);
    at->paths = sty_arena_alloc(&labels->arena, at->n, sizeof *at->paths);
    bool good = at->ids && at->paths && sty_listed_begin(at->listed, &labels->list);
    for (size_t i = 0; good && i < at->n; i++) {
        const sty_entry *entry = sty_list_at(&labels->list, i, at->listed);
        good = put_row(labels, &at->ids[i], entry->id, i) && put_row(labels, &at->paths[i], entry->path, i);
    }
    if (!good) return sty_err_no_memory(err, at->n, "labels");
    qsort(at->ids, at->n, sizeof *at->ids, by_text);
    qsort(at->paths, at->n, sizeof *at->paths, by_text);
    return STY_OK;
}

/* It stays as long as the list. */
static const char *label_of(const label_set *labels, const lookup *at, const char *id, const char *path) {
    const row of_id = {.text = id}, of_path = {.text = path};
    const row *found = bsearch(&of_id, at->ids, at->n, sizeof of_id, by_text);
    if (!found) found = bsearch(&of_path, at->paths, at->n, sizeof of_path, by_text);
    if (!found) return NULL;
    const sty_entry *entry = sty_list_at(&labels->list, found->entry, at->listed);
    const char *label = sty_list_column(&labels->list, entry, labels->column);
    if (!label && strcmp(labels->column, "speaker") == 0) label = entry->speaker;
    return label && *label ? label : NULL;
}

/* Groups are few, so a label is found by walking them. */
static size_t group_of(label_set *labels, const char *name) {
    for (size_t g = 0; g < labels->n_groups; g++)
        if (strcmp(labels->names[g], name) == 0) return g;
    labels->names[labels->n_groups] = name;
    return labels->n_groups++;
}

static sty_status assign(label_set *labels, const char *list, const vector_set *set, sty_listed *listed, sty_err *err) {
    lookup at = {.listed = listed};
    bool any = false;
    STY_TRY(index_list(labels, &at, err));
    labels->group = sty_arena_alloc(&labels->arena, set->n, sizeof *labels->group);
    labels->names = sty_arena_alloc(&labels->arena, set->n + 1, sizeof *labels->names);
    if (!labels->group || !labels->names) return sty_err_no_memory(err, set->n, "labels");
    for (size_t i = 0; i < at.n && !any; i++)
        any = label_of(labels, &at, at.ids[i].text, "") != NULL;
    if (!any) return sty_err_set(err, STY_BAD_ARGUMENT, "the list '%s' has no column '%s'", list, labels->column);
    for (size_t i = 0; i < set->n; i++) {
        const char *name = label_of(labels, &at, set->ids[i], set->paths[i]);
        if (!name)
            return sty_err_set(err, STY_BAD_ARGUMENT, "the list '%s' has no '%s' for the clip '%s'", list, labels->column,
                               set->ids[i]);
        labels->group[i] = group_of(labels, name);
    }
    return STY_OK;
}

sty_status labels_read(const char *list, const char *column, const vector_set *set, label_set *labels, sty_err *err) {
    memset(labels, 0, sizeof *labels);
    labels->column = column;
    labels->how = (sty_list_options){.keep = &labels->column, .n_keep = 1};
    STY_TRY(sty_list_begin(&labels->list, &labels->how, err));
    STY_TRY(sty_list_add_list(&labels->list, list, err));
    STY_TRY(sty_list_finish(&labels->list, false, err));
    sty_listed listed = {0};
    const sty_status status = assign(labels, list, set, &listed, err);
    sty_listed_clear(&listed);
    return status;
}

void labels_clear(label_set *labels) {
    sty_list_clear(&labels->list);
    sty_arena_clear(&labels->arena);
}
