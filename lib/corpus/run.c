/* run.c - see run.h. */
#define _GNU_SOURCE
#include "corpus/run.h"

#include "base/hash.h"
#include "corpus/list_parts.h"
#include "corpus/pool_parts.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW = 1024 }; /* results of a stream that may wait for one before them */
static const uint64_t EXPORT_NS = 5000000; /* for results of a log, between two looks at the workers */

typedef struct {
    sty_buf packed;
    bool done;
} waiting;

typedef struct {
    const sty_run *run;
    const size_t *todo; /* what is left of it, in entries; NULL: all */
    size_t n;
    sty_log *log;
    sty_export *exported;
    size_t *order;     /* [run->n] entries as they are written; NULL: as in run->todo */
    size_t n_exported; /* of a log */
    waiting *window;   /* [WINDOW] */
    size_t head;       /* the next position to be written */
    bool unflushed;
    sty_fields shapes;
    sty_unpacked unpacked;
    sty_listed listed[2]; /* the entries that were asked for last */
    unsigned n_asked;
    struct line *lines; /* [n_lines] of a JSON stream, position by position, used again */
    size_t n_lines;
    sty_lines *input;
} state;

/* An object that waits or is worked at: its entry here for the opening of files, its
 * text for the worker. */
struct line {
    sty_list list;
    sty_listed listed;
    sty_buf text;
};

static size_t index_at(const state *s, size_t position) { return s->todo ? s->todo[position] : position; }

static const sty_entry *entry_at(void *context, size_t position) {
    state *s = context;
    if (s->lines) return &s->lines[position % s->n_lines].listed.entry;
    return sty_list_at(s->run->list, index_at(s, position), &s->listed[s->n_asked++ % STY_COUNT(s->listed)]);
}

static bool same_source(void *context, size_t a, size_t b) {
    const state *s = context;
    return !s->lines && sty_list_same_source(s->run->list, index_at(s, a), index_at(s, b));
}

static size_t limit(void *context) {
    const state *s = context;
    return s->window ? s->head + WINDOW : (size_t)-1;
}

static sty_status put_part(void *exported, size_t index, const void *payload, size_t n, sty_err *err) {
    (void)index;
    return sty_export_put(exported, payload, n, err);
}

static size_t next_index(const state *s) {
    const size_t at = s->n_exported;
    return s->order ? s->order[at] : s->run->todo ? s->run->todo[at] : at;
}

/* Writes out what comes next in order as far as it is in the log, for a while: when the
 * last clip is done there is little left to write. */
static sty_status export_some(state *s, sty_err *err) {
    const uint64_t end_ns = sty_now_ns() + EXPORT_NS;
    while (s->n_exported < s->run->n && sty_log_can_read(s->log, next_index(s)) && sty_now_ns() < end_ns) {
        STY_TRY(sty_log_each(s->log, next_index(s), put_part, s->exported, err));
        STY_TRY(sty_export_input_end(s->exported, err));
        s->n_exported++;
    }
    return STY_OK;
}

static sty_status tick(void *context, sty_err *err) {
    state *s = context;
    if (s->log) STY_TRY(sty_log_flush(s->log, false, err));
    if (s->exported && s->log) STY_TRY(export_some(s, err));
    if (s->unflushed) STY_TRY(sty_export_flush(s->exported, err));
    s->unflushed = false;
    return s->run->tick ? s->run->tick(s->run->context, err) : STY_OK;
}

static sty_status check_mean(sty_fields *shapes, const sty_record *record, sty_err *err) {
    if (sty_fields_check(shapes, record, "a mean", err) == STY_OK) return STY_OK;
    size_t i = 0;
    while (i + 1 < shapes->n && memcmp(shapes->field[i].dim, record->fields[i].view.dim, sizeof shapes->field[i].dim) == 0)
        i++;
    return sty_err_set(err, STY_BAD_ARGUMENT, "the output '%s' has no mean: its shape follows the clip's length",
                       shapes->field[i].name);
}

/* Shows new records to the caller and compares shapes: better now than when all
 * has been computed. */
