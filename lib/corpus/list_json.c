/* list_json.c - lists of JSON objects: NeMo manifests, lhotse recordings and cuts,
 * AudioFolder metadata, and any flat object with a path. An object tells what it
 * is by its keys, so kinds may even mix. Numbers that are kept as text stay as
 * they are written.
 *
 * Semantics from NeMo's ASR manifests and lhotse's serialised Recording and Cut
 * (nvidia/NeMo, lhotse-speech/lhotse). NeMo: `offset` with `duration` is a part of
 * the file; `duration` alone describes the whole file, it does not cut it. */
#include "corpus/list_parts.h"
#include "corpus/scan.h"

#include <string.h>

static const sty_json_limits line_limits = {16u << 20, 32, 100000};
static const sty_json_limits list_limits = {(size_t)1 << 30, 32, (size_t)1 << 28};

/* What reading an object needs; kept from line to line. */
typedef struct {
    sty_list *list;
    sty_scan scan;
    sty_buf text, type, key;
} objects;

typedef const sty_scan_value *value;

static void objects_clear(objects *o) {
    sty_scan_clear(&o->scan);
    sty_buf_clear(&o->text);
    sty_buf_clear(&o->type);
    sty_buf_clear(&o->key);
}

/* Columns of an object, and what they mean when apply is set. */
static sty_status members(objects *o, sty_entry *entry, value object, bool apply, sty_err *err) {
    for (value v = sty_scan_first(&o->scan, object); v; v = sty_scan_next(&o->scan, object, v)) {
        if (!sty_scan_scalar(&o->scan, v, &o->text)) continue;
        if (!sty_scan_key(&o->scan, v, &o->key)) return sty_err_no_memory(err, v->key_length, "a list");
        if (apply) STY_TRY(sty_list_apply(o->list, entry, sty_column_of(o->key.data), o->text.data, err));
        STY_TRY(sty_list_set_column(o->list, entry, o->key.data, o->text.data, err));
    }
    return STY_OK;
}

static bool number_of(objects *o, value object, const char *key, double *number) {
    const value v = sty_scan_get(&o->scan, object, key);
    return v && sty_scan_scalar(&o->scan, v, &o->text) && sty_list_seconds(o->text.data, number);
}

/* A string, valid until the next call; or NULL. */
static const char *text_of(objects *o, value object, const char *key) {
    return sty_scan_string(&o->scan, sty_scan_get(&o->scan, object, key), &o->text) ? o->text.data : NULL;
}

/* A copy in the list; *text stays where there is none. */
static sty_status copy_text(objects *o, value object, const char *key, const char **text, sty_err *err) {
    const char *found = text_of(o, object, key);
    if (!found) return STY_OK;
    *text = sty_list_text(o->list, found, strlen(found), err);
    return *text ? STY_OK : STY_OUT_OF_MEMORY;
}

/* The place of channel among the source's channels, from 1; 0: it has not got it. */
static int place_of(objects *o, value source, double channel, size_t *n) {
    const value list = sty_scan_get(&o->scan, source, "channels");
    int place = 0, i = 0;
    *n = 0;
    if (!list || list->kind != STY_SCAN_LIST) return 0;
    *n = list->n_children;
    for (value v = sty_scan_first(&o->scan, list); v; v = sty_scan_next(&o->scan, list, v)) {
        double number;
        i++;
        if (v->kind == STY_SCAN_NUMBER && sty_scan_scalar(&o->scan, v, &o->text) && sty_list_seconds(o->text.data, &number) && number == channel)
            place = i;
    }
    return place;
}

static sty_status apply_source(objects *o, sty_entry *entry, value source, sty_err *err) {
    sty_list *list = o->list;
    if (!sty_scan_string(&o->scan, sty_scan_get(&o->scan, source, "type"), &o->type))
        return sty_list_spoil(list, entry, err, "line %u: a source without a type, expected file or command", entry->line);
    const bool file = strcmp(o->type.data, "file") == 0;
    if (!file && strcmp(o->type.data, "command") != 0)
        return sty_list_spoil(list, entry, err, "line %u: a source of type '%.40s', expected file or command", entry->line, o->type.data);
    if (!text_of(o, source, "source"))
        return sty_list_spoil(list, entry, err, "line %u: a %s source without its source", entry->line, o->type.data);
    if (!file) {
        o->text.length--;
        sty_buf_put(&o->text, " |", 3);
        if (o->text.failed) return sty_err_no_memory(err, o->text.capacity, "a command");
    }
    return sty_list_source(list, entry, o->text.data, false, err);
}

