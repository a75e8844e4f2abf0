/* position.h - sinusoidal position encodings. Floor 1. */
#ifndef STY_MATH_POSITION_H
#define STY_MATH_POSITION_H

#include <stdbool.h>
#include <stddef.h>

/* e [rows, width] = (plus, when add) the encodings of positions 0, 1, ...:
 *   e(t, 2i) = sin(t w_i), e(t, 2i + 1) = cos(t w_i), w_i = base^(-2i / width).
 * float32 as nickovchinnikov/tts-framework and dunky11/voicesmith compute it: w_i = exp(-2i ln(base) / width) and t w_i
 * rounded to float32 on the way. wide as keonlee9420/Comprehensive-Transformer-TTS
 * does: all in double, the result rounded. They differ by up to t x 6e-8. */
void sty_position_sinusoid(size_t rows, size_t width, double base, bool wide, bool add, float *e);

#endif