static sty_status look_at(state *s, bool first, const void *payload, size_t n, sty_err *err) {
    const bool equal = !s->run->any_shape || s->run->facts->average != STY_AVERAGE_NOTHING;
    size_t at = 0;
    while (at < n) {
        if (!sty_unpack_record(payload, n, &at, &s->unpacked))
            return sty_err_set(err, STY_INTERNAL, "a worker sent what is no record");
        const sty_record *record = &s->unpacked.record;
        const bool fatal = record->status == STY_BAD_ARGUMENT || record->status == STY_BAD_MODEL;
        if (fatal) return sty_err_set(err, record->status, "%s", record->message);
        if (equal && record->status == STY_OK) {
            if (s->run->facts->average != STY_AVERAGE_NOTHING) STY_TRY(check_mean(&s->shapes, record, err));
            else STY_TRY(sty_fields_check(&s->shapes, record, "this format", err));
        }
        if (s->run->seen) s->run->seen(s->run->context, record, first);
        first = false;
    }
    return STY_OK;
}

/* Writes whatever is complete at the head of the window. */
static sty_status drain(state *s, sty_err *err) {
    for (waiting *w = &s->window[s->head % WINDOW]; w->done; w = &s->window[s->head % WINDOW]) {
        STY_TRY(sty_export_put(s->exported, w->packed.data, w->packed.length, err));
        STY_TRY(sty_export_input_end(s->exported, err));
        sty_buf_clear(&w->packed);
        w->packed = (sty_buf){0};
        w->done = false;
        s->head++;
        s->unflushed = true; /* before anything is waited for */
    }
    return STY_OK;
}

static sty_status result(void *context, size_t position, unsigned part, bool last, const void *payload, size_t n,
                         sty_err *err) {
    state *s = context;
    STY_TRY(look_at(s, part == 0, payload, n, err));
    if (!s->window) {
        const size_t index = index_at(s, position);
        STY_TRY(sty_log_append(s->log, index, part, last, payload, n, err));
        if (part || !last || index != next_index(s)) return STY_OK;
        STY_TRY(sty_export_put(s->exported, payload, n, err)); /* its turn: it need not be read */
        s->n_exported++;
        return sty_export_input_end(s->exported, err);
    }
    waiting *w = &s->window[position % WINDOW];
    if (part == 0) w->packed.length = 0;
    sty_buf_put(&w->packed, payload, n);
    if (w->packed.failed) return sty_err_no_memory(err, n, "a result");
    w->done = last;
    return last ? drain(s, err) : STY_OK;
}

static sty_status work_through(state *s, sty_pool_options options, sty_err *err) {
    const sty_pool_job job = {
        .n = s->n, .context = s, .entry = entry_at, .same_source = same_source, .limit = limit, .result = result, .tick = tick};
    sty_pool *pool = NULL;
    if ((size_t)options.n_workers > s->n) options.n_workers = s->n ? (int)s->n : 1;
    STY_TRY(sty_pool_create(&options, &job, &pool, err));
    const sty_status status = sty_pool_run(pool, err);
    sty_pool_free(pool);
    return status;
}

/* ---- with a log ---- */

static sty_status what_is_left(state *s, size_t **left, sty_err *err) {
    const sty_run *run = s->run;
    if (sty_log_count(s->log) == 0) return STY_OK;
    *left = sty_alloc(run->n, sizeof **left);
    if (!*left) return sty_err_no_memory(err, run->n * sizeof **left, "a list");
    s->n = 0;
    for (size_t i = 0; i < run->n; i++) {
        const size_t index = run->todo ? run->todo[i] : i;
        if (!sty_log_has(s->log, index)) (*left)[s->n++] = index;
    }
    s->todo = *left;
    if (run->resumed && s->n < run->n) run->resumed(run->context, run->n - s->n);
    return STY_OK;
}

static int by_id(const void *a, const void *b, void *context) {
    const char *const *ids = context;
    return strcmp(ids[*(const size_t *)a], ids[*(const size_t *)b]);
}

static sty_status sort_order(state *s, sty_err *err) {
    const sty_run *run = s->run;
    const size_t n = run->list->n;
    sty_texts texts = {0};
    const char **ids = sty_pages(NULL, 0, n * sizeof *ids);
    s->order = sty_alloc(run->n, sizeof *s->order);
    bool good = ids && s->order;
    for (size_t i = 0; good && i < run->n; i++) {
        const size_t index = s->order[i] = run->todo ? run->todo[i] : i;
        const char *id = sty_list_at(run->list, index, &s->listed[0])->id;
        ids[index] = sty_texts_put(&texts, id, strlen(id));
        good = ids[index] != NULL;
    }
    if (good) qsort_r(s->order, run->n, sizeof *s->order, by_id, ids);
    sty_pages(ids, n * sizeof *ids, 0);
    sty_texts_clear(&texts);
    return good ? STY_OK : sty_err_no_memory(err, n * sizeof *ids, "a list");
}

