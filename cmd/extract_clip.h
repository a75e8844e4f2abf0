/* extract_clip.h - the worker's part of extract: one entry of the list in, its
 * records out. */
#ifndef CMD_EXTRACT_CLIP_H
#define CMD_EXTRACT_CLIP_H

#include "common.h"

/* What is computed and how; made before the workers, which inherit it. */
typedef struct clip_work {
    const sty_model *model;
    sty_session *session;
    const char **names; /* of wanted outputs */
    const char *const **labels;
    size_t *n_labels, n_names, n_columns;
    double start_s, end_s; /* of entries that name no part */
    double chunk_s, window_s, hop_s;
    int channel; /* 0: all of them as the model has it; -1: a record for each */
    bool zero_nonfinite;
    sty_average *pieces; /* with --chunk */
    bool begun; /* in this worker */
    /* of the source at hand */
    int fd;
    bool own; /* fd is a copy, to be closed here */
    sty_clip *whole; /* decoded once for all its parts */
    int whole_channel;
    bool whole_failed;
} clip_work;

/* A sty_work_fn; context is a clip_work. */
void clip_work_run(void *context, const sty_entry *entry, int fd, bool again, bool shared, sty_emitter *emitter);

#endif
