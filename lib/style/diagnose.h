/* diagnose.h - why a reference has no effect, or that it has one. Floor 4.
 *
 * A model is run over probe signals (probe.h) and over given audio while every
 * value of its graph is watched. The spread of a value over several runs is
 *     sqrt(sum_i |v_i - mean|^2 / sum_i |v_i|^2),
 * 0 when nothing moves, about 1 when nothing stays; sequences and images count by
 * the means of their four quarters in time. Thresholds stand in README.md.
 *
 * Order of calls: create, then bind (further graph inputs), then clip for given
 * audio, then run, then what was found. One thread. */
#ifndef STY_STYLE_DIAGNOSE_H
#define STY_STYLE_DIAGNOSE_H

#include "base/buf.h"
#include "model/session.h"

typedef struct sty_diagnosis sty_diagnosis;

/* Makes a session for all outputs. Graph inputs get the same random values in all
 * runs until they are bound. Errors: STY_OUT_OF_MEMORY and those of a session.
 * The model must outlive the diagnosis. */
sty_status sty_diagnosis_create(const sty_model *model, sty_diagnosis **diagnosis, sty_err *err);
void sty_diagnosis_free(sty_diagnosis *diagnosis);

/* The session, to bind inputs; then says that `input` has been bound. */
sty_session *sty_diagnosis_session(sty_diagnosis *diagnosis);
void sty_diagnosis_bound(sty_diagnosis *diagnosis, const char *input);

/* Runs given audio; at most STY_MAX_GIVEN. Errors: those of a run, STY_BAD_ARGUMENT. */
enum { STY_MAX_GIVEN = 1000 };
sty_status sty_diagnosis_clip(sty_diagnosis *diagnosis, const char *name, const sty_clip *clip,
                              sty_err *err);

/* Runs the probes and judges. A probe that the model cannot take (silence that is
 * trimmed away) is noted. Errors: STY_OUT_OF_MEMORY; STY_TOO_SHORT and others when
 * no probe could be run. */
sty_status sty_diagnosis_run(sty_diagnosis *diagnosis, sty_err *err);

/* True when the main output ("style", else the first one) does not move. */
bool sty_diagnosis_constant(const sty_diagnosis *diagnosis);

/* What was found, for people and as one JSON object. */
void sty_diagnosis_text(const sty_diagnosis *diagnosis, sty_buf *out);
void sty_diagnosis_json(const sty_diagnosis *diagnosis, sty_buf *out);

#endif
