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

/* strtod in the "C" locale. */
double sty_strtod(const char *text, char **end);

/* n numbers as printf's %.9g in the "C" locale makes them, commas between. text has
 * room for STY_FLOAT_TEXT bytes a number. Returns the length; there is no NUL. */
enum { STY_FLOAT_TEXT = 24 };
size_t sty_print_floats(char *text, const float *values, size_t n);

#endif
