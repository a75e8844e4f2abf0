/* voices.c - see voices.h. Columns are found by name, so that the script may add some. */
#include "speak/voices.h"

#include "base/file.h"
#include "base/locale_c.h"
#include "base/param.h"
#include "speak/fit.h"

#include <math.h>
#include <string.h>

typedef struct {
    const char *name;
    size_t offset;
} column;

static const column columns[] = {
    {"hz", offsetof(sty_variant, hz)},
    {"hz_low", offsetof(sty_variant, hz_low)},
    {"hz_high", offsetof(sty_variant, hz_high)},
    {"range_st", offsetof(sty_variant, range_st)},
    {"range_low", offsetof(sty_variant, range_low)},
    {"range_high", offsetof(sty_variant, range_high)},
    {"syl_s", offsetof(sty_variant, syl_s)},
    {"syl_low", offsetof(sty_variant, syl_low)},
    {"syl_high", offsetof(sty_variant, syl_high)},
    {"dbfs", offsetof(sty_variant, dbfs)},
    {"tilt_db_oct", offsetof(sty_variant, tilt_db_oct)},
    {"hnr_db", offsetof(sty_variant, hnr_db)},
    {"voiced", offsetof(sty_variant, voiced)},
};

enum { MOST_COLUMNS = 32, MOST_BYTES = 1 << 20 };

/* Cuts a line at its tabs, in place; the number of fields. */
static size_t split(char *line, char **fields) {
    size_t n = 0;
    for (char *p = line; p && n < MOST_COLUMNS; n++) {
        fields[n] = p;
        p = strchr(p, '\t');
        if (p) *p++ = '\0';
    }
    return n;
}

static sty_status find_columns(char **names, size_t n, int *place, sty_err *err) {
    if (n == 0 || strcmp(names[0], "variant") != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the first column must be 'variant'");
    for (size_t c = 0; c < STY_COUNT(columns); c++) {
        place[c] = -1;
        for (size_t i = 1; i < n; i++)
            if (strcmp(names[i], columns[c].name) == 0) place[c] = (int)i;
        if (place[c] < 0) return sty_err_set(err, STY_BAD_ARGUMENT, "there is no column '%s'", columns[c].name);
    }
    return STY_OK;
}

static sty_status read_row(char **fields, size_t n, const int *place, sty_variant *v, sty_err *err) {
    v->name = fields[0];
    for (size_t c = 0; c < STY_COUNT(columns); c++) {
        const char *text = (size_t)place[c] < n ? fields[place[c]] : "";
        char *end;
        const double value = sty_strtod(text, &end);
        if (end == text || *end || !isfinite(value))
            return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' of the variant '%s' is '%s', expected a number", columns[c].name,
                               v->name, text);
        memcpy((char *)v + columns[c].offset, &value, sizeof value);
    }
    return STY_OK;
}

static sty_status parse(char *text, sty_voices *voices, sty_err *err) {
    int place[STY_COUNT(columns)];
    char *fields[MOST_COLUMNS];
    size_t lines = 1, at = 0;
    bool named = false;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    voices->variants = sty_arena_alloc(&voices->arena, lines, sizeof *voices->variants);
    if (!voices->variants) return sty_err_no_memory(err, lines * sizeof *voices->variants, "the voices");
    for (char *line = text; line; at++) {
        char *next = strchr(line, '\n');
        if (next) *next++ = '\0';
        if (*line && *line != '#') {
            const size_t n = split(line, fields);
            sty_status status = named ? read_row(fields, n, place, &voices->variants[voices->n], err)
                                      : find_columns(fields, n, place, err);
            if (status != STY_OK) {
                sty_err_prefix(err, "line %zu: ", at + 1);
                return status;
            }
            if (named) voices->n++;
            named = true;
        }
        line = next;
    }
    return voices->n ? STY_OK : sty_err_set(err, STY_BAD_ARGUMENT, "there are no voices");
}

sty_status sty_voices_read(const char *path, sty_voices *voices, sty_err *err) {
    sty_bytes bytes;
    memset(voices, 0, sizeof *voices);
    STY_TRY(sty_file_read(path, MOST_BYTES, &bytes, err));
    char *text = sty_arena_text(&voices->arena, (const char *)bytes.data, bytes.n);
    sty_status status = text ? parse(text, voices, err) : sty_err_no_memory(err, bytes.n, path);
    if (status != STY_OK) {
        sty_err_prefix(err, "'%s': ", path);
        sty_voices_clear(voices);
    }
    sty_bytes_clear(&bytes);
    return status;
}

void sty_voices_clear(sty_voices *voices) {
    sty_arena_clear(&voices->arena);
    memset(voices, 0, sizeof *voices);
}

static double square_of(double difference, double unit) {
    return isnan(difference) ? 0 : difference / unit * (difference / unit);
}

static double distance(const sty_variant *v, const sty_manner *m) {
    const double wanted = sty_fit_range(m->range_st, STY_RANGE_LIVELIEST_ST), out = wanted > v->range_high  ? wanted - v->range_high
                                             : wanted < v->range_low ? v->range_low - wanted
                                                                     : 0;
    return square_of(12 * log2(m->f0_hz / v->hz), 6) + square_of(out, 1) + square_of(m->tilt_db_oct - v->tilt_db_oct, 4) +
           square_of(m->hnr_db - v->hnr_db, 5);
}

const sty_variant *sty_voices_choose(const sty_voices *voices, const sty_manner *manner) {
    const sty_variant *best = voices->variants;
    for (size_t i = 1; i < voices->n; i++)
        if (distance(&voices->variants[i], manner) < distance(best, manner)) best = &voices->variants[i];
    return best;
}
