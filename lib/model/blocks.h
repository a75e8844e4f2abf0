/* blocks.h - long clips through a graph in blocks of frames. Floor 3.
 *
 * The nodes from the features on whose types flow in blocks are run on stretches of
 * the features that overlap by as much as a step sees: layers know nothing of it, a
 * stretch is to them a short clip, and the steps that reached over its ends are not
 * used. Recurrences and pools are given each step once, in order, and carry their
 * state along. What other nodes read of all this is put together whole: for the
 * usual encoders a vector, or one row for many frames.
 *
 * The bits are those of a run over the whole clip: each output step is computed by the
 * same operations in the same order; strided layers begin at whole multiples of their
 * strides, and stretches are as long as the clip modulo those, for some paddings
 * depend on it. */
#ifndef STY_MODEL_BLOCKS_H
#define STY_MODEL_BLOCKS_H

#include "model/graph.h"

typedef struct sty_blocks {
    bool any;        /* something can be run in blocks */
    bool *sliced;    /* [n_nodes] run on each stretch */
    bool *carrying;  /* [n_nodes] given each step once */
    bool *after;     /* [n_nodes] needed, and run once behind the others */
    bool *sink;      /* [n_values] of a stretch; read by carrying nodes, or put together */
    bool *together;  /* [n_values] whole in memory: read by the nodes behind, or wanted */
    sty_reach *reach; /* [n_values] in frames of features */
    sty_shape *slices; /* [n_values] shapes of the stretch at hand */
    size_t *done;      /* [n_values] steps of a sink that were used */
    size_t *offset;    /* [n_values], [n_nodes]: where they lie whole, where their carry is */
    size_t *carry;
    size_t stride, kernel, length; /* frames: starts are multiples of it; what a step sees; of a stretch */
    size_t begin, end, n_frames; /* the stretch at hand */
} sty_blocks;

/* Sorts the needed nodes; kept: values that are wanted. probe: [n_values] work space.
 * Errors: STY_OUT_OF_MEMORY. */
sty_status sty_blocks_create(const sty_graph *graph, const bool *needed, const bool *kept, sty_arena *arena,
                             sty_shape *probe, sty_blocks *blocks, sty_err *err);

/* Sets a clip out whose values have these shapes: the length of stretches, the shapes
 * of the first. False: the clip is to be run whole. Errors of shapes cannot be. */
bool sty_blocks_begin(sty_blocks *blocks, const sty_graph *graph, const sty_shape *shapes);

/* Floats for what is whole or carried; sets offset and carry. */
bool sty_blocks_memory(sty_blocks *blocks, const sty_graph *graph, const sty_shape *shapes, size_t *n_floats);

/* The steps of a sink that the stretch at hand adds, as a part of the whole. */
sty_part sty_blocks_part(const sty_blocks *blocks, const sty_shape *shapes, size_t sink);

/* Counts them as done and goes on to the next stretch; false: there is none. */
bool sty_blocks_next(sty_blocks *blocks, const sty_graph *graph, const sty_shape *shapes);

#endif