static sty_status begin_export(state *s, sty_err *err) {
    const sty_run *run = s->run;
    if (run->sort && run->n) STY_TRY(sort_order(s, err));
    return sty_export_begin(&run->output, &s->exported, err);
}

/* What the run has left to write. */
static sty_status end_export(state *s, sty_counts *counts, sty_err *err) {
    while (s->n_exported < s->run->n) {
        if (!sty_log_can_read(s->log, next_index(s))) return sty_err_set(err, STY_INTERNAL, "entry %zu has no record", next_index(s) + 1);
        STY_TRY(tick(s, err));
    }
    *counts = *sty_export_counts(s->exported);
    sty_export *exported = s->exported;
    s->exported = NULL;
    return sty_export_end(exported, counts->n_records > 0 || s->run->empty_output, err);
}

static sty_status run_logged(state *s, sty_counts *counts, sty_err *err) {
    const sty_run *run = s->run;
    size_t *left = NULL;
    STY_TRY(sty_log_open(run->journal, run->header, run->list->n, run->resume, run->overwrite, &s->log, err));
    sty_pool_options options = run->pool;
    options.close_fd = sty_log_fd(s->log);
    sty_status status = what_is_left(s, &left, err);
    if (status == STY_OK) status = begin_export(s, err);
    if (status == STY_OK && s->n) status = work_through(s, options, err);
    /* what came in is kept even when the run ends badly */
    sty_err lost;
    const sty_status synced = sty_log_sync(s->log, &lost);
    if (status == STY_OK && synced != STY_OK) {
        if (err) *err = lost;
        status = synced;
    }
    if (status == STY_OK) status = end_export(s, counts, err);
    sty_export_abort(s->exported);
    /* of a run that cannot succeed nothing is kept either */
    const bool useless = status == STY_BAD_ARGUMENT || status == STY_BAD_MODEL;
    sty_log_close(s->log, useless || (status == STY_OK && !run->keep_journal));
    sty_free(left);
    sty_free(s->order);
    return status;
}

/* ---- streams ---- */

static sty_status begin_stream(state *s, sty_err *err) {
    s->window = sty_alloc(WINDOW, sizeof *s->window);
    if (!s->window) return sty_err_no_memory(err, WINDOW * sizeof *s->window, "results");
    return sty_export_begin(&s->run->output, &s->exported, err);
}

static sty_status end_stream(state *s, sty_status status, sty_counts *counts, sty_err *err) {
    for (size_t i = 0; s->window && i < WINDOW; i++)
        sty_buf_clear(&s->window[i].packed);
    sty_free(s->window);
    if (s->exported) *counts = *sty_export_counts(s->exported);
    if (status == STY_OK) return sty_export_end(s->exported, true, err);
    sty_export_abort(s->exported);
    return status;
}

sty_status sty_run_all(const sty_run *run, sty_counts *counts, sty_err *err) {
    state s = {.run = run, .todo = run->todo, .n = run->n};
    sty_status status;
    memset(counts, 0, sizeof *counts);
    sty_unpacked_begin(&s.unpacked, run->facts);
    const bool room = sty_listed_begin(&s.listed[0], run->list) && sty_listed_begin(&s.listed[1], run->list);
    if (!room) status = sty_err_no_memory(err, 0, "a list");
    else if (run->streamed) {
        status = begin_stream(&s, err);
        if (status == STY_OK && s.n) status = work_through(&s, run->pool, err);
        status = end_stream(&s, status, counts, err);
    } else status = run_logged(&s, counts, err);
    for (size_t i = 0; i < STY_COUNT(s.listed); i++)
        sty_listed_clear(&s.listed[i]);
    sty_fields_clear(&s.shapes);
    return status;
}

/* ---- lines of JSON ---- */

static const char *text_at(void *context, size_t position, size_t *n) {
    const state *s = context;
    const sty_buf *text = &s->lines[position % s->n_lines].text;
    *n = text->length;
    return text->data;
}

