/* pieces.h - an input as several runs whose outputs are averaged. */
#ifndef CMD_PIECES_H
#define CMD_PIECES_H

#include "common.h"

/* Runs the input and adds its n outputs to the average. A clip is cut into
 * round(duration / chunk_s) equal pieces at whole milliseconds, at least one;
 * chunk_s 0, and a feature matrix: one piece. *n_frames, *n_padded: frames of all
 * pieces and what --pad-short added, added to. Errors: those of a run. */
sty_status run_pieces(sty_session *session, const input *in, double chunk_s, const char *const *names,
                      size_t n, sty_average *average, size_t *n_frames, size_t *n_padded, sty_err *err);

#endif
