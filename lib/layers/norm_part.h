/* norm_part.h - normalisation as a part of layers (conv2d, norm). Floor 2. */
#ifndef STY_LAYERS_NORM_PART_H
#define STY_LAYERS_NORM_PART_H

#include "layers/layer.h"

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

typedef struct sty_norm_state {
    const float *gain, *shift; /* [C]; NULL without affine */
} sty_norm_state;

/* STY_BAD_MODEL when the groups do not divide the channels. */
sty_status sty_norm_check(const sty_norm_params *p, size_t channels, sty_err *err);

/* PREFIXweight, PREFIXbias, and for batch PREFIXrunning_mean, PREFIXrunning_var. */
void sty_norm_slots(const sty_norm_params *p, size_t channels, const char *prefix,
                    sty_slots *slots);

/* Batch statistics are folded into gain and shift here. */
sty_status sty_norm_prepare(const sty_norm_params *p, size_t channels, const char *prefix,
                            const sty_slots *slots, const float *const *weights, sty_arena *arena,
                            sty_norm_state *state, sty_err *err);

/* x [positions, C] in place. */
void sty_norm_apply(const sty_norm_params *p, const sty_norm_state *state, float *x,
                    size_t positions, size_t channels);

#endif
