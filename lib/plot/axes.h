/* axes.h - what pictures have around their data: titles, axes, colour bars,
 * legends. Floor 4. Sizes in pixels of CSS. */
#ifndef STY_PLOT_AXES_H
#define STY_PLOT_AXES_H

#include "plot/canvas.h"

/* The rectangle of the data. */
typedef struct sty_frame {
    double x, y, w, h;
} sty_frame;

enum { STY_TITLE_SIZE = 17, STY_LABEL_SIZE = 12, STY_TICK_SIZE = 11, STY_NOTE_SIZE = 11, STY_MARGIN = 24 };

/* Round values inside low .. high, about n of them, into at (at most max).
 * Returns their number; *step their distance. */
size_t sty_ticks(double low, double high, size_t n, double *at, size_t max, double *step);

/* A tick's value with as many decimals as its step needs, into text [32]. */
char *sty_tick_text(double value, double step, char *text);

/* Title at the top left, a note below it in muted text (either may be NULL).
 * Returns the height they take. */
double sty_draw_title(sty_canvas *canvas, const char *title, const char *note);

/* Names of the axes: below the frame, and turned at distance left of it. */
void sty_draw_axis_names(sty_canvas *canvas, sty_frame f, const char *x, const char *y, double distance);

/* Numeric axes, with lines behind the data where grid is set. low is at the left and at the
 * bottom; a y axis of a matrix whose row 0 is on top has low above high. */
void sty_draw_x_axis(sty_canvas *canvas, sty_frame f, double low, double high, bool grid);
void sty_draw_y_axis(sty_canvas *canvas, sty_frame f, double low, double high, bool grid);

/* A vertical colour bar right of the frame, low at the bottom, with its unit. */
enum { STY_BAR_SPACE = 96 };
void sty_draw_colour_bar(sty_canvas *canvas, sty_frame f, double low, double high, const char *unit);

/* Names of rows left of the frame and of columns above it, thinned out where
 * they would touch. */
double sty_row_names_width(const char *const *names, size_t n, double most);
void sty_draw_row_names(sty_canvas *canvas, sty_frame f, const char *const *names, size_t n, double width);
void sty_draw_column_names(sty_canvas *canvas, sty_frame f, const char *const *names, size_t n);

#endif
