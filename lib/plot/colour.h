/* colour.h - the colours of pictures. Floor 4.
 *
 * A colour is either fixed (0x00RRGGBB) or a role that a theme fills in, so one
 * drawing serves light and dark, and a page may follow its reader's setting. */
#ifndef STY_PLOT_COLOUR_H
#define STY_PLOT_COLOUR_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t sty_colour;

enum {
    STY_PAPER = 0x01000000, /* background */
    STY_INK,                /* text and lines */
    STY_MUTED,              /* secondary text, axes */
    STY_GRID,               /* lines behind the data */
    STY_ACCENT,             /* the one series of a picture */
    STY_WARNING,            /* what needs a look */
    STY_N_ROLES = 6
};

typedef enum sty_theme { STY_LIGHT, STY_DARK } sty_theme;

/* 0x00RRGGBB of a colour under a theme. */
uint32_t sty_colour_rgb(sty_colour colour, sty_theme theme);

/* "paper", "ink", ...: the role's name, NULL for a fixed colour. */
const char *sty_colour_role(sty_colour colour);

/* The colour map at 0 (dark violet) to 1 (yellow): lightness grows evenly, so it
 * survives greyscale, and it runs from blue to yellow, so it survives every
 * common colour blindness. Values outside are clamped. */
sty_colour sty_colour_map(double value);

/* Black or white, whichever can be read on the colour. */
sty_colour sty_colour_on(sty_colour background);

/* Colours of groups, easy to tell apart for all eyes (Okabe and Ito 2008). They
 * repeat after STY_N_SERIES; the marker's form must then change. */
enum { STY_N_SERIES = 7 };
sty_colour sty_colour_series(size_t i);

#endif
