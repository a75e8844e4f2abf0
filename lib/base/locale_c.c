/* locale_c.c - POSIX 2008 thread locales. glibc hands out one static object for the
 * "C" locale, so nothing is allocated and nothing needs to be freed. */
#define _GNU_SOURCE
#include "base/locale_c.h"

#include "base/err.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The eight decimal digits of a value as bytes 0 to 9, the first one lowest: halves, pairs
 * and digits are parted for all of them at once, division is multiplication and shift. */
static uint64_t eight_digits(uint32_t value) {
    const uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    const uint64_t hundreds = fours * 10486 >> 20 & 0x0000007F0000007F;
    const uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
    const uint64_t tens = twos * 103 >> 10 & 0x000F000F000F000F;
    return tens | (twos - tens * 10) << 8;
}

/* Nine of them as text. */
static void put_digits(char *to, uint32_t first, uint64_t eight) {
    to[0] = (char)('0' + first);
    eight |= 0x3030303030303030;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    eight = __builtin_bswap64(eight);
#endif
    memcpy(to + 1, &eight, sizeof eight);
}

/* Where the zeros begin that nine digits end with. The first of them is never zero. */
static char *without_zeros(char *end, uint64_t eight) {
    if (eight >> 40) return end - (eight >> 56 == 0) - (eight >> 48 == 0); /* all but one number in a thousand */
    while (end[-1] == '0')
        end--;
    return end;
}

/* What printf makes of %.9g where that has no exponent, without its cost: a corpus has
 * 10^9 of these. Between 1e-4 and 1e9 the product of a float32 and the power of ten that
 * makes nine digits of it has 52 bits at most, so it is exact as a double; adding 2^52
 * rounds it to an integer, as printf does. */
static size_t print_plainly(char *text, float value) {
    static const double powers[] = {1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
    uint32_t bits;
    uint64_t scaled;
    memcpy(&bits, &value, sizeof bits);
    const double size = fabs((double)value);
    const int binary = (int)(bits >> 23 & 0xFF) - 127;
    int exponent = ((binary * 1233 + (20 << 12)) >> 12) - 20; /* floor(binary log10(2)): the value's own, or one less */
    exponent += size >= powers[exponent + 5];
    const double rounded = size * powers[12 - exponent] + 0x1p52;
    memcpy(&scaled, &rounded, sizeof scaled);
    uint32_t digits = (uint32_t)scaled; /* the rest is 2^52's */
    if (digits == 1000000000) {
        digits = 100000000;
        exponent++;
    }
    const uint64_t eight = eight_digits(digits % 100000000);
    char *to = text;
    *to = '-';
    to += bits >> 31;
    if (exponent < 0) {
        memcpy(to, "0.0000", 6);
        to += 1 - exponent;
        put_digits(to, digits / 100000000, eight);
        return (size_t)(without_zeros(to + 9, eight) - text);
    }
    put_digits(to + 1, digits / 100000000, eight); /* the point has its room in front of them */
    for (int i = 0; i <= exponent; i++)
        to[i] = to[i + 1];
    char *const point = to + exponent + 1, *end = without_zeros(to + 10, eight);
    *point = '.';
    return (size_t)((end > point + 1 ? end : point) - text);
}

size_t sty_print_floats(char *text, const float *values, size_t n) {
    char *to = text;
    for (size_t i = 0; i < n; i++) {
        const float size = fabsf(values[i]);
        if (i) *to++ = ',';
        if (size > 1e-4f && size < 1e9f) {
            to += print_plainly(to, values[i]);
            continue;
        }
        void *before = sty_locale_enter();
        to += snprintf(to, STY_FLOAT_TEXT, "%.9g", (double)values[i]);
        sty_locale_leave(before);
    }
    return (size_t)(to - text);
}
