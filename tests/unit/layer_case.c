/* layer_case.c - see layer_case.h. Memory for the run comes straight from malloc, so
 * that the library's own allocations can be counted. */
#define _GNU_SOURCE
#include "layer_case.h"

#include "unit.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- random numbers: splitmix64 ---- */

static uint64_t next(void) {
    static uint64_t state;
    static bool seeded;
    if (!seeded) {
        const char *text = getenv("STYLET_TEST_SEED");
        state = text ? strtoull(text, NULL, 10) : 1;
        printf("# seed %llu (STYLET_TEST_SEED)\n", (unsigned long long)state);
        seeded = true;
    }
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

size_t random_size(size_t low, size_t high) { return low + (size_t)(next() % (high - low + 1)); }

bool random_bool(void) { return next() >> 63; }

static double uniform(void) { return ((double)(next() >> 11) + 0.5) / 9007199254740992.0; }

float random_value(void) { return (float)(sqrt(-2.0 * log(uniform())) * cos(6.283185307179586 * uniform())); }

/* ---- a layer ---- */

void layer_case_open(layer_case *c, const char *type, const char *params) {
    char text[1024], *rest = text;
    sty_err err;
    memset(c, 0, sizeof *c);
    c->type = sty_layer_find(type);
    assert_non_null(c->type);
    c->params = sty_arena_alloc(&c->arena, 1, c->type->params_size);
    sty_params_init(c->type->params, c->type->n_params + c->type->n_fixed, c->params);
    assert_true(strlen(params) < sizeof text);
    memcpy(text, params, strlen(params) + 1);
    for (char *word; (word = strtok_r(rest, " ", &rest));) {
        char *value = strchr(word, '=');
        assert_non_null(value);
        *value = '\0';
        const sty_param *row = sty_params_find(c->type->params, c->type->n_params, word);
        if (!row) fail_msg("%s has no parameter %s", type, word);
        if (sty_param_set_text(row, c->params, value + 1, &err) != STY_OK) fail_msg("%s", err.message);
    }
    if (c->type->variadic) return;
    while (c->type->inputs[c->n_in])
        c->n_in++;
}

static float *filled(size_t n) {
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = random_value();
    return x;
}

void layer_case_input(layer_case *c, size_t port, sty_shape shape) {
    if (port >= c->n_in) c->n_in = port + 1;
    free(c->in[port].data);
    c->in[port] = (sty_tensor){shape, filled(sty_shape_count(&shape))};
}

void layer_case_mask(layer_case *c, size_t port, sty_shape shape) {
    const size_t n = sty_shape_width(&shape), rows = sty_shape_count(&shape) / n;
    layer_case_input(c, port, shape);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < n; j++)
            c->in[port].data[i * n + j] = random_bool() ? 1.0f : 0.0f;
        c->in[port].data[i * n + random_size(0, n - 1)] = 1.0f;
    }
}

static void input_shapes(const layer_case *c, sty_shape *in) {
    for (size_t i = 0; i < c->n_in; i++)
        in[i] = c->in[i].shape;
}

sty_status layer_case_shape(layer_case *c, sty_shape *out, sty_err *err) {
    sty_shape in[STY_MAX_PORTS];
    input_shapes(c, in);
    return c->type->shape(c->params, in, c->n_in, out, err);
}

/* Weights of a size that keeps activations near 1. Variances are positive. */
static void make_weights(layer_case *c, const sty_shape *in) {
    sty_err err;
    if (!c->type->slots) return;
    c->type->slots(c->params, in, &c->slots);
    for (size_t i = 0; i < c->slots.n; i++) {
        const sty_slot *slot = &c->slots.slot[i];
        size_t n = 1, rows = slot->dim[0];
        for (int d = 0; d < slot->rank; d++)
            n *= slot->dim[d];
        const float size = slot->rank > 1 ? (float)(1.0 / sqrt((double)n / (double)rows)) : 0.5f;
        c->weights[i] = filled(n);
        for (size_t j = 0; j < n; j++)
            c->weights[i][j] = strstr(slot->name, "_var") ? 0.5f + fabsf(c->weights[i][j]) : size * c->weights[i][j];
        if (c->source) {
            char name[128];
            snprintf(name, sizeof name, "%s%s", c->source_prefix, slot->name);
            memcpy(c->weights[i], layer_case_weight(c->source, name), n * sizeof(float));
        }
    }
    assert_int_equal(c->type->prepare(c->params, in, &c->slots, (const float *const *)c->weights, &c->arena,
                                      &c->state, &err), STY_OK);
}

