/* speak_report.c - what `stylet speak` heard, chose and reached, for people and as
 * JSON. */
#include "speak.h"

#include <math.h>
#include <stdio.h>

typedef struct {
    const char *label, *unit;
    size_t offset;
} line;

static const line lines[] = {
    {"f0_hz", "Hz", offsetof(sty_manner, f0_hz)},
    {"f0_range_st", "semitones", offsetof(sty_manner, range_st)},
    {"rate_syl_s", "syllables/s", offsetof(sty_manner, rate_syl_s)},
    {"level_dbfs", "dBFS", offsetof(sty_manner, level_dbfs)},
    {"tilt_db_oct", "dB/octave", offsetof(sty_manner, tilt_db_oct)},
    {"hnr_db", "dB", offsetof(sty_manner, hnr_db)},
    {"voiced", "share", offsetof(sty_manner, voiced)},
};
enum { FITTED = 4 }; /* the first of them have goals */

static double value_of(const sty_manner *m, size_t i) { return *(const double *)((const char *)m + lines[i].offset); }

static bool at_end(int value, int low, int high) { return value <= low || value >= high; }

/* A limit is told when it is heard: half a semitone, a semitone of range or a fifth, 5 %, 1 dB. */
size_t speak_limits(const speak_result *r, char limits[SPEAK_LIMITS][SPEAK_LIMIT_BYTES]) {
    const sty_manner *goal = &r->fit->goal, *got = &r->fit->got;
    const sty_engine_settings *s = &r->fit->settings;
    const double f0 = 12 * log2(got->f0_hz / goal->f0_hz), range = got->range_st - goal->range_st;
    const double rate = got->rate_syl_s / goal->rate_syl_s;
    size_t n = 0;
    if (isnan(got->f0_hz) && !isnan(goal->f0_hz))
        snprintf(limits[n++], SPEAK_LIMIT_BYTES, "pitch: the voice has none that can be measured");
    else if (fabs(f0) > 0.5)
        snprintf(limits[n++], SPEAK_LIMIT_BYTES, "pitch: %.0f Hz wanted, %.0f Hz reached (%+.1f semitones)%s", goal->f0_hz, got->f0_hz, f0,
                 at_end(s->pitch, 0, STY_PITCH_MOST) ? ": the end of this voice's scale" : "");
    if (fabs(range) > fmax(1, 0.2 * goal->range_st))
        snprintf(limits[n++], SPEAK_LIMIT_BYTES, "range: %.1f semitones wanted, %.1f reached%s", goal->range_st, got->range_st,
                 at_end(s->range, 0, STY_RANGE_MOST)                  ? ": the end of this voice's scale"
                 : got->range_st < goal->range_st ? ": large ranges are narrowed, in order" : "");
    if (isnan(got->rate_syl_s) && !isnan(r->reference->manner.rate_syl_s) && r->options->strength > 0)
        snprintf(limits[n++], SPEAK_LIMIT_BYTES, "rate: %.2f syllables/s in the reference, not set: the text is too short to have a rate",
                 r->reference->manner.rate_syl_s);
    else if (fabs(rate - 1) > 0.05)
        snprintf(limits[n++], SPEAK_LIMIT_BYTES, "rate: %.2f syllables/s wanted, %.2f reached%s", goal->rate_syl_s, got->rate_syl_s,
                 at_end(s->rate_wpm, STY_RATE_LEAST, STY_RATE_MOST) ? ": the end of this voice's scale" : "");
    if (fabs(got->level_dbfs - goal->level_dbfs) > 1)
        snprintf(limits[n++], SPEAK_LIMIT_BYTES, "level: %.1f dBFS wanted, %.1f reached: more would clip", goal->level_dbfs,
                 got->level_dbfs);
    return n;
}

/* ---- text ---- */

static void cell(double v, sty_buf *out) {
    if (isnan(v)) sty_buf_printf(out, " %10s", "-");
    else sty_buf_printf(out, " %10.4g", v);
}

