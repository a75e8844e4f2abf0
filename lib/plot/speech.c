/* speech.c - clips to be compared: spectrograms and F0 on common scales of time, level
 * and pitch, so that what differs to the eye differs in the sound. */
#include "plot/time_parts.h"

#include <math.h>
#include <stdio.h>

enum { WIDTH = 900, MEL_HEIGHT = 200, TRACK_HEIGHT = 96, GAP = 10, HEAD = 26, FOOT = 46 };

typedef struct {
    double low, high;     /* of all values */
    double hz_low, hz_high;
    double seconds;       /* of the longest */
} scales;

static double duration_of(const sty_mel_picture *mel) { return (double)mel->frames * mel->hop_s; }

/* Pitch is drawn as semitones, to whole thirds of an octave around what there is. */
static scales look(const sty_speech_picture *p) {
    scales s = {INFINITY, -INFINITY, INFINITY, 0, 0};
    for (size_t i = 0; i < p->n; i++) {
        double low, high;
        sty_range_of(p->mels[i].values, p->mels[i].frames * p->mels[i].bins, &low, &high);
        s.low = fmin(s.low, low);
        s.high = fmax(s.high, high);
        s.seconds = fmax(s.seconds, duration_of(&p->mels[i]));
        for (size_t t = 0; t < p->n_f0[i]; t++) {
            const double hz = (double)p->f0_hz[i][t];
            if (hz <= 0) continue;
            s.hz_low = fmin(s.hz_low, hz);
            s.hz_high = fmax(s.hz_high, hz);
        }
    }
    if (s.hz_high == 0) s.hz_low = s.hz_high = 150;
    s.hz_low = exp2(floor(3 * log2(s.hz_low)) / 3);
    s.hz_high = exp2(ceil(3 * log2(s.hz_high) + 0.01) / 3);
    return s;
}

static double height_of(const scales *s, sty_frame f, double hz) {
    return f.y + f.h * (1 - log2(hz / s->hz_low) / log2(s->hz_high / s->hz_low));
}

static void draw_pitch_axis(sty_canvas *canvas, sty_frame f, const scales *s) {
    static const double at[] = {60, 80, 100, 150, 200, 300, 400, 600};
    char text[32];
    for (size_t i = 0; i < STY_COUNT(at); i++) {
        if (at[i] < s->hz_low || at[i] > s->hz_high) continue;
        const double y = height_of(s, f, at[i]);
        sty_canvas_segment(canvas, f.x, y, f.x + f.w, y, 1, STY_GRID);
        snprintf(text, sizeof text, "%.0f", at[i]);
        sty_canvas_text(canvas, f.x - 9, y + 4, STY_TICK_SIZE, STY_END, STY_MUTED, text);
    }
}

/* One line for every stretch of voice; broken also where F0 leaps by half an octave. */
static sty_status draw_track(sty_canvas *canvas, sty_frame f, const scales *s, const float *f0_hz, size_t n, double hop_s,
                             sty_err *err) {
    double *xy = sty_alloc(2 * n, sizeof *xy);
    size_t points = 0;
    if (!xy) return sty_err_no_memory(err, 2 * n * sizeof *xy, "the picture");
    for (size_t t = 0; t <= n; t++) {
        const double hz = t < n ? (double)f0_hz[t] : 0, before = t > 0 ? (double)f0_hz[t - 1] : 0;
        const double x = f.x + f.w * ((double)t * hop_s / s->seconds);
        if (points && (hz <= 0 || fabs(log2(hz / before)) > 0.5)) {
            if (points > 1) sty_canvas_line(canvas, xy, points, 2, STY_ACCENT);
            points = 0;
        }
        if (hz <= 0 || x > f.x + f.w) continue;
        xy[2 * points] = x;
        xy[2 * points++ + 1] = height_of(s, f, hz);
    }
    sty_free(xy);
    return STY_OK;
}

/* A clip in a band that begins at y. */
static sty_status draw_clip(sty_canvas *canvas, const sty_speech_picture *p, size_t i, double y, const scales *s, sty_err *err) {
    const sty_mel_picture *mel = &p->mels[i];
    const double left = STY_MARGIN + 66, width = WIDTH * duration_of(mel) / s->seconds;
    size_t rows, columns;
    float *values = sty_mel_turned(mel, 512, WIDTH, &rows, &columns);
    if (!values) return sty_err_no_memory(err, mel->frames * mel->bins * sizeof *values, "the picture");
    const sty_frame f = {left, y + HEAD, width, MEL_HEIGHT}, all = {left, y + HEAD, WIDTH, MEL_HEIGHT};
    const sty_frame track = {left, f.y + MEL_HEIGHT + GAP, WIDTH, TRACK_HEIGHT};
    if (mel->title) sty_canvas_text(canvas, left, y + HEAD - 8, STY_LABEL_SIZE, STY_START, STY_INK, sty_canvas_fit(canvas, mel->title, STY_LABEL_SIZE, WIDTH));
    sty_canvas_cells(canvas, f.x, f.y, f.w, f.h, values, rows, columns, s->low, s->high, NULL, NULL);
    sty_free(values);
    if (mel->hz && mel->bins > 1) sty_draw_hz_axis(canvas, f, mel->hz, mel->bins);
    else sty_draw_y_axis(canvas, f, 0, (double)mel->bins, false);
    sty_draw_axis_names(canvas, f, NULL, mel->hz ? "frequency (Hz)" : "bin", 54);
    if (i == 0) sty_draw_colour_bar(canvas, all, s->low, s->high, mel->unit);
    draw_pitch_axis(canvas, track, s);
    sty_draw_x_axis(canvas, track, 0, s->seconds, false);
    sty_draw_axis_names(canvas, track, i + 1 == p->n ? "time (s)" : NULL, "F0 (Hz)", 54);
    return draw_track(canvas, track, s, p->f0_hz[i], p->n_f0[i], p->f0_hop_s, err);
}

sty_status sty_picture_speech(sty_canvas *canvas, const sty_speech_picture *p, sty_err *err) {
    const double band = HEAD + MEL_HEIGHT + GAP + TRACK_HEIGHT + FOOT;
    const scales s = look(p);
    sty_canvas_begin(canvas, STY_MARGIN + 66 + WIDTH + STY_BAR_SPACE + STY_MARGIN, 10);
    const double top = ceil(sty_draw_title(canvas, p->title, p->note));
    canvas->height = top + band * (double)p->n + STY_MARGIN;
    for (size_t i = 0; i < p->n; i++)
        STY_TRY(draw_clip(canvas, p, i, top + band * (double)i, &s, err));
    return STY_OK;
}
