/* diagnose_layout.c - would the main output move with the other reading of the image?
 *
 * A model whose features are read with the wrong layout (mel-major weights as
 * time-major or the reverse) runs without an error and hardly answers. The other
 * reading needs no other model: features that are interleaved beforehand are
 * straightened, or scrambled, by the reading that the model does. */
#include "style/diagnose_parts.h"

#include <math.h>
#include <string.h>

/* The node that alone reads the features and turns them into an image, or NULL. */
static const sty_node *image_node(const sty_diagnosis *d) {
    const sty_graph *graph = &d->model->graph;
    const sty_node *found = NULL;
    for (size_t i = 0; i < graph->n_nodes; i++)
        for (size_t j = 0; j < graph->nodes[i].n_in; j++)
            if (graph->nodes[i].in[j] == 0) {
                if (found || strcmp(graph->nodes[i].type->name, "image") != 0) return NULL;
                found = &graph->nodes[i];
            }
    return found;
}

/* x [T, F] into y so that a time-major image of y is the mel-major one of x, or
 * (back) the other way round. */
static void change_layout(const float *x, size_t n_frames, size_t n_bins, bool back, float *y) {
    for (size_t k = 0; k < n_frames * n_bins; k++) {
        const size_t across = k % n_frames * n_bins + k / n_frames;
        if (back) y[across] = x[k];
        else y[k] = x[across];
    }
}

static sty_status run_other_layout(sty_diagnosis *d, const sty_clip *clip, const sty_node *image,
                                   float *row, sty_err *err) {
    const sty_track *track = &d->tracks[d->outputs[d->main].value];
    const bool mel_major = strcmp(sty_node_choice(image, "layout"), "mel_major") == 0;
    sty_view view;
    STY_TRY(sty_session_run_front_end(d->session, clip, err));
    STY_TRY(sty_session_output(d->session, "features", &view, err));
    float *y = sty_alloc(view.dim[0] * view.dim[1], sizeof *y);
    if (!y) return sty_err_no_memory(err, view.dim[0] * view.dim[1], "features");
    change_layout(view.data, view.dim[0], view.dim[1], mel_major, y);
    sty_status status = sty_session_run_features(d->session, y, view.dim[0], view.dim[1], err);
    if (status == STY_OK) memcpy(row, track->rows + d->current * track->width, track->width * sizeof *row);
    sty_free(y);
    return status;
}

sty_status sty_diagnosis_layout(sty_diagnosis *d, double seconds, sty_err *err) {
    const sty_node *image = image_node(d);
    const sty_track *track = &d->tracks[d->outputs[d->main].value];
    if (!image || track->width == 0 || !(d->outputs[d->main].speech < STY_SPREAD_WEAK)) return STY_OK;
    STY_TRY(sty_diagnosis_reserve(d, 1, err)); /* a row to write over */
    float *rows = sty_alloc(d->n_runs * track->width, sizeof *rows);
    if (!rows) return sty_err_no_memory(err, d->n_runs * track->width, "a diagnosis");
    sty_status status = STY_OK;
    d->current = d->n_runs;
    for (size_t r = 0, p = 0; r < d->n_runs && status == STY_OK; r++) {
        sty_clip *clip = NULL;
        if (d->runs[r].kind == STY_PROBE_GIVEN) continue;
        status = sty_probe_make(&sty_probes[p++], d->model->info.rate_hz, seconds, &clip, err);
        if (status == STY_OK && d->runs[r].ok && sty_probe_is_speech(d->runs[r].kind))
            status = run_other_layout(d, clip, image, rows + r * track->width, err);
        sty_clip_free(clip);
    }
    const unsigned probes = sty_diagnosis_speech() & ~(1u << STY_PROBE_GIVEN);
    if (status == STY_OK) d->other_layout = sty_diagnosis_spread(d, rows, track->width, probes);
    sty_free(rows);
    return status;
}
