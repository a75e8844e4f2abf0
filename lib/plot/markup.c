/* markup.c - see markup.h. Pages and pictures share it; neither knows the other. */
#include "plot/markup.h"

#include <string.h>

void sty_markup_text(const char *text, sty_buf *out) {
    for (size_t n = strlen(text); n > 0;) {
        const int length = sty_utf8_length(text, n);
        const unsigned char c = (unsigned char)*text;
        if (c == '&') sty_buf_text(out, "&amp;");
        else if (c == '<') sty_buf_text(out, "&lt;");
        else if (c == '>') sty_buf_text(out, "&gt;");
        else if (c == '"') sty_buf_text(out, "&quot;");
        else if (c == '\n') sty_buf_text(out, "&#10;");
        else if (length == 0 || (c < 0x20 && c != '\t')) sty_buf_text(out, "\xEF\xBF\xBD");
        else sty_buf_put(out, text, (size_t)length);
        text += length ? length : 1;
        n -= length ? (size_t)length : 1;
    }
}
