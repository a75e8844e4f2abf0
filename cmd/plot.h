/* plot.h - what the files of `stylet plot` share. */
#ifndef CMD_PLOT_H
#define CMD_PLOT_H

#include "labels.h"

typedef struct plot_options {
    model_options model;
    const char *wanted, *output, *list, *by, *theme, *title, *head;
    text_list bind;
    int zoom;
    bool overwrite;
} plot_options;

/* One run: operands in, a canvas or a page out. */
typedef struct plot_job {
    const plot_options *o;
    char **args;
    size_t n_args;
    vector_source source;
    vector_set set;
    label_set labels;
    bool labelled, alone; /* alone: a report about a model, the vectors are those of probe signals */
    sty_canvas canvas;
    sty_buf page; /* of the report */
    sty_arena arena;
} plot_job;

/* Fills job->set with the named output of all operands, and job->labels. also: a
 * second output into beside, as in vectors.h, or NULL. */
sty_status plot_load(plot_job *job, const char *output, const char *also, vector_set *beside, sty_err *err);

/* Token weights averaged over heads, or those of one head (a number as text): [n, tokens] in the arena. */
sty_status plot_token_means(plot_job *job, const vector_set *set, const char *head, float **means, sty_err *err);

/* A text in the arena; "" without memory. */
const char *plot_text(plot_job *job, const char *format, ...) STY_PRINTF(2, 3);

/* What the vectors are of: "clips", in a report about a model alone "probes". */
const char *plot_things(const plot_job *job);

/* "0", "1", ... */
sty_status plot_numbers(plot_job *job, size_t n, const char ***names, sty_err *err);

/* Rows of a set in the order in which they are drawn: by group, else as given. */
sty_status plot_order(plot_job *job, const vector_set *set, size_t **order, sty_err *err);

/* Points of the map [n, 2] with the names of its axes. Draws job->set, or with
 * more points than a page can hold every k-th; *drawn lists their rows. */
typedef struct plot_points {
    float *xy;
    size_t *row; /* [n] */
    size_t n;
    const char *x_name, *y_name, *note;
} plot_points;
sty_status plot_project(plot_job *job, const vector_set *set, plot_points *points, sty_err *err);

/* Draws them, with labels and sounds where there are some. */
sty_status plot_draw_map(plot_job *job, const vector_set *set, const plot_points *points, const char *title,
                         const char *const *sounds, sty_canvas *canvas, sty_err *err);

/* The address of each vector's audio as seen from the output, "" for none. */
sty_status plot_sounds(plot_job *job, const vector_set *set, const char ***sounds, sty_err *err);

/* Counts over token weights [n, heads, tokens]. */
typedef struct plot_usage_facts {
    float *mean, *largest; /* [tokens] */
    bool *dead;
    size_t n_dead;
    double effective; /* exp of the entropy of the mean weights */
    double sharpness; /* exp of the mean entropy of single rows */
} plot_usage_facts;
sty_status plot_count_usage(plot_job *job, const vector_set *set, plot_usage_facts *facts, sty_err *err);
const char *plot_usage_note(plot_job *job, const vector_set *set, const plot_usage_facts *facts);

/* Similarity of all vectors, or of the means of blocks; names in the arena. */
sty_status plot_draw_similarity(plot_job *job, const vector_set *set, const char *title, sty_canvas *canvas, sty_err *err);

/* Sections of the report about the model: what it makes of the probe signals
 * (into job->set and what stands beside it), its tokens, what `model diagnose` and `model info` say. */
sty_status plot_model_probes(plot_job *job, sty_err *err);
sty_status plot_model_tokens(plot_job *job, sty_err *err);
sty_status plot_model_diagnosis(plot_job *job, sty_err *err);
sty_status plot_model_graph(plot_job *job, sty_err *err);

/* The kinds. */
sty_status plot_weights(plot_job *job, sty_err *err);
sty_status plot_heads(plot_job *job, sty_err *err);
sty_status plot_mel(plot_job *job, sty_err *err);
sty_status plot_attention(plot_job *job, sty_err *err);
sty_status plot_similarity(plot_job *job, sty_err *err);
sty_status plot_map(plot_job *job, sty_err *err);
sty_status plot_usage(plot_job *job, sty_err *err);
sty_status plot_report(plot_job *job, sty_err *err);
sty_status plot_speech(plot_job *job, sty_err *err);

/* Centres of the feature's bins in Hz in the arena, NULL when they have none. */
double *plot_bin_centres(plot_job *job, const sty_front_end_params *p, size_t bins);

#endif
