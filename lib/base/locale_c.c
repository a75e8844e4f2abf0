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

/* Nine decimal digits; each half of the last eight, and each pair in it, apart from the
 * others, so that a processor can work at all of them at once. */
static void put_digits(char *to, uint32_t value) {
    static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
                                "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    const uint32_t low = value % 100000000, a = low / 10000, b = low % 10000;
    to[0] = (char)('0' + value / 100000000);
    memcpy(to + 1, pairs + 2 * (a / 100), 2);
    memcpy(to + 3, pairs + 2 * (a % 100), 2);
    memcpy(to + 5, pairs + 2 * (b / 100), 2);
    memcpy(to + 7, pairs + 2 * (b % 100), 2);
}

/* What printf makes of %.9g where that has no exponent, without its cost: a corpus has
 * 10^9 of these. Between 1e-4 and 1e9 a float32 times a power of ten is an integer of
 * 64 bits times a power of two, so rounding is exact, half to even as printf's. */
static size_t print_plainly(char *text, float value) {
    static const double powers[] = {1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
                                    1000000000000};
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const int binary = (int)(bits >> 23 & 0xFF) - 127, shift = 23 - binary; /* the value is its 24 bits times 2^-shift */
    int exponent = ((binary * 1233 + (20 << 12)) >> 12) - 20;               /* floor(binary log10(2)): the value's own, or one less */
    exponent += fabs((double)value) >= powers[exponent + 5];
    uint64_t scaled = ((bits & 0x7FFFFF) | 0x800000) * tens[8 - exponent];
    if (shift > 0) scaled = (scaled + ((uint64_t)1 << (shift - 1)) - 1 + (scaled >> shift & 1)) >> shift; /* half to even */
    else scaled <<= -shift;
    if (scaled == tens[9]) {
        scaled = tens[8];
        exponent++;
    }
    char *to = text;
    *to = '-';
    to += bits >> 31;
    char *const whole = to; /* "0." and zeros, or digits before the point: they make room for it afterwards */
    memcpy(to, "0.0000", 6);
    to += exponent < 0 ? 1 - exponent : 1;
    put_digits(to, (uint32_t)scaled);
    to += 9;
    char *end = whole + 2;
    if (exponent >= 0) {
        for (int i = 0; i <= exponent; i++)
            whole[i] = whole[i + 1];
        whole[exponent + 1] = '.';
        end = whole + exponent + 2;
    }
    while (to > end && to[-1] == '0')
        to--;
    return (size_t)((to > end ? to : end - 1) - text);
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
