/* merge.c - see merge.h. The header of a log tells everything about its run; those
 * of all shards must be equal but for the shard's number. */
#define _GNU_SOURCE
#include "corpus/merge.h"

#include "corpus/log.h"
#include "corpus/shard.h"
#include "model/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const sty_merge_options *options;
    sty_log **logs; /* [total] */
    sty_done *done;
    size_t total, n_entries;
    uint16_t *owner; /* [n_entries]: shard + 1 */
    sty_arena arena;
    sty_json *header;
    sty_run_facts facts;
    sty_export *exported;
    const char **ids;
} merge;

/* ---- headers ---- */

static sty_status read_facts(merge *m, const char *text, sty_err *err) {
    static const sty_json_limits limits = {1u << 24, 8, 1000000};
    static const char *const averages[] = {"nothing", "list", "speaker"};
    sty_cursor c, list, name, labels, label;
    STY_TRY(sty_json_parse(text, strlen(text), &limits, &m->header, err));
    const sty_cursor root = sty_json_root(m->header);
    sty_run_facts *f = &m->facts;
    const char *average;
    STY_TRY(sty_json_need(&root, "model", &c, err));
    STY_TRY(sty_json_need(&c, "name", &name, err));
    STY_TRY(sty_json_text(&name, &f->model_name, err));
    STY_TRY(sty_json_need(&c, "hash", &name, err));
    STY_TRY(sty_json_text(&name, &f->model_hash, err));
    STY_TRY(sty_json_need(&root, "entries", &c, err));
    STY_TRY(sty_json_integer(&c, 0, 1e12, &m->n_entries, err));
    STY_TRY(sty_json_need(&root, "average", &c, err));
    STY_TRY(sty_json_text(&c, &average, err));
    for (int i = 0; i < 3; i++)
        if (strcmp(average, averages[i]) == 0) f->average = (sty_average_over)i;
    STY_TRY(sty_json_need(&root, "columns", &list, err));
    const char **columns = sty_arena_alloc(&m->arena, sty_json_count(&list), sizeof *columns);
    STY_TRY(sty_json_need(&root, "outputs", &labels, err));
    const size_t n = sty_json_count(&labels);
    const char **names = sty_arena_alloc(&m->arena, n, sizeof *names);
    const char *const **all_labels = sty_arena_alloc(&m->arena, n, sizeof *all_labels);
    if (!columns || !names || !all_labels || n > STY_MAX_FIELDS) return sty_err_no_memory(err, n, "a header");
    for (bool more = sty_json_first(&list, &c); more; more = sty_json_next(&c))
        STY_TRY(sty_json_text(&c, &columns[f->n_columns++], err));
    for (bool more = sty_json_first(&labels, &c); more; more = sty_json_next(&c), f->n_names++) {
        STY_TRY(sty_json_need(&c, "name", &name, err));
        STY_TRY(sty_json_text(&name, &names[f->n_names], err));
        if (!sty_json_get(&c, "labels", &list)) continue;
        const char **texts = sty_arena_alloc(&m->arena, sty_json_count(&list), sizeof *texts);
        if (!texts) return sty_err_no_memory(err, 1, "labels");
        size_t k = 0;
        for (bool next = sty_json_first(&list, &label); next; next = sty_json_next(&label))
            STY_TRY(sty_json_text(&label, &texts[k++], err));
        all_labels[f->n_names] = texts;
    }
    f->names = names;
    f->labels = (const char *const *const *)all_labels;
    f->column_names = columns;
    return STY_OK;
}

/* Equal but for the shard's own number. */
static bool same_run(const char *a, const char *b) {
    static const char key[] = ",\"shard\":";
    const char *x = strstr(a, key), *y = strstr(b, key);
    if (!x || !y || x - a != y - b || memcmp(a, b, (size_t)(x - a)) != 0) return false;
    x += strlen(key);
    y += strlen(key);
    return strcmp(x + strspn(x, "0123456789"), y + strspn(y, "0123456789")) == 0;
}

/* The value that lies around text[i], with its quotes off; of the options, which are one
 * text, the word. */
