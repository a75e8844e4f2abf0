/* attention.h - scaled dot-product attention of all heads, with relative
 * positions and masks. Floor 1. */
#ifndef STY_MATH_ATTENTION_H
#define STY_MATH_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>

/* How scores against position rows P(i, r) become scores of (query i, key j). */
typedef enum sty_shift {
    /* A zero column in front, then flat: S(i, j) = padded[i Tk + j + Tq] of padded
     * [Tq, Tk + 1]. Position rows: Tk. Transformer-XL ports, e.g. relative_shift in
     * keonlee9420/Comprehensive-Transformer-TTS; above the diagonal it reads row i + 1. */
    STY_SHIFT_FRONT,
    /* S(i, j) = P(i, Tq + j - i). Position rows: Tq + Tk. shift_right and the cut to the last
     * Tk columns in labmlai/annotated_deep_learning_paper_implementations. */
    STY_SHIFT_END
} sty_shift;

/* One call. Sequences are rows; head h is the slice [h w, (h + 1) w) of a row. */
typedef struct sty_attention {
    size_t heads, n_queries, n_keys;
    size_t key_width, value_width; /* of one head */
    const float *query;            /* [Tq, query_ld], already scaled */
    const float *key;              /* [Tk, key_ld] */
    const float *value;            /* [Tk, value_ld]; head h begins at h value_step */
    size_t query_ld, key_ld, value_ld, value_step;

    const float *position_query; /* [Tq, query_ld], scaled; NULL: no positions */
    const float *position;       /* [rows, position_ld] */
    const float *position_bias;  /* [rows, heads], scaled, added to P; NULL: none */
    size_t position_ld;
    sty_shift shift;

    const float *mask; /* [Tq, Tk], or [Tk] for all queries with mask_ld 0; NULL: none */
    size_t mask_ld;
    bool mask_valid; /* elements that are not 0 may be attended to; false: are masked */
    float mask_fill; /* score of a masked key */
    bool uniform;    /* every weight is 1: softmax over a batch of one */

    float *out;     /* [Tq, out_ld], heads side by side, value_width each */
    size_t out_ld;
    float *weights; /* [heads, Tq, Tk], or NULL */
} sty_attention;

/* Floats of scratch: about a hundred rows of scores and one head of keys, values and positions,
 * whatever the number of heads
 * and queries. */
size_t sty_attention_scratch(const sty_attention *a);

/* out = softmax(query key^T + positions, masked) value. Nothing may overlap. A query whose keys all
 * have the score -inf gets zeros. */
void sty_attention_run(const sty_attention *a, float *scratch);

#endif
