/* session_run.c - running a graph: infer the clip's shapes, plan memory, run node after
 * node. One block of floats holds all values; it only grows, so a warm session
 * allocates nothing. Clips longer than a stretch of blocks.h go through it stretch by
 * stretch as far as that goes; a short clip is one whose nodes are all run once. */
#include "base/available.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "math/finite.h"
#include "model/session_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* An input that the needed nodes read and nobody has bound, or -1. */
static int unbound_input(const sty_session *session, const bool *needed) {
    const sty_graph *graph = &session->model->graph;
    for (size_t i = 0; i < graph->n_nodes; i++)
        for (size_t j = 0; needed[i] && j < graph->nodes[i].n_in; j++) {
            const int v = graph->nodes[i].in[j];
            if (v > 0 && (size_t)v < graph->n_inputs && !session->inputs[v]) return v;
        }
    return -1;
}

/* The outputs that can be had all the same: "; without it: reference, frames". */
static void name_outputs_without(const sty_session *session, sty_buf *text) {
    const sty_model *model = session->model;
    bool *needed = sty_alloc(model->graph.n_nodes, sizeof *needed);
    for (size_t i = 0, n = 0; needed && i < model->info.n_outputs; i++) {
        memset(needed, 0, model->graph.n_nodes * sizeof *needed);
        sty_graph_mark(&model->graph, model->outputs[i].value, needed);
        if (unbound_input(session, needed) < 0)
            sty_buf_printf(text, "%s%s", n++ ? ", " : "; without it: ", model->outputs[i].info.name);
    }
    sty_free(needed);
}

/* Every input that the wanted outputs read must have been bound. */
static sty_status check_inputs(const sty_session *session, sty_err *err) {
    const int v = unbound_input(session, session->needed);
    if (v < 0) return STY_OK;
    const char *name = session->model->graph.values[v].name;
    sty_buf others = {0};
    name_outputs_without(session, &others);
    sty_buf_put(&others, "", 1);
    sty_err_set(err, STY_BAD_ARGUMENT, "the graph input '%s' is needed; give it with --bind %s=FILE.npy%s", name, name,
                others.failed ? "" : others.data);
    sty_buf_clear(&others);
    return STY_BAD_ARGUMENT;
}

size_t sty_session_min_frames(sty_session *session) {
    return sty_graph_min_frames(&session->model->graph, session->needed, session->probe);
}

static sty_status add_minimum(sty_session *session, sty_err *err) {
    const sty_front_end_params *p = sty_front_end_facts(session->model->front_end);
    const size_t frames = sty_session_min_frames(session);
    const size_t samples = sty_front_end_samples(p, frames);
    char message[sizeof err->message];
    if (!err) return STY_TOO_SHORT;
    memcpy(message, err->message, sizeof message);
    return sty_err_set(err, STY_TOO_SHORT, "%.500s; the model needs at least %zu frames (%.3f s)", message,
                       frames, (double)samples / p->sample_rate);
}

/* ---- memory ---- */

static sty_status reserve(sty_session *session, size_t n_floats, sty_err *err) {
    size_t n_bytes;
    if (n_floats <= session->block_floats) return STY_OK;
    float *block = sty_mul(n_floats, sizeof *block, &n_bytes) ? sty_resize(NULL, 0, n_bytes) : NULL;
    if (!block) return sty_err_no_memory(err, n_floats * sizeof *block, "the graph");
    sty_free(session->block);
    session->block = block;
    session->block_floats = n_floats;
    return STY_OK;
}

/* Less than this is not worth a question to the system. */
static const double ORDINARY_BYTES = 256e6;

/* Of inputs beside the features, where nothing is bound: about a sentence. */
enum { OTHER_STEPS = 100 };

/* Nodes that are run once: all that are needed, or those behind the blocks. */
static const bool *run_once(const sty_session *session) {
    return session->in_blocks ? session->blocks.after : session->needed;
}

