/* raster.c - a canvas as pixels. Lines, letters and markers are drawn by the
 * distance of each pixel's centre to the shape, which gives smooth edges without
 * a second, larger picture; rectangles by their share of each pixel. Everything
 * is plain arithmetic, so the same drawing gives the same bytes. */
#include "plot/canvas.h"
#include "plot/font.h"

#include <math.h>
#include <string.h>

typedef struct {
    unsigned char *rgb;
    long width, height;
    double zoom;
    float *mask; /* coverage of one shape, [height, width]; zero in between */
    long x0, y0, x1, y1; /* touched part of the mask */
} raster;

static double clamp01(double v) { return v < 0 ? 0 : v > 1 ? 1 : v; }

static void blend(raster *r, long x, long y, uint32_t colour, double cover) {
    unsigned char *p = r->rgb + 3 * ((size_t)y * (size_t)r->width + (size_t)x);
    for (int k = 0; k < 3; k++) {
        const double c = colour >> (16 - 8 * k) & 255;
        p[k] = (unsigned char)((double)p[k] + (c - (double)p[k]) * cover + 0.5);
    }
}

/* Length of [a, b] inside the pixel that begins at i. */
static double share(double a, double b, long i) {
    const double from = a > (double)i ? a : (double)i, to = b < (double)(i + 1) ? b : (double)(i + 1);
    return to > from ? to - from : 0;
}

static long bound(double v, long limit) { return v < 0 ? 0 : v > (double)limit ? limit : (long)v; }

static void fill_rect(raster *r, const sty_op *op, uint32_t colour) {
    const double x0 = op->x * r->zoom, y0 = op->y * r->zoom, x1 = x0 + op->w * r->zoom, y1 = y0 + op->h * r->zoom;
    for (long y = bound(floor(y0), r->height); y < bound(ceil(y1), r->height); y++)
        for (long x = bound(floor(x0), r->width); x < bound(ceil(x1), r->width); x++)
            blend(r, x, y, colour, share(x0, x1, x) * share(y0, y1, y));
}

/* Each pixel takes the cell under its centre. */
static void fill_cells(raster *r, const sty_op *op) {
    const double x0 = op->x * r->zoom, y0 = op->y * r->zoom, w = op->w * r->zoom, h = op->h * r->zoom;
    for (long y = bound(ceil(y0 - 0.5), r->height); y < bound(ceil(y0 + h - 0.5), r->height); y++) {
        const size_t row = (size_t)(((double)y + 0.5 - y0) / h * (double)op->n);
        for (long x = bound(ceil(x0 - 0.5), r->width); x < bound(ceil(x0 + w - 0.5), r->width); x++) {
            const size_t column = (size_t)(((double)x + 0.5 - x0) / w * (double)op->columns);
            if (row < op->n && column < op->columns) blend(r, x, y, op->rgb[row * op->columns + column], 1);
        }
    }
}

/* ---- strokes ---- */

/* The mask takes the largest coverage of all pieces: joints are not drawn twice. */
static void stroke(raster *r, double ax, double ay, double bx, double by, double half) {
    const double reach = half + 1;
    const long x0 = bound(floor(fmin(ax, bx) - reach), r->width), x1 = bound(ceil(fmax(ax, bx) + reach), r->width);
    const long y0 = bound(floor(fmin(ay, by) - reach), r->height), y1 = bound(ceil(fmax(ay, by) + reach), r->height);
    const double dx = bx - ax, dy = by - ay, square = dx * dx + dy * dy;
    if (x0 >= x1 || y0 >= y1) return;
    r->x0 = x0 < r->x0 ? x0 : r->x0;
    r->y0 = y0 < r->y0 ? y0 : r->y0;
    r->x1 = x1 > r->x1 ? x1 : r->x1;
    r->y1 = y1 > r->y1 ? y1 : r->y1;
    for (long y = y0; y < y1; y++)
        for (long x = x0; x < x1; x++) {
            const double px = (double)x + 0.5 - ax, py = (double)y + 0.5 - ay;
            const double t = square > 0 ? clamp01((px * dx + py * dy) / square) : 0;
            const double ex = px - t * dx, ey = py - t * dy;
            const float cover = (float)clamp01(half + 0.5 - sqrt(ex * ex + ey * ey));
            float *at = r->mask + (size_t)y * (size_t)r->width + (size_t)x;
            if (cover > *at) *at = cover;
        }
}

static void begin_strokes(raster *r) {
    r->x0 = r->width;
    r->y0 = r->height;
    r->x1 = r->y1 = 0;
}

static void end_strokes(raster *r, uint32_t colour) {
    for (long y = r->y0; y < r->y1; y++)
        for (long x = r->x0; x < r->x1; x++) {
            float *at = r->mask + (size_t)y * (size_t)r->width + (size_t)x;
            if (*at > 0) blend(r, x, y, colour, (double)*at);
            *at = 0;
        }
}

/* Upright and level lines stay sharp: their edges are set on pixels. */
static double snapped(double centre, double width) {
    const double edge = centre - width / 2;
    return floor(edge + 0.5) + width / 2;
}

