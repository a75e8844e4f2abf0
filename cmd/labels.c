/* labels.c - see labels.h. Entries are sorted by id and by path once, so that
 * looking up a corpus takes no longer than reading its list. */
#include "labels.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b) {
    return strcmp((*(const sty_entry *const *)a)->id, (*(const sty_entry *const *)b)->id);
}

static int by_path(const void *a, const void *b) {
    return strcmp((*(const sty_entry *const *)a)->path, (*(const sty_entry *const *)b)->path);
}

typedef struct {
    const sty_entry **ids, **paths; /* [n], sorted */
    size_t n;
} lookup;

static sty_status index_list(label_set *labels, lookup *at, sty_err *err) {
    at->n = labels->list.n;
    at->ids = sty_arena_alloc(&labels->arena, at->n, sizeof(void *));
    at->paths = sty_arena_alloc(&labels->arena, at->n, sizeof(void *));
    if (!at->ids || !at->paths) return sty_err_no_memory(err, at->n, "labels");
    for (size_t i = 0; i < at->n; i++)
        at->ids[i] = at->paths[i] = &labels->list.entries[i];
    qsort(at->ids, at->n, sizeof(void *), by_id);
    qsort(at->paths, at->n, sizeof(void *), by_path);
    return STY_OK;
}

static const char *label_of(const label_set *labels, const lookup *at, const char *id, const char *path) {
    const sty_entry key = {.id = id, .path = path}, *const pointer = &key;
    const sty_entry *const *found = bsearch(&pointer, at->ids, at->n, sizeof(void *), by_id);
    if (!found) found = bsearch(&pointer, at->paths, at->n, sizeof(void *), by_path);
    if (!found) return NULL;
    const char *label = sty_list_column(&labels->list, *found, labels->column);
    if (!label && strcmp(labels->column, "speaker") == 0) label = (*found)->speaker;
    return label && *label ? label : NULL;
}

/* Groups are few, so a label is found by walking them. */
static size_t group_of(label_set *labels, const char *name) {
    for (size_t g = 0; g < labels->n_groups; g++)
        if (strcmp(labels->names[g], name) == 0) return g;
    labels->names[labels->n_groups] = name;
    return labels->n_groups++;
}

static sty_status assign(label_set *labels, const char *list, const vector_set *set, sty_err *err) {
    lookup at;
    bool any = false;
    STY_TRY(index_list(labels, &at, err));
    labels->group = sty_arena_alloc(&labels->arena, set->n, sizeof *labels->group);
    labels->names = sty_arena_alloc(&labels->arena, set->n + 1, sizeof *labels->names);
    if (!labels->group || !labels->names) return sty_err_no_memory(err, set->n, "labels");
    for (size_t i = 0; i < at.n && !any; i++)
        any = label_of(labels, &at, at.ids[i]->id, "") != NULL;
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
    return assign(labels, list, set, err);
}

void labels_clear(label_set *labels) {
    sty_list_clear(&labels->list);
    sty_arena_clear(&labels->arena);
}