/* What node i keeps of this clip. */
static size_t lasting_floats(const sty_session *session, size_t i) {
    const sty_node *node = &session->model->graph.nodes[i];
    sty_shape in[STY_MAX_PORTS];
    if (!run_once(session)[i] || !node->type->keep) return 0;
    sty_node_inputs(node, session->shapes, in);
    return sty_layer_kept(node->type, node->params, in);
}

static size_t all_lasting_floats(const sty_session *session) {
    size_t n = 0;
    for (size_t i = 0; i < session->model->graph.n_nodes; i++)
        n += lasting_floats(session, i);
    return n;
}

/* A clip that would fill the memory is refused before it does, with the number. */
static sty_status check_memory(const sty_session *session, size_t n_floats, bool given, sty_err *err) {
    const sty_front_end_params *p = sty_front_end_facts(session->model->front_end);
    const size_t n_frames = session->shapes[0].dim[0];
    const size_t features = given || session->in_blocks ? 0 : sty_shape_count(&session->shapes[0]);
    const double bytes = ((double)n_floats + (double)features + (double)all_lasting_floats(session)) * sizeof(float);
    if (bytes < ORDINARY_BYTES || n_floats <= session->block_floats) return STY_OK;
    const size_t n = session->n_sharing > 1 ? session->n_sharing : 1, share = sty_mem_available() / n;
    if (bytes < (double)share) return STY_OK;
    char workers[64] = "";
    if (n > 1) snprintf(workers, sizeof workers, " for each of %zu workers (-j 1: one)", n);
    return sty_err_set(err, STY_TOO_LONG, "%zu frames (%.0f s) need %.1f GB of memory in this model, %.1f GB are to be had%s; "
                       "--chunk 60 or --window 60 run it in pieces", n_frames,
                       (double)n_frames * p->hop_length / p->sample_rate, bytes / 1e9, (double)share / 1e9, workers);
}

/* Scratch of the nodes that carry a state: it lies where that of the sliced ones does. */
static size_t carrying_scratch(const sty_session *session) {
    const sty_graph *graph = &session->model->graph;
    const sty_blocks *b = &session->blocks;
    size_t most = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const sty_node *node = &graph->nodes[i];
        if (!b->carrying[i] || !node->type->scratch) continue;
        const size_t n = node->type->scratch(node->params, &b->slices[node->in[0]], &session->shapes[node->out]);
        if (n > most) most = n;
    }
    return most;
}

/* In blocks: features of a stretch; what is whole or carried; then in turn the values
 * of a stretch and those of the nodes behind. */
static sty_status plan_blocks(sty_session *session, bool given, size_t *n_floats, sty_err *err) {
    const sty_graph *graph = &session->model->graph;
    sty_blocks *b = &session->blocks;
    const size_t line = STY_ALIGN / sizeof(float);
    const size_t fresh = given ? 0 : (b->length * session->shapes[0].dim[1] + line - 1) / line * line;
    size_t held, stretch;
    STY_TRY(sty_graph_plan(graph, b->sliced, b->sink, session->extra_wanted, b->slices, session->work,
                           &session->slice_plan, err));
    const size_t scratch = carrying_scratch(session);
    if (!sty_blocks_memory(b, graph, session->shapes, &held) ||
        !sty_add(session->slice_plan.scratch, scratch, &stretch))
        return sty_err_no_memory(err, SIZE_MAX, "the graph");
    if (session->slice_plan.n_floats > stretch) stretch = session->slice_plan.n_floats;
    session->held = fresh;
    session->rest = fresh + held;
    if (!sty_add(session->rest, *n_floats > stretch ? *n_floats : stretch, n_floats))
        return sty_err_no_memory(err, SIZE_MAX, "the graph");
    return STY_OK;
}

/* Where everything lies; n_floats: in all. */
static sty_status plan_memory(sty_session *session, bool given, size_t *n_floats, sty_err *err) {
    STY_TRY(sty_graph_plan(&session->model->graph, run_once(session), session->kept, session->extra_wanted,
                           session->shapes, session->work, &session->plan, err));
    *n_floats = session->plan.n_floats;
    session->rest = 0;
    return session->in_blocks ? plan_blocks(session, given, n_floats, err) : STY_OK;
}

