/* attention.c - heads one after another, queries in blocks of rows.
 *
 * A head's keys, values and position rows are packed as the weights of linear
 * layers: their products with a block of queries are then those of linear.h. A
 * block's scores fit into the cache and are all the other memory there is. Relative
 * shifts cost nothing: position scores are written with one row stride, and
 * read back as scores of (query, key) from another start with another stride;
 * the product of queries and keys adds to that view in place. */
#include "math/attention.h"

#include "base/mem.h"
#include "math/kernels.h"
#include "math/linear.h"

#include <string.h>

enum { BLOCK = 96 }; /* queries at a time */

/* What one head is made of, in the scratch, and where its scores go. */
typedef struct {
    const sty_attention *a;
    size_t index;
    float *keys, *values, *positions, *position_bias; /* packed; position_bias as wide as whole tiles */
    float *room;                                      /* for the scores of a block */
} head;

/* A view into the room: the scores of a block of queries. */
typedef struct {
    size_t first, n; /* queries */
    float *scores;   /* [n, ld] */
    size_t ld;       /* >= n_keys */
} block;

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static size_t position_rows(const sty_attention *a) {
    if (!a->position_query) return 0;
    return a->shift == STY_SHIFT_END ? a->n_queries + a->n_keys : a->n_keys;
}

/* Floats of a block's scores. With shift end, its first column may lie up to a tile further left. */
static size_t room_floats(const sty_attention *a) {
    const size_t n = least(BLOCK, a->n_queries);
    if (!a->position_query) return n * a->n_keys;
    if (a->shift == STY_SHIFT_END) return n * (a->n_keys + n + STY_CONV_TILE);
    return (n + 2) * (a->n_keys + 1);
}

/* The places from `at` on; returns what is behind them, in floats. */
static size_t lay_out(const sty_attention *a, float *at, head *h) {
    const size_t rows = position_rows(a), wide = STY_CONV_TILE;
    const size_t sizes[] = {a->uniform ? 0 : sty_linear_packed(a->n_keys, a->key_width),
                            sty_linear_packed(a->value_width, a->n_keys),
                            sty_linear_packed(rows, a->key_width),
                            a->position_bias ? (rows + wide - 1) / wide * wide : 0};
    size_t used[4], sum = 0;
    for (int i = 0; i < 4; i++) {
        used[i] = sum;
        sum += sty_whole_lines(sizes[i]);
    }
    if (!at) return sum;
    h->keys = at + used[0];
    h->values = at + used[1];
    h->positions = at + used[2];
    h->position_bias = at + used[3];
    h->room = at + sum;
    return sum;
}

size_t sty_attention_scratch(const sty_attention *a) {
    sty_attention most = *a;
    const float something = 0;
    most.position_bias = &something; /* not known yet */
    return lay_out(&most, NULL, NULL) + room_floats(a);
}

static void pack_head(head *h, size_t index) {
    const sty_attention *a = h->a;
    const size_t at = index * a->key_width, rows = position_rows(a);
    h->index = index;
    sty_linear_pack_turned(a->value_width, a->n_keys, a->value + index * a->value_step, a->value_ld, h->values);
    if (a->uniform) return;
    sty_linear_pack(a->n_keys, a->key_width, a->key + at, a->key_ld, h->keys);
    if (rows) sty_linear_pack(rows, a->key_width, a->position + at, a->position_ld, h->positions);
    for (size_t j = 0; a->position_bias && j < rows; j++)
        h->position_bias[j] = a->position_bias[j * a->heads + index];
}

/* to [n, ld] = queries [first, first + n) against n_columns position rows from `row` on, a whole tile. */
static void position_scores(const head *h, size_t first, size_t n, size_t row, size_t n_columns, float *to,
                            size_t ld) {
    const sty_attention *a = h->a;
    const sty_linear rows = {n_columns, a->key_width, h->positions + row * a->key_width,
                             a->position_bias ? h->position_bias + row : NULL};
    const float *queries = a->position_query + first * a->query_ld + h->index * a->key_width;
    sty_linear_apply(&rows, &(sty_linear_call){.n = n, .x_ld = a->query_ld, .y_ld = ld, .x = queries, .y = to});
}

