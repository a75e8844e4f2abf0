/* layer.h - what a layer type is. Floor 2; knows nothing of JSON, files or graphs.
 *
 * A layer type is one file and one row in layers.c. It describes its parameters
 * (a table), its inputs, its weights and its output shapes; then it prepares
 * its weights once per model and runs once per clip. Everything that can be
 * wrong is found by `shape` and by comparing tensors with `slots`; after that,
 * `run` cannot fail, so it returns nothing.
 *
 * Order of calls: shape, slots, prepare once while a model is bound; then for
 * each clip shape and scratch (the clip's length decides), and run. shape must
 * be cheap and may be called with any length. */
#ifndef STY_LAYERS_LAYER_H
#define STY_LAYERS_LAYER_H

#include "base/mem.h"
#include "base/param.h"

#include <stdint.h>

/* Kinds of arrays between layers; all row-major. */
typedef enum sty_kind {
    STY_ABSENT,   /* an optional input that is not connected */
    STY_VECTOR,   /* [D] */
    STY_SEQUENCE, /* [T, D] */
    STY_IMAGE,    /* [F, T, C] */
    STY_HEADS     /* [H, K] or [H, Tq, Tk] */
} sty_kind;

typedef struct sty_shape {
    sty_kind kind;
    int rank;
    size_t dim[STY_MAX_RANK];
} sty_shape;

typedef struct sty_tensor {
    sty_shape shape;
    float *data;
} sty_tensor;

sty_shape sty_shape_vector(size_t d);
sty_shape sty_shape_sequence(size_t t, size_t d);
sty_shape sty_shape_image(size_t f, size_t t, size_t c);
sty_shape sty_shape_heads(size_t h, size_t q, size_t k); /* q = 0: [H, K] */

/* Elements; shapes of a bound model never overflow (see sty_shape_fits). */
size_t sty_shape_count(const sty_shape *shape);
bool sty_shape_fits(const sty_shape *shape); /* count and bytes fit, no axis is 0 */
const char *sty_kind_name(sty_kind kind);

/* "sequence [50, 80]" into text of at least 64 bytes; returns text. */
char *sty_shape_text(const sty_shape *shape, char *text);

/* A sequence as [T, D], a vector as [1, D]: the steps and the width. */
size_t sty_shape_steps(const sty_shape *shape);
size_t sty_shape_width(const sty_shape *shape);

/* One weight tensor a layer needs: name as in PyTorch, exact shape. */
enum { STY_MAX_SLOTS = 64, STY_MAX_WEIGHT_RANK = 4 };
typedef struct sty_slot {
    char name[48];
    int rank;
    size_t dim[STY_MAX_WEIGHT_RANK];
} sty_slot;

typedef struct sty_slots {
    size_t n;
    sty_slot slot[STY_MAX_SLOTS];
} sty_slots;

/* Appends a slot of the given rank; the name is formatted. */
void sty_slot_add(sty_slots *slots, int rank, size_t d0, size_t d1, size_t d2, size_t d3,
                  const char *name, ...) STY_PRINTF(7, 8);

/* Shorthands. */
#define STY_SLOT1(slots, d0, ...) sty_slot_add(slots, 1, d0, 1, 1, 1, __VA_ARGS__)
#define STY_SLOT2(slots, d0, d1, ...) sty_slot_add(slots, 2, d0, d1, 1, 1, __VA_ARGS__)

/* The weight called name among those bound, or NULL when the layer has none. */
const float *sty_weight(const sty_slots *slots, const float *const *weights, const char *name, ...)
    STY_PRINTF(3, 4);

enum { STY_MAX_PORTS = 8, STY_MAX_OUTPUTS = 2 };

/* Part of a clip, for types that carry a state: the steps [begin, begin + n) of in[0]
 * are new, the first of them is step `at` of the clip. */
typedef struct sty_part {
    size_t begin, n, at;
    bool last; /* nothing follows: the results are due */
} sty_part;

/* Bins of an image: [first, first + n). */
typedef struct sty_bins {
    size_t first, n;
} sty_bins;

/* What run gets. For every layer type alike: inputs, outputs, scratch and carry never overlap, inputs stay as
 * they are, every value of an output is written whatever it held, and may be written more than once: out[0].data can hold
 * intermediate results. Scratch and outputs are aligned to STY_ALIGN and hold anything at first; a layer
 * that splits its scratch rounds the pieces with sty_whole_lines where they should be aligned, too.
 * out[i].data is NULL for a further output nobody wants. */
typedef struct sty_layer_call {
    const void *params;
    const void *state; /* from prepare */
    const sty_tensor *in;
    size_t n_in;
    const sty_tensor *out;
    float *scratch;
    sty_part part; /* of types with `carry` only, */
    float *carry;  /* and what they keep from part to part */
    float *kept;   /* of types with `keep` only */
    sty_bins bins; /* of types with `bins` only; n = 0: all of them */
} sty_layer_call;

/* Step t of the output sees the steps t stride - before to that plus kernel - 1 of
 * the input. kernel STY_WHOLE: the whole clip. */
#define STY_WHOLE SIZE_MAX
typedef struct sty_reach {
    size_t kernel, stride, before;
} sty_reach;

/* How a long clip may go through a layer without lying in memory whole. */
typedef enum sty_flow {
    STY_FLOW_WHOLE, /* not at all */
    STY_FLOW_BLOCKS, /* a step depends on what it reaches and on nothing else: run on a stretch of
                        the input it gives the same bits, but for steps that reach over its ends */
    STY_FLOW_CARRY   /* from the first step to the last, in parts: see sty_layer_type.carry */
} sty_flow;

/* Steps that a stretch is meant to add to the slowest of its values. */
enum { STY_PART_STEPS = 64 };

