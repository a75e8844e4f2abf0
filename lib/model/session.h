/* session.h - what the tool needs of a session beyond stylet.h. Floor 3. */
#ifndef STY_MODEL_SESSION_H
#define STY_MODEL_SESSION_H

#include "model/model.h"

/* Every intermediate array of the next runs goes to stage: the steps of the
 * front end, then every value of the graph, under its name. NULL switches off.
 * While on, no two values share memory. */
void sty_session_watch(sty_session *session, sty_stage_fn stage, void *context);

/* Bytes of the session's graph memory, for `model info` and bench. */
size_t sty_session_bytes(const sty_session *session);

/* Attention maps [heads, queries, keys] on the way to an output: their names, at
 * most n of them. 0 for an unknown output. */
size_t sty_model_attention_maps(const sty_model *model, const char *output, const char **names, size_t n);

/* Frames of features of the last run, whether they were kept or not. */
size_t sty_session_frames(const sty_session *session);

/* The fewest frames of features the wanted outputs can be computed from. */
size_t sty_session_min_frames(sty_session *session);

/* Too short inputs are made just long enough: clips by zeros behind what trimming
 * leaves, feature matrices by repeating their last row. A clip of which nothing
 * remains stays an error. */
void sty_session_pad_short(sty_session *session, bool on);

/* What the last run added for it: samples of a clip, frames of features. */
size_t sty_session_padded(const sty_session *session);

/* Bytes that the graph and its features would take for a clip of n_frames, computed from
 * shapes; nothing is run, what was bound is forgotten. Errors: STY_TOO_SHORT,
 * STY_OUT_OF_MEMORY (beyond counting). */
sty_status sty_session_memory(sty_session *session, size_t n_frames, double *n_bytes, sty_err *err);

/* So many processes run such sessions at once: what is available to a graph that needs
 * much is divided by it. */
void sty_session_share_memory(sty_session *session, size_t n);

#endif