static void draw_line(raster *r, const sty_op *op, uint32_t colour) {
    const double width = op->w * r->zoom;
    const double *p = op->points;
    if (op->n == 2 && (p[0] == p[2] || p[1] == p[3])) {
        const bool level = p[1] == p[3];
        const double at = snapped((level ? p[1] : p[0]) * r->zoom, width) / r->zoom;
        const double from = level ? fmin(p[0], p[2]) : fmin(p[1], p[3]), to = level ? fmax(p[0], p[2]) : fmax(p[1], p[3]);
        const sty_op rect = {.x = level ? from : at - op->w / 2, .y = level ? at - op->w / 2 : from,
                             .w = level ? to - from : op->w, .h = level ? op->w : to - from};
        fill_rect(r, &rect, colour);
        return;
    }
    begin_strokes(r);
    for (size_t i = 0; i + 1 < op->n; i++)
        stroke(r, p[2 * i] * r->zoom, p[2 * i + 1] * r->zoom, p[2 * i + 2] * r->zoom, p[2 * i + 3] * r->zoom, width / 2);
    end_strokes(r, colour);
}

typedef struct {
    raster *r;
    double x, y, half; /* the start of the text in pixels; half the width of its lines */
    bool turned;
} letters;

static void letter_piece(void *context, double x0, double y0, double x1, double y1) {
    const letters *l = context;
    if (l->turned) stroke(l->r, l->x - y0, l->y - x0, l->x - y1, l->y - x1, l->half);
    else stroke(l->r, l->x + x0, l->y - y0, l->x + x1, l->y - y1, l->half);
}

static void draw_text(raster *r, const sty_op *op, uint32_t colour) {
    const double size = op->h * r->zoom, width = sty_font_width(op->text, size);
    const double back = op->anchor == STY_START ? 0 : op->anchor == STY_MIDDLE ? width / 2 : width;
    letters l = {.r = r, .x = op->x * r->zoom, .y = op->y * r->zoom, .turned = op->turned,
                 .half = size * (op->bold ? 0.062 : 0.043)};
    if (op->turned) l.y += back;
    else l.x -= back;
    begin_strokes(r);
    sty_font_draw(op->text, size, letter_piece, &l);
    end_strokes(r, colour);
}

/* ---- markers ---- */

/* Signed distance from the edge of a marker of radius 1, inside negative. */
static double marker_distance(sty_mark mark, double x, double y, double radius) {
    if (mark == STY_DISC) return sqrt(x * x + y * y) - radius;
    if (mark == STY_SQUARE) return fmax(fabs(x), fabs(y)) - 0.88 * radius;
    const double s = 1.15 * radius, side = 0.8660254 * fabs(x) - 0.5 * y; /* upright triangle */
    return fmax(side - 0.5 * s, y - 0.5 * s);
}

static void draw_mark(raster *r, const sty_op *op, uint32_t colour, uint32_t rim) {
    const double cx = op->x * r->zoom, cy = op->y * r->zoom, radius = op->w * r->zoom, edge = fmin(0.9, 0.2 * op->w) * r->zoom;
    const double reach = 1.3 * radius + edge + 1;
    for (long y = bound(floor(cy - reach), r->height); y < bound(ceil(cy + reach), r->height); y++)
        for (long x = bound(floor(cx - reach), r->width); x < bound(ceil(cx + reach), r->width); x++) {
            const double d = marker_distance(op->mark, (double)x + 0.5 - cx, (double)y + 0.5 - cy, radius);
            blend(r, x, y, rim, 0.8 * clamp01(0.5 - (d - edge))); /* sets points apart where they are dense */
            blend(r, x, y, colour, clamp01(0.5 - d));
        }
}

/* ---- the canvas ---- */

static void draw(raster *r, const sty_op *op, sty_theme theme) {
    const uint32_t colour = sty_colour_rgb(op->colour, theme);
    switch (op->kind) {
    case STY_OP_RECT: fill_rect(r, op, colour); break;
    case STY_OP_LINE: draw_line(r, op, colour); break;
    case STY_OP_MARK: draw_mark(r, op, colour, sty_colour_rgb(STY_PAPER, theme)); break;
    case STY_OP_TEXT: draw_text(r, op, colour); break;
    case STY_OP_CELLS: fill_cells(r, op); break;
    }
}

sty_status sty_canvas_pixels(const sty_canvas *canvas, sty_theme theme, int zoom, sty_pixels *pixels, sty_err *err) {
    raster r = {.width = (long)ceil(canvas->width * zoom), .height = (long)ceil(canvas->height * zoom), .zoom = zoom};
    const size_t n = (size_t)r.width * (size_t)r.height;
    r.rgb = canvas->failed ? NULL : sty_alloc(n, 3);
    r.mask = canvas->failed ? NULL : sty_alloc(n, sizeof *r.mask);
    if (!r.rgb || !r.mask) {
        sty_free(r.rgb);
        sty_free(r.mask);
        return sty_err_no_memory(err, n * 7, "the picture");
    }
    const sty_op paper = {.w = canvas->width, .h = canvas->height};
    fill_rect(&r, &paper, sty_colour_rgb(STY_PAPER, theme));
    for (size_t i = 0; i < canvas->n; i++)
        draw(&r, &canvas->ops[i], theme);
    sty_free(r.mask);
    *pixels = (sty_pixels){r.rgb, (size_t)r.width, (size_t)r.height};
    return STY_OK;
}
