/* list_json.c - lists of JSON objects: NeMo manifests, lhotse recordings and cuts,
 * AudioFolder metadata, and any flat object with a path. An object tells what it
 * is by its keys, so kinds may even mix.
 *
 * Semantics from NeMo's ASR manifests and lhotse's serialised Recording and Cut
 * (nvidia/NeMo, lhotse-speech/lhotse). NeMo: `offset` with `duration` is a part of
 * the file; `duration` alone describes the whole file, it does not cut it. */
#include "corpus/list_parts.h"

#include <string.h>

static const sty_json_limits line_limits = {16u << 20, 32, 100000};
static const sty_json_limits list_limits = {(size_t)1 << 30, 32, (size_t)1 << 28};

/* A scalar as text; false for null, objects and lists. */
static bool scalar(const sty_cursor *cursor, sty_buf *text) {
    const char *value;
    text->length = 0;
    if (sty_json_is_object(cursor) || sty_json_is_list(cursor)) return false;
    if (sty_json_is_text(cursor) && sty_json_text(cursor, &value, NULL) == STY_OK) sty_buf_text(text, value);
    else sty_json_canonical(cursor, text);
    sty_buf_put(text, "", 1);
    return !text->failed && strcmp(text->data, "null") != 0;
}

/* Columns of an object, and what they mean when apply is set. */
static sty_status members(sty_list *list, sty_entry *entry, const sty_cursor *object, bool apply, sty_err *err) {
    sty_cursor c;
    sty_buf text = {0};
    sty_status status = STY_OK;
    for (bool more = sty_json_first(object, &c); more && status == STY_OK; more = sty_json_next(&c)) {
        if (!scalar(&c, &text)) continue;
        if (apply) status = sty_list_apply(list, entry, sty_column_of(c.key), text.data, err);
        if (status == STY_OK) status = sty_list_set_column(list, entry, c.key, text.data, err);
    }
    sty_buf_clear(&text);
    return status;
}

static bool number_of(const sty_cursor *object, const char *key, double *value) {
    sty_cursor c;
    sty_buf text = {0};
    const bool is = sty_json_get(object, key, &c) && scalar(&c, &text) && sty_list_seconds(text.data, value);
    sty_buf_clear(&text);
    return is;
}

static const char *text_of(const sty_cursor *object, const char *key) {
    sty_cursor c;
    const char *text;
    return sty_json_get(object, key, &c) && sty_json_text(&c, &text, NULL) == STY_OK ? text : NULL;
}

/* The place of channel among the source's channels, from 1; 0: it has not got it. */
static int place_of(const sty_cursor *source, double channel, size_t *n) {
    sty_cursor list, c;
    int place = 0, i = 0;
    *n = 0;
    if (!sty_json_get(source, "channels", &list)) return 0;
    *n = sty_json_count(&list);
    for (bool more = sty_json_first(&list, &c); more; more = sty_json_next(&c)) {
        size_t value;
        i++;
        if (sty_json_integer(&c, 0, 1e6, &value, NULL) == STY_OK && (double)value == channel) place = i;
    }
    return place;
}

