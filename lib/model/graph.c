/* graph.c - shape inference and memory planning.
 *
 * Planning is greedy: values in the order in which they appear are put at the
 * lowest offset that no value alive at the same time covers. For chains of
 * layers, which these graphs are, that is two buffers in turn; for chains of
 * convolutions over large images, a band for each of them. */
#include "model/graph.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

const char *sty_node_choice(const sty_node *node, const char *param) {
    const sty_param *row = sty_params_find(node->type->params, node->type->n_params, param);
    int choice;
    if (!row || row->kind != STY_PARAM_CHOICE) return "";
    memcpy(&choice, (const char *)node->params + row->offset, sizeof choice);
    return row->choices[choice];
}

int sty_graph_find(const sty_graph *graph, const char *name) {
    for (size_t i = 0; i < graph->n_values; i++)
        if (strcmp(graph->values[i].name, name) == 0) return (int)i;
    return -1;
}

bool sty_graph_no_extra(const sty_graph *graph, const char *name, sty_err *err) {
    const char *dot = strchr(name, '.');
    for (size_t i = 0; dot && i < graph->n_values; i++) {
        const sty_graph_value *value = &graph->values[i];
        if (strlen(value->name) != (size_t)(dot - name) || strncmp(value->name, name, (size_t)(dot - name)) != 0) continue;
        const sty_layer_type *type = value->node < 0 ? NULL : graph->nodes[value->node].type;
        if (type && type->extra) return false;
        sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is no value: '%s' (%s) has no further output", name, value->name,
                    type ? type->name : "an input");
        return true;
    }
    return false;
}

void sty_node_inputs(const sty_node *node, const sty_shape *shapes, sty_shape *in) {
    for (size_t i = 0; i < node->n_in; i++)
        in[i] = node->in[i] < 0 ? (sty_shape){.kind = STY_ABSENT} : shapes[node->in[i]];
}

void sty_node_prefix(const sty_node *node, const sty_shape *in, sty_err *err) {
    char inputs[STY_MAX_PORTS * 96], shape[64];
    size_t n = 0;
    inputs[0] = '\0';
    for (size_t i = 0; err && i < node->n_in && n < sizeof inputs; i++) {
        if (in[i].kind == STY_ABSENT) continue;
        const char *port = !node->type->variadic ? node->type->inputs[i] : i == 0 ? node->type->inputs[0] : "";
        n += (size_t)snprintf(inputs + n, sizeof inputs - n, "%s%s%s%s", n ? ", " : "", port, *port ? " " : "",
                              sty_shape_text(&in[i], shape));
    }
    sty_err_prefix(err, "layer '%s' (%s), %s: ", node->name, node->type->name, inputs);
}

sty_status sty_graph_infer_node(const sty_node *node, sty_shape *shapes, sty_err *err) {
    sty_shape in[STY_MAX_PORTS], out[STY_MAX_OUTPUTS] = {{0}};
    sty_node_inputs(node, shapes, in);
    sty_status status = node->type->shape(node->params, in, node->n_in, out, err);
    if ((status == STY_OK || sty_layer_only_lengths(status)) &&
        (!sty_shape_fits(&out[0]) || (node->type->extra && !sty_shape_fits(&out[1]))))
        status = sty_err_set(err, STY_BAD_MODEL, "the output is empty or too large");
    if (status != STY_OK) sty_node_prefix(node, in, err);
    if (status != STY_OK && !sty_layer_only_lengths(status)) return status;
    shapes[node->out] = out[0];
    if (node->type->extra) shapes[node->out + 1] = out[1];
    return status;
}

static sty_status infer(const sty_graph *graph, const bool *needed, bool nominal, sty_shape *shapes,
                        sty_err *err) {
    for (size_t i = graph->n_inputs; i < graph->n_values; i++)
        shapes[i] = (sty_shape){.kind = STY_ABSENT};
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (needed && !needed[i]) continue;
        const sty_status status = sty_graph_infer_node(&graph->nodes[i], shapes, err);
        if (nominal && sty_layer_only_lengths(status)) continue;
        STY_TRY(status);
    }
    return STY_OK;
}

sty_status sty_graph_infer(const sty_graph *graph, const bool *needed, sty_shape *shapes,
                           sty_err *err) {
    return infer(graph, needed, false, shapes, err);
}

sty_status sty_graph_infer_nominal(const sty_graph *graph, const bool *needed, sty_shape *shapes,
                                   sty_err *err) {
    return infer(graph, needed, true, shapes, err);
}