/* padded rows r0.. of [Tq, Tk + 1] hold flat elements first Tk + Tq and on */
static void shift_front(const head *h, block *b) {
    const size_t keys = h->a->n_keys, wide = keys + 1;
    const size_t flat = b->first * keys + h->a->n_queries, end = flat + b->n * keys;
    const size_t row = flat / wide, n_rows = (end - 1) / wide + 1 - row;
    for (size_t i = 0; i < n_rows; i++)
        h->room[i * wide] = 0.0f;
    position_scores(h, row, n_rows, 0, keys, h->room + 1, wide);
    b->scores = h->room + (flat - row * wide);
    b->ld = keys;
}

/* column c of a row stands for position row Tq - first - n + 1 - extra + c */
static void shift_end(const head *h, block *b) {
    const size_t row = h->a->n_queries + 1 - b->first - b->n, extra = row % STY_CONV_TILE;
    const size_t wide = h->a->n_keys + b->n - 1 + extra;
    position_scores(h, b->first, b->n, row - extra, wide, h->room, wide);
    b->scores = h->room + (b->n - 1 + extra);
    b->ld = wide - 1;
}

static void fill_masked(const sty_attention *a, const block *b) {
    for (size_t i = 0; i < b->n; i++) {
        const float *mask = a->mask + (b->first + i) * a->mask_ld;
        float *row = b->scores + i * b->ld;
        for (size_t j = 0; j < a->n_keys; j++)
            if ((mask[j] != 0.0f) != a->mask_valid) row[j] = a->mask_fill;
    }
}

static void softmax_rows(const head *h, const block *b) {
    const size_t keys = h->a->n_keys;
    if (b->ld == keys) sty_softmax(b->scores, b->n, keys);
    else
        for (size_t i = 0; i < b->n; i++)
            sty_softmax(b->scores + i * b->ld, 1, keys);
}

static void scores(const head *h, block *b) {
    const sty_attention *a = h->a;
    const sty_linear keys = {a->n_keys, a->key_width, h->keys, NULL};
    if (a->position_query && a->shift == STY_SHIFT_FRONT) shift_front(h, b);
    else if (a->position_query) shift_end(h, b);
    sty_linear_apply(&keys, &(sty_linear_call){.n = b->n,
                                               .x_ld = a->query_ld,
                                               .y_ld = b->ld,
                                               .x = a->query + b->first * a->query_ld + h->index * a->key_width,
                                               .y = b->scores,
                                               .add = a->position_query ? b->scores : NULL,
                                               .factor = 1.0f});
    if (a->mask) fill_masked(a, b);
    softmax_rows(h, b);
}

static void ones(const block *b, size_t n_keys) {
    for (size_t i = 0; i < b->n * n_keys; i++)
        b->scores[i] = 1.0f;
}

static void run_block(const head *h, size_t first) {
    const sty_attention *a = h->a;
    const sty_linear values = {a->value_width, a->n_keys, h->values, NULL};
    block b = {.first = first, .n = least(BLOCK, a->n_queries - first), .scores = h->room, .ld = a->n_keys};
    if (a->uniform) ones(&b, a->n_keys);
    else scores(h, &b);
    sty_linear_apply(&values, &(sty_linear_call){.n = b.n,
                                                 .x_ld = b.ld,
                                                 .y_ld = a->out_ld,
                                                 .x = b.scores,
                                                 .y = a->out + first * a->out_ld + h->index * a->value_width});
    for (size_t i = 0; a->weights && i < b.n; i++)
        memcpy(a->weights + (h->index * a->n_queries + first + i) * a->n_keys, b.scores + i * b.ld,
               a->n_keys * sizeof *a->weights);
}

void sty_attention_run(const sty_attention *a, float *scratch) {
    head h = {.a = a};
    lay_out(a, scratch, &h);
    for (size_t i = 0; i < a->heads; i++) {
        pack_head(&h, i);
        for (size_t first = 0; first < a->n_queries; first += BLOCK)
            run_block(&h, first);
    }
}
