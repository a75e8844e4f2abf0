/* recurrent_part.c - the recurrences of math/ run one direction over one layer;
 * here they are stacked and turned round.
 *
 * The backward direction runs over a reversed copy of its input: copying rows is
 * nothing beside the products, and the recurrences stay free of a direction. */
#include "layers/recurrent_part.h"

#include "layers/linear_part.h"
#include "math/gru.h"
#include "math/gru_tensorflow.h"
#include "math/lstm.h"
#include "math/recurrent.h"

#include <string.h>

typedef union {
    sty_gru gru;
    sty_gru_tensorflow tensorflow;
    sty_lstm lstm;
} recurrent_cell;

const char *const sty_recurrent_outputs[] = {"last", "all", NULL};
const char *const sty_recurrent_inputs[] = {"input", NULL};

static sty_cell cell_of(const sty_recurrent_params *p) { return (sty_cell)p->cell; }

static size_t n_directions(const sty_recurrent_params *p) { return p->bidirectional ? 2 : 1; }

/* Width of what layer l reads. */
static size_t input_width(const sty_recurrent_params *p, const sty_shape *in, size_t l) {
    return l ? n_directions(p) * (size_t)p->units : in->dim[1];
}

sty_status sty_recurrent_shape(const void *params, const sty_shape *in, size_t n_in, sty_shape *out, sty_err *err) {
    const sty_recurrent_params *p = params;
    const size_t width = n_directions(p) * (size_t)p->units;
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_SEQUENCE, "a sequence [T, D]", err));
    if (cell_of(p) == STY_CELL_GRU_TENSORFLOW && (p->layers > 1 || p->bidirectional))
        return sty_err_set(err, STY_BAD_MODEL, "cell tensorflow has one layer and one direction");
    out[1] = sty_shape_sequence(in->dim[0], width);
    out[0] = p->output == STY_LAST_STATE ? sty_shape_vector(width) : out[1];
    return STY_OK;
}

/* Rows per unit of the torch cells. */
static size_t gates(sty_cell cell) { return cell == STY_CELL_LSTM ? 4 : 3; }

void sty_recurrent_slots(const void *params, const sty_shape *in, sty_slots *list) {
    const sty_recurrent_params *p = params;
    const size_t u = (size_t)p->units, rows = gates(cell_of(p)) * u;
    if (cell_of(p) == STY_CELL_GRU_TENSORFLOW) {
        STY_SLOT2(list, 2 * u, in->dim[1] + u, "gates.weight");
        STY_SLOT1(list, 2 * u, "gates.bias");
        STY_SLOT2(list, u, in->dim[1] + u, "candidate.weight");
        STY_SLOT1(list, u, "candidate.bias");
        return;
    }
    for (size_t l = 0; l < (size_t)p->layers; l++)
        for (size_t d = 0; d < n_directions(p); d++) {
            const char *suffix = d ? "_reverse" : "";
            STY_SLOT2(list, rows, input_width(p, in, l), "weight_ih_l%zu%s", l, suffix);
            STY_SLOT2(list, rows, u, "weight_hh_l%zu%s", l, suffix);
            STY_SLOT1(list, rows, "bias_ih_l%zu%s", l, suffix);
            STY_SLOT1(list, rows, "bias_hh_l%zu%s", l, suffix);
        }
}

/* The rows' u columns that meet the state, packed. */
static sty_status pack(const float *matrix, size_t rows, size_t u, size_t ld, sty_arena *arena,
                       const float **packed, sty_err *err) {
    float *made;
    STY_TRY(sty_layer_alloc(arena, sty_recurrent_packed(rows, u), sizeof *made, &made, err));
    sty_recurrent_pack(matrix, rows, u, ld, made);
    *packed = made;
    return STY_OK;
}

