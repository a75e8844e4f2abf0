/* pictures.h - the kinds of pictures, each from plain arrays onto a canvas that
 * it begins itself. Floor 4. All titles, notes and names may be NULL. */
#ifndef STY_PLOT_PICTURES_H
#define STY_PLOT_PICTURES_H

#include "plot/canvas.h"

/* Cells with names: clips x tokens, heads x tokens, clips x clips. */
typedef struct sty_heat {
    const char *title, *note, *x_name, *y_name, *unit;
    const float *values; /* [rows, columns] */
    size_t rows, columns;
    const char *const *row_names, *const *column_names;
    const char *const *row_notes; /* right of the rows, e.g. entropies */
    double low, high;             /* range of the colours */
    bool square;                  /* cells as wide as high */
    bool numbers;                 /* values inside the cells where there is room */
} sty_heat;
void sty_picture_heat(sty_canvas *canvas, const sty_heat *heat);

/* A spectrogram over time. */
typedef struct sty_mel_picture {
    const char *title, *note, *unit;
    const float *values; /* [frames, bins] */
    size_t frames, bins;
    double hop_s;
    const double *hz; /* [bins]: centre of each bin, rising; NULL: bins are numbered */
} sty_mel_picture;

/* Errors: STY_OUT_OF_MEMORY. */
sty_status sty_picture_mel(sty_canvas *canvas, const sty_mel_picture *mel, sty_err *err);

/* Clips one above the other on one scale of time: spectrogram, and F0 below it on one
 * scale of pitch. */
typedef struct sty_speech_picture {
    const char *title, *note;
    const sty_mel_picture *mels;  /* [n], their titles above each; with hz */
    const float *const *f0_hz;    /* [n] tracks, 0: no voice */
    const size_t *n_f0;           /* [n] */
    double f0_hop_s;
    size_t n;
} sty_speech_picture;
sty_status sty_picture_speech(sty_canvas *canvas, const sty_speech_picture *speech, sty_err *err);

/* Maps [heads, queries, keys] side by side, one scale. */
typedef struct sty_attention_picture {
    const char *title, *note, *x_name, *y_name;
    const float *values;
    size_t heads, queries, keys;
} sty_attention_picture;
sty_status sty_picture_attention(sty_canvas *canvas, const sty_attention_picture *attention, sty_err *err);

/* Points in the plane, coloured by group. */
typedef struct sty_map_picture {
    const char *title, *note, *x_name, *y_name;
    const float *xy; /* [n, 2] */
    size_t n;
    const char *const *names, *const *sounds; /* [n]; sounds: paths of audio */
    const size_t *group;                      /* [n], or NULL */
    const char *const *group_names;
    size_t n_groups;
    const char *group_title;
} sty_map_picture;
void sty_picture_map(sty_canvas *canvas, const sty_map_picture *map);

/* How a corpus uses the tokens. */
typedef struct sty_usage_picture {
    const char *title, *note;
    const float *mean;    /* [tokens]: mean weight over clips and heads */
    const float *largest; /* [tokens]: share of clips and heads where it is the largest */
    const bool *dead;     /* [tokens] */
    size_t tokens;
} sty_usage_picture;
void sty_picture_usage(sty_canvas *canvas, const sty_usage_picture *usage);

/* Means of blocks: values [rows, columns] to at most max_rows x max_columns;
 * NULL without memory. The new sizes replace the old ones; every block has the
 * same number of rows (columns) but for the last. */
float *sty_downsample(const float *values, size_t *rows, size_t *columns, size_t max_rows, size_t max_columns);

#endif
