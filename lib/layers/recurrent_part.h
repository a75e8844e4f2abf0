/* recurrent_part.h - stacks of recurrent layers, one or both directions, for the
 * layers gru and lstm. Floor 2. */
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

/* Rows of all recurrent layers. */
#define STY_RECURRENT_AT(field) offsetof(sty_recurrent_params, field)
#define STY_RECURRENT_SIZES                                                                        \
    {.name = "units", .kind = STY_PARAM_INT, .offset = STY_RECURRENT_AT(units), .low = 1,          \
     .high = 65536, .help = "width of the state"},                                                 \
        {.name = "layers", .kind = STY_PARAM_INT, .offset = STY_RECURRENT_AT(layers),              \
         .initial = "1", .low = 1, .high = 4, .help = "stacked layers"}
#define STY_RECURRENT_DIRECTIONS(text)                                                             \
    {.name = "bidirectional", .kind = STY_PARAM_BOOL, .offset = STY_RECURRENT_AT(bidirectional),   \
     .initial = text, .help = "a second run from the end"}
#define STY_RECURRENT_OUTPUT                                                                       \
    {.name = "output", .kind = STY_PARAM_CHOICE, .offset = STY_RECURRENT_AT(output),               \
     .initial = "last", .choices = sty_recurrent_outputs,                                          \
     .help = "the last state, or the states of all steps"}
#define STY_RECURRENT_ROWS STY_RECURRENT_SIZES, STY_RECURRENT_DIRECTIONS("false"), STY_RECURRENT_OUTPUT

/* The calls of a layer type; cell says which recurrence. out[1] is `frames`. */
sty_status sty_recurrent_shape(sty_cell cell, const sty_recurrent_params *p, const sty_shape *in,
                               sty_shape *out, sty_err *err);
void sty_recurrent_slots(sty_cell cell, const sty_recurrent_params *p, const sty_shape *in,
                         sty_slots *list);
sty_status sty_recurrent_prepare(sty_cell cell, const sty_recurrent_params *p, const sty_shape *in,
                                 const sty_slots *list, const float *const *weights,
                                 sty_arena *arena, const void **state, sty_err *err);
size_t sty_recurrent_scratch(sty_cell cell, const sty_recurrent_params *p, const sty_shape *in);
double sty_recurrent_work(sty_cell cell, const sty_recurrent_params *p, const sty_shape *in);
sty_flow sty_recurrent_flow(const sty_recurrent_params *p);
size_t sty_recurrent_carry(sty_cell cell, const sty_recurrent_params *p);
void sty_recurrent_run(sty_cell cell, const sty_layer_call *call);

#endif