/* Four tensors in the order of the slots. */
static sty_status make_cell(sty_cell cell, size_t width, size_t u, const float *const *weights,
                            sty_arena *arena, recurrent_cell *c, sty_err *err) {
    const size_t columns = width + u;
    switch (cell) {
    case STY_CELL_GRU_TENSORFLOW:
        c->tensorflow = (sty_gru_tensorflow){.units = u, .gates_bias = weights[1], .candidate_bias = weights[3]};
        STY_TRY(sty_linear_bind(2 * u, width, weights[0], columns, NULL, arena, &c->tensorflow.gates_input, err));
        STY_TRY(sty_linear_bind(u, width, weights[2], columns, NULL, arena, &c->tensorflow.candidate_input, err));
        STY_TRY(pack(weights[0] + width, 2 * u, u, columns, arena, &c->tensorflow.gates_state, err));
        return pack(weights[2] + width, u, u, columns, arena, &c->tensorflow.candidate_state, err);
    case STY_CELL_LSTM:
        c->lstm = (sty_lstm){.units = u, .bias_hh = weights[3]};
        STY_TRY(sty_linear_bind(4 * u, width, weights[0], width, weights[2], arena, &c->lstm.input, err));
        return pack(weights[1], 4 * u, u, u, arena, &c->lstm.weight_hh, err);
    default:
        c->gru = (sty_gru){.units = u, .bias_hh = weights[3]};
        STY_TRY(sty_linear_bind(3 * u, width, weights[0], width, weights[2], arena, &c->gru.input, err));
        return pack(weights[1], 3 * u, u, u, arena, &c->gru.weight_hh, err);
    }
}

sty_status sty_recurrent_prepare(const void *params, const sty_shape *in, const sty_slots *list,
                                 const float *const *weights, sty_arena *arena, const void **state, sty_err *err) {
    const sty_recurrent_params *p = params;
    const size_t n = (size_t)p->layers * n_directions(p);
    recurrent_cell *cells;
    (void)list;
    STY_TRY(sty_layer_alloc(arena, n, sizeof *cells, &cells, err));
    for (size_t i = 0; i < n; i++)
        STY_TRY(make_cell(cell_of(p), input_width(p, in, i / n_directions(p)), (size_t)p->units,
                          weights + 4 * i, arena, &cells[i], err));
    *state = cells;
    return STY_OK;
}

static size_t cell_scratch(sty_cell cell, size_t units, size_t t) {
    if (cell == STY_CELL_GRU_TENSORFLOW)
        return sty_gru_tensorflow_scratch(&(sty_gru_tensorflow){.units = units}, t);
    if (cell == STY_CELL_LSTM) return sty_lstm_scratch(&(sty_lstm){.units = units}, t);
    return sty_gru_scratch(&(sty_gru){.units = units}, t);
}

/* Floats of a cell's state: h, and c of an LSTM. */
static size_t cell_state(sty_cell cell, size_t units) { return cell == STY_CELL_LSTM ? 2 * units : units; }

size_t sty_recurrent_carry(const void *params, const sty_shape *in) {
    const sty_recurrent_params *p = params;
    (void)in;
    return (size_t)p->layers * n_directions(p) * cell_state(cell_of(p), (size_t)p->units);
}

sty_flow sty_recurrent_flow(const void *params) {
    const sty_recurrent_params *p = params;
    return p->bidirectional ? STY_FLOW_WHOLE : STY_FLOW_CARRY;
}

/* What a run needs; floats. */
typedef struct {
    size_t gates, between, reversed, one;
} sizes;

static sizes measure(const sty_recurrent_params *p, const sty_shape *in) {
    const size_t u = (size_t)p->units, t = in->dim[0], both = n_directions(p) * u;
    const size_t widest = in->dim[1] > both ? in->dim[1] : both;
    return (sizes){.gates = cell_scratch(cell_of(p), u, t < STY_PART_STEPS ? t : STY_PART_STEPS),
                   .between = p->layers > 1 ? t * both : 0,
                   .reversed = p->bidirectional ? t * widest : 0,
                   .one = p->bidirectional ? t * u : 0};
}

size_t sty_recurrent_scratch(const void *params, const sty_shape *in, const sty_shape *out) {
    const sizes s = measure(params, in);
    (void)out;
    return s.gates + 2 * s.between + s.reversed + s.one;
}

