/* list_entry.c - one entry: made, given its source and values, or spoilt. What all
 * readers of lists call, and what calls none of them. */
#define _GNU_SOURCE
#include "corpus/list_parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

sty_status sty_list_keep(sty_list *list, sty_err *err) {
    if (!list->open) return STY_OK;
    list->open = false;
    return sty_list_put(list, list->n, &list->now, err);
}

sty_entry *sty_list_new(sty_list *list, size_t line, sty_err *err) {
    if (sty_list_keep(list, err) != STY_OK) return NULL;
    sty_texts_empty(&list->texts);
    list->now = (sty_entry){.path = "", .line = (uint32_t)line};
    list->open = true;
    return &list->now;
}

const char *sty_list_text(sty_list *list, const char *text, size_t n, sty_err *err) {
    const char *copy = sty_texts_put(&list->texts, text, n);
    if (!copy) sty_err_no_memory(err, n, "a list");
    return copy;
}

static sty_status spoil(sty_list *list, sty_entry *entry, sty_err *err, const char *message) {
    entry->kind = STY_SOURCE_BAD;
    entry->problem = sty_list_text(list, message, strlen(message), err);
    return entry->problem ? STY_OK : STY_OUT_OF_MEMORY;
}

sty_status sty_list_spoil(sty_list *list, sty_entry *entry, sty_err *err, const char *format, ...) {
    char message[400];
    va_list args;
    if (entry->kind == STY_SOURCE_BAD) return STY_OK;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return spoil(list, entry, err, message);
}

sty_status sty_list_bad(sty_list *list, size_t line, const char *text, sty_err *err, const char *format, ...) {
    char message[400];
    va_list args;
    sty_entry *entry = sty_list_new(list, line, err);
    if (!entry || !(entry->path = sty_list_text(list, text, strnlen(text, 200), err))) return STY_OUT_OF_MEMORY;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return spoil(list, entry, err, message);
}

/* PATH.ark:123 -> the length of PATH.ark and 123. */
static bool is_ark(const char *text, size_t *path_length, uint64_t *offset) {
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1)) return false;
    if (strlen(colon + 1) > 18) return false;
    *path_length = (size_t)(colon - text);
    *offset = strtoull(colon + 1, NULL, 10);
    return true;
}

sty_status sty_list_source(sty_list *list, sty_entry *entry, const char *text, bool relative, sty_err *err) {
    size_t n = strlen(text);
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    if (n == 0) return sty_list_spoil(list, entry, err, "line %u: no path", entry->line);
    if (text[n - 1] == '|') {
        entry->path = sty_list_text(list, text, n - 1, err);
        entry->kind = STY_SOURCE_COMMAND;
        if (entry->path && !list->options->allow_pipes)
            return sty_list_spoil(list, entry, err, "line %u: '%.200s' is a command; --allow-pipes runs commands",
                                  entry->line, text);
        return entry->path ? STY_OK : STY_OUT_OF_MEMORY;
    }
    entry->kind = strcmp(text, "-") == 0 ? STY_SOURCE_STDIN : STY_SOURCE_FILE;
    if (is_ark(text, &n, &entry->offset)) entry->kind = STY_SOURCE_ARK;
    if (!relative || *text == '/' || !*list->folder || entry->kind == STY_SOURCE_STDIN) {
        entry->path = sty_list_text(list, text, n, err);
    } else {
        sty_buf path = {0};
        sty_buf_text(&path, list->folder);
        sty_buf_put(&path, text, n);
        entry->path = path.failed ? NULL : sty_list_text(list, path.data, path.length, err);
        sty_buf_clear(&path);
    }
    return entry->path ? STY_OK : sty_err_no_memory(err, n, "a path");
}

bool sty_list_seconds(const char *text, double *value) {
    char *end;
    *value = strtod(text, &end);
    while (*end == ' ')
        end++;
    return end != text && !*end && isfinite(*value);
}

sty_column sty_column_of(const char *name) {
    static const struct {
        const char *name;
        sty_column column;
    } known[] = {
        {"path", STY_COLUMN_PATH},       {"file", STY_COLUMN_PATH},         {"filename", STY_COLUMN_PATH},
        {"wav", STY_COLUMN_PATH},        {"audio_filepath", STY_COLUMN_PATH}, {"file_name", STY_COLUMN_PATH},
        {"id", STY_COLUMN_ID},           {"utt_id", STY_COLUMN_ID},         {"start", STY_COLUMN_START},
        {"offset", STY_COLUMN_START},    {"end", STY_COLUMN_END},           {"duration", STY_COLUMN_DURATION},
        {"speaker", STY_COLUMN_SPEAKER}, {"spk", STY_COLUMN_SPEAKER},       {"channel", STY_COLUMN_CHANNEL},
    };
    for (size_t i = 0; i < STY_COUNT(known); i++)
        if (strcmp(known[i].name, name) == 0) return known[i].column;
    return STY_COLUMN_OTHER;
}

sty_status sty_list_apply(sty_list *list, sty_entry *entry, sty_column what, const char *value, sty_err *err) {
    double *seconds = what == STY_COLUMN_START ? &entry->start_s : what == STY_COLUMN_END ? &entry->end_s : &entry->duration_s;
    double number;
    if (!*value) return STY_OK;
    switch (what) {
    case STY_COLUMN_PATH: return sty_list_source(list, entry, value, true, err);
    case STY_COLUMN_ID: entry->id = sty_list_text(list, value, strlen(value), err); return entry->id ? STY_OK : STY_OUT_OF_MEMORY;
    case STY_COLUMN_SPEAKER:
        entry->speaker = sty_list_text(list, value, strlen(value), err);
        return entry->speaker ? STY_OK : STY_OUT_OF_MEMORY;
    case STY_COLUMN_START:
    case STY_COLUMN_END:
    case STY_COLUMN_DURATION:
        if (!sty_list_seconds(value, &number) || number < 0)
            return sty_list_spoil(list, entry, err, "line %u: the time '%.40s' is not a number of seconds", entry->line, value);
        *seconds = number;
        return STY_OK;
    case STY_COLUMN_CHANNEL:
        if (!sty_list_seconds(value, &number) || number < 0 || number > 1024 || number != floor(number))
            return sty_list_spoil(list, entry, err, "line %u: the channel '%.40s' is not a number", entry->line, value);
        entry->channel = (short)number;
        return STY_OK;
    case STY_COLUMN_OTHER: break;
    }
    return STY_OK;
}

sty_status sty_list_set_column(sty_list *list, sty_entry *entry, const char *name, const char *value, sty_err *err) {
    for (size_t i = 0; i < list->n_columns; i++) {
        if (strcmp(list->columns[i], name) != 0) continue;
        if (!entry->columns) {
            memset(list->values, 0, sizeof list->values);
            entry->columns = list->values;
        }
        const char *copy = sty_list_text(list, value, strlen(value), err);
        if (!copy) return STY_OUT_OF_MEMORY;
        list->values[i] = copy;
    }
    return STY_OK;
}

const char *sty_list_column(const sty_list *list, const sty_entry *entry, const char *name) {
    for (size_t i = 0; entry->columns && i < list->n_columns; i++)
        if (strcmp(list->columns[i], name) == 0) return entry->columns[i];
    return NULL;
}
