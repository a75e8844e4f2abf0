/* compare.c - pairs and nearest vectors.
 *
 * The search takes the index in blocks that stay in the cache: one matrix product
 * with all queries, then a pass that keeps the k best of each query in a heap
 * whose worst is the bar the next rows must pass. No approximate index: a million
 * vectors are read faster than such an index is built. Candidates are found in
 * float32; what is reported, and their order, comes from double precision. */
#include "style/compare.h"

#include "math/gemm.h"

#include <math.h>
#include <string.h>

enum { BLOCK_FLOATS = 1 << 20, SPARE = 8, QUERIES = 256 };

double sty_compare(sty_metric metric, const float *a, const float *b, size_t width) {
    double aa = 0, bb = 0, ab = 0, dd = 0;
    for (size_t i = 0; i < width; i++) {
        const double x = a[i], y = b[i];
        aa += x * x;
        bb += y * y;
        ab += x * y;
        dd += (x - y) * (x - y);
    }
    if (metric == STY_EUCLIDEAN) return sqrt(dd);
    return aa > 0 && bb > 0 ? fmax(-1, fmin(1, ab / sqrt(aa * bb))) : 0;
}

void sty_compare_all(sty_metric metric, const float *vectors, size_t n, size_t width, float *out) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++) {
            const double v = sty_compare(metric, vectors + i * width, vectors + j * width, width);
            out[i * n + j] = out[j * n + i] = (float)v;
        }
}

/* ---- nearest ---- */

/* A heap of the best so far; the worst of them on top. */
typedef struct {
    float score; /* larger is more alike */
    size_t row;
} candidate;

static bool worse(candidate a, candidate b) { return a.score < b.score || (a.score == b.score && a.row > b.row); }

static void sift(candidate *heap, size_t n, candidate put) {
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n) break;
        if (child + 1 < n && worse(heap[child + 1], heap[child])) child++;
        if (!worse(heap[child], put)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = put;
}

typedef struct {
    sty_metric metric;
    const float *queries; /* [nq, width], of length 1 for the cosine */
    size_t nq, width, k;  /* k: kept for each query, more than asked for */
    candidate *heaps;     /* [nq, k] */
    float *rows, *scores; /* [block, width], [nq, block] */
    size_t block;
} search;

static void take_block(search *s, size_t first, size_t n) {
    sty_gemm_bt(s->nq, n, s->width, s->queries, s->width, s->rows, s->width, false, s->scores, s->block);
    for (size_t i = 0; i < n; i++) {
        const float *row = s->rows + i * s->width;
        const float square = sty_dot(s->width, row, row);
        const float factor = s->metric == STY_COSINE ? (square > 0 ? 1.0f / sqrtf(square) : 0.0f) : 2.0f;
        const float less = s->metric == STY_COSINE ? 0.0f : square;
        for (size_t q = 0; q < s->nq; q++) {
            candidate *heap = s->heaps + q * s->k;
            const candidate c = {s->scores[q * s->block + i] * factor - less, first + i};
            if (worse(heap[0], c)) sift(heap, s->k, c);
        }
    }
}

/* Exact values of one query's candidates; the best k, sorted. */
static sty_status settle(search *s, const float *query, size_t q, sty_store *store, size_t k, sty_match *matches,
                         sty_err *err) {
    size_t found = 0;
    for (size_t i = 0; i < s->k; i++) {
        const candidate c = s->heaps[q * s->k + i];
        if (c.row == SIZE_MAX) continue;
        STY_TRY(sty_store_read(store, c.row, 1, s->rows, err));
        const sty_match m = {c.row, sty_compare(s->metric, query, s->rows, s->width)};
        const double sign = s->metric == STY_COSINE ? -1 : 1; /* distances grow, cosines fall */
        size_t at = found < k ? found++ : k;
        while (at > 0 && (sign * m.value < sign * matches[at - 1].value ||
                          (m.value == matches[at - 1].value && m.row < matches[at - 1].row))) {
            if (at < k) matches[at] = matches[at - 1];
            at--;
        }
        if (at < k) matches[at] = m;
    }
    return STY_OK;
}