/* channel < 0: all of them. */
static sty_status apply_sources(objects *o, sty_entry *entry, value recording, double channel, sty_err *err) {
    sty_list *list = o->list;
    const value sources = sty_scan_get(&o->scan, recording, "sources");
    const value first = sources && sources->kind == STY_SCAN_LIST ? sty_scan_first(&o->scan, sources) : NULL;
    size_t n_channels = 0;
    int place = 0;
    if (!first) return sty_list_spoil(list, entry, err, "line %u: the recording has no sources", entry->line);
    value chosen = first;
    if (channel < 0 && sources->n_children > 1)
        return sty_list_spoil(list, entry, err, "line %u: a recording in %u files; choose a channel in each cut", entry->line, sources->n_children);
    for (value v = channel >= 0 ? first : NULL; v && !place; v = sty_scan_next(&o->scan, sources, v)) {
        place = place_of(o, v, channel, &n_channels);
        if (place) chosen = v;
    }
    if (channel >= 0 && !place)
        return sty_list_spoil(list, entry, err, "line %u: the recording has no channel %g", entry->line, channel);
    if (n_channels > 1) entry->channel = (short)place;
    return apply_source(o, entry, chosen, err);
}

static sty_status set_id(objects *o, sty_entry *entry, value object, sty_err *err) {
    STY_TRY(copy_text(o, object, "id", &entry->id, err));
    return entry->id ? STY_OK : sty_list_spoil(o->list, entry, err, "line %u: no id", entry->line);
}

/* What a cut's first supervision says. */
static sty_status apply_supervision(objects *o, sty_entry *entry, value cut, sty_err *err) {
    static const char *const kept[] = {"text", "speaker", "language", "gender"};
    const value all = sty_scan_get(&o->scan, cut, "supervisions");
    const value first = all && all->kind == STY_SCAN_LIST ? sty_scan_first(&o->scan, all) : NULL;
    if (!first) return STY_OK;
    STY_TRY(copy_text(o, first, "speaker", &entry->speaker, err));
    for (size_t i = 0; i < STY_COUNT(kept) && o->list->n_columns; i++) {
        const char *text = text_of(o, first, kept[i]);
        if (text) STY_TRY(sty_list_set_column(o->list, entry, kept[i], text, err));
    }
    const value custom = sty_scan_get(&o->scan, first, "custom");
    return custom && custom->kind == STY_SCAN_OBJECT && o->list->n_columns ? members(o, entry, custom, false, err) : STY_OK;
}

/* type: of the cut, NUL-terminated. */
static sty_status apply_cut(objects *o, sty_entry *entry, value cut, const char *type, sty_err *err) {
    sty_list *list = o->list;
    double start = 0, duration = 0, channel = -1, whole = 0;
    STY_TRY(set_id(o, entry, cut, err));
    if (entry->kind == STY_SOURCE_BAD) return STY_OK;
    if (strcmp(type, "MixedCut") == 0 || strcmp(type, "PaddingCut") == 0)
        return sty_list_spoil(list, entry, err, "line %u: '%.80s' is a %s, which is made in memory; only MonoCut, Cut and MultiCut "
                              "are read from files", entry->line, entry->id, type);
    const value recording = sty_scan_get(&o->scan, cut, "recording"), channels = sty_scan_get(&o->scan, cut, "channel");
    if (!recording || recording->kind != STY_SCAN_OBJECT)
        return sty_list_spoil(list, entry, err, "line %u: the cut '%.80s' has no recording in it", entry->line, entry->id);
    if (!number_of(o, cut, "start", &start) || !number_of(o, cut, "duration", &duration) || start < 0 || duration <= 0)
        return sty_list_spoil(list, entry, err, "line %u: the cut '%.80s' has no start and duration", entry->line, entry->id);
    if (channels && channels->kind != STY_SCAN_LIST) number_of(o, cut, "channel", &channel);
    STY_TRY(apply_sources(o, entry, recording, channel, err));
    number_of(o, recording, "duration", &whole);
    entry->start_s = start;
    entry->duration_s = duration;
    /* a cut to the very end must not lose a sample to rounding */
    if (whole <= 0 || start + duration < whole - 1e-6) entry->end_s = start + duration;
    if (list->n_columns) STY_TRY(members(o, entry, cut, false, err));
    return apply_supervision(o, entry, cut, err);
}

