/* graph.h - layers connected into a graph. Floor 3.
 *
 * Values are the arrays between layers: value 0 is `features`, then the declared
 * inputs, then for each node its output and, where the type has one, its further
 * output. Nodes stand in an order in which every value exists before it is read. */
#ifndef STY_MODEL_GRAPH_H
#define STY_MODEL_GRAPH_H

#include "layers/layer.h"

typedef struct sty_node {
    const char *name;
    const sty_layer_type *type;
    const void *params, *state;
    size_t n_in;
    int in[STY_MAX_PORTS]; /* value index; -1: an optional input that is not connected */
    int out;               /* value of the output; the extra one is out + 1 */
} sty_node;

typedef struct sty_graph_value {
    const char *name; /* "features", "speaker", "gru", "stl.attention" */
    sty_shape shape;  /* of an input: a dimension of 0 is free; else as inferred at bind */
    int node;         /* producer, -1 for inputs */
} sty_graph_value;

typedef struct sty_graph {
    sty_node *nodes;
    size_t n_nodes;
    sty_graph_value *values;
    size_t n_values, n_inputs; /* inputs are the first values, features included */
} sty_graph;

/* A parameter of a node as the text of its choice ("mel_major"); "" when the layer
 * has no such choice. */
const char *sty_node_choice(const sty_node *node, const char *param);

/* Index of a value by name, or -1. */
int sty_graph_find(const sty_graph *graph, const char *name);

/* For a name that was not found: true when it is "p.attention" of a layer or input
 * without a further output, which err then says. */
bool sty_graph_no_extra(const sty_graph *graph, const char *name, sty_err *err);

/* The shapes a node reads, absent ones included. in: [STY_MAX_PORTS]. */
void sty_node_inputs(const sty_node *node, const sty_shape *shapes, sty_shape *in);

/* Puts "layer 'fc' (linear), input sequence [5, 20]: " in front of the message. */
void sty_node_prefix(const sty_node *node, const sty_shape *in, sty_err *err);

/* Shapes of all values for given shapes of the inputs (shapes[0 .. n_inputs)).
 * needed: one flag per node, or NULL for all; values of other nodes become
 * absent. Errors: STY_BAD_MODEL, STY_TOO_SHORT; the message names node, type and inputs. */
sty_status sty_graph_infer(const sty_graph *graph, const bool *needed, sty_shape *shapes,
                           sty_err *err);

/* The same for one node, from the shapes before it. Shapes are written also
 * when sty_layer_only_lengths(status). */
sty_status sty_graph_infer_node(const sty_node *node, sty_shape *shapes, sty_err *err);

/* The same for nominal shapes: lengths that do not fit together are no error,
 * only clips too short are. */
sty_status sty_graph_infer_nominal(const sty_graph *graph, const bool *needed, sty_shape *shapes,
                                   sty_err *err);

/* Marks the nodes that the wanted value depends on. */
void sty_graph_mark(const sty_graph *graph, int value, bool *needed);

/* The shapes of the inputs when features have n_frames frames and every free
 * dimension of the other inputs is n_frames too. */
void sty_graph_nominal(const sty_graph *graph, size_t n_frames, sty_shape *shapes);

/* The fewest frames of features the marked part of the graph can run on. */
size_t sty_graph_min_frames(const sty_graph *graph, const bool *needed, sty_shape *shapes);

/* Multiply-adds of one node for these shapes. */
double sty_graph_work(const sty_node *node, const sty_shape *shapes);

/* What one step of each value sees of the features (STY_WHOLE: all), for inferred
 * shapes; nodes whose input has none count as whole. reach: [n_values]. */
void sty_graph_reach(const sty_graph *graph, const sty_shape *shapes, sty_reach *reach);

/* An image that would not stay in the second cache is not made whole where it need not be: when only one
 * node reads it, and that one and its maker can work bin by bin (sty_layer_type.bins). The reader, bin after
 * bin of its own, then has the maker make the bins that it sees and that the one before did not see. A chain
 * of convolutions so runs depth first, and what passes between them stays in the cache. The bits are the same. */
typedef struct sty_band {
    size_t height; /* bins in memory at most; 0: the value is whole */
    size_t reader; /* the node */
    sty_bins held; /* those that are there, while it runs */
} sty_band;

/* Where each value lives in one block of floats: values whose lifetimes do not
 * meet share memory. kept[value]: alive to the end. */
typedef struct sty_plan {
    size_t *offset;  /* [n_values] in floats */
    sty_band *bands; /* [n_values] */
    size_t n_floats; /* of the block, scratch included */
    size_t scratch;  /* offset of the scratch area */
} sty_plan;

/* order: n_values ints of work space. Errors: STY_OUT_OF_MEMORY on overflow. */
sty_status sty_graph_plan(const sty_graph *graph, const bool *needed, const bool *kept,
                          const bool *extra_wanted, const sty_shape *shapes, int *work,
                          sty_plan *plan, sty_err *err);

#endif
