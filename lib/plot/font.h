/* font.h - a typeface of lines for pictures of pixels. Floor 4.
 *
 * Printable ASCII as strokes in an own design, so that a PNG needs no font file
 * and is the same everywhere. Capitals are 12 units high, small letters 8. */
#ifndef STY_PLOT_FONT_H
#define STY_PLOT_FONT_H

#include <stddef.h>

/* Length of a unit for text of a size (in pixels between lines of CSS). */
#define STY_FONT_UNIT(size) ((size) * 0.0595)

/* Width of a text in pixels. */
double sty_font_width(const char *text, double size);

/* Called for each straight piece of a text that starts at (0, 0): x to the right,
 * y upwards from the baseline, pixels. */
typedef void (*sty_stroke_fn)(void *context, double x0, double y0, double x1, double y1);
void sty_font_draw(const char *text, double size, sty_stroke_fn stroke, void *context);

#endif