/* Directions of the queries, so that scores are cosines. */
static void prepare(search *s, const float *queries, float *directions) {
    for (size_t q = 0; q < s->nq; q++) {
        const float *from = queries + q * s->width;
        const float square = sty_dot(s->width, from, from);
        const float factor = s->metric == STY_COSINE && square > 0 ? 1.0f / sqrtf(square) : 1.0f;
        for (size_t i = 0; i < s->width; i++)
            directions[q * s->width + i] = from[i] * factor;
    }
    for (size_t i = 0; i < s->nq * s->k; i++)
        s->heaps[i] = (candidate){-INFINITY, SIZE_MAX};
    s->queries = directions;
}

sty_status sty_nearest(sty_metric metric, const float *queries, size_t n_queries, size_t width,
                       sty_store *store, size_t *k, sty_match *matches, sty_err *err) {
    const sty_store_info *info = sty_store_facts(store);
    sty_arena arena = {0};
    if (info->width != width)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the index has vectors of %zu values, the queries have %zu", info->width,
                           width);
    if (*k > info->n) *k = info->n;
    search s = {.metric = metric, .nq = n_queries, .width = width, .block = BLOCK_FLOATS / width + 1};
    s.k = *k + SPARE < info->n ? *k + SPARE : info->n;
    float *directions = sty_arena_alloc(&arena, n_queries * width, sizeof *directions);
    s.heaps = sty_arena_alloc(&arena, n_queries * s.k, sizeof *s.heaps);
    s.rows = sty_arena_alloc(&arena, s.block * width, sizeof *s.rows);
    s.scores = sty_arena_alloc(&arena, s.block * n_queries, sizeof *s.scores);
    sty_status status = directions && s.heaps && s.rows && s.scores
                            ? STY_OK
                            : sty_err_no_memory(err, s.block * (width + n_queries) * sizeof(float), "the search");
    if (status == STY_OK) prepare(&s, queries, directions);
    for (size_t first = 0; status == STY_OK && first < info->n; first += s.block) {
        const size_t n = info->n - first < s.block ? info->n - first : s.block;
        status = sty_store_read(store, first, n, s.rows, err);
        if (status == STY_OK) take_block(&s, first, n);
    }
    for (size_t q = 0; status == STY_OK && q < n_queries; q++)
        status = settle(&s, queries + q * width, q, store, *k, matches + q * *k, err);
    sty_arena_clear(&arena);
    return status;
}

/* ---- among themselves ---- */

/* The nearest of the candidates of one query that is not the query itself, by exact
 * distances; equal ones in the order of the vectors. */
static size_t settle_other(const search *s, const float *vectors, size_t own, const candidate *heap) {
    size_t best = own;
    double least = (double)INFINITY;
    for (size_t i = 0; i < s->k; i++) {
        const size_t row = heap[i].row;
        if (row == SIZE_MAX || row == own) continue;
        const double value = sty_compare(s->metric, vectors + own * s->width, vectors + row * s->width, s->width);
        const double distance = s->metric == STY_COSINE ? -value : value;
        if (distance < least || (distance == least && row < best)) {
            least = distance;
            best = row;
        }
    }
    return best;
}

sty_status sty_nearest_others(sty_metric metric, const float *vectors, size_t n, size_t width, size_t *nearest, sty_err *err) {
    sty_arena arena = {0};
    search s = {.metric = metric, .width = width, .block = BLOCK_FLOATS / width + 1};
    if (s.block > n) s.block = n;
    s.k = 2 + SPARE < n ? 2 + SPARE : n;
    float *directions = sty_arena_alloc(&arena, QUERIES * width, sizeof *directions);
    s.heaps = sty_arena_alloc(&arena, QUERIES * s.k, sizeof *s.heaps);
    s.rows = sty_arena_alloc(&arena, s.block * width, sizeof *s.rows);
    s.scores = sty_arena_alloc(&arena, s.block * QUERIES, sizeof *s.scores);
    sty_status status = directions && s.heaps && s.rows && s.scores ? STY_OK
                                                                    : sty_err_no_memory(err, s.block * (width + QUERIES), "the search");
    for (size_t q = 0; status == STY_OK && q < n; q += QUERIES) {
        s.nq = n - q < QUERIES ? n - q : QUERIES;
        prepare(&s, vectors + q * width, directions);
        for (size_t first = 0; first < n; first += s.block) {
            const size_t count = n - first < s.block ? n - first : s.block;
            memcpy(s.rows, vectors + first * width, count * width * sizeof *s.rows);
            take_block(&s, first, count);
        }
        for (size_t i = 0; i < s.nq; i++)
            nearest[q + i] = settle_other(&s, vectors, q + i, s.heaps + i * s.k);
    }
    sty_arena_clear(&arena);
    return status;
}
