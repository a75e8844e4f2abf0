/* html.h - one page that holds everything: pictures, tables, sounds. Floor 4.
 *
 * Nothing is loaded from a network. Elements with data-tip show it when the
 * pointer is on them; elements with data-sound play it when clicked (or Enter is
 * pressed). Colours follow the reader's light or dark setting unless fixed. */
#ifndef STY_PLOT_HTML_H
#define STY_PLOT_HTML_H

#include "plot/canvas.h"

typedef enum sty_page_theme { STY_PAGE_AUTO, STY_PAGE_LIGHT, STY_PAGE_DARK } sty_page_theme;

void sty_html_begin(const char *title, sty_page_theme theme, sty_buf *out);
void sty_html_end(sty_buf *out);

/* A section with a heading and a remark (both may be NULL); end it with
 * sty_html_section_end. */
void sty_html_section(const char *heading, const char *remark, sty_buf *out);
void sty_html_section_end(sty_buf *out);

void sty_html_picture(const sty_canvas *canvas, sty_buf *out);

/* A button that plays a clip; only the name when sound is NULL or "". */
void sty_html_clip(const char *name, const char *sound, sty_buf *out);

/* The address of an audio file as seen from a page: a relative path stays
 * relative (up "../" for each folder of page_path), an absolute one becomes
 * file://. Characters are percent-encoded. page_path "-" is the working folder. */
void sty_html_sound(const char *page_path, const char *audio_path, sty_buf *out);

#endif
