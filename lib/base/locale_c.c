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

/* What printf makes of %.9g where that has no exponent, without its cost: a corpus has
 * 10^9 of these. Between 1e-4 and 1e9 a float32 times a power of ten is an integer of
 * 64 bits times a power of two, so rounding is exact, half to even as printf's. */
static size_t print_plainly(char *text, float value) {
    static const double powers[] = {1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
                                    1000000000000};
    static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
                                "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    const double size = fabs((double)value);
    char digits[9], *to = text;
    uint32_t bits;
    int exponent = -4;
    memcpy(&bits, &value, sizeof bits);
    for (size_t i = 0; i < sizeof powers / sizeof *powers && size >= powers[i]; i++)
        exponent++;
    uint64_t scaled = ((bits & 0x7FFFFF) | 0x800000) * tens[8 - exponent];
    const int shift = 150 - (int)(bits >> 23 & 0xFF);
    if (shift > 0) {
        const uint64_t half = (uint64_t)1 << (shift - 1), rest = scaled & (half * 2 - 1);
        scaled >>= shift;
        scaled += rest > half || (rest == half && (scaled & 1));
    } else scaled <<= -shift;
    if (scaled == tens[9]) {
        scaled = tens[8];
        exponent++;
    }
    int n = 9;
    uint32_t left = (uint32_t)scaled;
    for (int i = 7; i > 0; i -= 2, left /= 100)
        memcpy(digits + i, pairs + 2 * (left % 100), 2);
    digits[0] = (char)('0' + left);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    if (bits >> 31) *to++ = '-';
    if (exponent < 0) {
        memcpy(to, "0.0000", 6);
        to += 1 - exponent;
        memcpy(to, digits, 9);
        return (size_t)(to + n - text);
    }
    memcpy(to, digits, 9);
    if (n <= exponent + 1) return (size_t)(to + exponent + 1 - text); /* zeros are digits too */
    to += exponent + 1;
    *to = '.';
    memcpy(to + 1, digits + exponent + 1, (size_t)(8 - exponent));
    return (size_t)(to + n - exponent - text);
}

int sty_print_float(char *text, size_t n, float value) {
    const float size = fabsf(value);
    if (n >= 32 && size > 1e-4f && size < 1e9f) {
        const size_t length = print_plainly(text, value);
        text[length] = '\0';
        return (int)length;
    }
    void *before = sty_locale_enter();
    const int length = snprintf(text, n, "%.9g", (double)value);
    sty_locale_leave(before);
    return length;
}