typedef struct sty_layer_type {
    const char *name;
    const char *summary; /* one sentence */
    /* n_params rows that a manifest may give; n_fixed rows behind them are set to
     * their initial value and are nobody's to give: a type that is one kind of another. */
    const sty_param *params;
    size_t n_params, n_fixed, params_size;
    /* Input names, NULL-terminated; the first n_required must be connected.
     * variadic: the one named input may be repeated up to STY_MAX_PORTS. */
    const char *const *inputs;
    size_t n_required;
    bool variadic;
    const char *extra; /* name of a further output, or NULL */

    /* Output shapes from input shapes: out[0] the output, out[1] the extra.
     * Errors: STY_BAD_MODEL when the inputs cannot be used (the message says what was
     * expected; the graph puts the node, its type and the shapes of its inputs in front), STY_TOO_SHORT when the clip is too short. STY_TOO_LONG or
     * STY_BAD_ARGUMENT when only the lengths of this clip do not fit (a table, a
     * mask, a bound input): out is then filled all the same, for a graph is bound
     * with lengths of its own (see sty_layer_only_lengths). */
    sty_status (*shape)(const void *params, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err);

    /* The tensors needed; NULL when none. */
    void (*slots)(const void *params, const sty_shape *in, sty_slots *slots);

    /* Packs or folds weights into the model's arena; *state is what run sees.
     * NULL when the layer has no weights. weights[i] belongs to slots->slot[i] and lives,
     * as it was read, as long as the model: what is not packed or folded can be pointed to.
     * Fails only without memory. */
    sty_status (*prepare)(const void *params, const sty_shape *in, const sty_slots *slots,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err);

    /* Floats of scratch for these shapes; NULL = none. */
    size_t (*scratch)(const void *params, const sty_shape *in, const sty_shape *out);

    /* Multiply-adds for these shapes, for `model info`; NULL = negligible. */
    double (*work)(const void *params, const sty_shape *in, const sty_shape *out);

    /* Which steps of its inputs one step of the output sees. NULL: step by step. */
    sty_reach (*reach)(const void *params, const sty_shape *in);

    /* NULL: STY_FLOW_WHOLE. Types with STY_FLOW_CARRY give the floats they keep from
     * part to part; run is then called for each part in order, with the shape of the
     * stretch as in[0], the shapes of the whole clip as out, and writes what a part
     * adds to its outputs. Their one input in blocks is in[0], others are absent. */
    sty_flow (*flow)(const void *params);
    size_t (*carry)(const void *params, const sty_shape *in);

    /* Types that can make some bins of their output image without the others, with the same bits: which
     * bins of in[0] one bin sees. STY_WHOLE, or NULL: there is no such way. run may then be called with
     * call->bins: shapes are still those of the whole images, but out[0].data is where the first of these
     * bins goes, in[0].data where the first of those that they see lies. */
    sty_reach (*bins)(const void *params, const sty_shape *in);

    /* Floats that a type keeps from clip to clip: what follows from the model and the clip's length alone.
     * kept[0] is 0 at first, and again where a longer clip got more room; the rest holds anything.
     * Results may not depend on the clips before. NULL: none. */
    size_t (*keep)(const void *params, const sty_shape *in);
    void (*run)(const sty_layer_call *call);

    /* One step with attention weights chosen by hand, [H, K] of any values, in
     * place of the computed ones: what the output would be. scratch: floats as
     * for one step. NULL: the type has no tokens of its own to choose from. */
    void (*mix)(const void *params, const void *state, const float *weights, float *scratch,
                float *out);
} sty_layer_type;

/* All types, and one by name (NULL: unknown). */
extern const sty_layer_type *const sty_layer_types[];
extern const size_t sty_n_layer_types;
const sty_layer_type *sty_layer_find(const char *name);

/* True for the errors of shape that speak of one clip's lengths. */
bool sty_layer_only_lengths(sty_status status);

/* ---- help for the types themselves ---- */

/* STY_BAD_MODEL unless in has one of the kinds (bit 1 << kind). */
sty_status sty_layer_expect(const sty_shape *in, unsigned kinds, const char *wanted, sty_err *err);

/* Checks that b can stand beside a: the same kind, or b a vector (for each step
 * or position of a); the same width too where same_width. STY_BAD_MODEL when
 * not. Where only the lengths differ, *lengths becomes STY_BAD_ARGUMENT and
 * the result is STY_OK: see sty_layer_only_lengths. */
sty_status sty_layer_expect_beside(const sty_shape *a, const sty_shape *b, bool same_width,
                                   sty_status *lengths, sty_err *err);

/* "attention." and "norm." as "attention.norm." into text[48]; returns text. */
const char *sty_layer_prefix(char text[48], const char *prefix, const char *part);

/* The reach of layers that see the whole clip: recurrence, attention, pooling. */
sty_reach sty_reach_whole(const void *params, const sty_shape *in);

/* The flow of layers that work step by step, whatever their parameters. */
sty_flow sty_flow_blocks(const void *params);

/* A whole clip in one call: call->part and carry are set here, and kept where it is NULL: then nothing is.
 * scratch holds sty_layer_scratch floats: what is carried, the type's own and, where `alone`, what would be kept. */
size_t sty_layer_scratch(const sty_layer_type *type, const void *params, const sty_shape *in,
                         const sty_shape *out, bool alone);
size_t sty_layer_kept(const sty_layer_type *type, const void *params, const sty_shape *in);
void sty_layer_run(const sty_layer_type *type, const sty_layer_call *call);

/* Arena allocation with the error filled in. */
sty_status sty_layer_alloc(sty_arena *arena, size_t n, size_t size, void *result, sty_err *err);

#endif
