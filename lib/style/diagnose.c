/* diagnose.c - runs the probes and keeps what every value of the graph was.
 *
 * One pass gives everything: outputs, token weights, and the layer in which the
 * audio is lost. Sequences and images are kept as the means of four quarters in
 * time, not as one mean: instance norm makes the mean over time a constant. */
#include "style/diagnose_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { QUARTERS = 4 };
static const double usual_seconds = 3.2;

const char *const sty_sweep_names[] = {"level", "length", "pitch", "tempo"};

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
    for (size_t v = graph->n_inputs; v < graph->n_values; v++)
        d->tracks[v].width = kept_width(&graph->values[v].shape);
    STY_TRY(sty_session_create(d->model, names, n_names, &d->session, err));
    sty_session_watch(d->session, see, d);
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

static sty_status run_one(sty_diagnosis *d, const char *name, sty_probe_kind kind,
                          const sty_clip *clip, sty_err *err) {
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

sty_status sty_diagnosis_clip(sty_diagnosis *d, const char *name, const sty_clip *clip,
                              sty_err *err) {
    const char *slash = strrchr(name, '/');
    if (d->n_runs >= STY_MAX_GIVEN)
        return sty_err_set(err, STY_BAD_ARGUMENT, "more than %d clips", STY_MAX_GIVEN);
    STY_TRY(run_one(d, slash ? slash + 1 : name, STY_PROBE_GIVEN, clip, err));
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
        sty_status status = run_one(d, sty_probes[p].name, sty_probes[p].kind, clip, err);
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
