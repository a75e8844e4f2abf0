/* list_text.c - lists of one line a clip: plain paths, Kaldi's wav.scp, segments
 * and utt2spk, LJSpeech. And which kind a list is, by its first line. */
#define _GNU_SOURCE
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

/* Entries by the ids that they have. */
typedef struct {
    const sty_list *list;
    sty_listed listed;
    sty_text_index index;
} by_id;

static const char *id_at(const void *context, size_t i) {
    by_id *all = (by_id *)(uintptr_t)context;
    return sty_list_at(all->list, i, &all->listed)->id;
}

static void by_id_clear(by_id *all) {
    sty_text_index_clear(&all->index);
    sty_listed_clear(&all->listed);
}

static sty_status by_id_begin(by_id *all, const sty_list *list, sty_err *err) {
    sty_listed other = {0};
    *all = (by_id){.list = list};
    const bool good = sty_listed_begin(&all->listed, list) && sty_listed_begin(&other, list) &&
                      sty_text_index_begin(&all->index, list->n, id_at, all);
    for (size_t i = 0; good && i < list->n; i++) {
        const char *id = sty_list_at(list, i, &other)->id;
        if (id) sty_text_index_put(&all->index, id, i);
    }
    sty_listed_clear(&other);
    if (good) return STY_OK;
    by_id_clear(all);
    return sty_err_no_memory(err, list->n, "an index");
}

/* "UTT RECORDING START END [CHANNEL]" as an entry; recordings: those of the scp. */
static sty_status one_segment(sty_list *list, char *text, size_t line, by_id *recordings, sty_err *err) {
    char *rest = text, *id = word(&rest), *recording = word(&rest), *start = word(&rest), *end = word(&rest);
    char *channel = word(&rest);
    double from = 0, to = 0, number = 0;
    if (!*id) return STY_OK;
    sty_entry *entry = sty_list_new(list, line, err);
    if (!entry || !(entry->id = sty_list_text(list, id, strlen(id), err))) return STY_OUT_OF_MEMORY;
    const size_t at = sty_text_index_put(&recordings->index, recording, (size_t)-1);
    if (at == (size_t)-1)
        return sty_list_spoil(list, entry, err, "segment '%.100s' is of the recording '%.100s', which the scp does not have", id,
                              recording);
    const sty_entry *of = sty_list_at(recordings->list, at, &recordings->listed);
    entry->path = sty_list_text(list, of->path, strlen(of->path), err);
    if (!entry->path) return STY_OUT_OF_MEMORY;
    entry->kind = of->kind;
    entry->offset = of->offset;
    entry->channel = of->channel;
    if (of->problem && !(entry->problem = sty_list_text(list, of->problem, strlen(of->problem), err))) return STY_OUT_OF_MEMORY;
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

static sty_status read_segments(sty_list *list, by_id *recordings, sty_err *err) {
    sty_lines lines;
    char *text;
    size_t n;
    STY_TRY(sty_lines_open(&lines, list->options->segments, '\n', err));
    sty_status status;
    while ((status = sty_lines_next(&lines, &text, &n, err)) == STY_OK && text)
        if ((status = one_segment(list, text, lines.number, recordings, err)) != STY_OK) break;
    sty_lines_close(&lines);
    return status == STY_OK ? sty_list_keep(list, err) : status;
}

sty_status sty_list_join_segments(sty_list *list, sty_err *err) {
    sty_list whole = *list; /* its entries are the recordings */
    by_id recordings;
    sty_status status = by_id_begin(&recordings, &whole, err);
    if (status != STY_OK) return status;
    list->n = 0;
    memset(&list->store, 0, sizeof list->store);
    status = read_segments(list, &recordings, err);
    by_id_clear(&recordings);
    sty_list_store_clear(&whole.store);
    return status;
}

static sty_status set_speaker(sty_list *list, size_t i, const char *speaker, sty_listed *listed, sty_err *err) {
    sty_entry entry = *sty_list_at(list, i, listed);
    entry.speaker = speaker;
    sty_texts_empty(&list->texts);
    return sty_list_put(list, i, &entry, err);
}

sty_status sty_list_join_speakers(sty_list *list, sty_err *err) {
    by_id entries;
    sty_lines lines;
    char *text;
    size_t n;
    STY_TRY(sty_lines_open(&lines, list->options->utt2spk, '\n', err));
    sty_status status = by_id_begin(&entries, list, err);
    if (status != STY_OK) {
        sty_lines_close(&lines);
        return status;
    }
    while ((status = sty_lines_next(&lines, &text, &n, err)) == STY_OK && text) {
        char *rest = text, *id = word(&rest), *speaker = word(&rest);
        const size_t at = sty_text_index_put(&entries.index, id, (size_t)-1);
        if (!*speaker || at == (size_t)-1) continue;
        if ((status = set_speaker(list, at, speaker, &entries.listed, err)) != STY_OK) break;
    }
    by_id_clear(&entries);
    sty_lines_close(&lines);
    return status;
}