double sty_recurrent_work(const void *params, const sty_shape *in, const sty_shape *out) {
    const sty_recurrent_params *p = params;
    double columns = 0;
    (void)out;
    for (size_t l = 0; l < (size_t)p->layers; l++)
        columns += (double)input_width(p, in, l) + p->units;
    return (double)in->dim[0] * (double)(gates(cell_of(p)) * n_directions(p)) * p->units * columns;
}

/* STY_PART_STEPS at a time: the scratch does not grow with x. */
static void run_cell(sty_cell kind, const recurrent_cell *cell, size_t d, const float *x, size_t t, size_t u,
                     float *state, float *states, float *scratch) {
    for (size_t at = 0; at < t; at += STY_PART_STEPS) {
        const size_t n = t - at < STY_PART_STEPS ? t - at : STY_PART_STEPS;
        const float *from = x + at * d;
        float *to = states ? states + at * u : NULL;
        if (kind == STY_CELL_GRU_TENSORFLOW)
            sty_gru_tensorflow_run(&cell->tensorflow, from, n, state, to, scratch);
        else if (kind == STY_CELL_LSTM) sty_lstm_run(&cell->lstm, from, n, state, to, scratch);
        else sty_gru_run(&cell->gru, from, n, state, to, scratch);
    }
}

/* Both directions of one layer: x [T, D] to states [T, 2U] (NULL: not wanted). */
static void run_both(sty_cell kind, const recurrent_cell *cells, const float *x, size_t d, size_t t,
                     size_t u, float *state, float *states, const sizes *s, float *scratch) {
    float *reversed = scratch + s->gates, *one = reversed + s->reversed;
    for (size_t direction = 0; direction < 2; direction++) {
        for (size_t i = 0; direction && i < t; i++)
            memcpy(reversed + i * d, x + (t - 1 - i) * d, d * sizeof *x);
        run_cell(kind, &cells[direction], d, direction ? reversed : x, t, u, state + direction * cell_state(kind, u),
                 one, scratch);
        for (size_t i = 0; states && i < t; i++)
            memcpy(states + i * 2 * u + direction * u, one + (direction ? t - 1 - i : i) * u,
                   u * sizeof *one);
    }
}

/* All layers over the part x [t, D]; the last one's states into result, where wanted. */
static void run_layers(const sty_layer_call *call, const float *x, size_t t, float *result) {
    const sty_recurrent_params *p = call->params;
    const sty_cell cell = cell_of(p);
    const recurrent_cell *cells = call->state;
    const sty_shape *in = &call->in[0].shape;
    const sizes s = measure(p, in);
    const size_t u = (size_t)p->units, n = n_directions(p);
    float *between = call->scratch, *rest = between + 2 * s.between;
    for (size_t l = 0; l < (size_t)p->layers; l++) {
        const size_t d = input_width(p, in, l);
        float *state = call->carry + l * n * cell_state(cell, u);
        float *states = l + 1 == (size_t)p->layers ? result : between + l % 2 * s.between;
        if (n == 2) run_both(cell, cells + 2 * l, x, d, t, u, state, states, &s, rest);
        else run_cell(cell, cells + l, d, x, t, u, state, states, rest);
        x = states;
    }
}

void sty_recurrent_run(const sty_layer_call *call) {
    const sty_recurrent_params *p = call->params;
    const sty_part *part = &call->part;
    const size_t u = (size_t)p->units, n = n_directions(p), width = n * u, one = cell_state(cell_of(p), u);
    const bool all = p->output == STY_ALL_STATES;
    float *result = call->out[1].data ? call->out[1].data : all ? call->out[0].data : NULL; /* [T, width] */
    if (result) result += part->at * width;
    if (part->at == 0) memset(call->carry, 0, sty_recurrent_carry(p, &call->in[0].shape) * sizeof *call->carry);
    run_layers(call, call->in[0].data + part->begin * call->in[0].shape.dim[1], part->n, result);
    if (all && call->out[1].data)
        memcpy(call->out[0].data + part->at * width, result, part->n * width * sizeof *result);
    const float *last = call->carry + ((size_t)p->layers - 1) * n * one;
    for (size_t d = 0; !all && part->last && d < n; d++)
        memcpy(call->out[0].data + d * u, last + d * one, u * sizeof *last);
}