enum { GUARD = 64 };
static const float guard = 1234.5f;

static float *guarded(size_t n, float content) {
    float *x = malloc((n + GUARD) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n + GUARD; i++)
        x[i] = i < n ? content : guard;
    return x;
}

static void check_guard(const layer_case *c, const float *x, size_t n, const char *what) {
    for (size_t i = n; i < n + GUARD; i++)
        if (x[i] != guard) fail_msg("%s wrote %zu floats behind its %s", c->type->name, i - n + 1, what);
}

/* One run into out, over memory that held `content`. */
static void run_once(layer_case *c, sty_tensor *out, bool further, float content) {
    sty_shape in[STY_MAX_PORTS], shapes[STY_MAX_OUTPUTS] = {{0}};
    size_t n[STY_MAX_OUTPUTS] = {0};
    input_shapes(c, in);
    sty_err err;
    if (c->type->shape(c->params, in, c->n_in, shapes, &err) != STY_OK) fail_msg("%s", err.message);
    const size_t n_scratch = sty_layer_scratch(c->type, c->params, in, shapes, true);
    float *scratch = guarded(n_scratch, content);
    for (int i = 0; i < STY_MAX_OUTPUTS; i++) {
        const bool wanted = i == 0 || (c->type->extra && further);
        n[i] = wanted ? sty_shape_count(&shapes[i]) : 0;
        out[i] = (sty_tensor){shapes[i], wanted ? guarded(n[i], content) : NULL};
    }
    const sty_layer_call call = {.params = c->params, .state = c->state, .in = c->in, .n_in = c->n_in,
                                 .out = out, .scratch = scratch};
    sty_mem_fail_at(0, false);
    sty_layer_run(c->type, &call);
    assert_int_equal(sty_mem_fail_at(0, false), 0);
    check_guard(c, scratch, n_scratch, "scratch");
    for (int i = 0; i < STY_MAX_OUTPUTS; i++)
        if (out[i].data) check_guard(c, out[i].data, n[i], i ? "further output" : "output");
    free(scratch);
}

static void check_same(const layer_case *c, const sty_tensor *a, const sty_tensor *b) {
    const size_t n = sty_shape_count(&a->shape);
    if (memcmp(a->data, b->data, n * sizeof *a->data) != 0)
        fail_msg("%s gives other bits when its memory held something else", c->type->name);
}

/* ---- flow ---- */

static size_t steps(const sty_shape *shape) { return shape->rank > 1 ? shape->dim[shape->rank - 2] : 0; }

/* The steps [begin, end) of x, a copy; of a vector all. */
static sty_tensor stretch_of(const sty_tensor *x, size_t begin, size_t end) {
    sty_tensor part = *x;
    if (!x->data) return part;
    if (steps(&x->shape)) part.shape.dim[x->shape.rank - 2] = end - begin;
    const size_t all = steps(&x->shape) * sty_shape_width(&x->shape), n = sty_shape_count(&part.shape);
    part.data = filled(n);
    if (!all) memcpy(part.data, x->data, n * sizeof *part.data);
    const size_t first = begin * sty_shape_width(&x->shape), one = (end - begin) * sty_shape_width(&x->shape);
    for (size_t f = 0; all && f < n / one; f++)
        memcpy(part.data + f * one, x->data + f * all + first, one * sizeof *part.data);
    return part;
}

/* The clip's output steps that reach over neither end of a stretch, or over an end of the clip, are in the stretch's
 * output with the same bits. */
static void check_stretch(const layer_case *c, sty_reach reach, size_t begin, size_t end) {
    const sty_shape *whole = &c->out[0].shape;
    const size_t n = steps(&c->in[0].shape), width = sty_shape_width(whole);
    layer_case part = *c;
    sty_shape shapes[STY_MAX_OUTPUTS];
    for (size_t i = 0; i < c->n_in; i++)
        part.in[i] = stretch_of(&c->in[i], begin, end);
    if (layer_case_shape(&part, shapes, NULL) == STY_OK) {
        run_once(&part, part.out, false, NAN);
        const size_t made = steps(&shapes[0]), bins = whole->kind == STY_IMAGE ? whole->dim[0] : 1;
        for (size_t at = begin / reach.stride; at < steps(whole); at++) {
            const size_t t = at - begin / reach.stride, first = t * reach.stride;
            const bool over = (begin > 0 && first < reach.before) ||
                              (end < n && first + reach.kernel > end - begin + reach.before);
            for (size_t f = 0; !over && f < bins; f++)
                if (t >= made ||
                    memcmp(part.out[0].data + (f * made + t) * width,
                           c->out[0].data + (f * steps(whole) + at) * width, width * sizeof(float)) != 0)
                    fail_msg("%s flows in blocks, but its step %zu of the steps %zu to %zu of %zu is not that of the whole",
                             c->type->name, at, begin, end, n);
        }
        free(part.out[0].data);
    }
    for (size_t i = 0; i < c->n_in; i++)
        free(part.in[i].data);
}

