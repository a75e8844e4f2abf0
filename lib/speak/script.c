/* script.c - see script.h. espeak-ng spells letters it does not know by their names
 * ("Chinese letter"), which is never what was meant. The blocks are Unicode's. */
#include "speak/script.h"

#include "base/buf.h"

#include <string.h>

typedef struct {
    const char *name;
    unsigned from, to;
    const char *languages; /* of espeak-ng, the usual one first; "" none; NULL all */
} block;

static const block blocks[] = {
    {"Latin", 0x41, 0x5a, NULL},
    {"Latin", 0x61, 0x7a, NULL},
    {"Latin", 0xc0, 0x24f, NULL},
    {"Latin", 0x1e00, 0x1eff, NULL},
    {"Greek", 0x370, 0x3ff, "el grc"},
    {"Greek", 0x1f00, 0x1fff, "el grc"},
    {"Cyrillic", 0x400, 0x52f, "ru uk be bg mk sr kk ky tt ba cv"},
    {"Armenian", 0x530, 0x58f, "hy hyw"},
    {"Hebrew", 0x590, 0x5ff, "he"},
    {"Arabic", 0x600, 0x6ff, "ar fa ur sd ug ku"},
    {"Arabic", 0x750, 0x77f, "ar fa ur sd ug ku"},
    {"Devanagari", 0x900, 0x97f, "hi mr ne kok"},
    {"Bengali", 0x980, 0x9ff, "bn as bpy"},
    {"Gurmukhi", 0xa00, 0xa7f, "pa"},
    {"Gujarati", 0xa80, 0xaff, "gu"},
    {"Odia", 0xb00, 0xb7f, "or"},
    {"Tamil", 0xb80, 0xbff, "ta"},
    {"Telugu", 0xc00, 0xc7f, "te"},
    {"Kannada", 0xc80, 0xcff, "kn"},
    {"Malayalam", 0xd00, 0xd7f, "ml"},
    {"Sinhala", 0xd80, 0xdff, "si"},
    {"Thai", 0xe00, 0xe7f, "th"},
    {"Lao", 0xe80, 0xeff, ""},
    {"Tibetan", 0xf00, 0xfff, ""},
    {"Burmese", 0x1000, 0x109f, "my shn"},
    {"Georgian", 0x10a0, 0x10ff, "ka"},
    {"Hangul", 0x1100, 0x11ff, "ko"},
    {"Ethiopic", 0x1200, 0x137f, "am ti"},
    {"Cherokee", 0x13a0, 0x13ff, "chr"},
    {"Khmer", 0x1780, 0x17ff, ""},
    {"Mongolian", 0x1800, 0x18af, ""},
    {"Kana", 0x3040, 0x30ff, "ja"},
    {"Han", 0x3400, 0x4dbf, "cmn yue hak ja zh"},
    {"Han", 0x4e00, 0x9fff, "cmn yue hak ja zh"},
    {"Hangul", 0xac00, 0xd7af, "ko"},
};

typedef struct {
    size_t letters[STY_COUNT(blocks)], total;
} count;

static sty_status count_letters(const char *text, count *c, sty_err *err) {
    const size_t n = strlen(text);
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < n;) {
        const int length = sty_utf8_length(text + i, n - i);
        if (length == 0) return sty_err_set(err, STY_BAD_ARGUMENT, "the text is not UTF-8 at byte %zu", i);
        unsigned letter = length == 1 ? (unsigned char)text[i] : (unsigned char)text[i] & (0x7fu >> length);
        for (int k = 1; k < length; k++)
            letter = letter << 6 | ((unsigned char)text[i + (size_t)k] & 0x3fu);
        for (size_t b = 0; b < STY_COUNT(blocks); b++)
            if (letter >= blocks[b].from && letter <= blocks[b].to) {
                c->letters[b]++;
                c->total++;
            }
        i += (size_t)length;
    }
    return STY_OK;
}

/* The block whose script has most letters; blocks[0] without any. */
static const block *largest(const count *c) {
    size_t best = 0, most = 0;
    for (size_t b = 0; b < STY_COUNT(blocks); b++) {
        size_t n = 0;
        for (size_t k = 0; k < STY_COUNT(blocks); k++)
            if (strcmp(blocks[k].name, blocks[b].name) == 0) n += c->letters[k];
        if (n > most) {
            best = b;
            most = n;
        }
    }
    return &blocks[best];
}

/* Whether the list "ru uk" has the language of the voice "uk" or "zle/uk" or "ru-LV". */
static bool reads(const char *languages, const char *voice) {
    const char *slash = strrchr(voice, '/');
    const char *name = slash ? slash + 1 : voice;
    const size_t n = strcspn(name, "-_");
    for (const char *p = languages; p && *p; p += strcspn(p, " "), p += *p == ' ')
        if (strcspn(p, " ") == n && memcmp(p, name, n) == 0) return true;
    return !languages;
}

/* Kana among Han letters is Japanese. */
sty_status sty_script_language(const char *text, char language[STY_LANGUAGE_BYTES], sty_err *err) {
    count c;
    STY_TRY(count_letters(text, &c, err));
    const block *b = largest(&c);
    for (size_t k = 0; k < STY_COUNT(blocks); k++)
        if (c.letters[k] && strcmp(blocks[k].name, "Kana") == 0 && strcmp(b->name, "Han") == 0) b = &blocks[k];
    if (b->languages && !*b->languages)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the text is in %s letters, which no voice of espeak-ng reads", b->name);
    const char *from = b->languages ? b->languages : "en";
    const size_t n = strcspn(from, " ");
    memcpy(language, from, n);
    language[n] = '\0';
    return STY_OK;
}

sty_status sty_script_check(const char *text, const char *language, sty_err *err) {
    count c;
    size_t unread = 0;
    STY_TRY(count_letters(text, &c, err));
    for (size_t b = 0; b < STY_COUNT(blocks); b++)
        if (!reads(blocks[b].languages, language)) unread += c.letters[b];
    if (2 * unread <= c.total) return STY_OK;
    const block *b = largest(&c);
    if (!*b->languages)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the text is in %s letters, which no voice of espeak-ng reads", b->name);
    return sty_err_set(err, STY_BAD_ARGUMENT, "the text is in %s letters, which the voice '%s' does not read, expected --voice %.*s",
                       b->name, language, (int)strcspn(b->languages, " "), b->languages);
}
