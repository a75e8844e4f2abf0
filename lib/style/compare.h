/* compare.h - how alike styles are. Floor 4.
 *
 * cosine(a, b) = a.b / (|a| |b|), 0 when one of them is zero; euclidean(a, b) =
 * |a - b|. Values that are reported are computed in double precision. */
#ifndef STY_STYLE_COMPARE_H
#define STY_STYLE_COMPARE_H

#include "style/store.h"

typedef enum sty_metric { STY_COSINE, STY_EUCLIDEAN } sty_metric;

double sty_compare(sty_metric metric, const float *a, const float *b, size_t width);

/* All pairs of vectors [n, width] into out [n, n], symmetric. */
void sty_compare_all(sty_metric metric, const float *vectors, size_t n, size_t width, float *out);

typedef struct sty_match {
    size_t row;
    double value;
} sty_match;

/* For each query the k rows of the store that are most alike, best first, into
 * matches [n_queries, k]; equal ones in the order of the store. Reads the store
 * once, block by block: one matrix product and one pass of selection each. k is
 * cut to the number of rows; *k tells. Errors: those of reading,
 * STY_BAD_ARGUMENT when widths differ, STY_OUT_OF_MEMORY. */
sty_status sty_nearest(sty_metric metric, const float *queries, size_t n_queries, size_t width,
                       sty_store *store, size_t *k, sty_match *matches, sty_err *err);

/* For each of the vectors [n, width] the most alike other one, or itself when there is
 * no other; equal ones in their order. Matrix products over blocks. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_nearest_others(sty_metric metric, const float *vectors, size_t n, size_t width, size_t *nearest, sty_err *err);

/* How far apart groups are; all but between is NAN when no group has two clips. */
typedef struct sty_separation {
    double silhouette;      /* mean over clips, -1 to 1 (Rousseeuw 1987); clips alone in a group count 0 */
    double within, between; /* mean of the metric over pairs in one group, and over pairs in two */
    double same_nearest;    /* share of clips whose most alike other clip is of the same group */
    size_t n_groups, n_clips;
} sty_separation;

/* group [n]: 0 .. n_groups - 1. The distance of the silhouette is 1 - cosine, or
 * euclidean. Time grows with n times n_groups for the cosine, with n squared for
 * euclidean, and for the nearest clips.
 * Errors: STY_BAD_ARGUMENT with fewer than two groups, STY_OUT_OF_MEMORY. */
sty_status sty_separate(sty_metric metric, const float *vectors, size_t n, size_t width,
                        const size_t *group, size_t n_groups, sty_separation *result, sty_err *err);

#endif