static sty_status take_line(state *s, size_t position, const char *text, size_t n, sty_err *err) {
    struct line *line = &s->lines[position % s->n_lines];
    sty_list_empty(&line->list);
    line->text.length = 0;
    sty_buf_put(&line->text, text, n);
    if (line->text.failed) return sty_err_no_memory(err, n, "a line");
    STY_TRY(sty_list_add_object(&line->list, text, n, s->input->number, err));
    STY_TRY(sty_list_finish(&line->list, false, err));
    if (!sty_listed_begin(&line->listed, &line->list)) return sty_err_no_memory(err, n, "a line");
    sty_list_at(&line->list, 0, &line->listed);
    return STY_OK;
}

/* No more lines are taken than answers may wait for the one before them. */
static sty_status more_lines(void *context, bool readable, size_t *n, bool *ended, bool *hungry, sty_err *err) {
    state *s = context;
    char *text;
    size_t length;
    if (readable) STY_TRY(sty_lines_fill(s->input, err));
    bool left = true;
    while (*n < s->head + s->n_lines && (left = sty_lines_take(s->input, &text, &length)))
        if (text[strspn(text, " \t")]) STY_TRY(take_line(s, (*n)++, text, length, err));
    *ended = !left && s->input->ended;
    *hungry = !left && !s->input->ended;
    return STY_OK;
}

static sty_status begin_lines(state *s, const sty_list_options *options, int n_workers, sty_err *err) {
    const size_t n = 8 * (size_t)n_workers;
    s->lines = sty_alloc(n < WINDOW ? n : WINDOW, sizeof *s->lines);
    if (!s->lines) return sty_err_no_memory(err, WINDOW, "lines");
    s->n_lines = n < WINDOW ? n : WINDOW;
    for (size_t i = 0; i < s->n_lines; i++)
        STY_TRY(sty_list_begin(&s->lines[i].list, options, err));
    return begin_stream(s, err);
}

static void end_lines(state *s) {
    for (size_t i = 0; i < s->n_lines; i++) {
        sty_list_clear(&s->lines[i].list);
        sty_listed_clear(&s->lines[i].listed);
        sty_buf_clear(&s->lines[i].text);
    }
    sty_free(s->lines);
    sty_lines_close(s->input);
}

sty_status sty_run_lines(const sty_run *run, const sty_list_options *options, const char *path, sty_counts *counts,
                         sty_err *err) {
    sty_lines input = {0};
    state s = {.run = run, .input = &input};
    sty_pool_job job = {.context = &s, .entry = entry_at, .same_source = same_source, .limit = limit, .result = result, .tick = tick,
                        .more = more_lines, .text = text_at};
    sty_pool_options workers = run->pool;
    sty_pool *pool = NULL;
    memset(counts, 0, sizeof *counts);
    workers.list_options = options;
    sty_unpacked_begin(&s.unpacked, run->facts);
    sty_status status = sty_lines_open_live(&input, path, err);
    job.fd = input.fd;
    if (status == STY_OK) status = begin_lines(&s, options, workers.n_workers, err);
    if (status == STY_OK) status = sty_pool_create(&workers, &job, &pool, err);
    if (status == STY_OK) status = sty_pool_run(pool, err);
    sty_pool_free(pool);
    status = end_stream(&s, status, counts, err);
    end_lines(&s);
    sty_fields_clear(&s.shapes);
    return status;
}

/* ---- digest ---- */

static void add_text(sty_digest *digest, const char *text) {
    if (text) sty_digest_add(digest, text, strlen(text) + 1);
    else sty_digest_add(digest, "\1", 2);
}

bool sty_list_digest(const sty_list *list, char hex[33]) {
    sty_listed listed = {0};
    sty_digest *digest = sty_digest_create();
    const bool good = digest && sty_listed_begin(&listed, list);
    for (size_t i = 0; good && i < list->n; i++) {
        const sty_entry *e = sty_list_at(list, i, &listed);
        const double numbers[3] = {e->start_s, e->end_s, (double)e->offset};
        const short small[2] = {e->channel, e->kind};
        add_text(digest, e->id);
        add_text(digest, e->path);
        add_text(digest, e->speaker);
        sty_digest_add(digest, numbers, sizeof numbers);
        sty_digest_add(digest, small, sizeof small);
        for (size_t c = 0; e->columns && c < list->n_columns; c++)
            add_text(digest, e->columns[c]);
    }
    if (good) sty_digest_hex(digest, hex);
    sty_digest_free(digest);
    sty_listed_clear(&listed);
    return good;
}
