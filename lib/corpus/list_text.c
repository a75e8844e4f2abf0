/* list_text.c - lists of one line a clip: plain paths, Kaldi's wav.scp, segments
 * and utt2spk, LJSpeech. And which kind a list is, by its first line. */
#define _GNU_SOURCE
#include "base/hash.h"
#include "corpus/list_parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char blanks[] = " \t";

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Cuts the first word off *text and returns it; *text is the rest without blanks
 * in front. */
static char *word(char **text) {
    char *first = *text + strspn(*text, blanks), *end = first + strcspn(first, blanks);
    *text = end + strspn(end, blanks);
    *end = '\0';
    return first;
}

/* A header row: one of its cells is the name of a path column. */
static bool is_header(const char *line, const char *separators) {
    char cell[64];
    for (const char *p = line; *p;) {
        const size_t n = strcspn(p, separators);
        const char *from = p;
        size_t length = n;
        if (length >= 2 && *from == '"' && from[length - 1] == '"') from++, length -= 2;
        while (length && (*from == ' ')) from++, length--;
        if (length < sizeof cell) {
            memcpy(cell, from, length);
            cell[length] = '\0';
            if (sty_column_of(cell) == STY_COLUMN_PATH) return true;
        }
        p += n + (p[n] != '\0');
    }
    return false;
}

const char *sty_list_kind(const char *name, const char *first_line) {
    const char *line = first_line + strspn(first_line, " \t");
    struct stat st;
    const size_t n = strcspn(line, " \t|");
    if (*line == '{') return "jsonl";
    if (*line == '[') return "json";
    if (stat(line, &st) == 0) return "plain";
    if (strchr(line, '\t') && is_header(line, "\t")) return "tsv";
    if (is_header(line, ",")) return "csv";
    if (line[n] == '|' && n && !memchr(line, '/', n) && !ends_with(line, "|")) return "ljspeech";
    if (ends_with(name, ".scp")) return "scp";
    if (ends_with(name, ".csv")) return "csv"; /* with a header that names no path: the reader says so */
    if (ends_with(name, ".tsv")) return "tsv";
    const char *rest = line + n + strspn(line + n, blanks);
    if (n && *rest && !memchr(line, '/', n) && !memchr(line, '.', n)) return "scp";
    return "plain";
}

sty_status sty_list_read_plain(sty_list *list, sty_lines *lines, sty_err *err) {
    char *text;
    size_t n;
    bool m3u = false;
    for (;;) {
        STY_TRY(sty_lines_next(lines, &text, &n, err));
        if (!text) return STY_OK;
        if (lines->number == 1) m3u = strncmp(text, "#EXTM3U", 7) == 0;
        if (n == 0 || (m3u && *text == '#')) continue;
        if (strlen(text) != n) {
            STY_TRY(sty_list_bad(list, lines->number, text, err, "line %zu: a NUL byte in a path; -0 reads NUL-separated lists",
                                 lines->number));
            continue;
        }
        sty_entry *entry = sty_list_new(list, lines->number, err);
        if (!entry) return STY_OUT_OF_MEMORY;
        if (m3u) {
            STY_TRY(sty_list_source(list, entry, text, true, err));
            continue;
        }
        entry->kind = strcmp(text, "-") == 0 ? STY_SOURCE_STDIN : STY_SOURCE_FILE;
        if (!(entry->path = sty_list_text(list, text, n, err))) return STY_OUT_OF_MEMORY;
    }
}

sty_status sty_list_read_scp(sty_list *list, sty_lines *lines, sty_err *err) {
    char *text;
    size_t n;
    for (;;) {
        STY_TRY(sty_lines_next(lines, &text, &n, err));
        if (!text) return STY_OK;
        char *rest = text, *id = word(&rest);
        if (!*id) continue;
        sty_entry *entry = sty_list_new(list, lines->number, err);
        if (!entry || !(entry->id = sty_list_text(list, id, strlen(id), err))) return STY_OUT_OF_MEMORY;
        if (*rest) STY_TRY(sty_list_source(list, entry, rest, false, err));
        else STY_TRY(sty_list_spoil(list, entry, err, "line %zu: '%.100s' has no path, expected ID PATH", lines->number, id));
    }
}

sty_status sty_list_read_ljspeech(sty_list *list, sty_lines *lines, sty_err *err) {
    char *text, path[1024];
    size_t n;
    for (;;) {
        STY_TRY(sty_lines_next(lines, &text, &n, err));
        if (!text) return STY_OK;
        if (n == 0) continue;
        const size_t length = strcspn(text, "|");
        if (!text[length] || length == 0 || length > 900) {
            STY_TRY(sty_list_bad(list, lines->number, text, err, "line %zu: expected ID|text|text", lines->number));
            continue;
        }
        char *rest = text + length + 1;
        text[length] = '\0';
        sty_entry *entry = sty_list_new(list, lines->number, err);
        if (!entry || !(entry->id = sty_list_text(list, text, length, err))) return STY_OUT_OF_MEMORY;
        snprintf(path, sizeof path, "wavs/%s.wav", text);
        STY_TRY(sty_list_source(list, entry, path, true, err));
        char *bar = strchr(rest, '|');
        if (bar) *bar = '\0';
        STY_TRY(sty_list_set_column(list, entry, "text", rest, err));
    }
}

