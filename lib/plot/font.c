/* font.c - glyphs as paths: M move, L line, H and V a quarter of an ellipse that
 * leaves horizontally or vertically, C a cubic curve; coordinates in units, the
 * baseline at 0. Bytes of UTF-8 beyond ASCII are drawn as one box per character. */
#include "plot/font.h"

#include <stdbool.h>

#define BOWL "M3.4 8H0 4V3.4 0H6.8 4V3.4 8"
#define GAP 2.9 /* between letters */

typedef struct {
    double width;
    const char *path;
} glyph;

static const glyph glyphs[95] = {
    {1.6, ""},                                                                          /* space */
    {0.6, "M0.3 12L0.3 3.8M0.3 0.2L0.3 0"},                                             /* ! */
    {2.6, "M0 12L0 8.8M2.6 12L2.6 8.8"},                                                /* " */
    {9, "M2.2 0L3.8 12M5.8 0L7.4 12M0.4 4L8.6 4M0.8 8L9 8"},                            /* # */
    {8, "M7.6 9.7V4 12H0.4 9V4 6.3H8 3.2V4 0H0 2.6M4 13.8L4 -1.8"},                     /* $ */
    {10, "M9 12L1 0M2.2 12H0 9.5V2.2 7H4.4 9.5V2.2 12M7.8 5H5.6 2.5V7.8 0H10 2.5V7.8 5"}, /* % */
    {8.8, "M8.8 0L2 8.6C1 10.2 1.8 12 3.6 12C5.6 12 6.2 9.8 4.6 8.4L2 6.4C-1 4 0 0 3.6 0C6 0 7.8 2 8.4 5"},
    {0, "M0 12L0 8.8"},                                                                 /* ' */
    {2.6, "M2.6 13.5C-0.8 9 -0.8 2 2.6 -2.5"},                                          /* ( */
    {2.6, "M0 13.5C3.4 9 3.4 2 0 -2.5"},                                                /* ) */
    {5.2, "M2.6 12L2.6 6.6M0.2 10.7L5 7.9M5 10.7L0.2 7.9"},                             /* * */
    {7.2, "M3.6 1.6L3.6 8.8M0 5.2L7.2 5.2"},                                            /* + */
    {0.8, "M0.8 0.3L0 -2"},                                                             /* , */
    {4.2, "M0 4.6L4.2 4.6"},                                                            /* - */
    {0.4, "M0.2 0.2L0.2 0"},                                                            /* . */
    {5, "M0 -1.5L5 13"},                                                                /* / */
    {7.4, "M3.7 12H0 6V3.7 0H7.4 6V3.7 12"},                                            /* 0 */
    {7.4, "M1.2 9.6L4.3 12L4.3 0"},                                                     /* 1 */
    {7.4, "M0.3 8.8V3.7 12H7 8.8C7 6.2 4.6 4.6 0 0L7.4 0"},                             /* 2 */
    {7.4, "M0.4 9.6V3.6 12H6.8 9.2V3.4 6.4M2.4 6.4L3.4 6.4H7.3 3.2V3.6 0H0 2.5"},       /* 3 */
    {7.4, "M5.5 0L5.5 12L0 3.4L7.4 3.4"},                                               /* 4 */
    {7.4, "M6.8 12L1 12L0.5 6.6C1.5 7.4 2.6 7.7 3.6 7.7H7.3 3.9V3.5 0H0 2.3"},          /* 5 */
    {7.4, "M6.5 10.6C5.9 11.6 5 12 4 12C1.2 12 0.1 9.3 0.1 4.6M3.75 7.4H0.1 3.7V3.75 0H7.4 3.7V3.75 7.4H0.1 3.7"},
    {7.4, "M0 12L7.4 12L2.6 0"},                                                        /* 7 */
    {7.4, "M3.7 12H0.5 9.2V3.7 6.4H6.9 9.2V3.7 12M3.7 6.4H0 3.2V3.7 0H7.4 3.2V3.7 6.4"}, /* 8 */
    {7.4, "M0.9 1.4C1.5 0.4 2.4 0 3.4 0C6.2 0 7.3 2.7 7.3 7.4M3.65 4.6H7.3 8.3V3.65 12H0 8.3V3.65 4.6H7.3 8.3"},
    {0.4, "M0.2 0.2L0.2 0M0.2 7.6L0.2 7.4"},                                            /* : */
    {0.8, "M0.8 0.3L0 -2M0.6 7.6L0.6 7.4"},                                             /* ; */
    {6.5, "M6.5 9L0 5.2L6.5 1.4"},                                                      /* < */
    {7.2, "M0 3.4L7.2 3.4M0 7L7.2 7"},                                                  /* = */
    {6.5, "M0 9L6.5 5.2L0 1.4"},                                                        /* > */
    {6.2, "M0.2 9.4V3.2 12H6.2 9.2C6.2 6.6 3.2 6.6 3.2 3.6M3.2 0.2L3.2 0"},             /* ? */
    {11, "M5.4 8.2H3.2 5.5V5.4 2.9H7.7 5.5V5.4 8.2M7.7 8.2L7.7 4.6V9.2 2.9H11 6V5.6 12H0 5.2V5.6 -1.6L8.4 -1.6"},
    {9, "M0 0L4.5 12L9 0M1.5 4L7.5 4"},                                                 /* A */
    {8, "M0 0L0 12L4 12H7.2 9.1V4 6.3M0 6.3L4.5 6.3H8 3.1V4.5 0L0 0"},                  /* B */
    {8.8, "M8.8 9.4V5 12H0 6V5 0H8.8 2.6"},                                             /* C */
    {9, "M0 0L0 12L3.5 12H9 6V3.5 0L0 0"},                                              /* D */
    {7, "M7 12L0 12L0 0L7 0M0 6.2L5.6 6.2"},                                            /* E */
    {6.8, "M6.8 12L0 12L0 0M0 6.2L5.4 6.2"},                                            /* F */
    {9.2, "M8.9 9.6V5 12H0 6V5 0H9.2 3.6L9.2 5.6L5.6 5.6"},                             /* G */
    {8.5, "M0 0L0 12M8.5 0L8.5 12M0 6.2L8.5 6.2"},                                      /* H */
    {0, "M0 0L0 12"},                                                                   /* I */
    {5.6, "M5.6 12L5.6 3.2V2.8 0H0 3"},                                                 /* J */
    {8.2, "M0 0L0 12M7.8 12L0 4.2M2.9 7.1L8.2 0"},                                      /* K */
    {6.7, "M0 12L0 0L6.7 0"},                                                           /* L */
    {10, "M0 0L0 12L5 2.6L10 12L10 0"},                                                 /* M */
    {8.5, "M0 0L0 12L8.5 0L8.5 12"},                                                    /* N */
    {10, "M5 12H0 6V5 0H10 6V5 12"},                                                    /* O */
    {7.8, "M0 0L0 12L4.4 12H7.8 8.7V4.4 5.4L0 5.4"},                                    /* P */
    {10, "M5 12H0 6V5 0H10 6V5 12M6.4 3L10 -1"},                                        /* Q */
    {8, "M0 0L0 12L4.4 12H7.8 8.7V4.4 5.4L0 5.4M4.2 5.4L8 0"},                          /* R */
    {8, "M7.6 9.5V4 12H0.4 9V4 6.3H8 3.1V4 0H0 2.7"},                                   /* S */
    {8.5, "M0 12L8.5 12M4.25 12L4.25 0"},                                               /* T */
    {8.5, "M0 12L0 4V4.25 0H8.5 4L8.5 12"},                                             /* U */
    {9, "M0 12L4.5 0L9 12"},                                                            /* V */
    {13, "M0 12L3.25 0L6.5 12L9.75 0L13 12"},                                           /* W */
    {8.5, "M0 12L8.5 0M8.5 12L0 0"},                                                    /* X */
    {9, "M0 12L4.5 5.8L9 12M4.5 5.8L4.5 0"},                                            /* Y */
    {8, "M0 12L8 12L0 0L8 0"},                                                          /* Z */
    {2.8, "M2.8 13.5L0 13.5L0 -2.5L2.8 -2.5"},                                          /* [ */
    {5, "M0 13L5 -1.5"},                                                                /* \ */
    {2.8, "M0 13.5L2.8 13.5L2.8 -2.5L0 -2.5"},                                          /* ] */
    {6, "M0 8L3 12L6 8"},                                                               /* ^ */
    {6.4, "M0 -2L6.4 -2"},                                                              /* _ */
    {1.8, "M0 12L1.8 9.8"},                                                             /* ` */
    {6.8, BOWL "M6.8 8L6.8 0"},                                                         /* a */
    {6.8, BOWL "M0 12L0 0"},                                                            /* b */
    {6.3, "M6.3 6.2V3.5 8H0 4V3.5 0H6.3 1.8"},                                          /* c */
    {6.8, BOWL "M6.8 12L6.8 0"},                                                        /* d */
    {7, "M0.05 4.2L7 4.2V3.6 8H0 4V3.6 0H6.6 1.9"},                                     /* e */
    {4.3, "M4.3 12H1.7 9.4L1.7 0M0 8L4.1 8"},                                           /* f */
    {6.8, BOWL "M6.8 8L6.8 -0.8V3.4 -4H0.4 -2.2"},                                      /* g */
    {6.3, "M0 12L0 0M0 4.8V3.2 8H6.3 4.9L6.3 0"},                                       /* h */
    {0, "M0 8L0 0M0 11.3L0 11.1"},                                                      /* i */
    {1.9, "M1.9 8L1.9 -2V0 -4M1.9 11.3L1.9 11.1"},                                      /* j */
    {6.2, "M0 12L0 0M5.9 8L0 2.6M2.3 4.7L6.2 0"},                                       /* k */
    {1.5, "M0 12L0 1.8V1.5 0"},                                                         /* l */
    {10.8, "M0 8L0 0M0 5.2V2.9 8H5.4 5.4L5.4 0M5.4 5.2V8.3 8H10.8 5.4L10.8 0"},         /* m */
    {6.3, "M0 8L0 0M0 4.8V3.2 8H6.3 4.9L6.3 0"},                                        /* n */
    {7.2, "M3.6 8H0 4V3.6 0H7.2 4V3.6 8"},                                              /* o */
    {6.8, BOWL "M0 8L0 -4"},                                                            /* p */
    {6.8, BOWL "M6.8 8L6.8 -4"},                                                        /* q */
    {4, "M0 8L0 0M0 4.6V3.2 8L4 8"},                                                    /* r */
    {5.8, "M5.5 6.3V2.9 8H0.3 6V2.9 4.2H5.8 2.1V2.9 0H0 1.7"},                          /* s */
    {4.4, "M1.6 11L1.6 2V3.4 0L4.4 0M0 8L4.2 8"},                                       /* t */
    {6.3, "M0 8L0 3.1V3.1 0H6.3 3.2M6.3 8L6.3 0"},                                      /* u */
    {7, "M0 8L3.5 0L7 8"},                                                              /* v */
    {10, "M0 8L2.5 0L5 8L7.5 0L10 8"},                                                  /* w */
    {6.4, "M0 8L6.4 0M6.4 8L0 0"},                                                      /* x */
    {7, "M0 8L3.6 0M7 8L3 -2.4C2.5 -3.6 1.8 -4 0.4 -4"},                                /* y */
    {6, "M0 8L6 8L0 0L6 0"},                                                            /* z */
    {3.4, "M3.4 13.5C1 13.5 1.8 11 1.8 9C1.8 7 1.6 5.5 0 5.5C1.6 5.5 1.8 4 1.8 2C1.8 0 1 -2.5 3.4 -2.5"},
    {0, "M0 13.5L0 -2.5"},                                                              /* | */
    {3.4, "M0 13.5C2.4 13.5 1.6 11 1.6 9C1.6 7 1.8 5.5 3.4 5.5C1.8 5.5 1.6 4 1.6 2C1.6 0 2.4 -2.5 0 -2.5"},
    {6.8, "M0 4.4C2 7.4 4.4 2.6 6.8 5.6"},                                              /* ~ */
};

