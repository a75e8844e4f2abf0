/* diagnose_tokens.c - what the layers with tokens do: dead and duplicate tokens,
 * how many share the attention, whether heads move, agree or are stuck.
 *
 * Two tokens are the same when each alone gives the same output (type->mix with
 * one weight of 1): that holds for every kind of token layer and needs no tensor. */
#include "style/diagnose_parts.h"

#include <math.h>
#include <string.h>

static const float *weights_of(const sty_diagnosis *d, const sty_token_facts *facts, size_t run) {
    const sty_track *track = &d->tracks[facts->node->out + 1];
    return track->rows + run * track->width;
}

static bool speech_run(const sty_diagnosis *d, size_t run) {
    return d->runs[run].ok && (sty_diagnosis_speech() >> d->runs[run].kind & 1);
}

/* Never more than a twentieth of the even share, in any head and run. */
static void find_dead(const sty_diagnosis *d, sty_token_facts *f) {
    for (size_t k = 0; k < f->tokens; k++) {
        f->dead[k] = !f->batch_softmax;
        for (size_t r = 0; r < d->n_runs; r++)
            for (size_t h = 0; d->runs[r].ok && h < f->heads; h++)
                if ((double)weights_of(d, f, r)[h * f->tokens + k] > STY_TOKEN_DEAD / (double)f->tokens)
                    f->dead[k] = false;
    }
}

static void measure_head(const sty_diagnosis *d, sty_token_facts *f, size_t h, double *mean) {
    size_t n = 0;
    bool same = true;
    double least = 1;
    memset(mean, 0, f->tokens * sizeof *mean);
    for (size_t r = 0; r < d->n_runs; r++) {
        if (!speech_run(d, r)) continue;
        const float *w = weights_of(d, f, r) + h * f->tokens;
        double entropy = 0;
        size_t top = 0;
        for (size_t k = 0; k < f->tokens; k++) {
            if (w[k] > 0) entropy -= (double)w[k] * log((double)w[k]);
            if (w[k] > w[top]) top = k;
            mean[k] += (double)w[k];
        }
        if (n == 0) f->favourite[h] = top;
        same = same && top == f->favourite[h];
        if ((double)w[top] < least) least = (double)w[top];
        f->effective[h] += exp(entropy);
        f->strongest[h] += (double)w[top];
        n++;
    }
    if (n == 0) return;
    f->effective[h] /= (double)n;
    f->strongest[h] /= (double)n;
    f->stuck[h] = f->tokens > 1 && same && least > STY_HEAD_STUCK && !f->batch_softmax;
    for (size_t k = 0; k < f->tokens; k++) {
        mean[k] /= (double)n;
        if (mean[k] > mean[f->favourite[h]]) f->favourite[h] = k;
    }
}

/* Spread of one head's weights over speech. */
static double head_spread(const sty_diagnosis *d, const sty_token_facts *f, size_t h, const double *mean) {
    double total = 0, deviation = 0;
    for (size_t r = 0; r < d->n_runs; r++)
        for (size_t k = 0; speech_run(d, r) && k < f->tokens; k++) {
            const double w = (double)weights_of(d, f, r)[h * f->tokens + k];
            total += w * w;
            deviation += (w - mean[k]) * (w - mean[k]);
        }
    return total > 0 ? sqrt(deviation / total) : 0;
}

