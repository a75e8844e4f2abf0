/* svg.c - a canvas as SVG. Small heat maps are rectangles with a tip each; large
 * ones are one PNG inside the SVG, scaled without smoothing. */
#include "plot/canvas.h"
#include "plot/markup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECTS = 6000 };

typedef struct {
    sty_buf *out;
    sty_theme theme;
    bool page;
} svg;

/* Two decimals at most: enough for a screen, the same for every locale. */
static void number(svg *s, const char *name, double v) {
    long hundredths = lround(v * 100);
    const char *sign = hundredths < 0 ? "-" : "";
    hundredths = labs(hundredths);
    sty_buf_printf(s->out, " %s=\"%s%ld", name, sign, hundredths / 100);
    if (hundredths % 100) sty_buf_printf(s->out, hundredths % 10 ? ".%02ld" : ".%ld", hundredths % 10 ? hundredths % 100 : hundredths % 100 / 10);
    sty_buf_text(s->out, "\"");
}

static void colour(svg *s, const char *name, sty_colour c) {
    if (s->page && sty_colour_role(c)) sty_buf_printf(s->out, " %s=\"var(--%s)\"", name, sty_colour_role(c));
    else sty_buf_printf(s->out, " %s=\"#%06x\"", name, sty_colour_rgb(c, s->theme));
}

/* Ends an element, with its tip inside or as an attribute. */
static void finish(svg *s, const char *element, const char *tip, const char *sound) {
    if (s->page && tip) {
        sty_buf_text(s->out, " data-tip=\"");
        sty_markup_text(tip, s->out);
        sty_buf_text(s->out, "\"");
    }
    if (s->page && sound) {
        sty_buf_text(s->out, " data-sound=\"");
        sty_markup_text(sound, s->out);
        sty_buf_text(s->out, "\"");
    }
    if (s->page || !tip) {
        sty_buf_text(s->out, "/>\n");
        return;
    }
    sty_buf_text(s->out, "><title>");
    sty_markup_text(tip, s->out);
    sty_buf_printf(s->out, "</title></%s>\n", element);
}

static void rect(svg *s, double x, double y, double w, double h, sty_colour c, const char *tip) {
    sty_buf_text(s->out, "<rect");
    number(s, "x", x);
    number(s, "y", y);
    number(s, "width", w);
    number(s, "height", h);
    colour(s, "fill", c);
    finish(s, "rect", tip, NULL);
}

static void line(svg *s, const sty_op *op) {
    sty_buf_text(s->out, "<polyline fill=\"none\" points=\"");
    for (size_t i = 0; i < op->n; i++)
        sty_buf_printf(s->out, "%s%.2f,%.2f", i ? " " : "", op->points[2 * i], op->points[2 * i + 1]);
    sty_buf_text(s->out, "\"");
    colour(s, "stroke", op->colour);
    number(s, "stroke-width", op->w);
    sty_buf_text(s->out, "/>\n");
}

static void mark(svg *s, const sty_op *op) {
    const double r = op->w;
    if (op->mark == STY_DISC) {
        sty_buf_text(s->out, "<circle");
        number(s, "cx", op->x);
        number(s, "cy", op->y);
        number(s, "r", r);
    } else if (op->mark == STY_SQUARE) {
        sty_buf_text(s->out, "<rect");
        number(s, "x", op->x - 0.88 * r);
        number(s, "y", op->y - 0.88 * r);
        number(s, "width", 1.76 * r);
        number(s, "height", 1.76 * r);
    } else
        sty_buf_printf(s->out, "<polygon points=\"%.2f,%.2f %.2f,%.2f %.2f,%.2f\"", op->x, op->y - 1.15 * r,
                       op->x - 0.996 * r, op->y + 0.575 * r, op->x + 0.996 * r, op->y + 0.575 * r);
    colour(s, "fill", op->colour);
    colour(s, "stroke", STY_PAPER);
    number(s, "stroke-width", fmin(0.9, 0.2 * r));
    finish(s, op->mark == STY_DISC ? "circle" : op->mark == STY_SQUARE ? "rect" : "polygon", op->text, op->sound);
}

