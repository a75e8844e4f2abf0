/* diagnose.c - the order of a diagnosis: probes run, values measured, then the
 * parts (diagnose_parts.h) look at tokens and layout, and judge. */
#include "style/diagnose.h"

#include "style/diagnose_parts.h"

#include <math.h>
#include <string.h>

static const double usual_seconds = 3.2;

const char *const sty_sweep_names[] = {"level", "length", "pitch", "tempo"};

/* ---- creation ---- */

/* Inputs that nobody binds: the same standard normal values in every run. */
static sty_status stand_in(sty_diagnosis *d, size_t input, sty_err *err) {
    const sty_graph_value *value = &d->model->graph.values[input];
    sty_shape shape = value->shape;
    uint64_t seed = 1181783497276652981ull + input;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dim[i] == 0) shape.dim[i] = 12;
    const size_t n = sty_shape_count(&shape);
    float *data = sty_alloc(n, sizeof *data);
    if (!data) return sty_err_no_memory(err, n * sizeof *data, value->name);
    for (size_t i = 0; i < n; i++) {
        double sum = 0; /* Irwin-Hall: twelve uniform numbers have variance 1 */
        for (int k = 0; k < 12; k++) {
            seed ^= seed >> 12, seed ^= seed << 25, seed ^= seed >> 27;
            sum += (double)((seed * 2685821657736338717ull) >> 11) * 0x1p-53;
        }
        data[i] = (float)(sum - 6);
    }
    sty_status status = sty_session_bind(d->session, value->name, data, shape.rank, shape.dim, err);
    sty_free(data);
    return status;
}

static sty_status prepare(sty_diagnosis *d, sty_err *err) {
    const sty_graph *graph = &d->model->graph;
    const size_t n = d->model->info.n_outputs;
    d->tracks = sty_alloc(graph->n_values, sizeof *d->tracks);
    d->bound = sty_arena_alloc(&d->arena, graph->n_inputs, sizeof *d->bound);
    d->outputs = sty_arena_alloc(&d->arena, n, sizeof *d->outputs);
    const char **names = sty_arena_alloc(&d->arena, n + graph->n_nodes, sizeof *names);
    if (!d->tracks || !d->bound || !d->outputs || !names)
        return sty_err_no_memory(err, graph->n_values * sizeof *d->tracks, "a diagnosis");
    size_t n_names = 0;
    for (; n_names < n; n_names++)
        names[n_names] = d->model->outputs[n_names].info.name;
    for (size_t i = 0; i < graph->n_nodes; i++) /* token weights, even where no output has them */
        if (graph->nodes[i].type->mix) names[n_names++] = graph->values[graph->nodes[i].out + 1].name;
    STY_TRY(sty_session_create(d->model, names, n_names, &d->session, err));
    sty_diagnosis_watch(d);
    for (size_t i = 1; i < graph->n_inputs; i++)
        STY_TRY(stand_in(d, i, err));
    return STY_OK;
}

sty_status sty_diagnosis_create(const sty_model *model, sty_diagnosis **diagnosis, sty_err *err) {
    sty_diagnosis *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a diagnosis");
    made->model = model;
    made->lost_in = -1;
    made->saturated = made->other_layout = (double)NAN;
    sty_status status = prepare(made, err);
    if (status == STY_OK) *diagnosis = made;
    else sty_diagnosis_free(made);
    return status;
}

void sty_diagnosis_free(sty_diagnosis *d) {
    if (!d) return;
    for (size_t v = 0; d->tracks && v < d->model->graph.n_values; v++)
        sty_free(d->tracks[v].rows);
    sty_free(d->tracks);
    sty_free(d->runs);
    sty_session_free(d->session);
    sty_arena_clear(&d->arena);
    sty_free(d);
}

sty_session *sty_diagnosis_session(sty_diagnosis *d) { return d->session; }

void sty_diagnosis_bound(sty_diagnosis *d, const char *input) {
    const int v = sty_graph_find(&d->model->graph, input);
    if (v > 0 && (size_t)v < d->model->graph.n_inputs) d->bound[v] = true;
}

/* ---- runs ---- */

sty_status sty_diagnosis_clip(sty_diagnosis *d, const char *name, const sty_clip *clip,
                              sty_err *err) {
    const char *slash = strrchr(name, '/');
    if (d->n_runs >= STY_MAX_GIVEN)
        return sty_err_set(err, STY_BAD_ARGUMENT, "more than %d clips", STY_MAX_GIVEN);
    STY_TRY(sty_diagnosis_one(d, slash ? slash + 1 : name, STY_PROBE_GIVEN, clip, err));
    const sty_run_note *note = &d->runs[d->n_runs - 1];
    if (note->ok) return STY_OK;
    sty_status status = note->why.status;
    if (err) *err = note->why;
    sty_err_prefix(err, "'%s': ", name);
    d->n_runs--;
    return status;
}

