/* time.c - pictures over frames: spectrograms and attention maps. Long ones are
 * averaged down to what a screen can show, and the note says so. */
#include "plot/time_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MEL_WIDTH = 900, MEL_HEIGHT = 320, MAP_SIDE = 256 };

void sty_range_of(const float *values, size_t n, double *low, double *high) {
    *low = *high = (double)values[0];
    for (size_t i = 1; i < n; i++) {
        *low = fmin(*low, (double)values[i]);
        *high = fmax(*high, (double)values[i]);
    }
}

/* "a, b" of two notes that may be missing. */
static const char *join(const char *a, const char *b, char *text, size_t n) {
    snprintf(text, n, "%s%s%s", a ? a : "", a && *b ? "; " : "", b);
    return *text ? text : NULL;
}

/* [frames, bins] turned so that rows are bins, the highest first. */
static float *turn(const float *values, size_t frames, size_t bins) {
    float *out = sty_alloc(frames * bins, sizeof *out);
    for (size_t t = 0; out && t < frames; t++)
        for (size_t b = 0; b < bins; b++)
            out[(bins - 1 - b) * frames + t] = values[t * bins + b];
    return out;
}

float *sty_mel_turned(const sty_mel_picture *mel, size_t most_rows, size_t most_columns, size_t *rows, size_t *columns) {
    *rows = mel->bins;
    *columns = mel->frames;
    float *turned = turn(mel->values, mel->frames, mel->bins);
    float *values = turned ? sty_downsample(turned, rows, columns, most_rows, most_columns) : NULL;
    sty_free(turned);
    return values;
}

/* The place of a frequency among the centres, 0 at the lower edge to bins. */
static double bin_of(const double *hz, size_t bins, double f) {
    size_t b = 0;
    while (b + 2 < bins && f > hz[b + 1])
        b++;
    return (double)b + (f - hz[b]) / (hz[b + 1] - hz[b]) + 0.5;
}

void sty_draw_hz_axis(sty_canvas *canvas, sty_frame f, const double *hz, size_t bins) {
    static const double at[] = {0, 100, 250, 500, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 10000, 12000, 16000, 20000};
    double last = f.y + f.h + 20;
    char text[32];
    for (size_t i = 0; i < STY_COUNT(at); i++) {
        const double place = bin_of(hz, bins, at[i]), y = f.y + f.h - place / (double)bins * f.h;
        if (place < 0 || place > (double)bins + 0.6 || last - y < 22) continue;
        last = y;
        sty_canvas_segment(canvas, f.x - 5, y, f.x, y, 1, STY_MUTED);
        snprintf(text, sizeof text, "%.0f", at[i]);
        sty_canvas_text(canvas, f.x - 9, y + 4, STY_TICK_SIZE, STY_END, STY_MUTED, text);
    }
}

sty_status sty_picture_mel(sty_canvas *canvas, const sty_mel_picture *mel, sty_err *err) {
    size_t rows, columns;
    char note[400], less[80] = "";
    double low, high;
    float *values = sty_mel_turned(mel, 512, MEL_WIDTH, &rows, &columns);
    if (!values) return sty_err_no_memory(err, mel->frames * mel->bins * 4, "the picture");
    if (columns < mel->frames)
        snprintf(less, sizeof less, "means over %zu frames a column", (mel->frames + columns - 1) / columns);
    sty_range_of(values, rows * columns, &low, &high);
    sty_frame f = {.x = STY_MARGIN + 66};
    f.w = columns < 300 ? fmax(420, 3.0 * (double)columns) : columns < MEL_WIDTH / 2 ? 2.0 * (double)columns : MEL_WIDTH;
    f.h = rows <= 128 ? 4.0 * (double)rows : MEL_HEIGHT;
    if (f.h > 400) f.h = 3.0 * (double)rows;
    sty_canvas_begin(canvas, f.x + f.w + STY_BAR_SPACE + STY_MARGIN, 10);
    f.y = ceil(sty_draw_title(canvas, mel->title, join(mel->note, less, note, sizeof note)));
    canvas->height = f.y + f.h + 44 + STY_MARGIN;
    sty_canvas_cells(canvas, f.x, f.y, f.w, f.h, values, rows, columns, low, high, NULL, NULL);
    sty_draw_x_axis(canvas, f, 0, (double)mel->frames * mel->hop_s, false);
    if (mel->hz && mel->bins > 1) sty_draw_hz_axis(canvas, f, mel->hz, mel->bins);
    else sty_draw_y_axis(canvas, f, 0, (double)mel->bins, false);
    sty_draw_axis_names(canvas, f, "time (s)", mel->hz ? "frequency (Hz)" : "bin", 54);
    sty_draw_colour_bar(canvas, f, low, high, mel->unit);
    sty_free(values);
    return STY_OK;
}

