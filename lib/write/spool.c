/* spool.c - see spool.h. */
#define _GNU_SOURCE
#include "write/spool.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

sty_status sty_spool_failed(const sty_writer *writer, sty_err *err) {
    return sty_err_set(err, STY_OUTPUT_ERROR, "cannot write the rows of '%s': %s", writer->path, strerror(errno));
}

FILE *sty_spool_open(const sty_writer *writer) {
    const int fd = sty_file_nameless(writer->path);
    FILE *file = fd >= 0 ? fdopen(fd, "w+") : NULL;
    if (fd >= 0 && !file) close(fd);
    return file;
}

sty_status sty_ids_open(const sty_writer *writer, sty_out **ids, sty_err *err) {
    sty_buf path = {0};
    sty_buf_printf(&path, "%s.ids.txt", writer->path);
    sty_buf_put(&path, "", 1);
    const sty_status status = path.failed ? sty_err_no_memory(err, 0, "a path") : sty_out_open(path.data, writer->overwrite, ids, err);
    sty_buf_clear(&path);
    return status;
}

sty_status sty_ids_put(sty_out *ids, const char *id, sty_err *err) {
    STY_TRY(sty_out_write(ids, id, strlen(id), err));
    return sty_out_write(ids, "\n", 1, err);
}