static sty_status reserve_lasting(sty_session *session, sty_err *err) {
    for (size_t i = 0; i < session->model->graph.n_nodes; i++) {
        const size_t n = lasting_floats(session, i);
        sty_session_kept *kept = &session->lasting[i];
        if (n <= kept->n_floats) continue;
        sty_free(kept->data);
        kept->data = sty_alloc(n, sizeof *kept->data);
        kept->n_floats = kept->data ? n : 0;
        if (!kept->data) return sty_err_no_memory(err, n * sizeof *kept->data, "what a layer keeps");
    }
    return STY_OK;
}

static sty_status prepare_memory(sty_session *session, bool given, sty_err *err) {
    size_t n_floats;
    STY_TRY(plan_memory(session, given, &n_floats, err));
    STY_TRY(check_memory(session, n_floats, given, err));
    STY_TRY(reserve_lasting(session, err));
    return reserve(session, n_floats, err);
}

sty_status sty_session_memory(sty_session *session, size_t n_frames, double *n_bytes, sty_err *err) {
    const sty_graph *graph = &session->model->graph;
    size_t n_floats;
    session->ran = false;
    sty_graph_nominal(graph, OTHER_STEPS, session->shapes);
    session->shapes[0] = sty_shape_sequence(n_frames, session->model->info.n_features);
    STY_TRY(sty_graph_infer_nominal(graph, session->needed, session->shapes, err));
    session->in_blocks = sty_blocks_begin(&session->blocks, graph, session->shapes);
    STY_TRY(plan_memory(session, false, &n_floats, err));
    const size_t features = session->in_blocks ? 0 : sty_shape_count(&session->shapes[0]);
    *n_bytes = ((double)n_floats + (double)features + (double)all_lasting_floats(session)) * sizeof(float);
    return STY_OK;
}

/* ---- values ---- */

float *sty_session_value(const sty_session *session, int value) {
    if ((size_t)value < session->model->graph.n_inputs) return session->inputs[value];
    if (session->in_blocks && session->blocks.together[value])
        return session->block + session->held + session->blocks.offset[value];
    return session->block + session->rest + session->plan.offset[value];
}

/* Of the stretch at hand. */
static float *slice_value(const sty_session *session, int value) {
    if (value == 0) return session->window;
    return session->block + session->rest + session->slice_plan.offset[value];
}

/* ---- blocks ---- */

/* The features of the stretch at hand into session->window: those that the one before
 * had move up, the others come from the front end. have: the frames that are there. */
static sty_status load_features(sty_session *session, const float *given, size_t *have, sty_err *err) {
    const sty_blocks *b = &session->blocks;
    const size_t width = session->shapes[0].dim[1];
    if (given) {
        session->window = session->inputs[0] + b->begin * width;
        return STY_OK;
    }
    float *window = session->block;
    const size_t kept = *have > b->begin ? *have - b->begin : 0;
    if (kept) memmove(window, window + (b->begin - session->window_first) * width, kept * width * sizeof *window);
    session->window = window;
    session->window_first = b->begin;
    *have = b->end;
    return sty_front_end_frames_at(session->front_end, b->begin + kept, b->end - b->begin - kept, window + kept * width, err);
}

/* The steps that the stretch adds to a value that is put together. */
static void put_together(sty_session *session, int value) {
    const sty_blocks *b = &session->blocks;
    const sty_shape *all = &session->shapes[value], *slice = &b->slices[value];
    const sty_part part = sty_blocks_part(b, session->shapes, (size_t)value);
    const size_t c = sty_shape_width(all), to = all->dim[all->rank - 2], from = slice->dim[slice->rank - 2];
    const size_t n_bins = all->kind == STY_IMAGE ? all->dim[0] : 1;
    for (size_t f = 0; f < n_bins; f++)
        memcpy(sty_session_value(session, value) + (f * to + part.at) * c,
               slice_value(session, value) + (f * from + part.begin) * c, part.n * c * sizeof(float));
}

