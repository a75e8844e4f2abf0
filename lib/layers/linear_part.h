/* linear_part.h - slots of linear layers, and packing their weights while a model is bound. Floor 2. */
#ifndef STY_LAYERS_LINEAR_PART_H
#define STY_LAYERS_LINEAR_PART_H

#include "layers/layer.h"
#include "math/linear.h"

/* weight [rows, ld], of which the first columns are used; bias [rows] or NULL. weight NULL:
 * there is no such layer, packed becomes NULL. Fails only without memory. */
sty_status sty_linear_bind(size_t rows, size_t columns, const float *weight, size_t ld, const float *bias,
                           sty_arena *arena, sty_linear *linear, sty_err *err);

/* NAME.weight [rows, columns] and NAME.bias [rows] under a prefix, where they are present. */
void sty_linear_slots(sty_slots *list, const char *prefix, const char *name, bool present, bool bias, size_t rows,
                      size_t columns);

/* NAME.weight and NAME.bias under a prefix; absent when there is no such weight. */
sty_status sty_linear_bind_named(size_t rows, size_t columns, const sty_slots *list,
                                 const float *const *weights, const char *prefix, const char *name,
                                 sty_arena *arena, sty_linear *linear, sty_err *err);

#endif
