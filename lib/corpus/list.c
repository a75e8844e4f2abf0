/* list.c - which reader gets a list, and what is done when all are read. The readers
 * are in list_text.c, list_table.c, list_json.c and list_folder.c; they know nothing
 * of this file but the entries (list_entry.c) and lines (list_lines.c). */
#define _GNU_SOURCE
#include "corpus/list.h"

#include "base/param.h"
#include "corpus/list_parts.h"

#include <string.h>
#include <sys/stat.h>

static const struct {
    const char *name;
    sty_list_reader read;
} kinds[] = {
    {"plain", sty_list_read_plain}, {"scp", sty_list_read_scp}, {"jsonl", sty_list_read_jsonl},
    {"json", sty_list_read_json},   {"csv", sty_list_read_csv}, {"tsv", sty_list_read_tsv},
    {"ljspeech", sty_list_read_ljspeech},
};

static const char *kind_name(const void *context, size_t i) {
    (void)context;
    return kinds[i].name;
}

sty_status sty_list_begin(sty_list *list, const sty_list_options *options, sty_err *err) {
    memset(list, 0, sizeof *list);
    list->options = options;
    list->folder = "";
    bool known = options->format == NULL;
    for (size_t i = 0; i < STY_COUNT(kinds); i++)
        known = known || strcmp(kinds[i].name, options->format) == 0;
    if (!known) return sty_unknown_name("list format", options->format, kind_name, NULL, STY_COUNT(kinds), err);
    return sty_list_plan_columns(list, err);
}

/* ---- sources ---- */

sty_status sty_list_add(sty_list *list, const char *path, sty_err *err) {
    struct stat st;
    if (list->options->recursive && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        STY_TRY(sty_list_read_folder(list, path, err));
        return sty_list_keep(list, err);
    }
    sty_entry *entry = sty_list_new(list, 0, err);
    if (!entry) return STY_OUT_OF_MEMORY;
    entry->kind = strcmp(path, "-") == 0 ? STY_SOURCE_STDIN : STY_SOURCE_FILE;
    entry->path = path;
    return sty_list_keep(list, err);
}

/* The reader for the list: by options, else by its first line. */
static sty_status choose(sty_list *list, sty_lines *lines, sty_list_reader *reader, sty_err *err) {
    const char *kind = list->options->null_separated ? "plain" : list->options->format;
    char *text;
    size_t n;
    STY_TRY(sty_lines_next(lines, &text, &n, err));
    if (text && n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* byte order mark */
        lines->offset = 3;
        text += 3;
    }
    static const char *const audio[] = {"RIFF", "fLaC", "OggS", "FORM", "caff"};
    for (size_t i = 0; text && i < STY_COUNT(audio); i++)
        if (n > 4 && memcmp(text, audio[i], 4) == 0)
            return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is audio and no list; give it without --files-from", lines->name);
    if (!kind) kind = text ? sty_list_kind(lines->name, text) : "plain";
    if (text) sty_lines_rewind(lines);
    for (size_t i = 0; i < STY_COUNT(kinds); i++)
        if (strcmp(kinds[i].name, kind) == 0) *reader = kinds[i].read;
    return STY_OK;
}

sty_status sty_list_add_list(sty_list *list, const char *path, sty_err *err) {
    sty_lines lines;
    sty_list_reader reader = NULL;
    const char *slash = strrchr(path, '/');
    list->folder = slash ? sty_texts_put(&list->names, path, (size_t)(slash - path) + 1) : "";
    if (!list->folder) return sty_err_no_memory(err, strlen(path), "a list");
    STY_TRY(sty_lines_open(&lines, path, list->options->null_separated ? '\0' : '\n', err));
    sty_status status = choose(list, &lines, &reader, err);
    if (status == STY_OK) status = reader(list, &lines, err);
    if (status == STY_OK) status = sty_list_keep(list, err);
    sty_lines_close(&lines);
    return status;
}

/* A column that no entry has is a mistake in its name. */
static sty_status check_kept(const sty_list *list, sty_listed *listed, sty_err *err) {
    for (size_t k = 0; k < list->options->n_keep && list->n; k++) {
        bool found = false;
        for (size_t i = 0; i < list->n && !found; i++) {
            const sty_entry *entry = sty_list_at(list, i, listed);
            found = entry->columns && entry->columns[k];
        }
        if (!found) return sty_err_set(err, STY_BAD_ARGUMENT, "--keep %s: no entry of the list has this column", list->options->keep[k]);
    }
    return STY_OK;
}

/* What is known of an entry when all are read: whether it is bad, and its id. */
static sty_status finish_entry(sty_list *list, size_t i, sty_listed *listed, sty_buf *id, sty_err *err) {
    sty_entry entry = *sty_list_at(list, i, listed);
    bool changed = false;
    sty_texts_empty(&list->texts);
    if (entry.end_s > 0 && entry.end_s <= entry.start_s && entry.kind != STY_SOURCE_BAD) {
        STY_TRY(sty_list_spoil(list, &entry, err, "the part from %g to %g s is empty", entry.start_s, entry.end_s));
        changed = true;
    }
    STY_TRY(sty_list_give_id(list, &entry, id, &changed, err));
    return changed ? sty_list_put(list, i, &entry, err) : STY_OK;
}

sty_status sty_list_finish(sty_list *list, bool check_ids, sty_err *err) {
    sty_listed listed = {0};
    sty_buf id = {0};
    STY_TRY(sty_list_keep(list, err));
    if (list->options->segments) STY_TRY(sty_list_join_segments(list, err));
    if (list->options->utt2spk) STY_TRY(sty_list_join_speakers(list, err));
    sty_status status = sty_listed_begin(&listed, list) ? STY_OK : sty_err_no_memory(err, list->store.longest, "a list");
    list->root = sty_list_common_root(list);
    for (size_t i = 0; i < list->n && status == STY_OK; i++)
        status = finish_entry(list, i, &listed, &id, err);
    if (status == STY_OK && !sty_listed_begin(&listed, list)) status = sty_err_no_memory(err, list->store.longest, "a list"); /* ids have come */
    list->finished = true;
    if (status == STY_OK && check_ids) status = check_kept(list, &listed, err);
    if (status == STY_OK && check_ids) status = sty_list_check_ids(list, &listed, err);
    sty_listed_clear(&listed);
    sty_buf_clear(&id);
    return status;
}

void sty_list_empty(sty_list *list) {
    list->n = 0;
    list->finished = list->open = false;
    sty_list_store_empty(&list->store);
}

void sty_list_clear(sty_list *list) {
    sty_list_store_clear(&list->store);
    sty_free(list->columns);
    sty_texts_clear(&list->texts);
    sty_texts_clear(&list->names);
    memset(list, 0, sizeof *list);
}