void speak_print_text(const speak_result *r, sty_buf *out) {
    char limits[SPEAK_LIMITS][SPEAK_LIMIT_BYTES];
    const sty_fit *f = r->fit;
    char melody[64] = "";
    if (f->settings.high) snprintf(melody, sizeof melody, ", the voice's file with pitch %d %d", f->settings.low, f->settings.high);
    sty_buf_printf(out, "reference  %s%s%s%s\n", r->options->like ? r->options->like : r->reference->kind,
                   *r->reference->notes ? " (" : "", r->reference->notes, *r->reference->notes ? ")" : "");
    sty_buf_printf(out, "voice      %s%s%s\n", r->language, r->variant ? "+" : "", r->variant ? r->variant : "");
    sty_buf_printf(out, "settings   pitch %d, range %d, %d words a minute%s, %+.1f dB%s\n", f->settings.pitch, f->settings.range,
                   f->settings.rate_wpm, melody, f->gain_db, f->limited ? ", peaks rounded off" : "");
    sty_buf_printf(out, "\n%-12s %10s %10s %10s %10s\n", "", "reference", "voice", "wanted", "reached");
    for (size_t i = 0; i < STY_COUNT(lines); i++) {
        sty_buf_printf(out, "%-12s", lines[i].label);
        cell(value_of(&r->reference->manner, i), out);
        if (i < FITTED) {
            cell(value_of(&f->own, i), out);
            cell(value_of(&f->goal, i), out);
            cell(value_of(&f->got, i), out);
        } else sty_buf_printf(out, " %10s %10s %10s", "", "", "");
        sty_buf_printf(out, " %s\n", lines[i].unit);
    }
    const size_t n = speak_limits(r, limits);
    sty_buf_text(out, n ? "\nnot reached\n" : "\nall of it is reached\n");
    for (size_t i = 0; i < n; i++)
        sty_buf_printf(out, "  %s\n", limits[i]);
}

/* ---- JSON ---- */

static void put_manner(const char *name, const sty_manner *m, size_t n, sty_buf *out) {
    sty_buf_printf(out, ", \"%s\": {", name);
    for (size_t i = 0; i < n; i++) {
        const double v = value_of(m, i);
        sty_buf_printf(out, "%s\"%s\": ", i ? ", " : "", lines[i].label);
        if (isfinite(v)) sty_buf_json_float(out, (float)v);
        else sty_buf_text(out, "null");
    }
    sty_buf_text(out, "}");
}

void speak_print_json(const speak_result *r, sty_buf *out) {
    char limits[SPEAK_LIMITS][SPEAK_LIMIT_BYTES];
    const sty_fit *f = r->fit;
    sty_buf_text(out, "{\"text\": ");
    sty_buf_json(out, r->text);
    sty_buf_text(out, ", \"like\": ");
    if (r->options->like) sty_buf_json(out, r->options->like);
    else sty_buf_text(out, "null");
    sty_buf_printf(out, ", \"kind\": \"%s\", \"measured\": %s, \"notes\": ", r->reference->kind, r->reference->measured ? "true" : "false");
    sty_buf_json(out, r->reference->notes);
    sty_buf_text(out, ", \"language\": ");
    sty_buf_json(out, r->language);
    sty_buf_text(out, ", \"variant\": ");
    if (r->variant) sty_buf_json(out, r->variant);
    else sty_buf_text(out, "null");
    sty_buf_printf(out, ", \"strength\": %g", r->options->strength);
    put_manner("reference", &r->reference->manner, STY_COUNT(lines), out);
    put_manner("voice", &f->own, FITTED, out);
    put_manner("wanted", &f->goal, FITTED, out);
    put_manner("reached", &f->got, FITTED, out);
    sty_buf_printf(out, ", \"settings\": {\"pitch\": %d, \"range\": %d, \"rate_wpm\": %d, \"low\": %d, \"high\": %d, \"gain_db\": %.4g, \"limited\": %s}",
                   f->settings.pitch, f->settings.range, f->settings.rate_wpm, f->settings.low, f->settings.high, f->gain_db, f->limited ? "true" : "false");
    sty_buf_printf(out, ", \"duration\": %.6g, \"not_reached\": [", r->duration_s);
    const size_t n = speak_limits(r, limits);
    for (size_t i = 0; i < n; i++) {
        if (i) sty_buf_text(out, ", ");
        sty_buf_json(out, limits[i]);
    }
    sty_buf_text(out, "]}\n");
}