static void value_at(const char *text, size_t i, bool word, char *value, size_t n) {
    const char *const ends = word ? " \"" : "\",{[]}:";
    size_t begin = i, end = i;
    while (begin > 0 && !strchr(ends, text[begin - 1]))
        begin--;
    while (text[end] && !strchr(ends, text[end]))
        end++;
    snprintf(value, n, "%.*s", (int)(end - begin), text + begin);
}

/* What differs first, for the message: its key, and both values. */
static sty_status refuse_other_run(const char *name, const char *first, const char *other, sty_err *err) {
    char key[40], here[200], there[200];
    size_t i = 0, begin = 0;
    for (; first[i] && first[i] == other[i]; i++)
        if (first[i] == ':' && i > 0 && first[i - 1] == '"') begin = i;
    const size_t end = begin ? begin - 1 : 0; /* of the key, at its quote */
    size_t at = end;
    while (at > 0 && first[at - 1] != '"')
        at--;
    snprintf(key, sizeof key, "%.*s", (int)(end - at), first + at);
    const bool options = strcmp(key, "options") == 0;
    value_at(first, i, options, here, sizeof here);
    value_at(other, i, options, there, sizeof there);
    const char *model = strstr(first, "\"model\":{"), *of = "";
    if (strcmp(key, "name") == 0 || strcmp(key, "hash") == 0) of = model && first + at < model + strcspn(model, "}") ? "the model's " : "an output's ";
    return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' comes from another run than shard 1: %s%s differs, '%s' there and '%s' in shard 1", name, of,
                       key, there, here);
}

/* ---- shards ---- */

static sty_status open_shard(merge *m, size_t i, sty_err *err) {
    const sty_shard shard = {.index = i + 1, .total = m->total};
    const char *base = m->options->shards ? m->options->shards : m->options->output;
    sty_buf name = {0};
    sty_shard_name(base, &shard, ".done.json", &name);
    sty_status status = name.failed ? sty_err_no_memory(err, 0, "a name") : sty_done_read(name.data, &m->done[i], err);
    if (status == STY_NOT_FOUND)
        status = sty_err_set(err, STY_BAD_ARGUMENT, "shard %zu of %zu is not finished: no '%s'; stylet missing lists all of them",
                             i + 1, m->total, name.data);
    sty_buf_clear(&name);
    name = (sty_buf){0};
    sty_shard_name(base, &shard, ".log", &name);
    if (status == STY_OK) status = name.failed ? sty_err_no_memory(err, 0, "a name") : sty_log_read(name.data, &m->logs[i], err);
    if (status == STY_OK && sty_log_count(m->logs[i]) != m->done[i].n_entries)
        status = sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has %zu entries, its completion record says %zu", name.data,
                             sty_log_count(m->logs[i]), m->done[i].n_entries);
    if (status == STY_OK && i && !same_run(sty_log_header(m->logs[0]), sty_log_header(m->logs[i])))
        status = refuse_other_run(name.data, sty_log_header(m->logs[0]), sty_log_header(m->logs[i]), err);
    sty_buf_clear(&name);
    return status;
}

static sty_status find_owners(merge *m, sty_err *err) {
    m->owner = sty_alloc(m->n_entries, sizeof *m->owner);
    if (!m->owner) return sty_err_no_memory(err, m->n_entries * sizeof *m->owner, "entries");
    for (size_t s = 0; s < m->total; s++)
        for (size_t i = 0; i < m->n_entries; i++) {
            if (!sty_log_has(m->logs[s], i)) continue;
            if (m->owner[i])
                return sty_err_set(err, STY_BAD_ARGUMENT, "entry %zu is in shard %u and in shard %zu", i + 1, m->owner[i], s + 1);
            m->owner[i] = (uint16_t)(s + 1);
        }
    for (size_t i = 0; i < m->n_entries; i++)
        if (!m->owner[i]) return sty_err_set(err, STY_BAD_ARGUMENT, "entry %zu of the list is in no shard", i + 1);
    return STY_OK;
}

/* ---- export ---- */

static sty_status put(void *exported, size_t index, const void *payload, size_t n, sty_err *err) {
    (void)index;
    return sty_export_put(exported, payload, n, err);
}

