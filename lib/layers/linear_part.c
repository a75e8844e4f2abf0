/* linear_part.c - one copy of the weights, in the order in which they are read. */
#include "layers/linear_part.h"

sty_status sty_linear_bind(size_t rows, size_t columns, const float *weight, size_t ld, const float *bias,
                           sty_arena *arena, sty_linear *linear, sty_err *err) {
    float *packed;
    *linear = (sty_linear){rows, columns, NULL, bias};
    if (!weight) return STY_OK;
    STY_TRY(sty_layer_alloc(arena, sty_linear_packed(rows, columns), sizeof *packed, &packed, err));
    sty_linear_pack(rows, columns, weight, ld, packed);
    linear->packed = packed;
    return STY_OK;
}

void sty_linear_slots(sty_slots *list, const char *prefix, const char *name, bool present, bool bias, size_t rows,
                      size_t columns) {
    if (!present) return;
    STY_SLOT2(list, rows, columns, "%s%s.weight", prefix, name);
    if (bias) STY_SLOT1(list, rows, "%s%s.bias", prefix, name);
}

sty_status sty_linear_bind_named(size_t rows, size_t columns, const sty_slots *list,
                                 const float *const *weights, const char *prefix, const char *name,
                                 sty_arena *arena, sty_linear *linear, sty_err *err) {
    return sty_linear_bind(rows, columns, sty_weight(list, weights, "%s%s.weight", prefix, name), columns,
                           sty_weight(list, weights, "%s%s.bias", prefix, name), arena, linear, err);
}
