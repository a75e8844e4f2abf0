/* canvas.c - collecting shapes. */
#include "plot/canvas.h"

#include "plot/font.h"

#include <string.h>

void sty_canvas_begin(sty_canvas *canvas, double width, double height) {
    memset(canvas, 0, sizeof *canvas);
    canvas->width = width;
    canvas->height = height;
}

void sty_canvas_clear(sty_canvas *canvas) {
    sty_free(canvas->ops);
    sty_arena_clear(&canvas->arena);
    memset(canvas, 0, sizeof *canvas);
}

/* A new shape to fill in; a spare one that nobody draws when memory ran out. */
static sty_op *add(sty_canvas *canvas, sty_op_kind kind, sty_colour colour) {
    static _Thread_local sty_op spare;
    if (canvas->n == canvas->capacity && !canvas->failed) {
        const size_t capacity = canvas->capacity ? 2 * canvas->capacity : 64;
        sty_op *ops = sty_resize(canvas->ops, canvas->n * sizeof *ops, capacity * sizeof *ops);
        if (ops) {
            canvas->ops = ops;
            canvas->capacity = capacity;
        } else canvas->failed = true;
    }
    sty_op *op = canvas->failed ? &spare : &canvas->ops[canvas->n++];
    *op = (sty_op){.kind = kind, .colour = colour};
    return op;
}

static void *keep(sty_canvas *canvas, const void *from, size_t n, size_t size) {
    void *copy = sty_arena_alloc(&canvas->arena, n, size);
    if (copy) memcpy(copy, from, n * size);
    else canvas->failed = true;
    return copy;
}

static const char *keep_text(sty_canvas *canvas, const char *text) {
    return text ? keep(canvas, text, strlen(text) + 1, 1) : NULL;
}

void sty_canvas_rect(sty_canvas *canvas, double x, double y, double w, double h, sty_colour colour, const char *tip) {
    sty_op *op = add(canvas, STY_OP_RECT, colour);
    op->x = x;
    op->y = y;
    op->w = w;
    op->h = h;
    op->text = keep_text(canvas, tip);
}

void sty_canvas_line(sty_canvas *canvas, const double *xy, size_t n_points, double width, sty_colour colour) {
    sty_op *op = add(canvas, STY_OP_LINE, colour);
    op->points = keep(canvas, xy, 2 * n_points, sizeof *xy);
    op->n = op->points ? n_points : 0;
    op->w = width;
}

void sty_canvas_segment(sty_canvas *canvas, double x0, double y0, double x1, double y1, double width, sty_colour colour) {
    const double xy[4] = {x0, y0, x1, y1};
    sty_canvas_line(canvas, xy, 2, width, colour);
}

void sty_canvas_mark(sty_canvas *canvas, sty_mark mark, double x, double y, double r, sty_colour colour, const char *tip,
                     const char *sound) {
    sty_op *op = add(canvas, STY_OP_MARK, colour);
    op->mark = mark;
    op->x = x;
    op->y = y;
    op->w = r;
    op->text = keep_text(canvas, tip);
    op->sound = keep_text(canvas, sound);
}

static sty_op *add_text(sty_canvas *canvas, double x, double y, double size, sty_anchor anchor, sty_colour colour,
                        const char *text) {
    sty_op *op = add(canvas, STY_OP_TEXT, colour);
    op->x = x;
    op->y = y;
    op->h = size;
    op->anchor = anchor;
    op->text = keep_text(canvas, text);
    return op;
}

void sty_canvas_text(sty_canvas *canvas, double x, double y, double size, sty_anchor anchor, sty_colour colour,
                     const char *text) {
    add_text(canvas, x, y, size, anchor, colour, text);
}

void sty_canvas_bold(sty_canvas *canvas, double x, double y, double size, sty_anchor anchor, sty_colour colour,
                     const char *text) {
    add_text(canvas, x, y, size, anchor, colour, text)->bold = true;
}

void sty_canvas_turned(sty_canvas *canvas, double x, double y, double size, sty_anchor anchor, sty_colour colour,
                       const char *text) {
    add_text(canvas, x, y, size, anchor, colour, text)->turned = true;
}

const char *sty_canvas_fit(sty_canvas *canvas, const char *text, double size, double width) {
    if (sty_font_width(text, size) <= width) return text;
    char *cut = sty_arena_alloc(&canvas->arena, strlen(text) + 3, 1);
    if (cut) memcpy(cut, text, strlen(text));
    for (size_t n = strlen(text); cut && n > 1; n--) {
        if (((unsigned char)text[n] & 0xC0) == 0x80) continue; /* inside a character */
        memcpy(cut + n, "..", 3);
        if (sty_font_width(cut, size) <= width) break;
    }
    return cut ? cut : text;
}

static const char *const *keep_names(sty_canvas *canvas, const char *const *names, size_t n) {
    const char **copy = names ? sty_arena_alloc(&canvas->arena, n, sizeof *copy) : NULL;
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = keep_text(canvas, names[i]);
    return copy;
}

void sty_canvas_cells(sty_canvas *canvas, double x, double y, double w, double h, const float *values, size_t rows,
                      size_t columns, double low, double high, const char *const *row_names,
                      const char *const *column_names) {
    const double range = high > low ? high - low : 1;
    uint32_t *rgb = sty_arena_alloc(&canvas->arena, rows * columns, sizeof *rgb);
    sty_op *op = add(canvas, STY_OP_CELLS, 0);
    op->x = x;
    op->y = y;
    op->w = w;
    op->h = h;
    op->n = rows;
    op->columns = columns;
    op->values = keep(canvas, values, rows * columns, sizeof *values);
    op->row_names = keep_names(canvas, row_names, rows);
    op->column_names = keep_names(canvas, column_names, columns);
    for (size_t i = 0; rgb && i < rows * columns; i++)
        rgb[i] = sty_colour_map(((double)values[i] - low) / range);
    op->rgb = rgb;
    if (!rgb) canvas->failed = true;
}