static sty_status keep_id(void *context, size_t index, const void *payload, size_t n, sty_err *err) {
    merge *m = context;
    sty_unpacked unpacked;
    size_t at = 0;
    if (m->ids[index]) return STY_OK;
    memset(&unpacked, 0, sizeof unpacked);
    if (!sty_unpack_record(payload, n, &at, &unpacked)) return sty_err_set(err, STY_BAD_ARGUMENT, "a log has a damaged record");
    m->ids[index] = sty_arena_text(&m->arena, unpacked.record.id, strlen(unpacked.record.id));
    return m->ids[index] ? STY_OK : sty_err_no_memory(err, 1, "ids");
}

static int by_id(const void *a, const void *b, void *context) {
    const char *const *ids = context;
    return strcmp(ids[*(const size_t *)a], ids[*(const size_t *)b]);
}

static sty_status sort_order(merge *m, size_t *order, sty_err *err) {
    for (size_t i = 0; i < m->n_entries; i++)
        order[i] = i;
    if (!m->options->sort) return STY_OK;
    m->ids = sty_arena_alloc(&m->arena, m->n_entries, sizeof *m->ids);
    if (!m->ids) return sty_err_no_memory(err, m->n_entries, "ids");
    for (size_t i = 0; i < m->n_entries; i++)
        STY_TRY(sty_log_each(m->logs[m->owner[i] - 1], i, keep_id, m, err));
    qsort_r(order, m->n_entries, sizeof *order, by_id, m->ids);
    return STY_OK;
}

static sty_status export_merged(merge *m, sty_counts *counts, sty_err *err) {
    const sty_export_options options = {.output = m->options->output,
                                        .format = m->options->format,
                                        .overwrite = m->options->overwrite,
                                        .status = m->options->status,
                                        .facts = &m->facts};
    size_t *order = sty_alloc(m->n_entries, sizeof *order);
    if (!order) return sty_err_no_memory(err, m->n_entries * sizeof *order, "entries");
    sty_status status = sort_order(m, order, err);
    if (status == STY_OK) status = sty_export_begin(&options, &m->exported, err);
    for (size_t i = 0; i < m->n_entries && status == STY_OK; i++) {
        if (i % 4096 == 0 && m->options->tick) status = m->options->tick(m->options->context, err);
        if (status == STY_OK) status = sty_log_each(m->logs[m->owner[order[i]] - 1], order[i], put, m->exported, err);
        if (status == STY_OK) status = sty_export_input_end(m->exported, err);
    }
    sty_free(order);
    if (status != STY_OK) {
        sty_export_abort(m->exported);
        return status;
    }
    *counts = *sty_export_counts(m->exported);
    return sty_export_end(m->exported, counts->n_records > 0, err);
}

sty_status sty_merge(const sty_merge_options *options, sty_counts *counts, size_t *n_shards, sty_err *err) {
    merge m = {.options = options};
    const char *base = options->shards ? options->shards : options->output;
    memset(counts, 0, sizeof *counts);
    STY_TRY(sty_shard_total(base, &m.total, err));
    if (m.total == 0 || m.total > UINT16_MAX) return sty_err_set(err, STY_BAD_ARGUMENT, "there are no shards of '%s'", base);
    *n_shards = m.total;
    m.logs = sty_alloc(m.total, sizeof *m.logs);
    m.done = sty_alloc(m.total, sizeof *m.done);
    sty_status status = m.logs && m.done ? STY_OK : sty_err_no_memory(err, m.total * sizeof *m.done, "shards");
    for (size_t i = 0; i < m.total && status == STY_OK; i++)
        status = open_shard(&m, i, err);
    if (status == STY_OK) {
        status = read_facts(&m, sty_log_header(m.logs[0]), err);
        if (status == STY_BAD_MODEL) { /* the JSON door's status: here the log is what is wrong */
            status = STY_BAD_ARGUMENT;
            if (err) err->status = status;
        }
    }
    if (status == STY_OK) status = find_owners(&m, err);
    if (status == STY_OK) status = export_merged(&m, counts, err);
    for (size_t i = 0; m.logs && i < m.total; i++)
        sty_log_close(m.logs[i], false);
    sty_free(m.logs);
    sty_free(m.done);
    sty_free(m.owner);
    sty_json_free(m.header);
    sty_arena_clear(&m.arena);
    return status;
}