void sty_graph_mark(const sty_graph *graph, int value, bool *needed) {
    if (value < 0 || graph->values[value].node < 0) return;
    /* nodes are in order: one backward sweep reaches everything */
    needed[graph->values[value].node] = true;
    for (size_t i = graph->n_nodes; i-- > 0;) {
        if (!needed[i]) continue;
        const sty_node *node = &graph->nodes[i];
        for (size_t j = 0; j < node->n_in; j++)
            if (node->in[j] >= 0 && graph->values[node->in[j]].node >= 0)
                needed[graph->values[node->in[j]].node] = true;
    }
}

void sty_graph_nominal(const sty_graph *graph, size_t n_frames, sty_shape *shapes) {
    for (size_t i = 0; i < graph->n_inputs; i++) {
        shapes[i] = graph->values[i].shape;
        for (int d = 0; d < shapes[i].rank; d++)
            if (shapes[i].dim[d] == 0) shapes[i].dim[d] = n_frames;
    }
}

size_t sty_graph_min_frames(const sty_graph *graph, const bool *needed, sty_shape *shapes) {
    size_t low = 0, high = 1;
    for (;; high *= 2) {
        sty_graph_nominal(graph, high, shapes);
        if (sty_graph_infer_nominal(graph, needed, shapes, NULL) == STY_OK) break;
        if (high > 1u << 20) return 0;
        low = high;
    }
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        sty_graph_nominal(graph, middle, shapes);
        if (sty_graph_infer_nominal(graph, needed, shapes, NULL) == STY_OK) high = middle;
        else low = middle;
    }
    return high;
}

double sty_graph_work(const sty_node *node, const sty_shape *shapes) {
    sty_shape in[STY_MAX_PORTS];
    if (!node->type->work) return 0;
    sty_node_inputs(node, shapes, in);
    return node->type->work(node->params, in, &shapes[node->out]);
}

/* What one step sees through both of two values of the same step. */
static sty_reach reach_of_both(sty_reach a, sty_reach b) {
    const size_t before = a.before > b.before ? a.before : b.before;
    const size_t stride = a.stride > b.stride ? a.stride : b.stride;
    if (a.kernel == STY_WHOLE || b.kernel == STY_WHOLE) return (sty_reach){STY_WHOLE, stride, before};
    const size_t end_a = before - a.before + a.kernel, end_b = before - b.before + b.kernel;
    return (sty_reach){end_a > end_b ? end_a : end_b, stride, before};
}

void sty_graph_reach(const sty_graph *graph, const sty_shape *shapes, sty_reach *reach) {
    static const sty_reach step = {1, 1, 0};
    for (size_t v = 0; v < graph->n_inputs; v++)
        reach[v] = step;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const sty_node *node = &graph->nodes[i];
        const sty_shape *in = node->in[0] < 0 ? NULL : &shapes[node->in[0]];
        const sty_reach own = !node->type->reach ? step
                              : in && in->kind != STY_ABSENT ? node->type->reach(node->params, in)
                                                             : sty_reach_whole(NULL, NULL);
        sty_reach all = step;
        for (size_t j = 0; j < node->n_in; j++)
            if (node->in[j] >= 0) all = reach_of_both(all, reach[node->in[j]]);
        const bool whole = all.kernel == STY_WHOLE || own.kernel == STY_WHOLE;
        all.kernel = whole ? STY_WHOLE : all.kernel + (own.kernel - 1) * all.stride;
        all.before += own.before * all.stride;
        all.stride *= own.stride;
        reach[node->out] = all;
        if (node->type->extra) reach[node->out + 1] = all;
    }
}

/* ---- memory ---- */

/* Floats of an image that stays in the second cache. */
enum { CACHED = 96 << 10 };

static sty_reach reach_over_bins(const sty_node *node, const sty_shape *shapes) {
    return node->type->bins ? node->type->bins(node->params, &shapes[node->in[0]]) : sty_reach_whole(NULL, NULL);
}

static size_t count_readers(const sty_graph *graph, const bool *needed, int value) {
    size_t n = 0;
    for (size_t i = 0; i < graph->n_nodes; i++)
        for (size_t j = 0; needed[i] && j < graph->nodes[i].n_in; j++)
            n += graph->nodes[i].in[j] == value;
    return n;
}

