/* ssml.c - see ssml.h. Percent is what all engines understand of pitch (semitones are
 * an addition of some). The range of SSML is one of Hz: a melody of the same semitones
 * takes more of them on a higher voice, and engines apply it to their own, so it is the
 * ratio of the semitones that is written. */
#include "speak/ssml.h"

#include <math.h>
#include <string.h>

static void put_escaped(const char *text, sty_buf *out) {
    for (const char *p = text; *p; p++) {
        if (*p == '&') sty_buf_text(out, "&amp;");
        else if (*p == '<') sty_buf_text(out, "&lt;");
        else if (*p == '>') sty_buf_text(out, "&gt;");
        else if (*p == '"') sty_buf_text(out, "&quot;");
        else sty_buf_put(out, p, 1);
    }
}

/* A change of so many percent: +12%, -0%. */
static void put_change(const char *name, double own, double goal, sty_buf *out) {
    if (own > 0 && goal >= 0) sty_buf_printf(out, " %s=\"%+.0f%%\"", name, 100 * (goal / own - 1));
}

static void begin(const char *language, sty_buf *out) {
    sty_buf_text(out, "<?xml version=\"1.0\"?>\n<speak version=\"1.1\" xmlns=\"http://www.w3.org/2001/10/synthesis\" xml:lang=\"");
    put_escaped(language, out);
    sty_buf_text(out, "\">\n<prosody");
}

static void end(const char *text, sty_buf *out) {
    sty_buf_text(out, ">");
    put_escaped(text, out);
    sty_buf_text(out, "</prosody>\n</speak>\n");
}

void sty_ssml_write(const char *text, const char *language, const sty_manner *own, const sty_manner *goal, sty_buf *out) {
    begin(language, out);
    put_change("pitch", own->f0_hz, goal->f0_hz, out);
    put_change("range", own->range_st, goal->range_st, out);
    if (own->rate_syl_s > 0 && goal->rate_syl_s > 0)
        sty_buf_printf(out, " rate=\"%.0f%%\"", 100 * goal->rate_syl_s / own->rate_syl_s);
    if (isfinite(own->level_dbfs) && isfinite(goal->level_dbfs))
        sty_buf_printf(out, " volume=\"%+.1fdB\"", goal->level_dbfs - own->level_dbfs);
    end(text, out);
}

/* espeak-ng cuts value * percent / 100 to a whole number. */
static int percent(int value, int own) { return (100 * value + own - 1) / own; }

void sty_ssml_write_espeak(const char *text, const char *language, const sty_engine_settings *s, double gain_db, sty_buf *out) {
    begin(language, out);
    sty_buf_printf(out, " pitch=\"%+d%%\" range=\"%+d%%\" rate=\"%d%%\" volume=\"%+.0f%%\"", percent(s->pitch, STY_PITCH_OWN) - 100,
                   percent(s->range, STY_RANGE_OWN) - 100, percent(s->rate_wpm, STY_RATE_OWN), 100 * (pow(10, gain_db / 20) - 1));
    end(text, out);
}
