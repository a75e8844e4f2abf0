/* locale_c.h - numbers with a point, whatever locale the host program chose. Floor 0.
 *
 * A program that calls setlocale for a language with a decimal comma would otherwise
 * get "0,5" from printf and stop at the point in strtod: other manifests, other
 * digests, other files. The switch is the calling thread's only. */
#ifndef STY_BASE_LOCALE_C_H
#define STY_BASE_LOCALE_C_H

#include <stddef.h>

/* Switches the thread to the "C" locale; leave takes what enter gave. */
void *sty_locale_enter(void);
void sty_locale_leave(void *before);

/* strtod and snprintf("%.9g") in the "C" locale. */
double sty_strtod(const char *text, char **end);
int sty_print_float(char *text, size_t n, float value);

#endif
