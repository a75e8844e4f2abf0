/* session.c - sessions: what they compute, what is bound, what they give. */
#include "math/finite.h"
#include "model/session_parts.h"

#include <stdio.h>
#include <string.h>

/* ---- creation ---- */

static const char *wanted_name_at(const void *context, size_t i) {
    const sty_model *model = context;
    if (i < model->info.n_outputs) return model->outputs[i].info.name;
    return model->graph.values[i - model->info.n_outputs].name;
}

static const sty_output *find_output(const sty_model *model, const char *name) {
    for (size_t i = 0; i < model->info.n_outputs; i++)
        if (strcmp(model->outputs[i].info.name, name) == 0) return &model->outputs[i];
    return NULL;
}

static sty_status want(sty_session *session, const char *name, sty_wanted *to, sty_err *err) {
    const sty_model *model = session->model;
    const sty_output *output = find_output(model, name);
    to->value = output ? output->value : sty_graph_find(&model->graph, name);
    if (to->value < 0) {
        if (!sty_graph_no_extra(&model->graph, name, err))
            sty_unknown_name("output", name, wanted_name_at, model,
                             model->info.n_outputs + model->graph.n_values, err);
        return STY_BAD_ARGUMENT;
    }
    to->name = sty_arena_text(&session->arena, name, strlen(name));
    if (!to->name) return sty_err_no_memory(err, strlen(name), "a name");
    if (output && output->exp2) {
        to->labelled = output;
        to->own = sty_arena_alloc(&session->arena, output->info.n_labels, sizeof *to->own);
        if (!to->own) return sty_err_no_memory(err, output->info.n_labels, "an output");
    }
    const int node = model->graph.values[to->value].node;
    session->kept[to->value] = true;
    session->extra_wanted[to->value] = node >= 0 && model->graph.nodes[node].out != to->value;
    sty_graph_mark(&model->graph, to->value, session->needed);
    return STY_OK;
}

static sty_status allocate(sty_session *session, size_t n_outputs, sty_err *err) {
    const sty_graph *graph = &session->model->graph;
    sty_arena *arena = &session->arena;
    const size_t n = graph->n_values;
    session->outputs = sty_arena_alloc(arena, n_outputs, sizeof *session->outputs);
    session->needed = sty_arena_alloc(arena, graph->n_nodes, sizeof *session->needed);
    session->kept = sty_arena_alloc(arena, n, sizeof *session->kept);
    session->lasting = sty_arena_alloc(arena, graph->n_nodes, sizeof *session->lasting);
    session->extra_wanted = sty_arena_alloc(arena, n, sizeof *session->extra_wanted);
    session->extra_used = sty_arena_alloc(arena, n, sizeof *session->extra_used);
    session->shapes = sty_arena_alloc(arena, n, sizeof *session->shapes);
    session->probe = sty_arena_alloc(arena, n, sizeof *session->probe);
    session->inputs = sty_arena_alloc(arena, graph->n_inputs, sizeof *session->inputs);
    session->input_capacity = sty_arena_alloc(arena, graph->n_inputs, sizeof *session->input_capacity);
    session->work = sty_arena_alloc(arena, n, sizeof *session->work);
    session->plan.offset = sty_arena_alloc(arena, n, sizeof *session->plan.offset);
    session->plan.bands = sty_arena_alloc(arena, n, sizeof *session->plan.bands);
    session->slice_plan.offset = sty_arena_alloc(arena, n, sizeof *session->slice_plan.offset);
    session->slice_plan.bands = sty_arena_alloc(arena, n, sizeof *session->slice_plan.bands);
    const bool ok = session->outputs && session->needed && session->kept && session->extra_wanted && session->extra_used && session->slice_plan.offset &&
                    session->plan.bands && session->slice_plan.bands &&
                    session->shapes && session->probe && session->inputs &&
                    session->input_capacity && session->work && session->plan.offset;
    return ok ? STY_OK : sty_err_no_memory(err, n, "a session");
}

/* Further outputs that are wanted, or read by a needed node. */
static void find_used(sty_session *session) {
    const sty_graph *graph = &session->model->graph;
    if (!session->extra_used) return;
    for (size_t v = 0; v < graph->n_values; v++)
        session->extra_used[v] = session->extra_wanted[v];
    for (size_t i = 0; i < graph->n_nodes; i++)
        for (size_t j = 0; session->needed[i] && j < graph->nodes[i].n_in; j++)
            if (graph->nodes[i].in[j] >= 0) session->extra_used[graph->nodes[i].in[j]] = true;
}

