/* ids.c - common root, extension off, duplicates found by sorting. */
#include "corpus/ids.h"

#include <stdlib.h>
#include <string.h>

/* Length of the common folder of a and b[0 .. n), its last slash included. */
static size_t common_folder(const char *a, const char *b, size_t n) {
    size_t end = 0;
    for (size_t i = 0; i < n && a[i] && a[i] == b[i]; i++)
        if (a[i] == '/') end = i + 1;
    return end;
}

static size_t common_root(const char *const *paths, size_t n) {
    const char *first = NULL;
    size_t root = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(paths[i], "-") == 0) continue;
        if (!first) {
            const char *slash = strrchr(paths[i], '/');
            first = paths[i];
            root = slash ? (size_t)(slash - paths[i]) + 1 : 0;
        } else root = common_folder(first, paths[i], root);
    }
    return root;
}

static const char *one_id(const char *path, size_t root, sty_arena *arena) {
    if (strcmp(path, "-") == 0) return "stdin";
    const char *name = path + root, *slash = strrchr(name, '/');
    const char *dot = strrchr(slash ? slash + 1 : name, '.');
    size_t n = strlen(name);
    if (dot && dot != (slash ? slash + 1 : name)) n = (size_t)(dot - name);
    return sty_arena_text(arena, name, n);
}

typedef struct {
    const char *id;
    size_t index;
} entry;

static int by_id(const void *a, const void *b) {
    return strcmp(((const entry *)a)->id, ((const entry *)b)->id);
}

static sty_status check_duplicates(const char *const *paths, const char *const *ids, size_t n,
                                   sty_err *err) {
    entry *sorted = sty_alloc(n, sizeof *sorted);
    if (!sorted) return sty_err_no_memory(err, n, "ids");
    for (size_t i = 0; i < n; i++)
        sorted[i] = (entry){ids[i], i};
    qsort(sorted, n, sizeof *sorted, by_id);
    sty_status status = STY_OK;
    for (size_t i = 1; i < n && status == STY_OK; i++)
        if (strcmp(sorted[i - 1].id, sorted[i].id) == 0)
            status = sty_err_set(err, STY_BAD_ARGUMENT, "'%s' and '%s' would both have the id '%s'",
                                 paths[sorted[i - 1].index], paths[sorted[i].index], sorted[i].id);
    sty_free(sorted);
    return status;
}

sty_status sty_ids_from_paths(const char *const *paths, size_t n, sty_arena *arena,
                              const char **ids, sty_err *err) {
    const size_t root = common_root(paths, n);
    for (size_t i = 0; i < n; i++)
        if (!(ids[i] = one_id(paths[i], root, arena)))
            return sty_err_no_memory(err, strlen(paths[i]), "an id");
    return check_duplicates(paths, ids, n, err);
}
