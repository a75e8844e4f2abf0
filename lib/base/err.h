/* err.h - filling and forwarding sty_err records. Floor 0.
 *
 * Messages: lower case, no full stop, what failed first, the subject in single
 * quotes, then what was expected, then a hint. */
#ifndef STY_BASE_ERR_H
#define STY_BASE_ERR_H

#include "base/check.h"
#include "stylet.h"

/* Fills err (which may be NULL) and returns status. Control characters of the
 * message become '?': a message is one line, whatever a file is called. */
sty_status sty_err_set(sty_err *err, sty_status status, const char *format, ...) STY_PRINTF(3, 4);

/* Puts text in front of the message, e.g. the JSON path or the file. */
void sty_err_prefix(sty_err *err, const char *format, ...) STY_PRINTF(2, 3);

sty_status sty_err_no_memory(sty_err *err, size_t n_bytes, const char *what);

/* Forwards a failure. */
#define STY_TRY(expression)                                                                        \
    do {                                                                                           \
        sty_status sty_try_status_ = (expression);                                                 \
        if (sty_try_status_ != STY_OK) return sty_try_status_;                                     \
    } while (0)

#endif
