/* mix.c - the part of a graph behind its token layer, run on chosen weights.
 *
 * A session runs from features on; here nothing in front of the token layer
 * exists, so the few nodes behind it are walked directly. All their arrays are
 * vectors or one step, and live in the mixer from its creation. */
#include "style/mix.h"

#include <math.h>
#include <string.h>

struct sty_mixer {
    const sty_model *model;
    sty_mixer_info info;
    const sty_output *output;
    int value, token;     /* the output's value, the token node */
    bool *behind;         /* [n_nodes]: runs here */
    sty_tensor *tensors;  /* [n_values] */
    float *scratch, *row; /* row: weights of one token, [heads, tokens] */
    sty_arena arena;
};

/* ---- finding the token layer ---- */

static const char *output_at(const void *context, size_t i) {
    return ((const sty_model *)context)->outputs[i].info.name;
}

static sty_status find_output(sty_mixer *m, const char *name, sty_err *err) {
    for (size_t i = 0; i < m->model->info.n_outputs; i++)
        if (strcmp(m->model->outputs[i].info.name, name) == 0) m->output = &m->model->outputs[i];
    if (!m->output) {
        sty_unknown_name("output", name, output_at, m->model, m->model->info.n_outputs, err);
        return STY_BAD_ARGUMENT;
    }
    m->value = m->output->value;
    return STY_OK;
}

static sty_status find_layer(sty_mixer *m, const char *layer, sty_err *err) {
    const sty_graph *graph = &m->model->graph;
    m->token = -1;
    memset(m->behind, 0, graph->n_nodes * sizeof *m->behind);
    sty_graph_mark(graph, m->value, m->behind);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const sty_node *node = &graph->nodes[i];
        if (!m->behind[i] || !node->type->mix || (layer && strcmp(layer, node->name) != 0)) continue;
        if (m->token >= 0)
            return sty_err_set(err, STY_BAD_ARGUMENT, "the layers '%s' and '%s' both have tokens; name one with --layer",
                               graph->nodes[m->token].name, node->name);
        m->token = (int)i;
    }
    if (m->token >= 0) return STY_OK;
    if (layer)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is no token layer that the output '%s' depends on", layer,
                           m->output->info.name);
    return sty_err_set(err, STY_BAD_ARGUMENT, "the model '%s' has no style tokens behind its output '%s'",
                       m->model->info.name, m->output->info.name);
}

/* Marks what lies between the token layer and the output; nothing else may be
 * needed there, as there is no audio. */
static sty_status find_tail(sty_mixer *m, sty_err *err) {
    const sty_graph *graph = &m->model->graph;
    const int last = graph->values[m->value].node;
    memset(m->behind, 0, graph->n_nodes * sizeof *m->behind);
    m->behind[last] = true;
    for (size_t i = (size_t)last + 1; i-- > 0;) {
        const sty_node *node = &graph->nodes[i];
        if (!m->behind[i] || (int)i == m->token) continue;
        for (size_t j = 0; j < node->n_in; j++) {
            const int from = node->in[j] < 0 ? m->token : graph->values[node->in[j]].node;
            if (from < m->token)
                return sty_err_set(err, STY_BAD_ARGUMENT,
                                   "the output '%s' cannot be mixed from tokens alone: its layer '%s' also reads '%s'",
                                   m->output->info.name, node->name, graph->values[node->in[j]].name);
            m->behind[from] = true;
        }
    }
    m->behind[m->token] = false;
    return STY_OK;
}

/* ---- memory ---- */

static sty_status give(sty_mixer *m, int value, sty_shape shape, sty_err *err) {
    m->tensors[value].shape = shape;
    m->tensors[value].data = sty_arena_alloc(&m->arena, sty_shape_count(&shape), sizeof(float));
    return m->tensors[value].data ? STY_OK : sty_err_no_memory(err, sty_shape_count(&shape), "a mix");
}

static size_t inputs_of(const sty_mixer *m, const sty_node *node, sty_tensor *in) {
    for (size_t j = 0; j < node->n_in; j++)
        in[j] = node->in[j] < 0 ? (sty_tensor){.shape = {.kind = STY_ABSENT}} : m->tensors[node->in[j]];
    return node->n_in;
}

static sty_status plan_node(sty_mixer *m, const sty_node *node, size_t *scratch, sty_err *err) {
    sty_tensor in[STY_MAX_PORTS];
    sty_shape shapes[STY_MAX_PORTS], out[STY_MAX_OUTPUTS] = {{0}};
    const size_t n = inputs_of(m, node, in);
    for (size_t j = 0; j < n; j++)
        shapes[j] = in[j].shape;
    STY_TRY(node->type->shape(node->params, shapes, n, out, err));
    STY_TRY(give(m, node->out, out[0], err));
    if (node->type->extra) STY_TRY(give(m, node->out + 1, out[1], err));
    const size_t floats = sty_layer_scratch(node->type, node->params, shapes, out, true);
    if (floats > *scratch) *scratch = floats;
    return STY_OK;
}

