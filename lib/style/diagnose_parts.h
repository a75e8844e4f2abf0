/* diagnose_parts.h - what the files of the diagnosis share. Floor 4. */
#ifndef STY_STYLE_DIAGNOSE_PARTS_H
#define STY_STYLE_DIAGNOSE_PARTS_H

#include "base/buf.h"
#include "model/session.h"
#include "style/probe.h"

typedef struct sty_diagnosis sty_diagnosis; /* as in diagnose.h, which only diagnose.c and the report need */

/* Thresholds; README.md says what they mean and why these. */
#define STY_SPREAD_CONSTANT 1e-4
#define STY_SPREAD_WEAK 0.02
#define STY_LAYOUT_FACTOR 3.0
#define STY_TOKEN_DEAD 0.05      /* of the even share 1 / K, never exceeded */
#define STY_TOKEN_DUPLICATE 0.01 /* of the mean distance between tokens */
#define STY_HEAD_EVEN 0.98       /* effective tokens over K */
#define STY_HEAD_STUCK 0.99      /* weight of one and the same token in every run */
#define STY_HEADS_AGREE 0.95     /* mean correlation of two heads' weights */
#define STY_STATE_SATURATED 0.99 /* |value| of a bounded state */

/* What one value of the graph was in every run: [n_runs, width]. */
typedef struct {
    size_t width; /* 0: not looked at (its shape follows the clip in more than time) */
    float *rows;
    bool constant;
    double spread;
} sty_track;

typedef struct {
    char name[64];
    sty_probe_kind kind;
    bool ok;
    sty_err why; /* when not ok */
} sty_run_note;

/* A layer with tokens. Rows are [heads * tokens] of its attention. */
typedef struct {
    const sty_node *node;
    size_t heads, tokens;
    bool *dead;        /* [tokens] */
    size_t *twin;      /* [tokens] the first token that is the same, or itself */
    double *effective; /* [heads] */
    double *moves;     /* [heads] spread of the weights over speech */
    double *strongest; /* [heads] mean largest weight */
    size_t *favourite; /* [heads] the token of the largest mean weight */
    bool *stuck;       /* [heads] */
    double agreement;  /* of heads, mean correlation; NAN with one head */
    bool batch_softmax;
} sty_token_facts;

enum { STY_SWEEP_LEVEL, STY_SWEEP_LENGTH, STY_SWEEP_PITCH, STY_SWEEP_TEMPO, STY_N_SWEEPS };
extern const char *const sty_sweep_names[];

typedef struct {
    int value;
    const char *name;
    /* Spreads over: probes of one length, speech of one length and given audio, each
     * sweep. NAN: could not be measured. */
    double content, speech, sweep[STY_N_SWEEPS];
} sty_output_facts;

/* A finding: a code for programs, a text for people. */
enum { STY_MAX_FINDINGS = 32 };
typedef struct {
    const char *code;
    bool bad;
    char text[400];
} sty_finding;

struct sty_diagnosis {
    const sty_model *model;
    sty_session *session;
    sty_arena arena;
    sty_track *tracks; /* [graph values] */
    sty_run_note *runs;
    size_t n_runs, capacity, current;
    bool *bound; /* [graph inputs] */
    sty_output_facts *outputs;
    size_t n_outputs, main;
    sty_token_facts *layers;
    size_t n_layers;
    int lost_in;           /* node where the main output's audio ends, or -1 */
    double saturated;      /* share of stuck units of `reference`; NAN: not bounded */
    double other_layout;   /* spread of the main output with the other image layout; NAN */
    sty_finding findings[STY_MAX_FINDINGS];
    size_t n_findings;
};

/* Begins to keep the values of the session's runs. */
void sty_diagnosis_watch(sty_diagnosis *d);

/* Runs a clip and notes how it went. Errors: STY_OUT_OF_MEMORY, STY_BAD_ARGUMENT;
 * others are only noted. */
sty_status sty_diagnosis_one(sty_diagnosis *d, const char *name, sty_probe_kind kind, const sty_clip *clip,
                             sty_err *err);

/* The spread of rows over the runs whose kind is in the set (bits 1 << kind). NAN
 * with fewer than two. */
double sty_diagnosis_spread(const sty_diagnosis *d, const float *rows, size_t width, unsigned kinds);
unsigned sty_diagnosis_content(void);
unsigned sty_diagnosis_speech(void);

/* Room for n more runs. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_diagnosis_reserve(sty_diagnosis *d, size_t n, sty_err *err);

/* Fills other_layout where the main output hardly moves and one `image` alone reads
 * the features. Errors: those of a run. */
sty_status sty_diagnosis_layout(sty_diagnosis *d, double seconds, sty_err *err);

/* Fills layers; needs all runs. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_diagnosis_tokens(sty_diagnosis *d, sty_err *err);

/* Turns facts into findings. */
void sty_diagnosis_judge(sty_diagnosis *d);

#endif
