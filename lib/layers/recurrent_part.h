/* recurrent_part.h - stacks of recurrent layers, one or both directions, for the
 * layers gru, lstm and bilstm. Floor 2. */
#ifndef STY_LAYERS_RECURRENT_PART_H
#define STY_LAYERS_RECURRENT_PART_H

#include "layers/layer.h"

typedef enum sty_cell { STY_CELL_GRU, STY_CELL_GRU_TENSORFLOW, STY_CELL_LSTM } sty_cell;

typedef struct sty_recurrent_params {
    int units, layers, output, cell;
    bool bidirectional;
} sty_recurrent_params;

enum { STY_LAST_STATE, STY_ALL_STATES };
extern const char *const sty_recurrent_outputs[];

/* Rows of all recurrent layers; and of those that have no choice there, behind the others and fixed. */
#define STY_RECURRENT_AT(field) offsetof(sty_recurrent_params, field)
#define STY_RECURRENT_ROWS                                                                         \
    {.name = "units", .kind = STY_PARAM_INT, .offset = STY_RECURRENT_AT(units), .low = 1,          \
     .high = 65536, .help = "width of the state"},                                                 \
        {.name = "layers", .kind = STY_PARAM_INT, .offset = STY_RECURRENT_AT(layers),              \
         .initial = "1", .low = 1, .high = 4, .help = "stacked layers"},                           \
        {.name = "output", .kind = STY_PARAM_CHOICE, .offset = STY_RECURRENT_AT(output),           \
         .initial = "last", .choices = sty_recurrent_outputs,                                      \
         .help = "the last state, or the states of all steps"}
#define STY_RECURRENT_DIRECTIONS(value)                                                            \
    {.name = "bidirectional", .kind = STY_PARAM_BOOL, .offset = STY_RECURRENT_AT(bidirectional),   \
     .initial = value, .help = "a second run from the end"}
#define STY_RECURRENT_CELL(value, names)                                                           \
    {.name = "cell", .kind = STY_PARAM_CHOICE, .offset = STY_RECURRENT_AT(cell), .initial = value, \
     .choices = names, .help = "where the reset gate acts"}

/* A layer type whose parameters are sty_recurrent_params; out[1] is `frames`. */
#define STY_RECURRENT_TYPE(label, text, rows, fixed)                                               \
    {.name = label, .summary = text, .params = rows, .n_params = STY_COUNT(rows) - (fixed),        \
     .n_fixed = fixed, .params_size = sizeof(sty_recurrent_params), .inputs = sty_recurrent_inputs, \
     .n_required = 1, .extra = "frames", .shape = sty_recurrent_shape,                             \
     .slots = sty_recurrent_slots, .prepare = sty_recurrent_prepare,                               \
     .scratch = sty_recurrent_scratch, .work = sty_recurrent_work, .reach = sty_reach_whole,       \
     .flow = sty_recurrent_flow, .carry = sty_recurrent_carry, .run = sty_recurrent_run}
extern const char *const sty_recurrent_inputs[];

sty_status sty_recurrent_shape(const void *params, const sty_shape *in, size_t n_in, sty_shape *out, sty_err *err);
void sty_recurrent_slots(const void *params, const sty_shape *in, sty_slots *list);
sty_status sty_recurrent_prepare(const void *params, const sty_shape *in, const sty_slots *list,
                                 const float *const *weights, sty_arena *arena, const void **state, sty_err *err);
size_t sty_recurrent_scratch(const void *params, const sty_shape *in, const sty_shape *out);
double sty_recurrent_work(const void *params, const sty_shape *in, const sty_shape *out);
sty_flow sty_recurrent_flow(const void *params);
size_t sty_recurrent_carry(const void *params, const sty_shape *in);
void sty_recurrent_run(const sty_layer_call *call);

#endif
