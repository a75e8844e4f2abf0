/* session_parts.h - what session.c, session_run.c and session_node.c share. Floor 3. */
#ifndef STY_MODEL_SESSION_PARTS_H
#define STY_MODEL_SESSION_PARTS_H

#include "model/blocks.h"
#include "model/session.h"

/* A requested output: a value of the graph, perhaps through an inverse. */
typedef struct sty_wanted {
    const char *name;
    int value;
    const sty_output *labelled; /* with exp2 values, else NULL */
    float *own;                 /* [n_labels] when labelled */
} sty_wanted;

typedef struct sty_session_kept {
    float *data;
    size_t n_floats;
} sty_session_kept;

struct sty_session {
    const sty_model *model;
    sty_arena arena;
    sty_front_end_state *front_end;
    sty_wanted *outputs;
    size_t n_outputs;
    bool *needed, *kept, *extra_wanted, *extra_used;
    sty_shape *shapes, *probe; /* [n_values] */
    float **inputs;            /* [n_inputs] */
    size_t *input_capacity;
    int *work;
    sty_plan plan, slice_plan; /* of what is run once, of each stretch */
    sty_blocks blocks;
    bool in_blocks;            /* the last clip was run so */
    sty_session_kept *lasting; /* [n_nodes] what layers keep from clip to clip */
    float *block;
    size_t block_floats;
    size_t held, rest; /* offsets in it: of blocks' whole values, of the plans' */
    float *window;     /* features of the stretch at hand, from this frame on */
    size_t window_first;
    bool ran;
    size_t least_frames; /* too short inputs are padded to; 0: they fail */
    size_t n_padded;
    size_t n_sharing; /* sessions that the memory is for; 0: this one */
    sty_stage_fn stage;
    void *stage_context;
};

/* Runs the graph on features [n_frames, F] in memory, or (NULL) on those that the
 * front end has been opened for. Sets session->ran. */
sty_status sty_session_run_graph(sty_session *session, float *features, size_t n_frames, sty_err *err);

/* Where values are and what shapes they have: whole, or of a stretch. */
typedef struct sty_place {
    const sty_shape *shapes;
    float *(*at)(const sty_session *session, int value);
    sty_band *bands;
} sty_place;

/* Runs node i on what lies at one place, into another; call has the scratch, and for a part
 * of a clip the part and what is carried. Nodes whose result is a band are run by its reader. */
void sty_session_run_node(const sty_session *session, size_t i, const sty_place *from, const sty_place *to,
                          sty_layer_call *call);

/* The array of a value after a run. */
float *sty_session_value(const sty_session *session, int value);

#endif
