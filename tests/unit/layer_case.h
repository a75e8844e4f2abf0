/* layer_case.h - one layer of any type with random weights and inputs, run as a
 * graph runs it, for tests that compare with a twin.
 *
 *     layer_case c;
 *     layer_case_open(&c, "linear", "units=8 bias=false");
 *     layer_case_input(&c, 0, sty_shape_sequence(5, 3));
 *     layer_case_run(&c);     // c.out[0], c.out[1]; layer_case_weight(&c, "weight")
 *     layer_case_close(&c);
 *
 * A run fails the test when it writes beyond its outputs or its scratch, changes an
 * input, depends on what the memory held before, or allocates; and when a type that
 * claims `flow` gives other bits on stretches of the clip, or in parts; and when one that claims
 * `bins` gives other bits for some of them. */
#ifndef TESTS_LAYER_CASE_H
#define TESTS_LAYER_CASE_H

#include "layers/layer.h"

typedef struct layer_case {
    const sty_layer_type *type;
    void *params;
    size_t n_in;
    sty_tensor in[STY_MAX_PORTS], out[STY_MAX_OUTPUTS];
    sty_slots slots;
    float *weights[STY_MAX_SLOTS];
    const void *state;
    sty_arena arena;
    const struct layer_case *source; /* of the weights, or NULL: random */
    const char *source_prefix;
} layer_case;

/* Numbers for shapes, weights and inputs. The seed is STYLET_TEST_SEED or 1, and
 * is printed once. */
size_t random_size(size_t low, size_t high); /* both included */
bool random_bool(void);
float random_value(void); /* normal, deviation 1 */

void layer_case_open(layer_case *c, const char *type, const char *params);

/* Connects an input with random values; layer_case_mask one of ones and zeros with
 * at least one 1 in every row. */
void layer_case_input(layer_case *c, size_t port, sty_shape shape);
void layer_case_mask(layer_case *c, size_t port, sty_shape shape);

/* Shapes only: the status, the message in err. */
sty_status layer_case_shape(layer_case *c, sty_shape *out, sty_err *err);

/* Binds random weights, and runs with the further output and without it. */
void layer_case_run(layer_case *c);

/* Before a run: take the weights of another case, those that begin with prefix,
 * instead of random ones. */
void layer_case_weights_from(layer_case *c, const layer_case *other, const char *prefix);

/* A weight by name; the test fails when there is none. */
const float *layer_case_weight(const layer_case *c, const char *name);
bool layer_case_has(const layer_case *c, const char *name);

void layer_case_close(layer_case *c);

/* Fails unless got [n] is within tolerance x max(1, largest of want) of want. */
void assert_near(const char *what, const float *got, const double *want, size_t n, double tolerance);

#endif
