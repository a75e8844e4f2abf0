/* check.h - assertions and small macros. Floor 0.
 *
 * sty_assert states what the program itself guarantees (a programmer error when
 * false); it is active in every build. What a user or a file can get wrong is
 * never asserted: it is a sty_status. */
#ifndef STY_BASE_CHECK_H
#define STY_BASE_CHECK_H

#include <stdlib.h>

#define sty_assert(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

#define STY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#if defined(__GNUC__)
#define STY_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define STY_PRINTF(fmt, args)
#endif

#endif