sty_status sty_session_create(const sty_model *model, const char *const *outputs, size_t n,
                              sty_session **session, sty_err *err) {
    sty_session *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a session");
    made->model = model;
    sty_status status = allocate(made, n, err);
    for (size_t i = 0; i < n && status == STY_OK; i++)
        status = want(made, outputs[i], &made->outputs[made->n_outputs++], err);
    find_used(made);
    if (status == STY_OK)
        status = sty_blocks_create(&model->graph, made->needed, made->kept, &made->arena, made->probe, &made->blocks, err);
    if (status == STY_OK)
        status = sty_front_end_state_create(model->front_end, &made->front_end, err);
    if (status == STY_OK) *session = made;
    else sty_session_free(made);
    return status;
}

void sty_session_free(sty_session *session) {
    if (!session) return;
    sty_front_end_state_free(session->front_end);
    for (size_t i = 0; session->inputs && i < session->model->graph.n_inputs; i++)
        if (session->input_capacity[i]) sty_free(session->inputs[i]);
    for (size_t i = 0; session->lasting && i < session->model->graph.n_nodes; i++)
        sty_free(session->lasting[i].data);
    sty_free(session->block);
    sty_arena_clear(&session->arena);
    sty_free(session);
}

/* ---- inputs ---- */

static sty_status copy_input(sty_session *session, size_t i, const float *data, size_t n,
                             sty_err *err) {
    if (n > session->input_capacity[i]) {
        size_t n_bytes;
        float *grown = sty_mul(n, sizeof *data, &n_bytes) ? sty_resize(NULL, 0, n_bytes) : NULL;
        if (!grown) return sty_err_no_memory(err, n, session->model->graph.values[i].name);
        if (session->input_capacity[i]) sty_free(session->inputs[i]);
        session->inputs[i] = grown;
        session->input_capacity[i] = n;
    }
    memcpy(session->inputs[i], data, n * sizeof *data);
    return STY_OK;
}

/* "[T, 20]" into text[64]; T: a free axis. */
static const char *axes_text(int rank, const size_t *dim, char *text) {
    size_t n = (size_t)snprintf(text, 64, "[");
    for (int i = 0; i < rank && n < 40; i++)
        n += (size_t)snprintf(text + n, 64 - n, dim[i] ? "%s%zu" : "%sT", i ? ", " : "", dim[i]);
    snprintf(text + n, 64 - n, "]");
    return text;
}

sty_status sty_session_bind(sty_session *session, const char *name, const float *data, int rank,
                            const size_t *dim, sty_err *err) {
    const sty_graph *graph = &session->model->graph;
    const int at = sty_graph_find(graph, name);
    if (at < 1 || (size_t)at >= graph->n_inputs)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the model has no input '%s'", name);
    sty_shape shape = graph->values[at].shape;
    char want_text[64], have_text[64];
    bool same = rank == shape.rank;
    for (int i = 0; same && i < rank; i++) {
        same = dim[i] > 0 && (shape.dim[i] == 0 || shape.dim[i] == dim[i]);
        shape.dim[i] = dim[i];
    }
    if (!same || !sty_shape_fits(&shape))
        return sty_err_set(err, STY_BAD_ARGUMENT, "input '%s' is given as %s, expected %s", name,
                           axes_text(rank, dim, have_text),
                           axes_text(graph->values[at].shape.rank, graph->values[at].shape.dim, want_text));
    const size_t n = sty_shape_count(&shape);
    const size_t bad = sty_first_nonfinite(data, n);
    if (bad < n)
        return sty_err_set(err, STY_NONFINITE, "input '%s' has the value %f at element %zu", name,
                           (double)data[bad], bad);
    STY_TRY(copy_input(session, (size_t)at, data, n, err));
    session->shapes[at] = shape;
    return STY_OK;
}

/* ---- running ---- */

/* Features come from the front end's buffer, or from a copy that we own. */
static void forget_features(sty_session *session) {
    session->ran = false;
    if (session->input_capacity[0]) sty_free(session->inputs[0]);
    session->input_capacity[0] = 0;
    session->inputs[0] = NULL;
}

sty_status sty_session_run_front_end(sty_session *session, const sty_clip *clip, sty_err *err) {
    float *features = NULL;
    size_t n_frames = 0;
    forget_features(session);
    STY_TRY(sty_front_end_run(session->front_end, clip, &features, &n_frames, err));
    session->inputs[0] = features;
    session->shapes[0] = sty_shape_sequence(n_frames, session->model->info.n_features);
    session->ran = true;
    return STY_OK;
}

sty_status sty_session_run_clip(sty_session *session, const sty_clip *clip, sty_err *err) {
    size_t n_frames = 0;
    forget_features(session);
    STY_TRY(sty_front_end_open(session->front_end, clip, &n_frames, err));
    session->n_padded = sty_front_end_state_padded(session->front_end);
    return sty_session_run_graph(session, NULL, n_frames, err);
}

