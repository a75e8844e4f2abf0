/* err.c - the status table and the error record. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *text;
} statuses[] = {
#define STY_X(name, code, text) {code, text},
    STY_STATUS_MAP(STY_X)
#undef STY_X
};

_Static_assert(STY_COUNT(statuses) == STY_N_STATUS, "a row for every status");

const char *sty_status_name(sty_status status) {
    return (unsigned)status < STY_N_STATUS ? statuses[status].name : "unknown";
}

const char *sty_status_text(sty_status status) {
    return (unsigned)status < STY_N_STATUS ? statuses[status].text : "unknown status";
}

const char *sty_version(void) { return STYLET_VERSION; }

/* Names come from files and manifests: a line end or an escape sequence in one must
 * not make a second line or paint the terminal. */
static void keep_one_line(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F) *text = '?';
}

sty_status sty_err_set(sty_err *err, sty_status status, const char *format, ...) {
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
        keep_one_line(err->message);
        err->status = status;
    }
    return status;
}

void sty_err_prefix(sty_err *err, const char *format, ...) {
    if (!err) return;
    char text[sizeof err->message];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text) return;
    keep_one_line(text);
    size_t room = sizeof text - (size_t)n - 1;
    size_t length = strlen(err->message);
    if (length > room) length = room;
    memcpy(text + n, err->message, length);
    text[(size_t)n + length] = '\0';
    memcpy(err->message, text, (size_t)n + length + 1);
}

sty_status sty_err_no_memory(sty_err *err, size_t n_bytes, const char *what) {
    return sty_err_set(err, STY_OUT_OF_MEMORY, "out of memory: %zu bytes for %s", n_bytes, what);
}
