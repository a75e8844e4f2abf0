/* heat.c - heat maps with names. Cells get a whole number of pixels, so that they
 * are equally wide and their colours are exact. */
#include "plot/axes.h"
#include "plot/font.h"
#include "plot/pictures.h"

#include <math.h>
#include <stdio.h>

enum { NAMES_MAX = 220, HEAT_WIDTH = 640, HEAT_HEIGHT = 720 };

static double whole(double v, double low, double high) { return floor(fmax(low, fmin(high, v))); }

static void sizes(const sty_heat *heat, double *cell_w, double *cell_h) {
    const double rows = (double)heat->rows, columns = (double)heat->columns;
    *cell_w = whole(HEAT_WIDTH / columns, 1, 56);
    *cell_h = whole(HEAT_HEIGHT / rows, 1, 34);
    if (rows <= 8) *cell_h = 34;
    if (heat->square) {
        const double side = whole(fmin(HEAT_WIDTH / columns, 560 / rows), 1, 72);
        *cell_w = *cell_h = side;
    }
}

static void write_numbers(sty_canvas *canvas, const sty_heat *heat, sty_frame f, double cell_w, double cell_h) {
    char text[16];
    const double range = heat->high > heat->low ? heat->high - heat->low : 1;
    if (cell_w < 34 || cell_h < 18) return;
    for (size_t i = 0; i < heat->rows * heat->columns; i++) {
        const double v = heat->values[i];
        snprintf(text, sizeof text, "%.2f", v);
        sty_canvas_text(canvas, f.x + cell_w * ((double)(i % heat->columns) + 0.5),
                        f.y + cell_h * ((double)(i / heat->columns) + 0.5) + 4, 11, STY_MIDDLE,
                        sty_colour_on(sty_colour_map((v - heat->low) / range)), text);
    }
}

void sty_picture_heat(sty_canvas *canvas, const sty_heat *heat) {
    double cell_w, cell_h;
    sizes(heat, &cell_w, &cell_h);
    const double names = heat->row_names ? sty_row_names_width(heat->row_names, heat->rows, NAMES_MAX) : 0;
    const double notes = heat->row_notes ? sty_row_names_width(heat->row_notes, heat->rows, NAMES_MAX) + 16 : 0;
    const double left = ceil(STY_MARGIN + names + 12 + (heat->y_name ? 22 : 0));
    sty_frame f = {.x = left, .w = cell_w * (double)heat->columns, .h = cell_h * (double)heat->rows};
    const double title = heat->title ? sty_font_width(heat->title, STY_TITLE_SIZE) + 2 * STY_MARGIN : 0;
    const double note = heat->note ? fmin(sty_font_width(heat->note, STY_NOTE_SIZE), 720) + 2 * STY_MARGIN : 0;
    const double width = fmax(left + f.w + notes + STY_BAR_SPACE + STY_MARGIN / 2, fmax(title, note));
    sty_canvas_begin(canvas, ceil(width), 10);
    f.y = ceil(sty_draw_title(canvas, heat->title, heat->note));
    canvas->height = f.y + fmax(f.h + (heat->x_name ? 44 : heat->column_names ? 20 : 0), 110) + STY_MARGIN;
    sty_canvas_cells(canvas, f.x, f.y, f.w, f.h, heat->values, heat->rows, heat->columns, heat->low, heat->high,
                     heat->row_names, heat->column_names);
    if (heat->numbers) write_numbers(canvas, heat, f, cell_w, cell_h);
    if (heat->row_names) sty_draw_row_names(canvas, f, heat->row_names, heat->rows, names);
    if (heat->column_names) sty_draw_column_names(canvas, f, heat->column_names, heat->columns);
    for (size_t i = 0; heat->row_notes && i < heat->rows && cell_h >= 12; i++)
        sty_canvas_text(canvas, f.x + f.w + 12, f.y + cell_h * ((double)i + 0.5) + 4, STY_TICK_SIZE, STY_START, STY_MUTED,
                        heat->row_notes[i]);
    sty_draw_axis_names(canvas, f, heat->x_name, heat->y_name, names + 24);
    const sty_frame bar = {f.x, f.y, f.w + notes, fmax(f.h, 110)};
    sty_draw_colour_bar(canvas, bar, heat->low, heat->high, heat->unit);
}

float *sty_downsample(const float *values, size_t *rows, size_t *columns, size_t max_rows, size_t max_columns) {
    const size_t step_r = (*rows + max_rows - 1) / max_rows, step_c = (*columns + max_columns - 1) / max_columns;
    const size_t n_r = (*rows + step_r - 1) / step_r, n_c = (*columns + step_c - 1) / step_c;
    float *out = sty_alloc(n_r * n_c, sizeof *out);
    for (size_t i = 0; out && i < n_r * n_c; i++) {
        const size_t r0 = i / n_c * step_r, c0 = i % n_c * step_c;
        double sum = 0;
        size_t n = 0;
        for (size_t r = r0; r < r0 + step_r && r < *rows; r++)
            for (size_t c = c0; c < c0 + step_c && c < *columns; c++, n++)
                sum += (double)values[r * *columns + c];
        out[i] = (float)(sum / (double)n);
    }
    if (out) {
        *rows = n_r;
        *columns = n_c;
    }
    return out;
}
