/* axes.c - see axes.h. */
#include "plot/axes.h"

#include "plot/font.h"

#include <math.h>
#include <stdio.h>

enum { TICKS_MAX = 24, BAR_WIDTH = 14, BAR_STEPS = 128 };

/* 10 to a whole power by multiplication: the same on every machine. */
static double power_of_ten(int n) {
    double p = 1;
    for (int i = 0; i < (n < 0 ? -n : n); i++)
        p *= 10;
    return n < 0 ? 1 / p : p;
}

size_t sty_ticks(double low, double high, size_t n, double *at, size_t max, double *step) {
    const double raw = (high - low) / (double)(n ? n : 1);
    size_t count = 0;
    *step = 1;
    if (!(raw > 0) || !isfinite(raw)) {
        if (max) at[count++] = low;
        return count;
    }
    const int exponent = (int)floor(log10(raw));
    const double base = power_of_ten(exponent), rest = raw / base;
    *step = base * (rest < 1.5 ? 1 : rest < 3.5 ? 2 : rest < 7.5 ? 5 : 10);
    for (double i = ceil(low / *step - 1e-9); i * *step <= high + 1e-9 * *step && count < max; i++)
        at[count++] = i == 0 ? 0 : i * *step;
    return count;
}

char *sty_tick_text(double value, double step, char *text) {
    const int decimals = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    snprintf(text, 32, "%.*f", decimals > 9 ? 9 : decimals, value);
    return text;
}

double sty_draw_title(sty_canvas *canvas, const char *title, const char *note) {
    double y = STY_MARGIN;
    const double room = canvas->width - 2 * STY_MARGIN;
    if (title) {
        y += STY_TITLE_SIZE * 0.8;
        sty_canvas_bold(canvas, STY_MARGIN, y, STY_TITLE_SIZE, STY_START, STY_INK,
                        sty_canvas_fit(canvas, title, STY_TITLE_SIZE, room));
        y += 6;
    }
    if (note) {
        y += STY_NOTE_SIZE + 3;
        sty_canvas_text(canvas, STY_MARGIN, y, STY_NOTE_SIZE, STY_START, STY_MUTED,
                        sty_canvas_fit(canvas, note, STY_NOTE_SIZE, room));
        y += 4;
    }
    return y + 10;
}

void sty_draw_axis_names(sty_canvas *canvas, sty_frame f, const char *x, const char *y, double distance) {
    if (x) sty_canvas_text(canvas, f.x + f.w / 2, f.y + f.h + 38, STY_LABEL_SIZE, STY_MIDDLE, STY_INK, x);
    if (y) sty_canvas_turned(canvas, f.x - distance, f.y + f.h / 2, STY_LABEL_SIZE, STY_MIDDLE, STY_INK, y);
}

void sty_draw_x_axis(sty_canvas *canvas, sty_frame f, double low, double high, bool grid) {
    double at[TICKS_MAX], step;
    char text[32];
    const size_t n = sty_ticks(low, high, (size_t)fmax(2, f.w / 80), at, TICKS_MAX, &step);
    for (size_t i = 0; i < n; i++) {
        const double x = f.x + (high > low ? (at[i] - low) / (high - low) : 0) * f.w;
        if (grid) sty_canvas_segment(canvas, x, f.y, x, f.y + f.h, 1, STY_GRID);
        else sty_canvas_segment(canvas, x, f.y + f.h, x, f.y + f.h + 5, 1, STY_MUTED);
        sty_canvas_text(canvas, x, f.y + f.h + 19, STY_TICK_SIZE, STY_MIDDLE, STY_MUTED, sty_tick_text(at[i], step, text));
    }
}

void sty_draw_y_axis(sty_canvas *canvas, sty_frame f, double low, double high, bool grid) {
    double at[TICKS_MAX], step;
    char text[32];
    const size_t n = sty_ticks(fmin(low, high), fmax(low, high), (size_t)fmax(2, f.h / 55), at, TICKS_MAX, &step);
    for (size_t i = 0; i < n; i++) {
        const double y = f.y + f.h - (high > low || high < low ? (at[i] - low) / (high - low) : 0) * f.h;
        if (grid) sty_canvas_segment(canvas, f.x, y, f.x + f.w, y, 1, STY_GRID);
        else sty_canvas_segment(canvas, f.x - 5, y, f.x, y, 1, STY_MUTED);
        sty_canvas_text(canvas, f.x - 9, y + 4, STY_TICK_SIZE, STY_END, STY_MUTED, sty_tick_text(at[i], step, text));
    }
}

void sty_draw_colour_bar(sty_canvas *canvas, sty_frame f, double low, double high, const char *unit) {
    double at[TICKS_MAX], step;
    float ramp[BAR_STEPS];
    char text[32];
    const double x = f.x + f.w + 22, range = high > low ? high - low : 1;
    for (int i = 0; i < BAR_STEPS; i++)
        ramp[i] = (float)(high - range * ((double)i + 0.5) / BAR_STEPS);
    sty_canvas_cells(canvas, x, f.y, BAR_WIDTH, f.h, ramp, BAR_STEPS, 1, low, low + range, NULL, NULL);
    const size_t n = sty_ticks(low, low + range, (size_t)fmin(8, fmax(3, f.h / 45)), at, TICKS_MAX, &step);
    for (size_t i = 0; i < n; i++) {
        const double y = f.y + f.h - (at[i] - low) / range * f.h;
        sty_canvas_segment(canvas, x + BAR_WIDTH, y, x + BAR_WIDTH + 4, y, 1, STY_MUTED);
        sty_canvas_text(canvas, x + BAR_WIDTH + 7, y + 4, STY_TICK_SIZE, STY_START, STY_MUTED,
                        sty_tick_text(at[i], step, text));
    }
    if (unit)
        sty_canvas_turned(canvas, x + BAR_WIDTH + 54, f.y + f.h / 2, STY_LABEL_SIZE, STY_MIDDLE, STY_INK, unit);
}

double sty_row_names_width(const char *const *names, size_t n, double most) {
    double width = 0;
    for (size_t i = 0; i < n; i++)
        width = fmax(width, sty_font_width(names[i], STY_TICK_SIZE));
    return fmin(width, most);
}

/* Every how many names there is room for one. */
static size_t stride(double cell, double needed) { return cell >= needed ? 1 : (size_t)ceil(needed / fmax(cell, 1e-6)); }

void sty_draw_row_names(sty_canvas *canvas, sty_frame f, const char *const *names, size_t n, double width) {
    const double cell = f.h / (double)n;
    for (size_t i = 0; i < n; i += stride(cell, 13))
        sty_canvas_text(canvas, f.x - 8, f.y + cell * ((double)i + 0.5) + 4, STY_TICK_SIZE, STY_END, STY_MUTED,
                        sty_canvas_fit(canvas, names[i], STY_TICK_SIZE, width));
}

void sty_draw_column_names(sty_canvas *canvas, sty_frame f, const char *const *names, size_t n) {
    const double cell = f.w / (double)n, widest = sty_row_names_width(names, n, 1e9);
    for (size_t i = 0; i < n; i += stride(cell, widest + 6))
        sty_canvas_text(canvas, f.x + cell * ((double)i + 0.5), f.y + f.h + 17, STY_TICK_SIZE, STY_MIDDLE, STY_MUTED,
                        names[i]);
}
