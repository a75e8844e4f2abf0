/* average.h - the mean of outputs over several runs: pieces of a clip, several
 * references, a speaker's clips. Floor 4.
 *
 * Sums are float64 in the order of the additions, so equal lists give equal
 * bits. What OpenVoice and GPT-SoVITS do with several references is this mean. */
#ifndef STY_STYLE_AVERAGE_H
#define STY_STYLE_AVERAGE_H

#include "base/mem.h"

typedef struct sty_average sty_average;

/* For n outputs at a time. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_average_create(size_t n, sty_average **average, sty_err *err);
void sty_average_free(sty_average *average); /* NULL is fine */

/* Adds one run's n outputs; names are for messages. Errors: STY_BAD_ARGUMENT
 * (another shape than the first one's: its length follows the clip),
 * STY_OUT_OF_MEMORY. */
sty_status sty_average_add(sty_average *average, const char *const *names, const sty_view *views,
                           sty_err *err);

/* The same for what is already a mean of `weight` runs. */
sty_status sty_average_add_mean(sty_average *average, const char *const *names, const sty_view *views, size_t weight,
                                sty_err *err);

/* Adds all runs of `from`, which stays as it is. Errors: as add. */
sty_status sty_average_merge(sty_average *average, const char *const *names, const sty_average *from,
                             sty_err *err);

/* How many runs were added since the start or the last reset. */
size_t sty_average_count(const sty_average *average);

/* The means as n views, valid until the next call; at least one run was added. */
void sty_average_get(sty_average *average, sty_view *views);

/* Starts again; the shapes may be others. */
void sty_average_reset(sty_average *average);

#endif