static double probe_seconds(const sty_diagnosis *d) {
    const sty_front_end_params *p = sty_front_end_facts(d->model->front_end);
    const size_t least = sty_session_min_frames(d->session);
    const double needed = 3.0 * (double)sty_front_end_samples(p, least) / p->sample_rate;
    return needed > usual_seconds ? needed : usual_seconds;
}

/* ---- measuring ---- */

static void measure_outputs(sty_diagnosis *d) {
    static const unsigned sweeps[] = {1u << STY_PROBE_LEVEL, 1u << STY_PROBE_LENGTH, 1u << STY_PROBE_PITCH,
                                      1u << STY_PROBE_TEMPO};
    d->n_outputs = d->model->info.n_outputs;
    for (size_t i = 0; i < d->n_outputs; i++) {
        const sty_output *output = &d->model->outputs[i];
        const sty_track *track = &d->tracks[output->value];
        sty_output_facts *facts = &d->outputs[i];
        *facts = (sty_output_facts){.value = output->value, .name = output->info.name};
        facts->content = sty_diagnosis_spread(d, track->rows, track->width, sty_diagnosis_content());
        facts->speech = sty_diagnosis_spread(d, track->rows, track->width, sty_diagnosis_speech());
        for (int s = 0; s < STY_N_SWEEPS; s++)
            facts->sweep[s] = sty_diagnosis_spread(d, track->rows, track->width, sweeps[s]);
        if (strcmp(facts->name, "style") == 0) d->main = i;
    }
}

/* The first node on the way to the main output that moves no more though what it
 * reads does. */
static sty_status find_loss(sty_diagnosis *d, sty_err *err) {
    const sty_graph *graph = &d->model->graph;
    bool *needed = sty_alloc(graph->n_nodes, sizeof *needed);
    if (!needed) return sty_err_no_memory(err, graph->n_nodes, "a diagnosis");
    sty_graph_mark(graph, d->outputs[d->main].value, needed);
    for (size_t v = graph->n_inputs; v < graph->n_values; v++) {
        sty_track *track = &d->tracks[v];
        track->spread = sty_diagnosis_spread(d, track->rows, track->width, sty_diagnosis_content());
        track->constant = track->spread < STY_SPREAD_CONSTANT;
    }
    for (size_t i = 0; i < graph->n_nodes && d->lost_in < 0; i++) {
        const sty_node *node = &graph->nodes[i];
        bool moving = false;
        for (size_t j = 0; j < node->n_in; j++)
            moving = moving || node->in[j] == 0 ||
                     (node->in[j] >= (int)graph->n_inputs && !d->tracks[node->in[j]].constant);
        if (needed[i] && moving && d->tracks[node->out].constant) d->lost_in = (int)i;
    }
    sty_free(needed);
    return STY_OK;
}

/* The share of units of `reference` that are at a bound in nearly every run. */
static void measure_saturation(sty_diagnosis *d) {
    for (size_t i = 0; i < d->n_outputs; i++) {
        const sty_track *track = &d->tracks[d->outputs[i].value];
        size_t stuck = 0, n = 0;
        if (strcmp(d->outputs[i].name, "reference") != 0) continue;
        for (size_t u = 0; u < track->width; u++) {
            size_t at_bound = 0;
            n = 0;
            for (size_t r = 0; r < d->n_runs; r++) {
                const float x = fabsf(track->rows[r * track->width + u]);
                if (!d->runs[r].ok) continue;
                if (x > 1.0f) return; /* not bounded */
                at_bound += x > (float)STY_STATE_SATURATED;
                n++;
            }
            stuck += n > 0 && at_bound * 10 >= n * 9;
        }
        d->saturated = track->width ? (double)stuck / (double)track->width : (double)NAN;
    }
}

/* ---- everything ---- */

sty_status sty_diagnosis_run(sty_diagnosis *d, sty_err *err) {
    const double seconds = probe_seconds(d);
    const sty_run_note *last = NULL;
    size_t n_ok = 0;
    STY_TRY(sty_diagnosis_reserve(d, sty_n_probes, err));
    for (size_t p = 0; p < sty_n_probes; p++) {
        sty_clip *clip = NULL;
        STY_TRY(sty_probe_make(&sty_probes[p], d->model->info.rate_hz, seconds, &clip, err));
        sty_status status = sty_diagnosis_one(d, sty_probes[p].name, sty_probes[p].kind, clip, err);
        sty_clip_free(clip);
        STY_TRY(status);
        last = &d->runs[d->n_runs - 1];
        n_ok += last->ok;
    }
    if (n_ok < 2) {
        if (err) *err = last->why;
        return last->why.status;
    }
    measure_outputs(d);
    measure_saturation(d);
    STY_TRY(find_loss(d, err));
    STY_TRY(sty_diagnosis_tokens(d, err));
    STY_TRY(sty_diagnosis_layout(d, seconds, err));
    sty_diagnosis_judge(d);
    return STY_OK;
}

bool sty_diagnosis_constant(const sty_diagnosis *d) {
    return d->outputs[d->main].content < STY_SPREAD_CONSTANT;
}
