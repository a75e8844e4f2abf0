/* locale_c.c - POSIX 2008 thread locales. glibc hands out one static object for the
 * "C" locale, so nothing is allocated and nothing needs to be freed. */
#define _GNU_SOURCE
#include "base/locale_c.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

void *sty_locale_enter(void) {
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return c ? uselocale(c) : NULL;
}

void sty_locale_leave(void *before) {
    if (before) uselocale(before);
}

double sty_strtod(const char *text, char **end) {
    void *before = sty_locale_enter();
    const double value = strtod(text, end);
    sty_locale_leave(before);
    return value;
}

int sty_print_float(char *text, size_t n, float value) {
    void *before = sty_locale_enter();
    const int length = snprintf(text, n, "%.9g", (double)value);
    sty_locale_leave(before);
    return length;
}