static const glyph box = {6, "M0 0L0 10L6 10L6 0L0 0"};

/* The glyph of the next character, *text moved behind it. */
static const glyph *next_glyph(const char **text) {
    const unsigned char c = (unsigned char)*(*text)++;
    if (c >= 0x20 && c < 0x7F) return &glyphs[c - 0x20];
    while (((unsigned char)**text & 0xC0) == 0x80)
        (*text)++;
    return &box;
}

double sty_font_width(const char *text, double size) {
    double units = 0;
    while (*text)
        units += next_glyph(&text)->width + GAP;
    return units > 0 ? (units - GAP) * STY_FONT_UNIT(size) : 0;
}

/* ---- paths ---- */

typedef struct {
    double x, y;         /* the pen, in units */
    double left, unit;   /* of the glyph */
    sty_stroke_fn stroke;
    void *context;
} pen;

static void line_to(pen *p, double x, double y) {
    p->stroke(p->context, (p->left + p->x) * p->unit, p->y * p->unit, (p->left + x) * p->unit, y * p->unit);
    p->x = x;
    p->y = y;
}

static void curve_to(pen *p, double x1, double y1, double x2, double y2, double x3, double y3) {
    const double x0 = p->x, y0 = p->y;
    enum { PIECES = 8 };
    for (int i = 1; i <= PIECES; i++) {
        const double t = (double)i / PIECES, s = 1 - t;
        const double a = s * s * s, b = 3 * s * s * t, c = 3 * s * t * t, d = t * t * t;
        line_to(p, a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3);
    }
}

