/* speak_change.c - what --set asks for: "pitch=+2st,rate=1.2,range=0.5,level=-3dB".
 * A number with a sign moves, one with a unit and no sign is the value itself, one
 * without unit is a factor. */
#include "speak.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where a unit goes: absolute, a factor, or a sum. */
typedef enum { ABSOLUTE, FACTOR, SEMITONES, PERCENT, ADDED } meaning;

typedef struct {
    const char *name, *unit;
    bool sign; /* only with + or - */
    meaning meaning;
    double low, high;
} form;

static const form forms[] = {
    {"pitch", "st", true, SEMITONES, -36, 36}, {"pitch", "%", true, PERCENT, -90, 900},  {"pitch", "Hz", false, ABSOLUTE, 20, 2000},
    {"pitch", "", false, FACTOR, 0.1, 10},     {"rate", "%", true, PERCENT, -90, 900},   {"rate", "syl/s", false, ABSOLUTE, 0.5, 20},
    {"rate", "", false, FACTOR, 0.1, 10},      {"range", "%", true, PERCENT, -100, 900}, {"range", "st", false, ABSOLUTE, 0, 36},
    {"range", "", false, FACTOR, 0, 10},       {"level", "dB", true, ADDED, -90, 90},    {"level", "dBFS", false, ABSOLUTE, -90, 0},
};

static const char EXPECTED[] = "pitch=+2st|-10%|180Hz|1.1, rate=1.2|+20%|5syl/s, range=0.5|-50%|4st, level=-3dB|-20dBFS";

typedef struct {
    const char *name;
    size_t absolute, factor;
} target;

static const target targets[] = {
    {"pitch", offsetof(sty_change, f0_hz), offsetof(sty_change, f0_factor)},
    {"range", offsetof(sty_change, range_st), offsetof(sty_change, range_factor)},
    {"rate", offsetof(sty_change, rate_syl_s), offsetof(sty_change, rate_factor)},
    {"level", offsetof(sty_change, level_dbfs), offsetof(sty_change, level_db)},
};

static void store(const form *f, double value, sty_change *change) {
    for (size_t i = 0; i < STY_COUNT(targets); i++) {
        if (strcmp(targets[i].name, f->name) != 0) continue;
        double *absolute = (double *)((char *)change + targets[i].absolute);
        double *factor = (double *)((char *)change + targets[i].factor);
        if (f->meaning == ABSOLUTE) *absolute = value;
        else if (f->meaning == ADDED) *factor += value;
        else *factor *= f->meaning == SEMITONES ? exp2(value / 12) : f->meaning == PERCENT ? 1 + value / 100 : value;
    }
}

/* One "name=value", n bytes long. */
static sty_status read_one(const char *text, size_t n, sty_change *change, sty_err *err) {
    char copy[64];
    if (n < sizeof copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
        char *value = strchr(copy, '='), *unit;
        if (value) {
            *value++ = '\0';
            const bool sign = *value == '+' || *value == '-';
            const double number = strtod(value, &unit);
            for (size_t i = 0; i < STY_COUNT(forms) && unit != value && isfinite(number); i++) {
                const form *f = &forms[i];
                /* levels are negative without meaning a move */
                const bool fits = f->sign == sign || (f->meaning == ABSOLUTE && strcmp(f->unit, "dBFS") == 0);
                if (strcmp(f->name, copy) != 0 || strcmp(f->unit, unit) != 0 || !fits) continue;
                if (number < f->low || number > f->high)
                    return sty_err_set(err, STY_BAD_ARGUMENT, "--set %s is %g%s, expected %g to %g%s", f->name, number, f->unit,
                                       f->low, f->high, f->unit);
                store(f, number, change);
                return STY_OK;
            }
        }
    }
    return sty_err_set(err, STY_BAD_ARGUMENT, "--set is '%.*s', expected %s", (int)(n < 60 ? n : 60), text, EXPECTED);
}

sty_status speak_read_change(const text_list *texts, sty_change *change, sty_err *err) {
    *change = sty_change_none();
    for (size_t i = 0; i < texts->n; i++)
        for (const char *p = texts->items[i]; p;) {
            const size_t n = strcspn(p, ",");
            STY_TRY(read_one(p, n, change, err));
            p = p[n] ? p + n + 1 : NULL;
        }
    return STY_OK;
}
