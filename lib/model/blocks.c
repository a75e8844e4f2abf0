/* blocks.c - which nodes, which stretches, which steps of them. */
#include "model/blocks.h"

#include "base/check.h"

enum { LEAST_LENGTH = 1024, PROBE_FRAMES = 1024 };

static size_t steps_of(const sty_shape *shape) { return shape->dim[shape->rank - 2]; }

/* ---- which nodes ---- */

static sty_flow flow_of(const sty_node *node) {
    return node->type->flow ? node->type->flow(node->params) : STY_FLOW_WHOLE;
}

/* Made on each stretch, or the features themselves. */
static bool comes_in_blocks(const sty_blocks *b, const sty_graph *graph, int value) {
    if (value == 0) return true;
    const int node = value < 0 ? -1 : graph->values[value].node;
    return node >= 0 && b->sliced[node];
}

static bool can_be_sliced(const sty_blocks *b, const sty_graph *graph, const sty_node *node) {
    if (flow_of(node) != STY_FLOW_BLOCKS) return false;
    for (size_t j = 0; j < node->n_in; j++)
        if (!comes_in_blocks(b, graph, node->in[j]) ||
            b->reach[node->in[j]].stride != b->reach[node->in[0]].stride)
            return false;
    return true;
}

static bool can_carry(const sty_blocks *b, const sty_graph *graph, const sty_node *node) {
    if (flow_of(node) != STY_FLOW_CARRY || !comes_in_blocks(b, graph, node->in[0])) return false;
    for (size_t j = 1; j < node->n_in; j++)
        if (node->in[j] >= 0) return false;
    return true;
}

/* What the nodes behind read of the others; false: that is the features. */
static bool find_together(sty_blocks *b, const sty_graph *graph, const bool *kept) {
    bool features = !kept[0];
    for (size_t v = graph->n_inputs; v < graph->n_values; v++) {
        const int node = graph->values[v].node;
        const bool result = b->carrying[node] && graph->nodes[node].out == (int)v;
        b->together[v] = result || (kept[v] && !b->after[node]);
    }
    for (size_t i = 0; i < graph->n_nodes; i++)
        for (size_t j = 0; j < graph->nodes[i].n_in; j++) {
            const int v = graph->nodes[i].in[j];
            if (v < 0) continue;
            if (b->carrying[i] && j == 0) b->sink[v] = true;
            if (b->after[i] && v == 0) features = false;
            const int node = graph->values[v].node;
            if (b->after[i] && node >= 0 && !b->after[node]) b->together[v] = true;
        }
    for (size_t v = graph->n_inputs; v < graph->n_values; v++)
        b->sink[v] |= b->together[v] && b->sliced[graph->values[v].node];
    return features;
}

static sty_status allocate(sty_blocks *b, const sty_graph *graph, sty_arena *arena, sty_err *err) {
    const size_t v = graph->n_values, n = graph->n_nodes;
    b->sliced = sty_arena_alloc(arena, n, sizeof *b->sliced);
    b->carrying = sty_arena_alloc(arena, n, sizeof *b->carrying);
    b->after = sty_arena_alloc(arena, n, sizeof *b->after);
    b->sink = sty_arena_alloc(arena, v, sizeof *b->sink);
    b->together = sty_arena_alloc(arena, v, sizeof *b->together);
    b->reach = sty_arena_alloc(arena, v, sizeof *b->reach);
    b->slices = sty_arena_alloc(arena, v, sizeof *b->slices);
    b->done = sty_arena_alloc(arena, v, sizeof *b->done);
    b->offset = sty_arena_alloc(arena, v, sizeof *b->offset);
    b->carry = sty_arena_alloc(arena, n, sizeof *b->carry);
    const bool ok = b->sliced && b->carrying && b->after && b->sink && b->together && b->reach && b->slices &&
                    b->done && b->offset && b->carry;
    return ok ? STY_OK : sty_err_no_memory(err, v, "a session");
}

sty_status sty_blocks_create(const sty_graph *graph, const bool *needed, const bool *kept, sty_arena *arena,
                             sty_shape *probe, sty_blocks *b, sty_err *err) {
    STY_TRY(allocate(b, graph, arena, err));
    sty_graph_nominal(graph, PROBE_FRAMES, probe);
    if (sty_graph_infer_nominal(graph, needed, probe, NULL) != STY_OK) return STY_OK;
    sty_graph_reach(graph, probe, b->reach);
    bool any = false;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const sty_node *node = &graph->nodes[i];
        if (!needed[i]) continue;
        b->sliced[i] = can_be_sliced(b, graph, node);
        b->carrying[i] = can_carry(b, graph, node);
        b->after[i] = !b->sliced[i] && !b->carrying[i];
        any |= !b->after[i];
    }
    b->any = find_together(b, graph, kept) && any;
    return STY_OK;
}