static void check_blocks(const layer_case *c, const sty_shape *in) {
    const sty_reach reach = c->type->reach ? c->type->reach(c->params, in) : (sty_reach){1, 1, 0};
    const size_t n = steps(&in[0]);
    for (int round = 0; round < 3; round++) {
        const size_t begin = random_size(0, n / reach.stride) * reach.stride;
        if (begin >= n) continue;
        const size_t end = n - random_size(0, (n - begin - 1) / reach.stride) * reach.stride;
        check_stretch(c, reach, begin, end);
    }
}

/* The steps [at, at + n) behind `margin` steps that were there before. */
static void run_part(const layer_case *c, sty_part part, float *carry, const sty_tensor *out) {
    sty_tensor in[STY_MAX_PORTS];
    sty_shape shapes[STY_MAX_OUTPUTS] = {out[0].shape, out[1].shape};
    memcpy(in, c->in, sizeof in);
    in[0] = stretch_of(&c->in[0], part.at - part.begin, part.at + part.n);
    const size_t n = c->type->scratch ? c->type->scratch(c->params, &in[0].shape, shapes) : 0;
    float *scratch = guarded(n, NAN);
    c->type->run(&(sty_layer_call){.params = c->params, .state = c->state, .in = in, .n_in = c->n_in, .out = out,
                                   .scratch = scratch, .part = part, .carry = carry});
    check_guard(c, scratch, n, "scratch");
    free(scratch);
    free(in[0].data);
}

static void check_carry(const layer_case *c, const sty_shape *in) {
    const size_t n = steps(&in[0]), n_carry = c->type->carry(c->params, in);
    float *carry = guarded(n_carry, NAN);
    sty_tensor out[STY_MAX_OUTPUTS] = {c->out[0], c->out[1]};
    for (int i = 0; i < STY_MAX_OUTPUTS; i++)
        if (out[i].data) out[i].data = guarded(sty_shape_count(&out[i].shape), NAN);
    for (size_t at = 0, more; at < n; at += more) {
        more = random_size(1, n - at);
        run_part(c, (sty_part){.begin = random_size(0, at), .n = more, .at = at, .last = at + more == n}, carry, out);
    }
    check_guard(c, carry, n_carry, "carry");
    for (int i = 0; i < STY_MAX_OUTPUTS; i++) {
        if (out[i].data && memcmp(out[i].data, c->out[i].data, sty_shape_count(&out[i].shape) * sizeof(float)) != 0)
            fail_msg("%s carries a state, but gives other bits in parts than in one", c->type->name);
        free(out[i].data);
    }
    free(carry);
}

/* Some bins of the output, from a copy of no more than the bins that they see. */
static void check_some_bins(const layer_case *c, sty_reach reach, sty_bins bins) {
    const sty_tensor *x = &c->in[0], *y = &c->out[0];
    const size_t x_row = sty_shape_count(&x->shape) / x->shape.dim[0], y_row = sty_shape_count(&y->shape) / y->shape.dim[0];
    const long begin = (long)(bins.first * reach.stride) - (long)reach.before, n_bins = (long)x->shape.dim[0];
    const long end = begin + (long)((bins.n - 1) * reach.stride + reach.kernel);
    const size_t from = (size_t)(begin < 0 ? 0 : begin < n_bins ? begin : n_bins), to = (size_t)(end < 0 ? 0 : end < n_bins ? end : n_bins);
    const size_t seen = to > from ? (to - from) * x_row : 0, made = bins.n * y_row;
    sty_tensor in = {x->shape, guarded(seen, NAN)}, out = {y->shape, guarded(made, NAN)};
    if (seen) memcpy(in.data, x->data + from * x_row, seen * sizeof(float));
    const size_t n = c->type->scratch ? c->type->scratch(c->params, &x->shape, &y->shape) : 0;
    float *scratch = guarded(n, NAN);
    c->type->run(&(sty_layer_call){.params = c->params, .state = c->state, .in = &in, .n_in = 1, .out = &out,
                                   .scratch = scratch, .bins = bins});
    check_guard(c, scratch, n, "scratch");
    check_guard(c, out.data, made, "output");
    if (memcmp(out.data, y->data + bins.first * y_row, made * sizeof(float)) != 0)
        fail_msg("%s works bin by bin, but bins %zu to %zu of %zu are not those of the whole", c->type->name, bins.first,
                 bins.first + bins.n, y->shape.dim[0]);
    free(scratch);
    free(in.data);
    free(out.data);
}

