/* map.c - points in the plane, and how tokens are used. */
#include "plot/axes.h"
#include "plot/font.h"
#include "plot/pictures.h"

#include <math.h>
#include <stdio.h>

enum { MAP_WIDTH = 620, MAP_HEIGHT = 500, LEGEND_MAX = 21 };

typedef struct {
    sty_frame f;
    double x0, x1, y0, y1; /* ranges, with some air; one scale for both axes */
} view;

static view look(const sty_map_picture *map, double top) {
    view v = {.f = {STY_MARGIN + 56, top, MAP_WIDTH, MAP_HEIGHT}, .x0 = INFINITY, .x1 = -INFINITY, .y0 = INFINITY, .y1 = -INFINITY};
    for (size_t i = 0; i < map->n; i++) {
        v.x0 = fmin(v.x0, (double)map->xy[2 * i]);
        v.x1 = fmax(v.x1, (double)map->xy[2 * i]);
        v.y0 = fmin(v.y0, (double)map->xy[2 * i + 1]);
        v.y1 = fmax(v.y1, (double)map->xy[2 * i + 1]);
    }
    double unit = fmax((v.x1 - v.x0) / MAP_WIDTH, (v.y1 - v.y0) / MAP_HEIGHT) * 1.08;
    if (!(unit > 0)) unit = 1.0 / MAP_WIDTH;
    const double cx = (v.x0 + v.x1) / 2, cy = (v.y0 + v.y1) / 2;
    v.x0 = cx - unit * MAP_WIDTH / 2;
    v.x1 = cx + unit * MAP_WIDTH / 2;
    v.y0 = cy - unit * MAP_HEIGHT / 2;
    v.y1 = cy + unit * MAP_HEIGHT / 2;
    return v;
}

static void place(const sty_map_picture *map, const view *v, size_t i, double *x, double *y) {
    *x = v->f.x + ((double)map->xy[2 * i] - v->x0) / (v->x1 - v->x0) * v->f.w;
    *y = v->f.y + v->f.h - ((double)map->xy[2 * i + 1] - v->y0) / (v->y1 - v->y0) * v->f.h;
}

static sty_colour group_colour(const sty_map_picture *map, size_t g) {
    if (!map->group) return STY_ACCENT;
    return g < LEGEND_MAX ? sty_colour_series(g) : STY_MUTED;
}

static sty_mark group_mark(const sty_map_picture *map, size_t g) {
    return map->group && g < LEGEND_MAX ? (sty_mark)(g / STY_N_SERIES % STY_N_MARKS) : STY_DISC;
}

static void draw_legend(sty_canvas *canvas, const sty_map_picture *map, sty_frame f) {
    const double x = f.x + f.w + 30;
    double y = f.y + 10;
    char more[64];
    if (map->group_title) {
        sty_canvas_bold(canvas, x - 6, y, STY_LABEL_SIZE, STY_START, STY_INK, sty_canvas_fit(canvas, map->group_title, STY_LABEL_SIZE, 150));
        y += 22;
    }
    for (size_t g = 0; g < map->n_groups && g < LEGEND_MAX; g++, y += 21) {
        sty_canvas_mark(canvas, group_mark(map, g), x, y - 4, 5, group_colour(map, g), NULL, NULL);
        sty_canvas_text(canvas, x + 13, y, STY_LABEL_SIZE, STY_START, STY_INK,
                        sty_canvas_fit(canvas, map->group_names[g], STY_LABEL_SIZE, 130));
    }
    if (map->n_groups <= LEGEND_MAX) return;
    snprintf(more, sizeof more, "and %zu more in grey", map->n_groups - LEGEND_MAX);
    sty_canvas_text(canvas, x - 6, y, STY_NOTE_SIZE, STY_START, STY_MUTED, more);
}