/* ---- which stretches ---- */

static size_t least_of(size_t a, size_t b) { return a < b ? a : b; }

/* Shapes of the stretch [begin, end). */
static bool infer_slices(sty_blocks *b, const sty_graph *graph, const sty_shape *shapes) {
    for (size_t v = 0; v < graph->n_inputs; v++)
        b->slices[v] = shapes[v];
    b->slices[0].dim[0] = b->end - b->begin;
    return sty_graph_infer(graph, b->sliced, b->slices, NULL) == STY_OK;
}

bool sty_blocks_begin(sty_blocks *b, const sty_graph *graph, const sty_shape *shapes) {
    if (!b->any || shapes[0].dim[0] <= LEAST_LENGTH) return false;
    b->n_frames = shapes[0].dim[0];
    b->stride = b->kernel = 1;
    sty_graph_reach(graph, shapes, b->reach);
    for (size_t v = 0; v < graph->n_values; v++) {
        b->done[v] = 0;
        if (v != 0 && !b->sink[v]) continue;
        if (b->reach[v].stride > b->stride) b->stride = b->reach[v].stride;
        if (b->reach[v].kernel > b->kernel) b->kernel = b->reach[v].kernel;
    }
    for (size_t v = 0; v < graph->n_values; v++)
        if (comes_in_blocks(b, graph, (int)v) && b->stride % b->reach[v].stride != 0) return false;
    const size_t wanted = STY_PART_STEPS * b->stride + b->kernel;
    b->length = (wanted > LEAST_LENGTH ? wanted : LEAST_LENGTH) + b->stride - 1;
    b->length = b->length / b->stride * b->stride + b->n_frames % b->stride;
    b->begin = 0;
    b->end = b->length;
    return b->n_frames > b->length && infer_slices(b, graph, shapes);
}

/* Steps of a sink that are known once the stretch at hand was run. */
static size_t known(const sty_blocks *b, const sty_shape *shapes, size_t v) {
    const sty_reach *r = &b->reach[v];
    const size_t all = steps_of(&shapes[v]), seen = b->end + r->before;
    if (b->end == b->n_frames) return all;
    const size_t inside = seen < r->kernel ? 0 : (seen - r->kernel) / r->stride + 1;
    return least_of(inside, all);
}

sty_part sty_blocks_part(const sty_blocks *b, const sty_shape *shapes, size_t v) {
    const size_t to = known(b, shapes, v), done = b->done[v];
    return (sty_part){.begin = done - b->begin / b->reach[v].stride,
                      .n = to > done ? to - done : 0,
                      .at = done,
                      .last = to == steps_of(&shapes[v])};
}

bool sty_blocks_next(sty_blocks *b, const sty_graph *graph, const sty_shape *shapes) {
    const size_t latest = b->n_frames - b->kernel; /* where every node still has a step */
    bool more = false;
    size_t begin = latest;
    for (size_t v = 0; v < graph->n_values; v++) {
        if (!b->sink[v]) continue;
        b->done[v] += sty_blocks_part(b, shapes, v).n;
        if (b->done[v] == steps_of(&shapes[v])) continue;
        const size_t first = b->done[v] * b->reach[v].stride;
        more = true;
        begin = least_of(begin, first > b->reach[v].before ? first - b->reach[v].before : 0);
    }
    if (!more) return false;
    b->begin = begin / b->stride * b->stride;
    b->end = least_of(b->begin + b->length, b->n_frames);
    const bool fits = infer_slices(b, graph, shapes);
    sty_assert(fits);
    return fits;
}

/* ---- memory ---- */

static bool put(size_t n, size_t *total, size_t *at) {
    const size_t line = STY_ALIGN / sizeof(float);
    *at = *total;
    return sty_add(*total, (n + line - 1) / line * line, total);
}

bool sty_blocks_memory(sty_blocks *b, const sty_graph *graph, const sty_shape *shapes, size_t *n_floats) {
    *n_floats = 0;
    for (size_t v = graph->n_inputs; v < graph->n_values; v++)
        if (b->together[v] && !put(sty_shape_count(&shapes[v]), n_floats, &b->offset[v])) return false;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const sty_node *node = &graph->nodes[i];
        if (b->carrying[i] && !put(node->type->carry(node->params, &b->slices[node->in[0]]), n_floats, &b->carry[i]))
            return false;
    }
    return true;
}
