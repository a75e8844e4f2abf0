/* nominal.h - inferring shapes while a graph is bound, when no length is known yet. Floor 3.
 *
 * Every node is inferred twice, for T = STY_NOMINAL_FRAMES and for 2 T: an axis that differs is a
 * length, and a message that differs tells "T" where it tells a length. */
#ifndef STY_MODEL_NOMINAL_H
#define STY_MODEL_NOMINAL_H

#include "model/graph.h"

/* Frames that shapes are inferred with while binding: any length that is enough. */
enum { STY_NOMINAL_FRAMES = 4096 };

/* Shapes of one node from those before it, for T frames and for 2 T. Lengths that fit together for
 * some clip are no error. Errors: STY_BAD_MODEL, STY_TOO_SHORT; node, type and inputs are named. */
sty_status sty_nominal_infer(const sty_node *node, sty_shape *shapes, sty_shape *longer, sty_err *err);

/* Puts node, type and inputs in front of the message, lengths as "T". */
void sty_nominal_prefix(const sty_node *node, const sty_shape *shapes, const sty_shape *longer, sty_err *err);

#endif
