/* recurrent.h - recurrent matrices in the order in which the steps read them. Floor 1. */
#ifndef STY_MATH_RECURRENT_H
#define STY_MATH_RECURRENT_H

#include <stddef.h>

/* Floats of a packed matrix [rows, columns], and packing it: rows side by side. ld:
 * floats from one row of the matrix to the next. */
size_t sty_recurrent_packed(size_t rows, size_t columns);
void sty_recurrent_pack(const float *matrix, size_t rows, size_t columns, size_t ld, float *packed);

#endif
