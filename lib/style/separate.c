/* separate.c - how far apart groups are.
 *
 * For the cosine the sum of the distances from a clip to a group is the number of
 * its clips less one product with the sum of their directions: time grows with
 * clips times groups, not with pairs. Euclidean distances have no such sum, so
 * each pair is taken. Which clip is nearest comes from matrix products over blocks. */
#include "style/compare.h"

#include <math.h>
#include <string.h>

typedef struct {
    const float *v; /* [n, width] */
    size_t n, width, n_groups;
    const size_t *group; /* [n] */
    size_t *member;      /* [n_groups] clips of each group */
    double *sum;         /* [n_groups] distances from one clip to the others of each group */
    double *unit;        /* [width] the direction of one clip */
    double *centre;      /* [n_groups, width] sums of the directions */
    double within, between; /* sums of the metric over pairs, each from both sides */
} tally;

/* The direction of clip i, zeros for a zero vector; its square, 1 or 0. */
static double direct(tally *t, size_t i) {
    const float *from = t->v + i * t->width;
    double square = 0;
    for (size_t k = 0; k < t->width; k++)
        square += (double)from[k] * (double)from[k];
    const double factor = square > 0 ? 1 / sqrt(square) : 0;
    for (size_t k = 0; k < t->width; k++)
        t->unit[k] = (double)from[k] * factor;
    return square > 0 ? 1 : 0;
}

static void add_directions(tally *t) {
    for (size_t i = 0; i < t->n; i++) {
        double *centre = t->centre + t->group[i] * t->width;
        direct(t, i);
        for (size_t k = 0; k < t->width; k++)
            centre[k] += t->unit[k];
    }
}

static void cosine_from(tally *t, size_t i) {
    const double own = direct(t, i);
    for (size_t g = 0; g < t->n_groups; g++) {
        const bool same = g == t->group[i];
        double cosines = same ? -own : 0;
        for (size_t k = 0; k < t->width; k++)
            cosines += t->unit[k] * t->centre[g * t->width + k];
        t->sum[g] = (double)(t->member[g] - same) - cosines;
        *(same ? &t->within : &t->between) += cosines;
    }
}

static void euclidean_from(tally *t, size_t i) {
    const float *a = t->v + i * t->width;
    memset(t->sum, 0, t->n_groups * sizeof *t->sum);
    for (size_t j = 0; j < t->n; j++) {
        const float *b = t->v + j * t->width;
        double square = 0;
        for (size_t k = 0; k < t->width; k++)
            square += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]);
        t->sum[t->group[j]] += sqrt(square);
    }
    for (size_t g = 0; g < t->n_groups; g++)
        *(g == t->group[i] ? &t->within : &t->between) += t->sum[g];
}

static double silhouette_of(const tally *t, size_t i) {
    const size_t own_group = t->group[i];
    if (t->member[own_group] < 2) return 0;
    double other = (double)INFINITY;
    for (size_t g = 0; g < t->n_groups; g++)
        if (g != own_group && t->member[g]) other = fmin(other, t->sum[g] / (double)t->member[g]);
    const double own = t->sum[own_group] / (double)(t->member[own_group] - 1);
    return fmax(own, other) > 0 ? (other - own) / fmax(own, other) : 0;
}

static sty_status measure(sty_metric metric, tally *t, size_t *nearest, sty_separation *result, sty_err *err) {
    double silhouette = 0, pairs = 0;
    size_t same = 0;
    for (size_t i = 0; i < t->n; i++)
        t->member[t->group[i]]++;
    if (metric == STY_COSINE) add_directions(t);
    for (size_t i = 0; i < t->n; i++) {
        if (metric == STY_COSINE) cosine_from(t, i);
        else euclidean_from(t, i);
        silhouette += silhouette_of(t, i);
        pairs += (double)(t->member[t->group[i]] - 1);
    }
    STY_TRY(sty_nearest_others(metric, t->v, t->n, t->width, nearest, err));
    for (size_t i = 0; i < t->n; i++)
        same += nearest[i] != i && t->group[nearest[i]] == t->group[i];
    const double n = (double)t->n, across = n * (n - 1) - pairs;
    *result = (sty_separation){.silhouette = pairs > 0 ? silhouette / n : (double)NAN,
                               .within = pairs > 0 ? t->within / pairs : (double)NAN,
                               .between = across > 0 ? t->between / across : 0,
                               .same_nearest = pairs > 0 ? (double)same / n : (double)NAN,
                               .n_groups = t->n_groups,
                               .n_clips = t->n};
    return STY_OK;
}

sty_status sty_separate(sty_metric metric, const float *vectors, size_t n, size_t width,
                        const size_t *group, size_t n_groups, sty_separation *result, sty_err *err) {
    sty_arena arena = {0};
    size_t centres;
    if (n_groups < 2) return sty_err_set(err, STY_BAD_ARGUMENT, "all clips are in one group, there is nothing to separate");
    if (!sty_mul(n_groups, width, &centres)) return sty_err_no_memory(err, n_groups, "groups");
    tally t = {.v = vectors, .n = n, .width = width, .n_groups = n_groups, .group = group,
               .member = sty_arena_alloc(&arena, n_groups, sizeof *t.member),
               .sum = sty_arena_alloc(&arena, n_groups, sizeof *t.sum),
               .unit = sty_arena_alloc(&arena, width, sizeof *t.unit),
               .centre = sty_arena_alloc(&arena, centres, sizeof *t.centre)};
    size_t *nearest = sty_arena_alloc(&arena, n, sizeof *nearest);
    sty_status status = STY_OUT_OF_MEMORY;
    if (t.member && t.sum && t.unit && t.centre && nearest) status = measure(metric, &t, nearest, result, err);
    else sty_err_no_memory(err, centres * sizeof *t.centre, "groups");
    sty_arena_clear(&arena);
    return status;
}