/* channel < 0: all of them. */
static sty_status apply_sources(sty_list *list, sty_entry *entry, const sty_cursor *recording, double channel, sty_err *err) {
    sty_cursor sources, source, chosen;
    size_t n, n_channels = 0;
    int place = 0;
    if (!sty_json_get(recording, "sources", &sources) || !sty_json_is_list(&sources) || !sty_json_first(&sources, &source))
        return sty_list_spoil(list, entry, err, "line %u: the recording has no sources", entry->line);
    n = sty_json_count(&sources);
    chosen = source;
    if (channel < 0 && n > 1)
        return sty_list_spoil(list, entry, err, "line %u: a recording in %zu files; choose a channel in each cut", entry->line, n);
    for (bool more = channel >= 0; more && !place; more = sty_json_next(&source)) {
        place = place_of(&source, channel, &n_channels);
        if (place) chosen = source;
    }
    if (channel >= 0 && !place)
        return sty_list_spoil(list, entry, err, "line %u: the recording has no channel %g", entry->line, channel);
    if (n_channels > 1) entry->channel = (short)place;
    const char *type = text_of(&chosen, "type"), *text = text_of(&chosen, "source");
    if (!type || !text || (strcmp(type, "file") != 0 && strcmp(type, "command") != 0))
        return sty_list_spoil(list, entry, err, "line %u: a source of type '%.40s', expected file or command", entry->line,
                              type ? type : "?");
    if (strcmp(type, "file") == 0) return sty_list_source(list, entry, text, false, err);
    sty_buf command = {0};
    sty_buf_printf(&command, "%s |", text);
    sty_buf_put(&command, "", 1);
    const sty_status status = command.failed ? sty_err_no_memory(err, 0, "a command")
                                             : sty_list_source(list, entry, command.data, false, err);
    sty_buf_clear(&command);
    return status;
}

static sty_status set_id(sty_list *list, sty_entry *entry, const sty_cursor *object, sty_err *err) {
    const char *id = text_of(object, "id");
    if (!id) return sty_list_spoil(list, entry, err, "line %u: no id", entry->line);
    entry->id = sty_list_text(list, id, strlen(id), err);
    return entry->id ? STY_OK : STY_OUT_OF_MEMORY;
}

static sty_status apply_cut(sty_list *list, sty_entry *entry, const sty_cursor *cut, const char *type, sty_err *err) {
    sty_cursor recording, supervisions, first, custom, channel_item;
    double start = 0, duration = 0, channel = -1;
    STY_TRY(set_id(list, entry, cut, err));
    if (strcmp(type, "MixedCut") == 0 || strcmp(type, "PaddingCut") == 0)
        return sty_list_spoil(list, entry, err, "line %u: '%.80s' is a %s, which is made in memory; only MonoCut, Cut and MultiCut "
                              "are read from files", entry->line, entry->id, type);
    if (!sty_json_get(cut, "recording", &recording) || !sty_json_is_object(&recording))
        return sty_list_spoil(list, entry, err, "line %u: the cut '%.80s' has no recording in it", entry->line, entry->id);
    if (!number_of(cut, "start", &start) || !number_of(cut, "duration", &duration) || start < 0 || duration <= 0)
        return sty_list_spoil(list, entry, err, "line %u: the cut '%.80s' has no start and duration", entry->line, entry->id);
    if (sty_json_get(cut, "channel", &channel_item) && !sty_json_is_list(&channel_item)) number_of(cut, "channel", &channel);
    STY_TRY(apply_sources(list, entry, &recording, channel, err));
    double whole = 0;
    number_of(&recording, "duration", &whole);
    entry->start_s = start;
    entry->duration_s = duration;
    /* a cut to the very end must not lose a sample to rounding */
    if (whole <= 0 || start + duration < whole - 1e-6) entry->end_s = start + duration;
    STY_TRY(members(list, entry, cut, false, err));
    if (!sty_json_get(cut, "supervisions", &supervisions) || !sty_json_first(&supervisions, &first)) return STY_OK;
    const char *speaker = text_of(&first, "speaker");
    if (speaker && !(entry->speaker = sty_list_text(list, speaker, strlen(speaker), err))) return STY_OUT_OF_MEMORY;
    const char *text = text_of(&first, "text");
    if (text) STY_TRY(sty_list_set_column(list, entry, "text", text, err));
    static const char *const more[] = {"speaker", "language", "gender"};
    for (size_t i = 0; i < STY_COUNT(more); i++)
        if ((text = text_of(&first, more[i]))) STY_TRY(sty_list_set_column(list, entry, more[i], text, err));
    if (sty_json_get(&first, "custom", &custom) && sty_json_is_object(&custom)) return members(list, entry, &custom, false, err);
    return STY_OK;
}

