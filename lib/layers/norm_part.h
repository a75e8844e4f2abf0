/* norm_part.h - normalisation as a part of layers, and of the norms by name. Floor 2. */
#ifndef STY_LAYERS_NORM_PART_H
#define STY_LAYERS_NORM_PART_H

#include "layers/layer.h"
#include "math/activation.h"

typedef enum sty_norm {
    STY_NORM_NONE,
    STY_NORM_BATCH,    /* running statistics */
    STY_NORM_INSTANCE, /* each channel over all positions */
    STY_NORM_LAYER,    /* each position over its channels */
    STY_NORM_GROUP     /* channels of a group with all positions */
} sty_norm;

extern const char *const sty_norm_names[];

typedef struct sty_norm_params {
    int kind, groups;
    bool affine;
    double eps;
} sty_norm_params;

/* Rows of a parameter table for a norm at offset `at`: KEY (the kind) and
 * PREFIX_groups, PREFIX_affine, PREFIX_eps. */
#define STY_NORM_ROWS(key, prefix, at, kind_initial)                                               \
    {.name = key, .kind = STY_PARAM_CHOICE, .offset = (at) + offsetof(sty_norm_params, kind),      \
     .initial = kind_initial, .choices = sty_norm_names, .help = "normalisation"},                 \
        {.name = prefix "_groups", .kind = STY_PARAM_INT,                                          \
         .offset = (at) + offsetof(sty_norm_params, groups), .initial = "1", .low = 1,             \
         .high = 65536, .help = "of norm group"},                                                  \
        {.name = prefix "_affine", .kind = STY_PARAM_BOOL,                                         \
         .offset = (at) + offsetof(sty_norm_params, affine), .initial = "true",                    \
         .help = "the norm has weight and bias"},                                                  \
        {.name = prefix "_eps", .kind = STY_PARAM_NUMBER,                                          \
         .offset = (at) + offsetof(sty_norm_params, eps), .initial = "1e-5", .low = 0, .high = 1,  \
         .help = "added to the variance"}

/* The two rows of an activation: which, and the slope of leaky_relu. */
#define STY_ACTIVATION_ROWS(key, slope_key, at, slope_at, kind_initial, slope_initial)             \
    {.name = key, .kind = STY_PARAM_CHOICE, .offset = at, .initial = kind_initial,                 \
     .choices = sty_activation_names, .help = "element-wise function"},                            \
        {.name = slope_key, .kind = STY_PARAM_NUMBER, .offset = slope_at,                          \
         .initial = slope_initial, .low = -10, .high = 10, .help = "of leaky_relu"}

typedef struct sty_norm_state {
    const float *gain, *shift; /* [C]; NULL without affine */
} sty_norm_state;

/* True for statistics over all positions: each step then sees the whole clip. */
bool sty_norm_sees_all(const sty_norm_params *p);

/* STY_BAD_MODEL when the groups do not divide the channels. */
sty_status sty_norm_check(const sty_norm_params *p, size_t channels, sty_err *err);

/* STY_TOO_SHORT for instance norm of a single position, which PyTorch refuses. */
sty_status sty_norm_check_length(const sty_norm_params *p, size_t positions, sty_err *err);

/* PREFIXweight, PREFIXbias, and for batch PREFIXrunning_mean, PREFIXrunning_var. */
void sty_norm_slots(const sty_norm_params *p, size_t channels, const char *prefix,
                    sty_slots *slots);

/* Batch statistics are folded into gain and shift here. */
sty_status sty_norm_prepare(const sty_norm_params *p, size_t channels, const char *prefix,
                            const sty_slots *slots, const float *const *weights, sty_arena *arena,
                            sty_norm_state *state, sty_err *err);

/* y from x, both [positions, C]; y may be x. */
void sty_norm_apply(const sty_norm_params *p, const sty_norm_state *state, const float *x, size_t positions,
                    size_t channels, float *y);

#endif