static void run_stretch(sty_session *session) {
    const sty_graph *graph = &session->model->graph;
    const sty_blocks *b = &session->blocks;
    const sty_place slice = {b->slices, slice_value, session->slice_plan.bands};
    const sty_place whole = {session->shapes, sty_session_value, session->plan.bands};
    float *scratch = session->block + session->rest + session->slice_plan.scratch;
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (b->sliced[i]) sty_session_run_node(session, i, &slice, &slice, &(sty_layer_call){.scratch = scratch});
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (!b->carrying[i]) continue;
        const sty_part part = sty_blocks_part(b, session->shapes, (size_t)graph->nodes[i].in[0]);
        float *carry = session->block + session->held + b->carry[i];
        if (part.n) sty_session_run_node(session, i, &slice, &whole, &(sty_layer_call){.scratch = scratch, .part = part, .carry = carry});
    }
    for (size_t v = graph->n_inputs; v < graph->n_values; v++)
        if (b->together[v] && b->sliced[graph->values[v].node]) put_together(session, (int)v);
}

static sty_status run_blocks(sty_session *session, const float *given, sty_err *err) {
    const sty_graph *graph = &session->model->graph;
    size_t have = 0;
    do {
        STY_TRY(load_features(session, given, &have, err));
        run_stretch(session);
    } while (sty_blocks_next(&session->blocks, graph, session->shapes));
    return STY_OK;
}

/* ---- a clip ---- */

/* Inverses of labelled outputs, and the last look at what will be reported. */
static sty_status finish(sty_session *session, sty_err *err) {
    for (size_t i = 0; i < session->n_outputs; i++) {
        sty_wanted *w = &session->outputs[i];
        const float *data = sty_session_value(session, w->value);
        const size_t n = sty_shape_count(&session->shapes[w->value]);
        for (size_t j = 0; w->labelled && j < n; j++)
            w->own[j] = w->labelled->exp2[j] ? exp2f(data[j]) : data[j];
        if (w->labelled) data = w->own;
        const size_t bad = sty_first_nonfinite(data, n);
        if (bad < n)
            return sty_err_set(err, STY_NONFINITE, "the output '%s' has the value %f", w->name,
                               (double)data[bad]);
    }
    session->ran = true;
    return STY_OK;
}

/* Shapes of all values; too short clips are told how much is needed. */
static sty_status infer_shapes(sty_session *session, size_t n_frames, sty_err *err) {
    session->shapes[0] = sty_shape_sequence(n_frames, session->model->info.n_features);
    STY_TRY(check_inputs(session, err));
    const sty_status status = sty_graph_infer(&session->model->graph, session->needed, session->shapes, err);
    return status == STY_TOO_SHORT ? add_minimum(session, err) : status;
}

sty_status sty_session_run_graph(sty_session *session, float *features, size_t n_frames, sty_err *err) {
    const sty_graph *graph = &session->model->graph;
    const sty_place whole = {session->shapes, sty_session_value, session->plan.bands};
    STY_TRY(infer_shapes(session, n_frames, err));
    session->in_blocks = !session->stage && sty_blocks_begin(&session->blocks, graph, session->shapes);
    STY_TRY(prepare_memory(session, features != NULL, err));
    if (!features && !session->in_blocks) STY_TRY(sty_front_end_all(session->front_end, &features, err));
    session->inputs[0] = features;
    if (session->in_blocks) STY_TRY(run_blocks(session, features, err));
    float *scratch = session->block + session->rest + session->plan.scratch;
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (run_once(session)[i]) sty_session_run_node(session, i, &whole, &whole, &(sty_layer_call){.scratch = scratch});
    for (size_t v = graph->n_inputs; session->stage && v < graph->n_values; v++)
        if (session->kept[v] && session->shapes[v].kind != STY_ABSENT)
            session->stage(session->stage_context, graph->values[v].name, sty_session_value(session, (int)v),
                           session->shapes[v].rank, session->shapes[v].dim);
    return finish(session, err);
}
