/* layer.c - shapes, weight slots, and the helpers every type shares. */
#include "layers/layer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

sty_shape sty_shape_vector(size_t d) {
    return (sty_shape){.kind = STY_VECTOR, .rank = 1, .dim = {d}};
}

sty_shape sty_shape_sequence(size_t t, size_t d) {
    return (sty_shape){.kind = STY_SEQUENCE, .rank = 2, .dim = {t, d}};
}

sty_shape sty_shape_image(size_t f, size_t t, size_t c) {
    return (sty_shape){.kind = STY_IMAGE, .rank = 3, .dim = {f, t, c}};
}

sty_shape sty_shape_heads(size_t h, size_t q, size_t k) {
    if (q == 0) return (sty_shape){.kind = STY_HEADS, .rank = 2, .dim = {h, k}};
    return (sty_shape){.kind = STY_HEADS, .rank = 3, .dim = {h, q, k}};
}

size_t sty_shape_count(const sty_shape *shape) {
    size_t count = shape->rank ? 1 : 0;
    for (int i = 0; i < shape->rank; i++)
        count *= shape->dim[i];
    return count;
}

bool sty_shape_fits(const sty_shape *shape) {
    size_t count = sizeof(float);
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] == 0 || !sty_mul(count, shape->dim[i], &count)) return false;
    return count < PTRDIFF_MAX / 4;
}

const char *sty_kind_name(sty_kind kind) {
    static const char *const names[] = {"nothing", "vector", "sequence", "image", "heads"};
    return names[kind];
}

char *sty_shape_text(const sty_shape *shape, char *text) {
    int n = snprintf(text, 64, "%s", sty_kind_name(shape->kind));
    for (int i = 0; i < shape->rank && n < 60; i++)
        n += snprintf(text + n, (size_t)(64 - n), "%s%zu", i ? ", " : " [", shape->dim[i]);
    if (shape->rank && n < 63) snprintf(text + n, (size_t)(64 - n), "]");
    return text;
}

size_t sty_shape_steps(const sty_shape *shape) {
    return shape->kind == STY_VECTOR ? 1 : shape->dim[0];
}

size_t sty_shape_width(const sty_shape *shape) { return shape->dim[shape->rank - 1]; }

void sty_slot_add(sty_slots *slots, int rank, size_t d0, size_t d1, size_t d2, size_t d3,
                  const char *name, ...) {
    sty_assert(slots->n < STY_MAX_SLOTS);
    sty_slot *slot = &slots->slot[slots->n++];
    va_list args;
    va_start(args, name);
    int n = vsnprintf(slot->name, sizeof slot->name, name, args);
    va_end(args);
    sty_assert(n > 0 && (size_t)n < sizeof slot->name);
    slot->rank = rank;
    slot->dim[0] = d0;
    slot->dim[1] = d1;
    slot->dim[2] = d2;
    slot->dim[3] = d3;
}

const float *sty_weight(const sty_slots *slots, const float *const *weights, const char *name,
                        ...) {
    char wanted[48];
    va_list args;
    va_start(args, name);
    vsnprintf(wanted, sizeof wanted, name, args);
    va_end(args);
    for (size_t i = 0; i < slots->n; i++)
        if (strcmp(slots->slot[i].name, wanted) == 0) return weights[i];
    return NULL;
}

sty_reach sty_reach_whole(const void *params, const sty_shape *in) {
    (void)params, (void)in;
    return (sty_reach){STY_WHOLE, 1, 0};
}

sty_flow sty_flow_blocks(const void *params) {
    (void)params;
    return STY_FLOW_BLOCKS;
}

/* The scratch behind these is aligned. */
static size_t carried(const sty_layer_type *type, const void *params, const sty_shape *in) {
    return type->carry ? sty_whole_lines(type->carry(params, in)) : 0;
}

size_t sty_layer_kept(const sty_layer_type *type, const void *params, const sty_shape *in) {
    return type->keep ? sty_whole_lines(type->keep(params, in)) : 0;
}

size_t sty_layer_scratch(const sty_layer_type *type, const void *params, const sty_shape *in,
                         const sty_shape *out, bool alone) {
    const size_t own = type->scratch ? type->scratch(params, in, out) : 0;
    return carried(type, params, in) + own + (alone ? sty_layer_kept(type, params, in) : 0);
}

void sty_layer_run(const sty_layer_type *type, const sty_layer_call *call) {
    const sty_shape *in = &call->in[0].shape;
    sty_layer_call whole = *call;
    whole.part = (sty_part){.n = in->rank > 1 ? in->dim[in->rank - 2] : 1, .last = true};
    whole.carry = call->scratch;
    whole.scratch = call->scratch + carried(type, call->params, in);
    if (type->keep && !call->kept) {
        sty_shape shapes[STY_MAX_PORTS] = {{0}};
        for (size_t i = 0; i < call->n_in; i++)
            shapes[i] = call->in[i].shape;
        const size_t n = sty_layer_kept(type, call->params, shapes);
        whole.kept = whole.scratch;
        whole.scratch += n;
        if (n) whole.kept[0] = 0;
    }
    type->run(&whole);
}

bool sty_layer_only_lengths(sty_status status) {
    return status == STY_TOO_LONG || status == STY_BAD_ARGUMENT;
}

sty_status sty_layer_expect(const sty_shape *in, unsigned kinds, const char *wanted,
                            sty_err *err) {
    if (kinds & 1u << in->kind) return STY_OK;
    return sty_err_set(err, STY_BAD_MODEL, "the input is of the kind %s, expected %s", sty_kind_name(in->kind), wanted);
}

sty_status sty_layer_expect_beside(const sty_shape *a, const sty_shape *b, bool same_width,
                                   sty_status *lengths, sty_err *err) {
    const bool kinds = b->kind == a->kind || b->kind == STY_VECTOR;
    const bool usable = kinds && a->kind != STY_HEADS && a->kind != STY_ABSENT;
    char first[64], other[64];
    if (!usable || (same_width && sty_shape_width(a) != sty_shape_width(b)))
        return sty_err_set(err, STY_BAD_MODEL, "an input is %s, which does not fit beside %s",
                           sty_shape_text(b, other), sty_shape_text(a, first));
    if (b->kind == STY_IMAGE && a->dim[0] != b->dim[0])
        return sty_err_set(err, STY_BAD_MODEL, "an input is %s, which does not fit beside %s",
                           sty_shape_text(b, other), sty_shape_text(a, first));
    if (b->kind == a->kind && a->rank > 1 && a->dim[a->rank - 2] != b->dim[a->rank - 2])
        *lengths = sty_err_set(err, STY_BAD_ARGUMENT, "an input is %s beside %s",
                               sty_shape_text(b, other), sty_shape_text(a, first));
    return STY_OK;
}

const char *sty_layer_prefix(char text[48], const char *prefix, const char *part) {
    snprintf(text, 48, "%s%s", prefix, part);
    return text;
}

sty_status sty_layer_alloc(sty_arena *arena, size_t n, size_t size, void *result, sty_err *err) {
    void *block = sty_arena_alloc(arena, n, size);
    if (!block) return sty_err_no_memory(err, n * size, "prepared weights");
    memcpy(result, &block, sizeof block);
    return STY_OK;
}
