/* nominal.c - two inferences of one node side by side.
 *
 * Telling lengths from widths by comparing two messages leaves the layers free to say what they
 * like, in numbers, as they do for a clip whose lengths are known. */
#include "model/nominal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number that is a for T frames and b for 2 T: "T", "T - 2", "T/4", else "T'". */
static int print_length(unsigned long long a, unsigned long long b, char *text, size_t n) {
    enum { T = STY_NOMINAL_FRAMES };
    if (b == a + T && a == T) return snprintf(text, n, "T");
    if (b == a + T) return snprintf(text, n, a > T ? "T + %llu" : "T - %llu", a > T ? a - T : T - a);
    if (a > 0 && b == 2 * a && T % a == 0) return snprintf(text, n, "T/%llu", T / a);
    return snprintf(text, n, "T'");
}

/* err is the message for T frames, longer the same for 2 T: where numbers differ, lengths. */
static void name_lengths(sty_err *err, const sty_err *longer) {
    char text[sizeof err->message];
    const char *p = err->message, *q = longer->message;
    size_t n = 0;
    while (*p && n + 32 < sizeof text) {
        if (isdigit((unsigned char)*p) && isdigit((unsigned char)*q)) {
            char *after_p, *after_q;
            const unsigned long long a = strtoull(p, &after_p, 10), b = strtoull(q, &after_q, 10);
            if (a == b) n += (size_t)snprintf(text + n, 32, "%llu", a);
            else n += (size_t)print_length(a, b, text + n, 32);
            p = after_p;
            q = after_q;
        } else if (*p == *q) {
            text[n++] = *p++;
            q++;
        } else {
            return; /* two different messages */
        }
    }
    text[n] = '\0';
    memcpy(err->message, text, n + 1);
}

/* The lengths worth trying, each once: 1, T, and every axis that is the same for all clips. */
static size_t add_length(size_t *lengths, size_t n, size_t length) {
    for (size_t i = 0; i < n; i++)
        if (lengths[i] == length) return n;
    lengths[n] = length;
    return n + 1;
}

/* False when the node's inputs fit together for no length of their free axes. */
static bool may_fit(const sty_node *node, const sty_shape *in, const sty_shape *longer) {
    enum { MOST = 100000 };
    sty_shape tried[STY_MAX_PORTS];
    size_t lengths[2 + STY_MAX_PORTS * STY_MAX_RANK] = {1, STY_NOMINAL_FRAMES}, n = 2, n_free = 0, n_all = 1;
    size_t *axis[STY_MAX_PORTS * STY_MAX_RANK];
    for (size_t i = 0; i < node->n_in; i++) {
        tried[i] = in[i];
        for (int d = 0; d < in[i].rank; d++)
            if (in[i].dim[d] == longer[i].dim[d]) n = add_length(lengths, n, in[i].dim[d]);
            else axis[n_free++] = &tried[i].dim[d];
    }
    for (size_t i = 0; i < n_free && n_all < MOST; i++)
        n_all *= n;
    for (size_t at = 0; at < n_all && n_all < MOST; at++) {
        sty_shape out[STY_MAX_OUTPUTS];
        for (size_t i = 0, rest = at; i < n_free; i++, rest /= n)
            *axis[i] = lengths[rest % n];
        if (!sty_layer_only_lengths(node->type->shape(node->params, tried, node->n_in, out, NULL))) return true;
    }
    return n_all >= MOST;
}

static bool is_bad(sty_status status) { return status != STY_OK && !sty_layer_only_lengths(status); }

sty_status sty_nominal_infer(const sty_node *node, sty_shape *shapes, sty_shape *longer, sty_err *err) {
    sty_shape in[STY_MAX_PORTS], in_longer[STY_MAX_PORTS];
    sty_err first, second;
    const sty_status status = sty_graph_infer_node(node, shapes, &first);
    const sty_status later = sty_graph_infer_node(node, longer, &second);
    sty_node_inputs(node, shapes, in);
    sty_node_inputs(node, longer, in_longer);
    if (!is_bad(status) && !is_bad(later) && (status == STY_OK || may_fit(node, in, in_longer))) return STY_OK;
    if (status == later) name_lengths(&first, &second);
    const sty_err *told = is_bad(later) && !is_bad(status) ? &second : &first;
    if (err) *err = *told;
    return is_bad(told->status) ? told->status : STY_BAD_MODEL;
}

void sty_nominal_prefix(const sty_node *node, const sty_shape *shapes, const sty_shape *longer, sty_err *err) {
    sty_shape in[STY_MAX_PORTS];
    if (!err) return;
    sty_err other = *err;
    sty_node_inputs(node, shapes, in);
    sty_node_prefix(node, in, err);
    sty_node_inputs(node, longer, in);
    sty_node_prefix(node, in, &other);
    name_lengths(err, &other);
}
