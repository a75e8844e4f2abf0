/* time_parts.h - what the pictures over time have in common. Floor 4. */
#ifndef STY_PLOT_TIME_PARTS_H
#define STY_PLOT_TIME_PARTS_H

#include "plot/axes.h"
#include "plot/pictures.h"

/* The values of a spectrogram as rows of bins, the highest first, averaged down to at
 * most most_rows x most_columns: [*rows, *columns], the caller's (sty_free). NULL without memory. */
float *sty_mel_turned(const sty_mel_picture *mel, size_t most_rows, size_t most_columns, size_t *rows, size_t *columns);

/* Round frequencies left of a frame whose bins lie at hz [bins]. */
void sty_draw_hz_axis(sty_canvas *canvas, sty_frame f, const double *hz, size_t bins);

/* Smallest and largest of n values, n > 0. */
void sty_range_of(const float *values, size_t n, double *low, double *high);

#endif
