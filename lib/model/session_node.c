/* session_node.c - running one node: at once, or bin by bin where its input is a band (graph.h).
 *
 * The reader of a band drives: before each bin of its own it has the band filled with what that bin sees,
 * and filling it runs the maker, which may itself be the reader of another band. */
#include "model/session_parts.h"

#include <string.h>

static size_t row_floats(const sty_shape *image) { return sty_shape_count(image) / image->dim[0]; }

/* The bins of its input that bins of a node's output see. */
static sty_bins seen_by(const sty_node *node, const sty_shape *in, sty_bins bins) {
    const sty_reach reach = node->type->bins(node->params, in);
    const size_t begin = bins.first * reach.stride, end = begin + (bins.n - 1) * reach.stride + reach.kernel;
    const size_t most = reach.before + in->dim[0]; /* all counted from the first zero before the image */
    const size_t from = begin > reach.before ? begin : reach.before, to = end < most ? end : most;
    return (sty_bins){from - reach.before, to > from ? to - from : 0};
}

static void fill_band(const sty_session *session, int value, const sty_place *p, sty_bins wanted, float *scratch);

/* Bins of what node i makes, to where the first of them goes. */
static void make_bins(const sty_session *session, size_t i, const sty_place *p, sty_bins bins, float *to, float *scratch) {
    const sty_node *node = &session->model->graph.nodes[i];
    const sty_shape *x = &p->shapes[node->in[0]];
    const bool from_band = p->bands[node->in[0]].height > 0;
    const size_t row = row_floats(&p->shapes[node->out]), end = bins.first + bins.n;
    for (bins.n = from_band ? 1 : bins.n; bins.first < end; bins.first += bins.n, to += bins.n * row) {
        const sty_bins seen = seen_by(node, x, bins);
        if (from_band) fill_band(session, node->in[0], p, seen, scratch);
        float *data = p->at(session, node->in[0]);
        const sty_tensor in = {*x, from_band ? data : data + seen.first * row_floats(x)};
        const sty_tensor out = {p->shapes[node->out], to};
        node->type->run(&(sty_layer_call){.params = node->params, .state = node->state, .in = &in, .n_in = 1,
                                          .out = &out, .scratch = scratch, .bins = bins});
    }
}

/* Of the wanted bins those that the band has move to its front, the others are made. */
static void fill_band(const sty_session *session, int value, const sty_place *p, sty_bins wanted, float *scratch) {
    const size_t row = row_floats(&p->shapes[value]);
    sty_bins *held = &p->bands[value].held;
    float *band = p->at(session, value);
    const size_t end = held->first + held->n, kept = end > wanted.first ? end - wanted.first : 0;
    if (kept) memmove(band, band + (wanted.first - held->first) * row, kept * row * sizeof *band);
    *held = wanted;
    const sty_bins fresh = {wanted.first + kept, wanted.n - kept};
    const int maker = session->model->graph.values[value].node;
    if (fresh.n) make_bins(session, (size_t)maker, p, fresh, band + kept * row, scratch);
}

static void run_whole(const sty_session *session, const sty_node *node, const sty_place *from, const sty_place *to,
                      sty_layer_call *call) {
    sty_tensor in[STY_MAX_PORTS] = {{{0}, 0}}, out[STY_MAX_OUTPUTS] = {{{0}, 0}};
    for (size_t j = 0; j < node->n_in; j++)
        if (node->in[j] >= 0) in[j] = (sty_tensor){from->shapes[node->in[j]], from->at(session, node->in[j])};
    out[0] = (sty_tensor){to->shapes[node->out], to->at(session, node->out)};
    if (node->type->extra) {
        const int extra = node->out + 1;
        out[1] = (sty_tensor){to->shapes[extra], session->extra_used[extra] ? to->at(session, extra) : NULL};
    }
    call->params = node->params;
    call->state = node->state;
    call->in = in;
    call->n_in = node->n_in;
    call->out = out;
    call->kept = session->lasting[node - session->model->graph.nodes].data;
    if (call->carry) node->type->run(call);
    else sty_layer_run(node->type, call);
}

void sty_session_run_node(const sty_session *session, size_t i, const sty_place *from, const sty_place *to,
                          sty_layer_call *call) {
    const sty_node *node = &session->model->graph.nodes[i];
    sty_band *made = &to->bands[node->out];
    made->held = (sty_bins){0, 0};
    if (made->height) return; /* its reader runs it */
    if (node->in[0] < 0 || !from->bands[node->in[0]].height) {
        run_whole(session, node, from, to, call);
        return;
    }
    const sty_bins all = {0, to->shapes[node->out].dim[0]};
    make_bins(session, i, from, all, to->at(session, node->out), call->scratch);
}