static sty_status apply_object(objects *o, sty_entry *entry, value object, sty_err *err) {
    sty_list *list = o->list;
    sty_buf *type = &o->type;
    if (object->kind != STY_SCAN_OBJECT)
        return sty_list_spoil(list, entry, err, "line %u: expected a JSON object", entry->line);
    if (sty_scan_get(&o->scan, object, "sources")) {
        STY_TRY(set_id(o, entry, object, err));
        number_of(o, object, "duration", &entry->duration_s);
        STY_TRY(members(o, entry, object, false, err));
        return apply_sources(o, entry, object, -1, err);
    }
    const bool typed = sty_scan_string(&o->scan, sty_scan_get(&o->scan, object, "type"), type);
    if (sty_scan_get(&o->scan, object, "recording") || (typed && strstr(type->data, "Cut"))) {
        char name[40] = "Cut"; /* the buffer is used again */
        if (typed) memcpy(name, type->data, type->length < sizeof name ? type->length : sizeof name - 1);
        return apply_cut(o, entry, object, name, err);
    }
    STY_TRY(members(o, entry, object, true, err));
    if (!*entry->path)
        return sty_list_spoil(list, entry, err, "line %u: no path; expected path, file, filename, file_name, audio_filepath, wav, sources or recording",
                              entry->line);
    if (entry->end_s <= 0 && entry->duration_s > 0 && (sty_scan_get(&o->scan, object, "offset") || sty_scan_get(&o->scan, object, "start")))
        entry->end_s = entry->start_s + entry->duration_s;
    return STY_OK;
}

static sty_status add_object(objects *o, const char *text, size_t n, size_t line, sty_err *err) {
    sty_err why;
    const sty_status status = sty_scan_text(&o->scan, text, n, &line_limits, &why);
    if (status == STY_OUT_OF_MEMORY) return sty_err_set(err, status, "%s", why.message);
    if (status != STY_OK) return sty_list_bad(o->list, line, text, err, "line %zu: %s", line, why.message);
    sty_entry *entry = sty_list_new(o->list, line, err);
    return entry ? apply_object(o, entry, o->scan.values, err) : STY_OUT_OF_MEMORY;
}

sty_status sty_list_add_object(sty_list *list, const char *text, size_t n, size_t line, sty_err *err) {
    objects o = {.list = list};
    const sty_status status = add_object(&o, text, n, line, err);
    objects_clear(&o);
    return status == STY_OK ? sty_list_keep(list, err) : status;
}

sty_status sty_list_read_jsonl(sty_list *list, sty_lines *lines, sty_err *err) {
    objects o = {.list = list};
    char *text = NULL;
    size_t n = 0;
    sty_status status;
    while ((status = sty_lines_next(lines, &text, &n, err)) == STY_OK && text) {
        if (strspn(text, " \t") == n) continue;
        status = add_object(&o, text, n, lines->number, err);
        if (status != STY_OK) break;
    }
    objects_clear(&o);
    return status;
}

static sty_status slurp(sty_lines *lines, sty_buf *whole, sty_err *err) {
    char *text;
    size_t n;
    for (;;) {
        STY_TRY(sty_lines_next(lines, &text, &n, err));
        if (whole->failed) return sty_err_no_memory(err, whole->capacity, lines->name);
        if (!text) return STY_OK;
        sty_buf_put(whole, text, n);
        sty_buf_text(whole, "\n");
    }
}

static sty_status each_of(objects *o, const sty_lines *lines, sty_err *err) {
    size_t number = 0;
    if (o->scan.values->kind != STY_SCAN_LIST) return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is no JSON list", lines->name);
    for (value v = sty_scan_first(&o->scan, o->scan.values); v; v = sty_scan_next(&o->scan, o->scan.values, v)) {
        sty_entry *entry = sty_list_new(o->list, ++number, err);
        if (!entry) return STY_OUT_OF_MEMORY;
        STY_TRY(apply_object(o, entry, v, err));
    }
    return STY_OK;
}

sty_status sty_list_read_json(sty_list *list, sty_lines *lines, sty_err *err) {
    objects o = {.list = list};
    sty_buf whole = {0};
    sty_status status = slurp(lines, &whole, err);
    if (status == STY_OK) {
        status = sty_scan_text(&o.scan, whole.data ? whole.data : "", whole.length, &list_limits, err);
        if (status != STY_OK) sty_err_prefix(err, "'%s': ", lines->name);
    }
    if (status == STY_OK) status = each_of(&o, lines, err);
    objects_clear(&o);
    sty_buf_clear(&whole);
    return status;
}