/* One head's map with its number; returns false without memory. */
static bool draw_head(sty_canvas *canvas, const sty_attention_picture *a, size_t h, sty_frame f, double high) {
    char name[32];
    size_t rows = a->queries, columns = a->keys;
    float *values = sty_downsample(a->values + h * a->queries * a->keys, &rows, &columns, MAP_SIDE, MAP_SIDE);
    if (!values) return false;
    sty_canvas_cells(canvas, f.x, f.y, f.w, f.h, values, rows, columns, 0, high, NULL, NULL);
    sty_free(values);
    snprintf(name, sizeof name, "head %zu", h);
    sty_canvas_text(canvas, f.x, f.y - 7, STY_LABEL_SIZE, STY_START, STY_INK, name);
    sty_draw_x_axis(canvas, f, 0, (double)a->keys, false);
    sty_draw_y_axis(canvas, f, (double)a->queries, 0, false); /* row 0 is on top */
    return true;
}

sty_status sty_picture_attention(sty_canvas *canvas, const sty_attention_picture *a, sty_err *err) {
    const size_t across = a->heads < 4 ? a->heads : 4, down = (a->heads + across - 1) / across;
    const double longest = (double)(a->keys > a->queries ? a->keys : a->queries);
    const double scale = fmax(floor(190 / longest), 1) * longest > 256 ? 256 / longest : fmax(floor(190 / longest), 1);
    const double w = fmax(16, scale * (double)a->keys), h = fmax(16, scale * (double)a->queries);
    const double step_x = w + 56, step_y = h + 58, left = STY_MARGIN + 64;
    char note[400], less[80] = "";
    double low, high;
    bool ok = true;
    sty_range_of(a->values, a->heads * a->queries * a->keys, &low, &high);
    if (a->queries > MAP_SIDE || a->keys > MAP_SIDE) snprintf(less, sizeof less, "averaged down to %d cells a side", MAP_SIDE);
    sty_canvas_begin(canvas, fmax(left + step_x * (double)across + STY_BAR_SPACE, 420), 10);
    const double top = ceil(sty_draw_title(canvas, a->title, join(a->note, less, note, sizeof note))) + 14;
    canvas->height = top + step_y * (double)down + 12 + STY_MARGIN;
    for (size_t i = 0; i < a->heads; i++) {
        const sty_frame f = {left + step_x * (double)(i % across), top + step_y * (double)(i / across), w, h};
        ok = draw_head(canvas, a, i, f, high) && ok;
    }
    /* the whole block of maps, for names and the bar; row 0 of a map is on top */
    const sty_frame all = {left, top, step_x * (double)across - 56, step_y * (double)down - 58};
    sty_draw_axis_names(canvas, all, a->x_name, a->y_name, 50);
    sty_draw_colour_bar(canvas, all, 0, high, "attention weight");
    return ok ? STY_OK : sty_err_no_memory(err, MAP_SIDE * MAP_SIDE * 4, "the picture");
}