static sty_status apply_object(sty_list *list, sty_entry *entry, const sty_cursor *object, sty_err *err) {
    sty_cursor c;
    const char *type = text_of(object, "type");
    if (!sty_json_is_object(object))
        return sty_list_spoil(list, entry, err, "line %u: expected a JSON object", entry->line);
    if (sty_json_get(object, "sources", &c)) {
        STY_TRY(set_id(list, entry, object, err));
        number_of(object, "duration", &entry->duration_s);
        STY_TRY(members(list, entry, object, false, err));
        return apply_sources(list, entry, object, -1, err);
    }
    if (sty_json_get(object, "recording", &c) || (type && strstr(type, "Cut")))
        return apply_cut(list, entry, object, type ? type : "Cut", err);
    STY_TRY(members(list, entry, object, true, err));
    if (!*entry->path)
        return sty_list_spoil(list, entry, err, "line %u: no path; expected path, audio_filepath, file_name, sources or recording",
                              entry->line);
    if (entry->end_s <= 0 && entry->duration_s > 0 && (sty_json_get(object, "offset", &c) || sty_json_get(object, "start", &c)))
        entry->end_s = entry->start_s + entry->duration_s;
    return STY_OK;
}

sty_status sty_list_add_object(sty_list *list, const char *text, size_t n, size_t line, sty_err *err) {
    sty_json *json = NULL;
    sty_err why;
    sty_status status = sty_json_parse(text, n, &line_limits, &json, &why);
    if (status == STY_OUT_OF_MEMORY) return sty_err_set(err, status, "%s", why.message);
    if (status != STY_OK) return sty_list_bad(list, line, text, err, "line %zu: %s", line, why.message);
    const sty_cursor root = sty_json_root(json);
    sty_entry *entry = sty_list_new(list, line, err);
    status = entry ? apply_object(list, entry, &root, err) : STY_OUT_OF_MEMORY;
    sty_json_free(json);
    return status;
}

sty_status sty_list_read_jsonl(sty_list *list, sty_lines *lines, sty_err *err) {
    char *text;
    size_t n;
    for (;;) {
        STY_TRY(sty_lines_next(lines, &text, &n, err));
        if (!text) return STY_OK;
        if (text[strspn(text, " \t")] == '\0' && strlen(text) == n) continue;
        STY_TRY(sty_list_add_object(list, text, n, lines->number, err));
    }
}

sty_status sty_list_read_json(sty_list *list, sty_lines *lines, sty_err *err) {
    sty_buf whole = {0};
    char *text;
    size_t n;
    sty_json *json = NULL;
    sty_status status;
    while ((status = sty_lines_next(lines, &text, &n, err)) == STY_OK && text) {
        sty_buf_put(&whole, text, n);
        sty_buf_text(&whole, "\n");
    }
    if (status == STY_OK && whole.failed) status = sty_err_no_memory(err, whole.capacity, lines->name);
    if (status == STY_OK) {
        status = sty_json_parse(whole.data, whole.length, &list_limits, &json, err);
        if (status == STY_BAD_MODEL) {
            sty_err_prefix(err, "'%s': ", lines->name);
            if (err) err->status = STY_BAD_ARGUMENT;
            status = STY_BAD_ARGUMENT;
        }
    }
    sty_buf_clear(&whole);
    STY_TRY(status);
    const sty_cursor root = sty_json_root(json);
    sty_cursor c;
    size_t number = 0;
    if (!sty_json_is_list(&root)) status = sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is no JSON list", lines->name);
    else
        for (bool more = sty_json_first(&root, &c); more && status == STY_OK; more = sty_json_next(&c)) {
            sty_entry *entry = sty_list_new(list, ++number, err);
            status = entry ? apply_object(list, entry, &c, err) : STY_OUT_OF_MEMORY;
        }
    sty_json_free(json);
    return status;
}
