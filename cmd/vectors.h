/* vectors.h - operands that become vectors: audio, run through the model, and
 * files that `extract` wrote. FILE#ID is one vector of such a file. */
#ifndef CMD_VECTORS_H
#define CMD_VECTORS_H

#include "common.h"

/* Where vectors come from. The model is opened when the first audio asks for it. */
typedef struct vector_source {
    const model_options *options;
    const char *output; /* name of the output and of the array in files */
    const text_list *bind; /* further graph inputs for audio, or NULL */
    const char *also;      /* a second output, or NULL: what the model or the files have of it */
    struct vector_set *beside; /* goes here, from the same run */
    sty_model *model;   /* closed by vector_source_close when own_model */
    bool own_model;
    sty_session *session;
    bool failed_open; /* the reason was printed */
} vector_source;

/* Vectors of one shape with their names. */
typedef struct vector_set {
    sty_arena arena;
    size_t n, capacity;
    int rank; /* of one: 1 or 2 */
    size_t dim[2], width;
    float *data;               /* [n, width] */
    const char **ids, **paths; /* paths: of audio, or "" */
    const char *model;         /* hash, "" when unknown */
    const char *first;         /* the operand that set the shape */
} vector_set;

/* Appends what an operand names. Errors: those of reading and running;
 * STY_BAD_ARGUMENT for another shape or another model than the vectors before. */
sty_status vectors_add(vector_source *source, const char *operand, vector_set *set, sty_err *err);

/* Audio is named by its path until here: now by what tells the paths apart,
 * without the folders they share and without extension. */
sty_status vectors_shorten(vector_set *set, sty_err *err);

/* The open model, opening it on demand; NULL after a message. */
const sty_model *vector_source_model(vector_source *source);

/* Appends what the model makes of a clip in memory. Errors: those of a run. */
sty_status vectors_add_clip(vector_source *source, const char *name, sty_clip *clip, vector_set *set, sty_err *err);

/* Tells an operand that is a store from audio, by its first bytes. */
bool vectors_is_store(const char *path);

/* Splits FILE#ID unless a file of the whole name exists: path into text, id
 * or NULL back. */
const char *vectors_split_id(const char *operand, char *text, size_t n);

void vectors_clear(vector_set *set);
void vector_source_close(vector_source *source);

#endif