void sty_picture_map(sty_canvas *canvas, const sty_map_picture *map) {
    const double legend = map->group ? 190 : STY_MARGIN;
    char tip[512];
    sty_canvas_begin(canvas, STY_MARGIN + 56 + MAP_WIDTH + legend, 10);
    const double top = ceil(sty_draw_title(canvas, map->title, map->note));
    canvas->height = top + MAP_HEIGHT + 44 + STY_MARGIN;
    const view v = look(map, top);
    sty_draw_x_axis(canvas, v.f, v.x0, v.x1, true);
    sty_draw_y_axis(canvas, v.f, v.y0, v.y1, true);
    sty_draw_axis_names(canvas, v.f, map->x_name, map->y_name, 48);
    const double radius = map->n <= 60 ? 6 : map->n <= 400 ? 4.5 : map->n <= 3000 ? 3.2 : 2.2;
    for (size_t i = 0; i < map->n; i++) {
        double x, y;
        const size_t g = map->group ? map->group[i] : 0;
        place(map, &v, i, &x, &y);
        const char *name = map->names ? map->names[i] : "";
        snprintf(tip, sizeof tip, "%.300s%s%.150s", name, map->group ? "\n" : "", map->group ? map->group_names[g] : "");
        sty_canvas_mark(canvas, group_mark(map, g), x, y, radius, group_colour(map, g), map->names ? tip : NULL,
                        map->sounds ? map->sounds[i] : NULL);
    }
    if (map->group) draw_legend(canvas, map, v.f);
}

/* ---- usage ---- */

void sty_picture_usage(sty_canvas *canvas, const sty_usage_picture *u) {
    const double step = fmax(14, fmin(56, floor(640 / (double)u->tokens))), bar = floor(step * 0.36);
    sty_frame f = {.x = STY_MARGIN + 58, .w = fmax(step * (double)u->tokens, 300), .h = 280};
    double high = 0;
    char text[64];
    for (size_t i = 0; i < u->tokens; i++)
        high = fmax(high, fmax((double)u->mean[i], (double)u->largest[i]));
    high = high > 0 ? high * 1.05 : 1;
    sty_canvas_begin(canvas, fmax(f.x + f.w + STY_MARGIN, 560), 10);
    f.y = ceil(sty_draw_title(canvas, u->title, u->note)) + 26;
    canvas->height = f.y + f.h + 44 + STY_MARGIN;
    sty_draw_y_axis(canvas, f, 0, high, true);
    for (size_t i = 0; i < u->tokens; i++) {
        const double x = floor(f.x + step * ((double)i + 0.5)), a = (double)u->mean[i] / high * f.h, b = (double)u->largest[i] / high * f.h;
        snprintf(text, sizeof text, "token %zu\nmean weight %.3f", i, (double)u->mean[i]);
        sty_canvas_rect(canvas, x - bar, f.y + f.h - a, bar - 1, a, u->dead[i] ? STY_WARNING : STY_ACCENT, text);
        snprintf(text, sizeof text, "token %zu\nlargest in %.1f %% of clips and heads", i, 100 * (double)u->largest[i]);
        sty_canvas_rect(canvas, x + 1, f.y + f.h - b, bar - 1, b, STY_MUTED, text);
        if (step >= 20 || i % 5 == 0) {
            snprintf(text, sizeof text, "%zu", i);
            sty_canvas_text(canvas, x, f.y + f.h + 17, STY_TICK_SIZE, STY_MIDDLE, u->dead[i] ? STY_WARNING : STY_MUTED, text);
        }
    }
    sty_canvas_segment(canvas, f.x, f.y + f.h, f.x + f.w, f.y + f.h, 1, STY_MUTED);
    static const char *const keys[] = {"mean weight", "share of clips and heads where it is the largest", "dead"};
    const sty_colour colours[] = {STY_ACCENT, STY_MUTED, STY_WARNING};
    double x = f.x;
    bool any_dead = false;
    for (size_t i = 0; i < u->tokens; i++)
        any_dead = any_dead || u->dead[i];
    for (int i = 0; i < (any_dead ? 3 : 2); i++) {
        sty_canvas_rect(canvas, x, f.y - 24, 10, 10, colours[i], NULL);
        sty_canvas_text(canvas, x + 15, f.y - 15, STY_TICK_SIZE, STY_START, STY_INK, keys[i]);
        x += sty_font_width(keys[i], STY_TICK_SIZE) + 40;
    }
    sty_draw_axis_names(canvas, f, "token", "share", 46);
}
