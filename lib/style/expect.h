/* expect.h - does a model give the numbers it should? Floor 4.
 *
 * A safetensors file holds inputs and expected outputs:
 *
 *     in.mel_CLIP           features [T, F] of a clip; `spec` and `features` say the
 *                           same, and out.mel_CLIP (a computed front end) will do
 *     out.OUTPUT_CLIP       what the model's output of this name is for them;
 *                           `weights` is read as token_weights, `embedding` as style
 *     in.INPUT              a further graph input, for all clips
 *
 * Without _CLIP there is one clip. Other tensors are passed over. */
#ifndef STY_STYLE_EXPECT_H
#define STY_STYLE_EXPECT_H

#include "model/session.h"

/* One comparison. difference: max |got - expected|; largest: max |expected|. It holds
 * when difference <= tolerance x largest. */
typedef struct sty_expectation {
    const char *output, *clip; /* clip: "" when there is one */
    double difference, largest;
    bool holds;
} sty_expectation;

typedef void (*sty_expect_fn)(void *context, const sty_expectation *expectation);

/* Runs every clip of the file and calls told for each comparison. Errors:
 * STY_BAD_ARGUMENT (not such a file, nothing to compare, other shapes), and those of
 * a run. */
sty_status sty_expect(const sty_model *model, const char *path, double tolerance, sty_expect_fn told,
                      void *context, sty_err *err);

#endif
