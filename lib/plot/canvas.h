/* canvas.h - one drawing, several files. Floor 4.
 *
 * A picture is drawn once, as a list of shapes in pixels of CSS (y downwards),
 * and then rendered as pixels (PNG), as SVG, or into a page. A canvas that ran out
 * of memory remembers it (failed) and ignores what follows: check once at the end.
 * Texts and values are copied. */
#ifndef STY_PLOT_CANVAS_H
#define STY_PLOT_CANVAS_H

#include "base/buf.h"
#include "plot/colour.h"

typedef enum sty_anchor { STY_START, STY_MIDDLE, STY_END } sty_anchor;
typedef enum sty_mark { STY_DISC, STY_SQUARE, STY_TRIANGLE, STY_N_MARKS } sty_mark;

typedef enum sty_op_kind { STY_OP_RECT, STY_OP_LINE, STY_OP_MARK, STY_OP_TEXT, STY_OP_CELLS } sty_op_kind;

typedef struct sty_op {
    sty_op_kind kind;
    sty_colour colour;
    double x, y, w, h;  /* rect, cells; mark: centre and radius w; text: anchor point, size h; line: width w */
    const double *points; /* line: x, y, x, y ... */
    size_t n;             /* points; cells: rows */
    size_t columns;       /* cells */
    const uint32_t *rgb;  /* cells [rows, columns], fixed colours */
    const float *values;  /* cells, for tips; or NULL */
    const char *const *row_names, *const *column_names; /* cells, for tips; or NULL */
    const char *text;     /* text; else the tip, or NULL */
    const char *sound;    /* mark: path of audio, or NULL */
    sty_anchor anchor;
    sty_mark mark;
    bool turned; /* text reads upwards */
    bool bold;
} sty_op;

typedef struct sty_canvas {
    sty_arena arena;
    double width, height;
    sty_op *ops;
    size_t n, capacity;
    bool failed;
} sty_canvas;

void sty_canvas_begin(sty_canvas *canvas, double width, double height);
void sty_canvas_clear(sty_canvas *canvas);

void sty_canvas_rect(sty_canvas *canvas, double x, double y, double w, double h, sty_colour colour, const char *tip);
void sty_canvas_line(sty_canvas *canvas, const double *xy, size_t n_points, double width, sty_colour colour);
void sty_canvas_segment(sty_canvas *canvas, double x0, double y0, double x1, double y1, double width, sty_colour colour);
void sty_canvas_mark(sty_canvas *canvas, sty_mark mark, double x, double y, double r, sty_colour colour, const char *tip,
                     const char *sound);

/* y: the baseline. */
void sty_canvas_text(sty_canvas *canvas, double x, double y, double size, sty_anchor anchor, sty_colour colour,
                     const char *text);
void sty_canvas_bold(sty_canvas *canvas, double x, double y, double size, sty_anchor anchor, sty_colour colour,
                     const char *text);
void sty_canvas_turned(sty_canvas *canvas, double x, double y, double size, sty_anchor anchor, sty_colour colour,
                       const char *text);

/* A text cut with ".." so that it is at most width wide. */
const char *sty_canvas_fit(sty_canvas *canvas, const char *text, double size, double width);

/* Cells [rows, columns] of equal size over the rectangle, coloured by the map over
 * low .. high. Names (may be NULL) and values are shown when hovering. */
void sty_canvas_cells(sty_canvas *canvas, double x, double y, double w, double h, const float *values, size_t rows,
                      size_t columns, double low, double high, const char *const *row_names,
                      const char *const *column_names);

/* ---- rendering ---- */

/* RGB bytes [height x zoom, width x zoom, 3], owned by the caller (sty_free). */
typedef struct sty_pixels {
    unsigned char *rgb;
    size_t width, height;
} sty_pixels;
sty_status sty_canvas_pixels(const sty_canvas *canvas, sty_theme theme, int zoom, sty_pixels *pixels, sty_err *err);

/* A PNG file of the pixels. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_png_encode(const sty_pixels *pixels, sty_buf *out, sty_err *err);

/* An SVG element. page: colours are CSS variables (--ink) and tips are data-tip
 * attributes, as html.h wants them; else a file of its own with <title> tips. */
void sty_svg_write(const sty_canvas *canvas, sty_theme theme, bool page, sty_buf *out);

#endif