static void check_bins(const layer_case *c, const sty_shape *in) {
    const sty_reach reach = c->type->bins ? c->type->bins(c->params, in) : sty_reach_whole(NULL, NULL);
    for (int round = 0; reach.kernel != STY_WHOLE && round < 5; round++) {
        const size_t n_bins = c->out[0].shape.dim[0], first = random_size(0, n_bins - 1);
        check_some_bins(c, reach, (sty_bins){first, random_size(1, n_bins - first)});
    }
}

/* Types that claim to flow: again on stretches or in parts. */
static void check_flow(const layer_case *c, const sty_shape *in) {
    const sty_flow flow = c->type->flow ? c->type->flow(c->params) : STY_FLOW_WHOLE;
    bool alone = true;
    if (steps(&in[0]) == 0) return;
    for (size_t i = 1; i < c->n_in; i++)
        alone = alone && in[i].kind == STY_ABSENT;
    if (flow == STY_FLOW_BLOCKS) check_blocks(c, in);
    if (flow == STY_FLOW_CARRY && alone) check_carry(c, in);
}

void layer_case_run(layer_case *c) {
    sty_shape in[STY_MAX_PORTS];
    sty_tensor again[STY_MAX_OUTPUTS];
    float *before[STY_MAX_PORTS] = {0};
    input_shapes(c, in);
    make_weights(c, in);
    for (size_t i = 0; i < c->n_in; i++)
        if (c->in[i].data) {
            const size_t bytes = sty_shape_count(&in[i]) * sizeof(float);
            before[i] = malloc(bytes);
            memcpy(before[i], c->in[i].data, bytes);
        }
    run_once(c, c->out, true, 0.0f);
    run_once(c, again, false, NAN);
    check_same(c, &c->out[0], &again[0]);
    for (size_t i = 0; i < c->n_in; i++)
        if (before[i]) {
            assert_memory_equal(before[i], c->in[i].data, sty_shape_count(&in[i]) * sizeof(float));
            free(before[i]);
        }
    free(again[0].data);
    check_flow(c, in);
    check_bins(c, in);
}

void layer_case_weights_from(layer_case *c, const layer_case *other, const char *prefix) {
    c->source = other;
    c->source_prefix = prefix;
}

bool layer_case_has(const layer_case *c, const char *name) {
    for (size_t i = 0; i < c->slots.n; i++)
        if (strcmp(c->slots.slot[i].name, name) == 0) return true;
    return false;
}

const float *layer_case_weight(const layer_case *c, const char *name) {
    for (size_t i = 0; i < c->slots.n; i++)
        if (strcmp(c->slots.slot[i].name, name) == 0) return c->weights[i];
    fail_msg("%s has no tensor %s", c->type->name, name);
    return NULL;
}

void layer_case_close(layer_case *c) {
    for (size_t i = 0; i < STY_MAX_PORTS; i++)
        free(c->in[i].data);
    for (size_t i = 0; i < c->slots.n; i++)
        free(c->weights[i]);
    free(c->out[0].data);
    free(c->out[1].data);
    sty_arena_clear(&c->arena);
}

void assert_near(const char *what, const float *got, const double *want, size_t n, double tolerance) {
    double largest = 1, worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        largest = fabs(want[i]) > largest ? fabs(want[i]) : largest;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)got[i] - want[i]);
        if (!(d <= worst)) {
            worst = d;
            at = i;
        }
    }
    if (!(worst <= tolerance * largest))
        fail_msg("%s: element %zu of %zu is %g, its twin has %g", what, at, n, (double)got[at], want[at]);
}
