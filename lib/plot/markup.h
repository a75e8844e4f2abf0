/* markup.h - text inside HTML and SVG. Floor 4. */
#ifndef STY_PLOT_MARKUP_H
#define STY_PLOT_MARKUP_H

#include "base/buf.h"

/* Text with its special characters escaped; what is no UTF-8, and control
 * characters, become the replacement character. */
void sty_markup_text(const char *text, sty_buf *out);

#endif