/* Features of n_frames rows in input 0, made least_frames long. */
static sty_status repeat_last_row(sty_session *session, size_t n_frames, size_t n_bins,
                                  sty_err *err) {
    const size_t least = session->least_frames * n_bins, have = n_frames * n_bins;
    if (least > session->input_capacity[0]) {
        float *grown = sty_resize(session->inputs[0], have * sizeof *grown, least * sizeof *grown);
        if (!grown) return sty_err_no_memory(err, least * sizeof *grown, "features");
        session->inputs[0] = grown;
        session->input_capacity[0] = least;
    }
    for (size_t i = have; i < least; i++)
        session->inputs[0][i] = session->inputs[0][i - n_bins];
    session->n_padded = session->least_frames - n_frames;
    return STY_OK;
}

sty_status sty_session_run_features(sty_session *session, const float *features, size_t n_frames,
                                    size_t n_bins, sty_err *err) {
    session->ran = false;
    if (n_bins != session->model->info.n_features)
        return sty_err_set(err, STY_NOT_AUDIO, "the features have %zu bins, the model needs %zu", n_bins,
                           session->model->info.n_features);
    if (n_frames == 0) return sty_err_set(err, STY_EMPTY, "the features have no frames");
    const sty_shape shape = sty_shape_sequence(n_frames, n_bins);
    if (!sty_shape_fits(&shape)) return sty_err_set(err, STY_TOO_LONG, "%zu frames", n_frames);
    const size_t n = n_frames * n_bins, bad = sty_first_nonfinite(features, n);
    if (bad < n)
        return sty_err_set(err, STY_NONFINITE, "the features have the value %f in frame %zu",
                           (double)features[bad], bad / n_bins);
    STY_TRY(copy_input(session, 0, features, n, err));
    session->n_padded = 0;
    if (n_frames < session->least_frames) {
        STY_TRY(repeat_last_row(session, n_frames, n_bins, err));
        n_frames = session->least_frames;
    }
    return sty_session_run_graph(session, session->inputs[0], n_frames, err);
}

sty_status sty_session_output(const sty_session *session, const char *name, sty_view *view,
                              sty_err *err) {
    int value = strcmp(name, "features") == 0 ? 0 : -1;
    const float *own = NULL;
    for (size_t i = 0; i < session->n_outputs; i++)
        if (strcmp(session->outputs[i].name, name) == 0) {
            value = session->outputs[i].value;
            own = session->outputs[i].own;
        }
    if (value < 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the output '%s' was not asked for at creation", name);
    if (!session->ran) return sty_err_set(err, STY_BAD_ARGUMENT, "nothing has been computed yet");
    const sty_shape *shape = &session->shapes[value];
    if (value == 0 && !session->inputs[0])
        return sty_err_set(err, STY_BAD_ARGUMENT, "the features of a clip of %zu frames were not kept; ask for them "
                           "when the session is created", session->shapes[0].dim[0]);
    view->data = own ? own : sty_session_value(session, value);
    view->rank = shape->rank;
    memcpy(view->dim, shape->dim, sizeof view->dim);
    return STY_OK;
}

/* ---- for the tool ---- */

void sty_session_watch(sty_session *session, sty_stage_fn stage, void *context) {
    const sty_graph *graph = &session->model->graph;
    session->stage = stage;
    session->stage_context = context;
    sty_front_end_state_watch(session->front_end, stage, context);
    for (size_t v = graph->n_inputs; stage && v < graph->n_values; v++) {
        const int node = graph->values[v].node;
        session->kept[v] = true;
        session->extra_wanted[v] = session->extra_used[v] = graph->nodes[node].out != (int)v;
    }
}

void sty_session_pad_short(sty_session *session, bool on) {
    session->least_frames = on ? sty_session_min_frames(session) : 0;
    sty_front_end_state_pad_short(session->front_end, session->least_frames);
}

size_t sty_session_frames(const sty_session *session) { return session->shapes[0].dim[0]; }

size_t sty_session_padded(const sty_session *session) { return session->n_padded; }

void sty_session_share_memory(sty_session *session, size_t n) { session->n_sharing = n; }

size_t sty_model_attention_maps(const sty_model *model, const char *output, const char **names, size_t n) {
    const sty_graph *graph = &model->graph;
    const sty_output *found = find_output(model, output);
    bool *needed = sty_alloc(graph->n_nodes, sizeof *needed);
    size_t count = 0;
    if (found && needed) sty_graph_mark(graph, found->value, needed);
    for (size_t v = graph->n_inputs; needed && v < graph->n_values; v++) {
        const sty_graph_value *value = &graph->values[v];
        if (needed[value->node] && value->shape.kind == STY_HEADS && value->shape.rank == 3 && count < n)
            names[count++] = value->name;
    }
    sty_free(needed);
    return count;
}

size_t sty_session_bytes(const sty_session *session) { return session->block_floats * sizeof(float); }
