/* attention.c - heads one after another, queries in blocks of rows.
 *
 * A block's scores fit into the cache and are all the memory there is. Relative
 * shifts cost nothing: position scores are written with one row stride, and
 * read back as scores of (query, key) from another start with another stride;
 * the product of queries and keys adds to that view in place. */
#include "math/attention.h"

#include "math/activation.h"
#include "math/gemm.h"

#include <string.h>

enum { BLOCK = 96 }; /* queries at a time */

/* A view into the scratch: the scores of a block of queries. */
typedef struct {
    size_t first, n; /* queries */
    size_t head;
    float *scores;   /* [n, ld] */
    size_t ld;       /* >= n_keys */
} block;

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

size_t sty_attention_scratch(const sty_attention *a) {
    const size_t n = least(BLOCK, a->n_queries);
    if (!a->position_query) return n * a->n_keys;
    if (a->shift == STY_SHIFT_END) return n * (a->n_keys + n);
    return (n + 2) * (a->n_keys + 1);
}

/* to [n, ld] = queries [first, first + n) against n_columns position rows from `row` on. */
static void position_scores(const sty_attention *a, size_t head, size_t first, size_t n, size_t row,
                            size_t n_columns, float *to, size_t ld) {
    const size_t at = head * a->key_width;
    for (size_t i = 0; a->position_bias && i < n; i++)
        for (size_t j = 0; j < n_columns; j++)
            to[i * ld + j] = a->position_bias[(row + j) * a->heads + head];
    sty_gemm_bt(n, n_columns, a->key_width, a->position_query + first * a->query_ld + at, a->query_ld,
                a->position + row * a->position_ld + at, a->position_ld, a->position_bias != NULL, to, ld);
}

/* padded rows r0.. of [Tq, Tk + 1] hold flat elements first Tk + Tq and on */
static void shift_front(const sty_attention *a, block *b, float *scratch) {
    const size_t keys = a->n_keys, wide = keys + 1;
    const size_t flat = b->first * keys + a->n_queries, end = flat + b->n * keys;
    const size_t row = flat / wide, n_rows = (end - 1) / wide + 1 - row;
    for (size_t i = 0; i < n_rows; i++)
        scratch[i * wide] = 0.0f;
    position_scores(a, b->head, row, n_rows, 0, keys, scratch + 1, wide);
    b->scores = scratch + (flat - row * wide);
    b->ld = keys;
}

/* column c of a row stands for position row Tq - first - n + 1 + c */
static void shift_end(const sty_attention *a, block *b, float *scratch) {
    const size_t wide = a->n_keys + b->n - 1;
    position_scores(a, b->head, b->first, b->n, a->n_queries + 1 - b->first - b->n, wide, scratch, wide);
    b->scores = scratch + (b->n - 1);
    b->ld = b->n > 1 ? wide - 1 : wide;
}

static void fill_masked(const sty_attention *a, const block *b) {
    for (size_t i = 0; i < b->n; i++) {
        const float *mask = a->mask + (b->first + i) * a->mask_ld;
        float *row = b->scores + i * b->ld;
        for (size_t j = 0; j < a->n_keys; j++)
            if ((mask[j] != 0.0f) != a->mask_valid) row[j] = a->mask_fill;
    }
}

static void scores(const sty_attention *a, block *b, float *scratch) {
    const size_t at = b->head * a->key_width;
    b->scores = scratch;
    b->ld = a->n_keys;
    if (a->position_query && a->shift == STY_SHIFT_FRONT) shift_front(a, b, scratch);
    else if (a->position_query) shift_end(a, b, scratch);
    sty_gemm_bt(b->n, a->n_keys, a->key_width, a->query + b->first * a->query_ld + at, a->query_ld,
                a->key + at, a->key_ld, a->position_query != NULL, b->scores, b->ld);
    if (a->mask) fill_masked(a, b);
    if (b->ld == a->n_keys) {
        sty_softmax(b->scores, b->n, a->n_keys);
        return;
    }
    for (size_t i = 0; i < b->n; i++)
        sty_softmax(b->scores + i * b->ld, 1, a->n_keys);
}

static void ones(const sty_attention *a, block *b, float *scratch) {
    b->scores = scratch;
    b->ld = a->n_keys;
    for (size_t i = 0; i < b->n * a->n_keys; i++)
        scratch[i] = 1.0f;
}

void sty_attention_run(const sty_attention *a, float *scratch) {
    for (size_t h = 0; h < a->heads; h++)
        for (size_t first = 0; first < a->n_queries; first += BLOCK) {
            block b = {.first = first, .n = least(BLOCK, a->n_queries - first), .head = h};
            if (a->uniform) ones(a, &b, scratch);
            else scores(a, &b, scratch);
            sty_gemm(b.n, a->value_width, a->n_keys, b.scores, b.ld, a->value + h * a->value_step, a->value_ld,
                     false, a->out + first * a->out_ld + h * a->value_width, a->out_ld);
            for (size_t i = 0; a->weights && i < b.n; i++)
                memcpy(a->weights + ((h * a->n_queries) + first + i) * a->n_keys, b.scores + i * b.ld,
                       a->n_keys * sizeof *a->weights);
        }
}