static void text(svg *s, const sty_op *op) {
    static const char *const anchors[] = {"start", "middle", "end"};
    sty_buf_text(s->out, "<text");
    number(s, "x", op->x);
    number(s, "y", op->y);
    number(s, "font-size", op->h);
    colour(s, "fill", op->colour);
    if (op->anchor != STY_START) sty_buf_printf(s->out, " text-anchor=\"%s\"", anchors[op->anchor]);
    if (op->bold) sty_buf_text(s->out, " font-weight=\"600\"");
    if (op->turned) sty_buf_printf(s->out, " transform=\"rotate(-90 %.2f %.2f)\"", op->x, op->y);
    sty_buf_text(s->out, ">");
    sty_markup_text(op->text, s->out);
    sty_buf_text(s->out, "</text>\n");
}

/* ---- cells ---- */

static void base64(const char *data, size_t n, sty_buf *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i;
        const uint32_t v = (uint32_t)(unsigned char)data[i] << 16 | (left > 1 ? (uint32_t)(unsigned char)data[i + 1] << 8 : 0) |
                           (left > 2 ? (uint32_t)(unsigned char)data[i + 2] : 0);
        const char four[4] = {digits[v >> 18], digits[v >> 12 & 63], left > 1 ? digits[v >> 6 & 63] : '=',
                              left > 2 ? digits[v & 63] : '='};
        sty_buf_put(out, four, 4);
    }
}

static void cells_as_picture(svg *s, const sty_op *op) {
    const size_t n = op->n * op->columns;
    sty_pixels pixels = {sty_alloc(n, 3), op->columns, op->n};
    sty_buf png = {0};
    for (size_t i = 0; pixels.rgb && i < 3 * n; i++)
        pixels.rgb[i] = (unsigned char)(op->rgb[i / 3] >> (16 - 8 * (i % 3)));
    if (!pixels.rgb || sty_png_encode(&pixels, &png, NULL) != STY_OK) s->out->failed = true;
    sty_buf_text(s->out, "<image preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\"");
    number(s, "x", op->x);
    number(s, "y", op->y);
    number(s, "width", op->w);
    number(s, "height", op->h);
    sty_buf_text(s->out, " href=\"data:image/png;base64,");
    base64(png.data ? png.data : "", png.length, s->out);
    sty_buf_text(s->out, "\"/>\n");
    sty_free(pixels.rgb);
    sty_buf_clear(&png);
}

static void cells(svg *s, const sty_op *op) {
    char tip[512];
    if (op->n * op->columns > MAX_RECTS) {
        cells_as_picture(s, op);
        return;
    }
    const double w = op->w / (double)op->columns, h = op->h / (double)op->n;
    sty_buf_text(s->out, "<g shape-rendering=\"crispEdges\">\n");
    for (size_t i = 0; i < op->n * op->columns; i++) {
        const size_t row = i / op->columns, column = i % op->columns;
        snprintf(tip, sizeof tip, "%.200s%s%.200s%s%.4g", op->row_names ? op->row_names[row] : "", op->row_names ? ", " : "",
                 op->column_names ? op->column_names[column] : "", op->column_names ? ": " : "", (double)op->values[i]);
        rect(s, op->x + w * (double)column, op->y + h * (double)row, w, h, op->rgb[i], tip);
    }
    sty_buf_text(s->out, "</g>\n");
}

void sty_svg_write(const sty_canvas *canvas, sty_theme theme, bool page, sty_buf *out) {
    svg s = {out, theme, page};
    const int w = (int)ceil(canvas->width), h = (int)ceil(canvas->height);
    sty_buf_printf(out,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                   "font-family=\"system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif\" role=\"img\">\n",
                   w, h, w, h);
    if (!page) rect(&s, 0, 0, w, h, STY_PAPER, NULL);
    for (size_t i = 0; i < canvas->n; i++) {
        const sty_op *op = &canvas->ops[i];
        switch (op->kind) {
        case STY_OP_RECT: rect(&s, op->x, op->y, op->w, op->h, op->colour, op->text); break;
        case STY_OP_LINE: line(&s, op); break;
        case STY_OP_MARK: mark(&s, op); break;
        case STY_OP_TEXT: text(&s, op); break;
        case STY_OP_CELLS: cells(&s, op); break;
        }
    }
    sty_buf_text(out, "</svg>\n");
    if (canvas->failed) out->failed = true;
}
