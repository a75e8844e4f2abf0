/* place.c - see place.h. Kaldi's specifiers as its util/kaldi-table.cc and
 * kaldi-holder take them: words separated by commas, a colon, file names. */
#define _GNU_SOURCE
#include "write/place.h"

#include "write/formats.h"

#include <string.h>

enum { WORD_ARK = 1, WORD_SCP = 2, WORD_TEXT = 4, WORD_SORTED = 8, WORD_OTHER = 16, WORD_UNKNOWN = 32 };

static bool ends_with(const char *text, size_t n, const char *end) {
    const size_t m = strlen(end);
    return n >= m && memcmp(text + n - m, end, m) == 0;
}

/* b: binary; f, nf: flush or not; p: pass over what failed; o: once. All of them are
 * how it is done anyway. */
static int word_of(const char *word, size_t n) {
    static const struct {
        const char *word;
        int means;
    } words[] = {{"ark", WORD_ARK}, {"scp", WORD_SCP}, {"t", WORD_TEXT},  {"s", WORD_SORTED}, {"cs", WORD_SORTED},
                 {"b", WORD_OTHER}, {"f", WORD_OTHER}, {"nf", WORD_OTHER}, {"p", WORD_OTHER},  {"o", WORD_OTHER}};
    for (size_t i = 0; i < STY_COUNT(words); i++)
        if (strlen(words[i].word) == n && memcmp(words[i].word, word, n) == 0) return words[i].means;
    return WORD_UNKNOWN;
}

/* The words in front of the colon together; 0: it is no Kaldi specifier. */
static int words_of(const char *path, size_t *length) {
    int words = 0;
    size_t at = 0;
    *length = 0;
    if (strncmp(path, "ark", 3) != 0 && strncmp(path, "scp", 3) != 0) return 0;
    if (path[3] != ':' && path[3] != ',') return 0;
    for (;;) {
        const size_t n = strcspn(path + at, ",:");
        const int word = word_of(path + at, n);
        words |= word & WORD_ARK && at > 0 ? WORD_UNKNOWN : word; /* scp,ark is nothing in Kaldi either */
        at += n;
        if (path[at] == ':') break;
        if (path[at] == '\0') return WORD_UNKNOWN;
        at++;
    }
    *length = at + 1;
    return words;
}

size_t sty_specifier_length(const char *path) {
    size_t n;
    if (strncmp(path, "projector:", 10) == 0) return 10;
    words_of(path, &n);
    return n;
}

bool sty_specifier_sorts(const char *path) {
    size_t n;
    return words_of(path, &n) & WORD_SORTED;
}

/* ---- formats ---- */

static const char *format_at(const void *context, size_t i) {
    (void)context;
    return sty_writer_types[i]->name;
}

static sty_status find_type(const char *path, const char *format, const sty_writer_type **type, sty_err *err) {
    if (!format && strcmp(path, "-") == 0) format = "jsonl";
    for (size_t i = 0; i < sty_n_writer_types; i++) {
        *type = sty_writer_types[i];
        if (format ? strcmp(format, (*type)->name) == 0 : ends_with(path, strlen(path), (*type)->extension)) return STY_OK;
    }
    if (format) return sty_unknown_name("format", format, format_at, NULL, sty_n_writer_types, err);
    return sty_err_set(err, STY_BAD_ARGUMENT,
                       "'%s' has no known extension; name the format with -f (jsonl, json, csv, "
                       "tsv, npy, npz, safetensors, ark, projector)",
                       path);
}

/* ---- places ---- */

void sty_place_clear(sty_place *place) {
    sty_free(place->path);
    sty_free(place->second);
    place->path = place->second = NULL;
}

static sty_status set_text(char **to, const char *text, size_t n, const char *end, sty_err *err) {
    sty_buf copy = {0};
    sty_buf_put(&copy, text, n);
    sty_buf_text(&copy, end);
    *to = copy.failed ? NULL : sty_copy_text(copy.data ? copy.data : "", copy.length);
    sty_buf_clear(&copy);
    return *to ? STY_OK : sty_err_no_memory(err, n, "a path");
}

/* scp:S is ark,scp: with the archive's name made of the index's. */
static sty_status find_archive(const char *path, int words, const char *files, sty_place *place, sty_err *err) {
    const size_t n = strlen(files);
    const char *comma = words & WORD_ARK && words & WORD_SCP ? strchr(files, ',') : NULL;
    bool good = !(words & WORD_UNKNOWN) && n > 0;
    if (words & WORD_ARK && words & WORD_SCP)
        good = good && comma && comma != files && comma[1] && !(strlen(comma + 1) == (size_t)(comma - files) && strncmp(files, comma + 1, strlen(comma + 1)) == 0);
    if (!good)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s': expected ark:F, ark,t:F, scp:F or ark,scp:A,S with two names", path);
    place->type = &sty_writer_ark;
    place->text = words & WORD_TEXT;
    if (comma) {
        STY_TRY(set_text(&place->second, comma + 1, strlen(comma + 1), "", err));
        return set_text(&place->path, files, (size_t)(comma - files), "", err);
    }
    if (words & WORD_ARK) return set_text(&place->path, files, n, "", err);
    STY_TRY(set_text(&place->second, files, n, "", err));
    return set_text(&place->path, files, ends_with(files, n, ".scp") ? n - 4 : n, ".ark", err);
}

sty_status sty_place_find(const char *path, const char *format, sty_place *place, sty_err *err) {
    size_t n = 0;
    memset(place, 0, sizeof *place);
    const int words = words_of(path, &n);
    sty_status status;
    if (words) status = find_archive(path, words, path + n, place, err);
    else {
        n = sty_specifier_length(path);
        status = find_type(path + n, n ? "projector" : format, &place->type, err);
        if (status == STY_OK && place->type == &sty_writer_projector) {
            size_t length = strlen(path + n);
            while (length > 1 && path[n + length - 1] == '/')
                length--;
            status = set_text(&place->path, path + n, length, "/tensors.tsv", err);
        } else if (status == STY_OK) status = set_text(&place->path, path, strlen(path), "", err);
    }
    if (status != STY_OK) sty_place_clear(place);
    return status;
}