static void find_bands(const sty_graph *graph, const bool *needed, const bool *kept, const sty_shape *shapes,
                       sty_band *bands) {
    for (size_t v = 0; v < graph->n_values; v++)
        bands[v].height = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const int v = graph->nodes[i].in[0], maker = v < 0 ? -1 : graph->values[v].node;
        if (!needed[i] || maker < 0 || !needed[maker] || kept[v]) continue;
        const sty_reach reach = reach_over_bins(&graph->nodes[i], shapes);
        if (reach.kernel == STY_WHOLE || reach_over_bins(&graph->nodes[maker], shapes).kernel == STY_WHOLE) continue;
        if (sty_shape_count(&shapes[v]) <= CACHED || count_readers(graph, needed, v) > 1) continue;
        const size_t n_bins = shapes[v].dim[0];
        bands[v] = (sty_band){.height = reach.kernel < n_bins ? reach.kernel : n_bins, .reader = i};
    }
}

/* A band takes no less than the largest image that is whole: a session that has run the longest of
 * its clips has memory for the shorter ones. */
static bool rounded_floats(const sty_shape *shape, const sty_band *band, size_t *floats) {
    const size_t line = STY_ALIGN / sizeof(float);
    if (!sty_shape_fits(shape)) return false;
    const size_t all = sty_shape_count(shape), some = all / shape->dim[0] * band->height;
    const size_t held = band->height == 0 ? all : some > CACHED ? some : CACHED;
    *floats = (held + line - 1) / line * line;
    return true;
}

/* The last node that reads each value; INT_MAX for values that are kept. Nodes that make a band run
 * while its reader does. */
static void lifetimes(const sty_graph *graph, const bool *needed, const bool *kept, const sty_band *bands, int *last) {
    for (size_t v = 0; v < graph->n_values; v++)
        last[v] = kept[v] ? INT_MAX : graph->values[v].node;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        size_t end = i;
        if (!needed[i]) continue;
        while (bands[graph->nodes[end].out].height)
            end = bands[graph->nodes[end].out].reader;
        for (size_t j = 0; j < graph->nodes[i].n_in; j++) {
            const int v = graph->nodes[i].in[j];
            if (v >= 0 && last[v] < (int)end) last[v] = (int)end;
        }
    }
}

/* True when value v has memory of the plan. */
static bool placed(const sty_graph *graph, const bool *needed, const bool *extra_wanted,
                   const int *last, size_t v) {
    const int node = graph->values[v].node;
    if (node < 0 || !needed[node]) return false;
    return graph->nodes[node].out == (int)v || extra_wanted[v] || last[v] > node;
}

sty_status sty_graph_plan(const sty_graph *graph, const bool *needed, const bool *kept,
                          const bool *extra_wanted, const sty_shape *shapes, int *last,
                          sty_plan *plan, sty_err *err) {
    size_t total = 0, scratch = 0;
    find_bands(graph, needed, kept, shapes, plan->bands);
    lifetimes(graph, needed, kept, plan->bands, last);
    for (size_t v = graph->n_inputs; v < graph->n_values; v++) {
        size_t size = 0, other = 0, at = 0;
        if (!placed(graph, needed, extra_wanted, last, v)) continue;
        if (!rounded_floats(&shapes[v], &plan->bands[v], &size)) return sty_err_no_memory(err, SIZE_MAX, graph->values[v].name);
        for (bool moved = true; moved;) {
            moved = false;
            for (size_t w = graph->n_inputs; w < v; w++) {
                if (!placed(graph, needed, extra_wanted, last, w)) continue;
                rounded_floats(&shapes[w], &plan->bands[w], &other);
                /* w is read by the node that writes v at the earliest afterwards */
                const bool meet = last[w] >= graph->values[v].node;
                if (meet && plan->offset[w] < at + size && at < plan->offset[w] + other) {
                    at = plan->offset[w] + other;
                    moved = true;
                }
            }
        }
        plan->offset[v] = at;
        if (at + size > total) total = at + size;
    }
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const sty_node *node = &graph->nodes[i];
        sty_shape in[STY_MAX_PORTS];
        if (!needed[i]) continue;
        sty_node_inputs(node, shapes, in);
        const size_t n = sty_layer_scratch(node->type, node->params, in, &shapes[node->out], false);
        if (n > scratch) scratch = n;
    }
    plan->scratch = total;
    if (!sty_add(total, scratch, &plan->n_floats)) return sty_err_no_memory(err, SIZE_MAX, "the graph");
    return STY_OK;
}
