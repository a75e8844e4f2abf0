/* log.h - the record log: what is done, safe against being killed at any instant.
 * Floor 5.
 *
 * A file of a header and entries, each {magic, index, part, length, previous
 * offset, checksum} and payload, appended whole and synced in groups. Opening one
 * again keeps everything up to the first entry that is torn and cuts off the
 * rest. Entries come in any order; reading goes by index. An index may have
 * several parts (windows of a long clip); it is done when its last part is there.
 * The file is locked while open: one writer to an output. */
#ifndef STY_CORPUS_LOG_H
#define STY_CORPUS_LOG_H

#include "base/buf.h"

typedef struct sty_log sty_log;

/* Creates a log with this header text, locked. path NULL: a nameless file.
 * resume: an existing log must have the very same header and is continued.
 * Without resume an existing log is refused unless overwrite.
 * n: how many indices there can be. Errors: STY_OUTPUT_ERROR (locked by another run, disk),
 * STY_BAD_ARGUMENT (exists; was made with other options). */
sty_status sty_log_open(const char *path, const char *header, size_t n, bool resume, bool overwrite, sty_log **log,
                        sty_err *err);

/* Opens one to be read only: its header comes from the file (sty_log_header). */
sty_status sty_log_read(const char *path, sty_log **log, sty_err *err);

const char *sty_log_header(const sty_log *log);

/* Appends part 0, 1, ... of an index; written after a twentieth of a second or 64 KiB
 * (by append or flush), synced every second. A failed write or sync is
 * final. Errors: STY_OUTPUT_ERROR. */
sty_status sty_log_append(sty_log *log, size_t index, unsigned part, bool last, const void *payload, size_t n, sty_err *err);

/* Done before, or appended since. */
bool sty_log_has(const sty_log *log, size_t index);
/* The same, and not waiting to be written. */
bool sty_log_can_read(const sty_log *log, size_t index);
size_t sty_log_count(const sty_log *log); /* of those done */

/* Calls put for each part of an index, in order. The bytes are aligned to 8 and
 * valid during the call. Errors: STY_OUTPUT_ERROR (the log cannot be read back), put's. */
typedef sty_status (*sty_log_put)(void *context, size_t index, const void *payload, size_t n, sty_err *err);
sty_status sty_log_each(sty_log *log, size_t index, sty_log_put put, void *context, sty_err *err);

/* Writes what waits: if it is time, or now. To be called several times a second. */
sty_status sty_log_flush(sty_log *log, bool now, sty_err *err);

sty_status sty_log_sync(sty_log *log, sty_err *err);

/* Closes; remove: the file goes too, its work is done. NULL is fine. */
void sty_log_close(sty_log *log, bool remove);

/* The descriptor, which a forked worker closes. */
int sty_log_fd(const sty_log *log);

#endif
