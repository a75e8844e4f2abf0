/* mix.h - styles from token weights chosen by hand, without audio. Floor 4.
 *
 * style = tail(O(concat_h sum_k w[h][k] V_h f(token_k))): the sum over tokens of
 * weight times the value projection of the activated token, head by head, then
 * the layer's output projection and everything the graph has behind the token
 * layer (bottleneck, norm). Weights may have any sign and any sum.
 * With the same weights for all heads this is Coqui's dictionary {token: weight}
 * (TTS/tts/layers/tacotron/gst_layers.py) and Mellotron's token number. */
#ifndef STY_STYLE_MIX_H
#define STY_STYLE_MIX_H

#include "model/model.h"

typedef struct sty_mixer sty_mixer;

typedef struct sty_mixer_info {
    const char *layer;    /* the token layer's name */
    size_t heads, tokens; /* weights are [heads, tokens] */
    size_t width;         /* of the style */
} sty_mixer_info;

/* output: one of the manifest's outputs, "style" when NULL. layer: the token
 * layer, or NULL for the only one that the output depends on.
 * Errors: STY_BAD_ARGUMENT when the output does not depend on tokens, or not on
 * tokens alone; STY_OUT_OF_MEMORY. The model must outlive the mixer. */
sty_status sty_mixer_create(const sty_model *model, const char *output, const char *layer,
                            sty_mixer **mixer, sty_err *err);
void sty_mixer_free(sty_mixer *mixer);
const sty_mixer_info *sty_mixer_facts(const sty_mixer *mixer);

/* weights [heads, tokens] into style [width]. Not for several threads at once.
 * Errors: STY_NONFINITE when the result is not finite. */
sty_status sty_mixer_run(sty_mixer *mixer, const float *weights, float *style, sty_err *err);

/* What the mixer's output is for a given style [width]: only what the graph has behind
 * `style` is run, where that is the token layer's output itself. out [facts.width].
 * Errors: STY_BAD_ARGUMENT (another width, `style` is another value), STY_NONFINITE. */
sty_status sty_mixer_read(sty_mixer *mixer, const float *style, size_t width, float *out, sty_err *err);

/* The value projections: style [tokens, width] of each token alone, weight 1 in
 * every head. Errors: those of sty_mixer_run. */
sty_status sty_mixer_tokens(sty_mixer *mixer, float *styles, sty_err *err);

#endif