static double correlation(const float *a, const float *b, size_t n) {
    const double even = 1.0 / (double)n; /* the mean of weights */
    double ab = 0, aa = 0, bb = 0;
    for (size_t k = 0; k < n; k++) {
        const double x = (double)a[k] - even, y = (double)b[k] - even;
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* Mean over speech and pairs of heads. */
static double agreement(const sty_diagnosis *d, const sty_token_facts *f) {
    double sum = 0;
    size_t n = 0;
    for (size_t r = 0; r < d->n_runs; r++)
        for (size_t a = 0; speech_run(d, r) && a < f->heads; a++)
            for (size_t b = a + 1; b < f->heads; b++, n++)
                sum += correlation(weights_of(d, f, r) + a * f->tokens, weights_of(d, f, r) + b * f->tokens, f->tokens);
    return n ? sum / (double)n : (double)NAN;
}

static double distance(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(sum);
}

/* styles [tokens, width]: the layer's output for each token alone. */
static void find_twins(sty_token_facts *f, const float *styles, size_t width) {
    double mean = 0;
    for (size_t i = 0; i < f->tokens; i++)
        for (size_t j = 0; j < i; j++)
            mean += distance(styles + i * width, styles + j * width, width);
    mean /= f->tokens > 1 ? (double)(f->tokens * (f->tokens - 1) / 2) : 1;
    for (size_t i = 0; i < f->tokens; i++) {
        f->twin[i] = i;
        for (size_t j = 0; j < i && f->twin[i] == i; j++)
            if (distance(styles + i * width, styles + j * width, width) <= STY_TOKEN_DUPLICATE * mean)
                f->twin[i] = f->twin[j];
    }
}

static sty_status compare_tokens(const sty_diagnosis *d, sty_token_facts *f, sty_err *err) {
    const sty_graph *graph = &d->model->graph;
    const sty_node *node = f->node;
    sty_shape query = graph->values[node->in[0]].shape, out = graph->values[node->out].shape;
    const size_t width = sty_shape_width(&out), n_weights = f->heads * f->tokens;
    if (query.kind == STY_SEQUENCE) query.dim[0] = 1;
    if (out.kind == STY_SEQUENCE) out.dim[0] = 1;
    const size_t n_scratch = node->type->scratch ? node->type->scratch(node->params, &query, &out) : 0;
    float *styles = sty_alloc(f->tokens * width, sizeof *styles), *weights = sty_alloc(n_weights, sizeof *weights);
    float *scratch = sty_alloc(n_scratch, sizeof *scratch);
    const bool ok = styles && weights && scratch;
    for (size_t k = 0; ok && k < f->tokens; k++) {
        for (size_t i = 0; i < n_weights; i++)
            weights[i] = i % f->tokens == k ? 1.0f : 0.0f;
        node->type->mix(node->params, node->state, weights, scratch, styles + k * width);
    }
    if (ok) find_twins(f, styles, width);
    sty_free(styles);
    sty_free(weights);
    sty_free(scratch);
    return ok ? STY_OK : sty_err_no_memory(err, f->tokens * width, "a diagnosis");
}

static sty_status allocate(sty_diagnosis *d, sty_token_facts *f, sty_err *err) {
    sty_arena *arena = &d->arena;
    f->dead = sty_arena_alloc(arena, f->tokens, sizeof *f->dead);
    f->twin = sty_arena_alloc(arena, f->tokens, sizeof *f->twin);
    f->effective = sty_arena_alloc(arena, f->heads, sizeof *f->effective);
    f->moves = sty_arena_alloc(arena, f->heads, sizeof *f->moves);
    f->strongest = sty_arena_alloc(arena, f->heads, sizeof *f->strongest);
    f->favourite = sty_arena_alloc(arena, f->heads, sizeof *f->favourite);
    f->stuck = sty_arena_alloc(arena, f->heads, sizeof *f->stuck);
    const bool ok = f->dead && f->twin && f->effective && f->moves && f->strongest && f->favourite && f->stuck;
    return ok ? STY_OK : sty_err_no_memory(err, f->tokens, "a diagnosis");
}

static sty_status one_layer(sty_diagnosis *d, const sty_node *node, sty_token_facts *f, sty_err *err) {
    const sty_shape *shape = &d->model->graph.values[node->out + 1].shape;
    f->node = node;
    f->heads = shape->dim[0];
    f->tokens = shape->dim[1];
    f->batch_softmax = strcmp(sty_node_choice(node, "softmax_axis"), "batch") == 0;
    STY_TRY(allocate(d, f, err));
    double *mean = sty_alloc(f->tokens, sizeof *mean);
    if (!mean) return sty_err_no_memory(err, f->tokens, "a diagnosis");
    for (size_t h = 0; h < f->heads; h++) {
        measure_head(d, f, h, mean);
        f->moves[h] = head_spread(d, f, h, mean);
    }
    sty_free(mean);
    find_dead(d, f);
    f->agreement = agreement(d, f);
    return compare_tokens(d, f, err);
}

sty_status sty_diagnosis_tokens(sty_diagnosis *d, sty_err *err) {
    const sty_graph *graph = &d->model->graph;
    d->layers = sty_arena_alloc(&d->arena, graph->n_nodes, sizeof *d->layers);
    if (!d->layers) return sty_err_no_memory(err, graph->n_nodes, "a diagnosis");
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const sty_node *node = &graph->nodes[i];
        /* tokens asked by every step of a sequence: weights as long as the clip */
        if (!node->type->mix || graph->values[node->out + 1].shape.rank != 2) continue;
        STY_TRY(one_layer(d, node, &d->layers[d->n_layers++], err));
    }
    return STY_OK;
}