/* The token layer as it was bound, with one step where it has steps. */
static sty_status plan(sty_mixer *m, sty_err *err) {
    const sty_graph *graph = &m->model->graph;
    const sty_node *token = &graph->nodes[m->token];
    sty_shape query = graph->values[token->in[0]].shape, out = graph->values[token->out].shape;
    sty_shape weights = graph->values[token->out + 1].shape;
    m->info.layer = token->name;
    m->info.heads = weights.dim[0];
    m->info.tokens = weights.dim[weights.rank - 1];
    if (query.kind == STY_SEQUENCE) query.dim[0] = 1;
    if (out.kind == STY_SEQUENCE) out.dim[0] = 1;
    if (weights.rank == 3) weights.dim[1] = 1;
    STY_TRY(give(m, token->out, out, err));
    STY_TRY(give(m, token->out + 1, weights, err));
    size_t scratch = token->type->scratch ? token->type->scratch(token->params, &query, &out) : 0;
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (m->behind[i]) STY_TRY(plan_node(m, &graph->nodes[i], &scratch, err));
    m->info.width = sty_shape_count(&m->tensors[m->value].shape);
    m->scratch = sty_arena_alloc(&m->arena, scratch, sizeof *m->scratch);
    m->row = sty_arena_alloc(&m->arena, m->info.heads * m->info.tokens, sizeof *m->row);
    return m->scratch && m->row ? STY_OK : sty_err_no_memory(err, scratch, "a mix");
}

sty_status sty_mixer_create(const sty_model *model, const char *output, const char *layer,
                            sty_mixer **mixer, sty_err *err) {
    sty_mixer *m = sty_alloc(1, sizeof *m);
    if (!m) return sty_err_no_memory(err, sizeof *m, "a mixer");
    m->model = model;
    m->behind = sty_arena_alloc(&m->arena, model->graph.n_nodes, sizeof *m->behind);
    m->tensors = sty_arena_alloc(&m->arena, model->graph.n_values, sizeof *m->tensors);
    sty_status status = m->behind && m->tensors ? find_output(m, output ? output : "style", err)
                                                : sty_err_no_memory(err, model->graph.n_values, "a mixer");
    if (status == STY_OK) status = find_layer(m, layer, err);
    if (status == STY_OK) status = find_tail(m, err);
    if (status == STY_OK) status = plan(m, err);
    if (status == STY_OK) *mixer = m;
    else sty_mixer_free(m);
    return status;
}

void sty_mixer_free(sty_mixer *mixer) {
    if (!mixer) return;
    sty_arena arena = mixer->arena;
    sty_arena_clear(&arena);
    sty_free(mixer);
}

const sty_mixer_info *sty_mixer_facts(const sty_mixer *mixer) { return &mixer->info; }

/* ---- running ---- */

static void run_node(sty_mixer *m, const sty_node *node) {
    sty_tensor in[STY_MAX_PORTS], out[STY_MAX_OUTPUTS] = {m->tensors[node->out]};
    if (node->type->extra) out[1] = m->tensors[node->out + 1];
    const sty_layer_call call = {.params = node->params,
                                 .state = node->state,
                                 .in = in,
                                 .n_in = inputs_of(m, node, in),
                                 .out = out,
                                 .scratch = m->scratch};
    sty_layer_run(node->type, &call);
}

/* From the token layer's output on. */
static sty_status run_tail(sty_mixer *m, float *style, sty_err *err) {
    const sty_graph *graph = &m->model->graph;
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (m->behind[i]) run_node(m, &graph->nodes[i]);
    const float *from = m->tensors[m->value].data;
    for (size_t i = 0; i < m->info.width; i++) {
        style[i] = m->output->exp2 && m->output->exp2[i] ? exp2f(from[i]) : from[i];
        if (!isfinite(style[i]))
            return sty_err_set(err, STY_NONFINITE, "the mix has the value %f; the token weights are too large",
                               (double)style[i]);
    }
    return STY_OK;
}

sty_status sty_mixer_run(sty_mixer *m, const float *weights, float *style, sty_err *err) {
    const sty_node *token = &m->model->graph.nodes[m->token];
    memcpy(m->tensors[token->out + 1].data, weights, m->info.heads * m->info.tokens * sizeof *weights);
    token->type->mix(token->params, token->state, weights, m->scratch, m->tensors[token->out].data);
    return run_tail(m, style, err);
}

sty_status sty_mixer_read(sty_mixer *m, const float *style, size_t width, float *out, sty_err *err) {
    const int token = m->model->graph.nodes[m->token].out;
    const size_t expected = sty_shape_count(&m->tensors[token].shape);
    for (size_t i = 0; i < m->model->info.n_outputs; i++) {
        if (strcmp(m->model->outputs[i].info.name, "style") != 0 || m->model->outputs[i].value != token) continue;
        if (width != expected)
            return sty_err_set(err, STY_BAD_ARGUMENT, "the style has %zu values, that of the model '%s' has %zu", width,
                               m->model->info.name, expected);
        memcpy(m->tensors[token].data, style, width * sizeof *style);
        return run_tail(m, out, err);
    }
    return sty_err_set(err, STY_BAD_ARGUMENT, "the output '%s' of the model '%s' cannot be read from its style vector",
                       m->output->info.name, m->model->info.name);
}

sty_status sty_mixer_tokens(sty_mixer *m, float *styles, sty_err *err) {
    const size_t k = m->info.tokens;
    for (size_t t = 0; t < k; t++) {
        memset(m->row, 0, m->info.heads * k * sizeof *m->row);
        for (size_t h = 0; h < m->info.heads; h++)
            m->row[h * k + t] = 1.0f;
        STY_TRY(sty_mixer_run(m, m->row, styles + t * m->info.width, err));
    }
    return STY_OK;
}