/* ---- joins ---- */

bool sty_text_index_begin(sty_text_index *index, size_t n, const char *(*key_at)(const void *, size_t), const void *context) {
    size_t size = 16;
    while (size < n * 2)
        size *= 2;
    *index = (sty_text_index){.slots = sty_alloc(size, sizeof *index->slots), .mask = size - 1, .key_at = key_at, .context = context};
    return index->slots != NULL;
}

size_t sty_text_index_put(sty_text_index *index, const char *key, size_t i) {
    size_t slot = (size_t)sty_hash64(key, strlen(key)) & index->mask;
    while (index->slots[slot]) {
        const size_t there = index->slots[slot] - 1;
        if (strcmp(index->key_at(index->context, there), key) == 0) return there;
        slot = (slot + 1) & index->mask;
    }
    if (i != (size_t)-1) index->slots[slot] = i + 1;
    return (size_t)-1;
}

void sty_text_index_clear(sty_text_index *index) {
    sty_free(index->slots);
    index->slots = NULL;
}

static const char *entry_id(const void *context, size_t i) {
    const char *id = ((const sty_entry *)context)[i].id;
    return id ? id : "";
}

/* "UTT RECORDING START END [CHANNEL]" as an entry; recordings: those of the scp. */
static sty_status one_segment(sty_list *list, char *text, size_t line, const sty_entry *recordings,
                              sty_text_index *index, sty_err *err) {
    char *rest = text, *id = word(&rest), *recording = word(&rest), *start = word(&rest), *end = word(&rest);
    char *channel = word(&rest);
    double from = 0, to = 0, number = 0;
    if (!*id) return STY_OK;
    sty_entry *entry = sty_list_new(list, line, err);
    if (!entry || !(entry->id = sty_list_text(list, id, strlen(id), err))) return STY_OUT_OF_MEMORY;
    const size_t at = sty_text_index_put(index, recording, (size_t)-1);
    if (at == (size_t)-1)
        return sty_list_spoil(list, entry, err, "segment '%.100s' is of the recording '%.100s', which the scp does not have", id,
                              recording);
    const sty_entry *of = &recordings[at];
    entry->path = of->path;
    entry->kind = of->kind;
    entry->offset = of->offset;
    entry->problem = of->problem;
    entry->channel = of->channel;
    if (!sty_list_seconds(start, &from) || !sty_list_seconds(end, &to) || from < 0 || (to <= from && to != -1))
        return sty_list_spoil(list, entry, err, "segment '%.100s' runs from '%.20s' to '%.20s', expected two times in seconds",
                              id, start, end);
    if (*channel) {
        if (!sty_list_seconds(channel, &number) || number < 0 || number > 63)
            return sty_list_spoil(list, entry, err, "segment '%.100s' has the channel '%.20s'", id, channel);
        entry->channel = (short)(number + 1); /* Kaldi counts from 0 */
    }
    entry->start_s = from;
    entry->end_s = to == -1 ? 0 : to;
    entry->duration_s = to == -1 ? 0 : to - from;
    return STY_OK;
}

sty_status sty_list_join_segments(sty_list *list, sty_err *err) {
    sty_entry *recordings = list->entries;
    const size_t n = list->n;
    sty_text_index index;
    sty_lines lines;
    STY_TRY(sty_lines_open(&lines, list->options->segments, '\n', err));
    if (!sty_text_index_begin(&index, n, entry_id, recordings)) {
        sty_lines_close(&lines);
        return sty_err_no_memory(err, n, "an index");
    }
    list->entries = NULL;
    list->n = list->capacity = 0;
    for (size_t i = 0; i < n; i++)
        if (recordings[i].id) sty_text_index_put(&index, recordings[i].id, i);
    sty_status status = STY_OK;
    for (;;) {
        char *text;
        size_t length;
        status = sty_lines_next(&lines, &text, &length, err);
        if (status == STY_OK && text) status = one_segment(list, text, lines.number, recordings, &index, err);
        if (status != STY_OK || !text) break;
    }
    sty_text_index_clear(&index);
    sty_lines_close(&lines);
    sty_free(recordings);
    return status;
}

sty_status sty_list_join_speakers(sty_list *list, sty_err *err) {
    sty_text_index index;
    sty_lines lines;
    STY_TRY(sty_lines_open(&lines, list->options->utt2spk, '\n', err));
    if (!sty_text_index_begin(&index, list->n, entry_id, list->entries)) {
        sty_lines_close(&lines);
        return sty_err_no_memory(err, list->n, "an index");
    }
    for (size_t i = 0; i < list->n; i++)
        if (list->entries[i].id) sty_text_index_put(&index, list->entries[i].id, i);
    sty_status status = STY_OK;
    for (;;) {
        char *text;
        size_t n;
        status = sty_lines_next(&lines, &text, &n, err);
        if (status != STY_OK || !text) break;
        char *rest = text, *id = word(&rest), *speaker = word(&rest);
        const size_t at = sty_text_index_put(&index, id, (size_t)-1);
        if (!*speaker || at == (size_t)-1) continue;
        list->entries[at].speaker = sty_list_text(list, speaker, strlen(speaker), err);
        if (!list->entries[at].speaker) status = STY_OUT_OF_MEMORY;
    }
    sty_text_index_clear(&index);
    sty_lines_close(&lines);
    return status;
}
