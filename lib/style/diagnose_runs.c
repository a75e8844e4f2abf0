/* diagnose_runs.c - what every value of the graph was in every run, and how much
 * it moved.
 *
 * One pass gives everything: outputs, token weights, and the layer in which the
 * audio is lost. Sequences and images are kept as the means of four quarters in
 * time, not as one mean: instance norm makes the mean over time a constant. */
#include "style/diagnose_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { QUARTERS = 4 };

/* ---- watching ---- */

/* Width of what is kept of a value, from its shape at binding (0: free). */
static size_t kept_width(const sty_shape *shape) {
    switch (shape->kind) {
    case STY_VECTOR: return shape->dim[0];
    case STY_SEQUENCE: return QUARTERS * shape->dim[1];
    case STY_IMAGE: return QUARTERS * shape->dim[0] * shape->dim[2];
    case STY_HEADS: return shape->rank == 2 ? shape->dim[0] * shape->dim[1] : 0;
    default: return 0;
    }
}

/* Means over quarters of the middle axis of x [outer, n, inner]; short axes repeat. */
static void quarters(const float *x, size_t outer, size_t n, size_t inner, float *row) {
    for (size_t q = 0; q < QUARTERS; q++) {
        const size_t begin = q * n / QUARTERS;
        size_t end = (q + 1) * n / QUARTERS;
        if (end <= begin) end = begin + 1;
        for (size_t o = 0; o < outer; o++)
            for (size_t i = 0; i < inner; i++) {
                double sum = 0;
                for (size_t t = begin; t < end; t++)
                    sum += (double)x[(o * n + t) * inner + i];
                *row++ = (float)(sum / (double)(end - begin));
            }
    }
}

static void see(void *context, const char *name, const float *data, int rank, const size_t *dim) {
    sty_diagnosis *d = context;
    const sty_graph *graph = &d->model->graph;
    const int v = sty_graph_find(graph, name);
    (void)rank;
    if (v < 0 || d->current >= d->capacity) return; /* a step of the front end */
    sty_track *track = &d->tracks[v];
    if (track->width == 0) return;
    float *row = track->rows + d->current * track->width;
    switch (graph->values[v].shape.kind) {
    case STY_SEQUENCE: quarters(data, 1, dim[0], dim[1], row); break;
    case STY_IMAGE: quarters(data, dim[0], dim[1], dim[2], row); break;
    default: memcpy(row, data, track->width * sizeof *row);
    }
}

sty_status sty_diagnosis_reserve(sty_diagnosis *d, size_t n, sty_err *err) {
    const size_t wanted = d->n_runs + n;
    if (wanted <= d->capacity) return STY_OK;
    const size_t capacity = wanted + wanted / 2;
    sty_run_note *runs = sty_resize(d->runs, d->capacity * sizeof *runs, capacity * sizeof *runs);
    if (!runs) return sty_err_no_memory(err, capacity * sizeof *runs, "a diagnosis");
    d->runs = runs;
    for (size_t v = 0; v < d->model->graph.n_values; v++) {
        sty_track *track = &d->tracks[v];
        const size_t row = track->width * sizeof *track->rows;
        float *rows = sty_resize(track->rows, d->capacity * row, capacity * row);
        if (!rows) return sty_err_no_memory(err, capacity * row, "a diagnosis");
        track->rows = rows;
    }
    d->capacity = capacity;
    return STY_OK;
}

void sty_diagnosis_watch(sty_diagnosis *d) {
    const sty_graph *graph = &d->model->graph;
    for (size_t v = graph->n_inputs; v < graph->n_values; v++)
        d->tracks[v].width = kept_width(&graph->values[v].shape);
    sty_session_watch(d->session, see, d);
}

/* ---- runs ---- */

sty_status sty_diagnosis_one(sty_diagnosis *d, const char *name, sty_probe_kind kind, const sty_clip *clip,
                             sty_err *err) {
    STY_TRY(sty_diagnosis_reserve(d, 1, err));
    sty_run_note *note = &d->runs[d->n_runs];
    memset(note, 0, sizeof *note);
    snprintf(note->name, sizeof note->name, "%s", name);
    note->kind = kind;
    d->current = d->n_runs;
    sty_status status = sty_session_run_clip(d->session, clip, &note->why);
    note->ok = status == STY_OK;
    if (status == STY_OUT_OF_MEMORY || status == STY_BAD_ARGUMENT) {
        if (err) *err = note->why;
        return status;
    }
    for (size_t v = 0; !note->ok && v < d->model->graph.n_values; v++)
        if (d->tracks[v].width)
            memset(d->tracks[v].rows + d->n_runs * d->tracks[v].width, 0, d->tracks[v].width * sizeof(float));
    d->n_runs++;
    return STY_OK;
}

/* ---- measuring ---- */

/* Probes of one length: what moves over these does not merely count frames. */
unsigned sty_diagnosis_content(void) { return ~(1u << STY_PROBE_LENGTH | 1u << STY_PROBE_GIVEN); }

unsigned sty_diagnosis_speech(void) { return 1u << STY_PROBE_PITCH | 1u << STY_PROBE_TEMPO | 1u << STY_PROBE_GIVEN; }

double sty_diagnosis_spread(const sty_diagnosis *d, const float *rows, size_t width, unsigned kinds) {
    double total = 0, deviation = 0;
    size_t n = 0;
    for (size_t r = 0; r < d->n_runs; r++)
        n += d->runs[r].ok && (kinds >> d->runs[r].kind & 1);
    if (n < 2 || width == 0) return (double)NAN;
    for (size_t i = 0; i < width; i++) {
        double mean = 0;
        for (size_t r = 0; r < d->n_runs; r++)
            if (d->runs[r].ok && (kinds >> d->runs[r].kind & 1)) mean += (double)rows[r * width + i] / (double)n;
        for (size_t r = 0; r < d->n_runs; r++) {
            const double x = (double)rows[r * width + i];
            if (!d->runs[r].ok || !(kinds >> d->runs[r].kind & 1)) continue;
            total += x * x;
            deviation += (x - mean) * (x - mean);
        }
    }
    return total > 0 ? sqrt(deviation / total) : 0;
}
