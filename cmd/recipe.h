/* recipe.h - the parts of a style put together by hand, as `mix` and `speak` take
 * them on the command line: sources with factors, and token weights. */
#ifndef CMD_RECIPE_H
#define CMD_RECIPE_H

#include "vectors.h"

/* "0.8" whole; false when it is no finite number. */
bool recipe_number(const char *text, double *value);

/* A count from *text on, which is moved behind it. */
bool recipe_index(const char **text, size_t *value);

/* Errors: STY_BAD_ARGUMENT for a head or token (what) that the model does not have. */
sty_status recipe_in_range(const char *what, size_t i, size_t n, const char *option, const char *text, sty_err *err);

/* "K=W" of --token, or (per_head) "H:K=W" of --head, into weights [heads, tokens]. */
sty_status recipe_weights(const sty_mixer_info *mixer, const char *option, const text_list *list, bool per_head,
                          float *weights, sty_err *err);

/* "SOURCE[:W]" of --from: appends the one vector that SOURCE names. *given is set when
 * there is a factor, else *factor is 1. Errors: those of vectors_add. */
sty_status recipe_from(const char *text, vector_source *source, vector_set *set, double *factor, bool *given, sty_err *err);

#endif
