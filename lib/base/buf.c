/* buf.c - growing buffer, JSON output. */
#include "base/buf.h"

#include "base/locale_c.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { USUAL = 64 }; /* bytes of a text as printed */

static bool reserve(sty_buf *buf, size_t more) {
    size_t need;
    if (buf->failed) return false;
    if (more <= buf->capacity - buf->length) return true;
    if (!sty_add(buf->length, more, &need)) return !(buf->failed = true);
    size_t capacity = buf->capacity ? buf->capacity : 256;
    while (capacity < need)
        if (!sty_mul(capacity, 2, &capacity)) return !(buf->failed = true);
    char *data = sty_resize(buf->data, buf->length, capacity);
    if (!data) return !(buf->failed = true);
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void *sty_buf_extend(sty_buf *buf, size_t n) {
    if (!reserve(buf, n)) return NULL;
    void *at = buf->data + buf->length;
    buf->length += n;
    return at;
}

void sty_buf_put(sty_buf *buf, const void *bytes, size_t n) {
    if (n == 0) return;
    void *at = sty_buf_extend(buf, n);
    if (at) memcpy(at, bytes, n);
}

void sty_buf_text(sty_buf *buf, const char *text) { sty_buf_put(buf, text, strlen(text)); }

void sty_buf_printf(sty_buf *buf, const char *format, ...) {
    va_list args, again;
    void *before = sty_locale_enter();
    va_start(args, format);
    va_copy(again, args);
    reserve(buf, USUAL);
    const size_t room = buf->failed ? 0 : buf->capacity - buf->length;
    int n = vsnprintf(room ? buf->data + buf->length : NULL, room, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n >= room && reserve(buf, (size_t)n + 1)) vsnprintf(buf->data + buf->length, (size_t)n + 1, format, again);
    if (n >= 0 && !buf->failed) buf->length += (size_t)n;
    va_end(again);
    sty_locale_leave(before);
}

int sty_utf8_length(const char *text, size_t n) {
    const unsigned char *s = (const unsigned char *)text;
    if (n == 0) return 0;
    if (s[0] < 0x80) return 1;
    int length = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || (size_t)length > n) return 0;
    for (int i = 1; i < length; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F)) return 0;
    if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)) return 0;
    return length;
}

void sty_buf_json(sty_buf *buf, const char *text) {
    const size_t n = strlen(text);
    size_t i = 0, plain = 0; /* where the bytes begin that stay as they are */
    sty_buf_put(buf, "\"", 1);
    while (i < n) {
        const unsigned char c = (unsigned char)text[i];
        const int length = c < 0x80 ? 1 : sty_utf8_length(text + i, n - i);
        i += length ? (size_t)length : 1;
        if (length && c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) continue;
        sty_buf_put(buf, text + plain, i - 1 - plain); /* what is escaped is one byte */
        plain = i;
        if (length == 0) sty_buf_text(buf, "\\ufffd");
        else if (c == '"' || c == '\\') sty_buf_printf(buf, "\\%c", c);
        else sty_buf_printf(buf, "\\u%04x", c);
    }
    sty_buf_put(buf, text + plain, n - plain);
    sty_buf_put(buf, "\"", 1);
}

/* Without printf, which takes as long for one number as a hundred of a vector's. */
void sty_buf_count(sty_buf *buf, size_t n) {
    char digits[24], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    sty_buf_put(buf, at, (size_t)(digits + sizeof digits - at));
}

/* Ten digits of a number from .1 on are an integer below 2^34, and the product that makes
 * it is off by 1e-6 at most: its rounding is certain but near a half, which printf decides. */
void sty_buf_seconds(sty_buf *buf, double seconds) {
    double power = 1e10;
    if (seconds >= 0 && seconds <= 0 && !signbit(seconds)) {
        sty_buf_put(buf, "0", 1);
        return;
    }
    for (double limit = 1; seconds >= limit && power > 1; limit *= 10)
        power /= 10;
    const double scaled = seconds * power, rounded = scaled + 0x1p52 - 0x1p52;
    if (!(seconds >= 0.1 && seconds < 1e9 && rounded < 1e10 && fabs(scaled - rounded) < 0.499)) {
        sty_buf_printf(buf, "%.10g", seconds);
        return;
    }
    const uint64_t n = (uint64_t)rounded, unit = (uint64_t)power;
    uint64_t rest = n % unit;
    sty_buf_count(buf, n / unit);
    if (rest) sty_buf_put(buf, ".", 1);
    for (uint64_t place = unit / 10; rest; place /= 10) {
        const char digit = (char)('0' + rest / place);
        sty_buf_put(buf, &digit, 1);
        rest %= place;
    }
}

static void put_floats(sty_buf *buf, const float *values, size_t n) {
    size_t room;
    if (!sty_mul(n, STY_FLOAT_TEXT, &room)) buf->failed = true;
    else if (reserve(buf, room)) buf->length += sty_print_floats(buf->data + buf->length, values, n);
}

void sty_buf_json_float(sty_buf *buf, float value) { put_floats(buf, &value, 1); }

void sty_buf_json_array(sty_buf *buf, const float *data, int rank, const size_t *dim) {
    if (rank == 0) {
        sty_buf_json_float(buf, data[0]);
        return;
    }
    size_t stride = 1;
    for (int i = 1; i < rank; i++)
        stride *= dim[i];
    sty_buf_put(buf, "[", 1);
    if (rank == 1) put_floats(buf, data, dim[0]);
    for (size_t i = 0; rank > 1 && i < dim[0]; i++) {
        if (i) sty_buf_put(buf, ",", 1);
        sty_buf_json_array(buf, data + i * stride, rank - 1, dim + 1);
    }
    sty_buf_put(buf, "]", 1);
}

void sty_buf_clear(sty_buf *buf) {
    sty_free(buf->data);
    memset(buf, 0, sizeof *buf);
}