/* A number of a path, *path moved behind it; strtod would ask the locale. */
static double read_number(const char **path) {
    const char *p = *path;
    double v = 0, place = 1;
    while (*p == ' ')
        p++;
    const bool negative = *p == '-';
    if (negative) p++;
    for (; *p >= '0' && *p <= '9'; p++)
        v = 10 * v + (*p - '0');
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++)
            v += (*p - '0') * (place /= 10);
    *path = p;
    return negative ? -v : v;
}

static void draw_glyph(pen *p, const char *path) {
    const double k = 0.5523; /* of a quarter circle as a cubic curve */
    while (*path) {
        const char op = *path++;
        double v[6] = {0};
        for (int i = 0; i < (op == 'C' ? 6 : 2); i++)
            v[i] = read_number(&path);
        if (op == 'L') line_to(p, v[0], v[1]);
        else if (op == 'C') curve_to(p, v[0], v[1], v[2], v[3], v[4], v[5]);
        else if (op == 'H') curve_to(p, p->x + k * (v[0] - p->x), p->y, v[0], v[1] + k * (p->y - v[1]), v[0], v[1]);
        else if (op == 'V') curve_to(p, p->x, p->y + k * (v[1] - p->y), v[0] + k * (p->x - v[0]), v[1], v[0], v[1]);
        p->x = v[op == 'C' ? 4 : 0];
        p->y = v[op == 'C' ? 5 : 1];
    }
}

void sty_font_draw(const char *text, double size, sty_stroke_fn stroke, void *context) {
    pen p = {.unit = STY_FONT_UNIT(size), .stroke = stroke, .context = context};
    while (*text) {
        const glyph *g = next_glyph(&text);
        draw_glyph(&p, g->path);
        p.left += g->width + GAP;
    }
}
