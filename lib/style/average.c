/* average.c - see average.h. The sums are exact enough in float64 that the order
 * of a few thousand clips is not seen in the float32 mean; it is kept anyway. */
#include "style/average.h"

#include <string.h>

typedef struct {
    int rank;
    size_t dim[STY_MAX_RANK], count;
    double *sum;
    float *mean;
} column;

struct sty_average {
    size_t n, n_runs;
    column *columns;
};

sty_status sty_average_create(size_t n, sty_average **average, sty_err *err) {
    sty_average *made = sty_alloc(1, sizeof *made);
    column *columns = sty_alloc(n, sizeof *columns);
    if (!made || !columns) {
        sty_free(made);
        sty_free(columns);
        return sty_err_no_memory(err, n * sizeof *columns, "a mean");
    }
    made->n = n;
    made->columns = columns;
    *average = made;
    return STY_OK;
}

void sty_average_reset(sty_average *average) {
    for (size_t i = 0; i < average->n; i++) {
        sty_free(average->columns[i].sum);
        sty_free(average->columns[i].mean);
    }
    memset(average->columns, 0, average->n * sizeof *average->columns);
    average->n_runs = 0;
}

void sty_average_free(sty_average *average) {
    if (!average) return;
    sty_average_reset(average);
    sty_free(average->columns);
    sty_free(average);
}

static sty_status begin(column *c, const sty_view *view, sty_err *err) {
    c->rank = view->rank;
    c->count = 1;
    for (int d = 0; d < view->rank; d++) {
        c->dim[d] = view->dim[d];
        c->count *= view->dim[d];
    }
    c->sum = sty_alloc(c->count, sizeof *c->sum);
    c->mean = sty_alloc(c->count, sizeof *c->mean);
    return c->sum && c->mean ? STY_OK : sty_err_no_memory(err, c->count * sizeof *c->sum, "a mean");
}

static bool same_shape(const column *c, const sty_view *view) {
    bool same = c->rank == view->rank;
    for (int d = 0; same && d < c->rank; d++)
        same = c->dim[d] == view->dim[d];
    return same;
}

static sty_status check(sty_average *average, const char *const *names, const sty_view *views, sty_err *err) {
    for (size_t i = 0; i < average->n; i++) {
        column *c = &average->columns[i];
        if (!c->mean) STY_TRY(begin(c, &views[i], err));
        if (!same_shape(c, &views[i]))
            return sty_err_set(err, STY_BAD_ARGUMENT,
                               "the output '%s' has no mean: its shape follows the clip's length", names[i]);
    }
    return STY_OK;
}

sty_status sty_average_add(sty_average *average, const char *const *names, const sty_view *views,
                           sty_err *err) {
    return sty_average_add_mean(average, names, views, 1, err);
}

sty_status sty_average_add_mean(sty_average *average, const char *const *names, const sty_view *views, size_t weight,
                                sty_err *err) {
    STY_TRY(check(average, names, views, err));
    for (size_t i = 0; i < average->n; i++)
        for (size_t j = 0; j < average->columns[i].count; j++)
            average->columns[i].sum[j] += (double)weight * (double)views[i].data[j];
    average->n_runs += weight;
    return STY_OK;
}

sty_status sty_average_merge(sty_average *average, const char *const *names, const sty_average *from,
                             sty_err *err) {
    sty_view *views = sty_alloc(from->n, sizeof *views);
    if (!views) return sty_err_no_memory(err, from->n * sizeof *views, "a mean");
    for (size_t i = 0; i < from->n; i++) {
        views[i].rank = from->columns[i].rank;
        memcpy(views[i].dim, from->columns[i].dim, sizeof views[i].dim);
    }
    sty_status status = check(average, names, views, err);
    sty_free(views);
    STY_TRY(status);
    for (size_t i = 0; i < from->n; i++)
        for (size_t j = 0; j < from->columns[i].count; j++)
            average->columns[i].sum[j] += from->columns[i].sum[j];
    average->n_runs += from->n_runs;
    return STY_OK;
}

size_t sty_average_count(const sty_average *average) { return average->n_runs; }

void sty_average_get(sty_average *average, sty_view *views) {
    for (size_t i = 0; i < average->n; i++) {
        column *c = &average->columns[i];
        for (size_t j = 0; j < c->count; j++)
            c->mean[j] = (float)(c->sum[j] / (double)average->n_runs);
        views[i] = (sty_view){.data = c->mean, .rank = c->rank};
        memcpy(views[i].dim, c->dim, sizeof views[i].dim);
    }
}
