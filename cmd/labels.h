/* labels.h - a column of a list for vectors: which speaker, which emotion. */
#ifndef CMD_LABELS_H
#define CMD_LABELS_H

#include "vectors.h"

/* One group number for each vector, in the order in which labels appear. */
typedef struct label_set {
    sty_list list;
    const char *column;
    sty_list_options how;
    size_t *group;      /* [n] of the vectors */
    const char **names; /* [n_groups] */
    size_t n_groups;
    sty_arena arena;
} label_set;

/* Looks every vector up by its id, else by its path. Errors: those of reading the
 * list; STY_BAD_ARGUMENT when the list has no such column, or a vector no label. */
sty_status labels_read(const char *list, const char *column, const vector_set *set, label_set *labels, sty_err *err);
void labels_clear(label_set *labels);

#endif
