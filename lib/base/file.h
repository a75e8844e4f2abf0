/* file.h - whole files in, whole files out. Floor 0.
 *
 * Output appears under its name only when complete: bytes go to .NAME.part in the
 * same folder, locked while it is written; commit syncs it, renames it and syncs the
 * folder. What a killed run left there, the next run of that output overwrites. */
#ifndef STY_BASE_FILE_H
#define STY_BASE_FILE_H

#include "base/buf.h"

/* A file's bytes, owned by the caller (sty_bytes_clear). */
typedef struct sty_bytes {
    unsigned char *data;
    size_t n;
} sty_bytes;

/* Reads a regular file of at most max_bytes. The descriptor is opened without
 * blocking, so a FIFO cannot hang it. Errors: STY_NOT_FOUND, STY_UNREADABLE (no
 * permission, a folder, not a regular file), STY_TOO_LONG, STY_IO_ERROR. */
sty_status sty_file_read(const char *path, size_t max_bytes, sty_bytes *bytes, sty_err *err);

/* The same for a path below a folder: no absolute path, no "..", no symbolic
 * link is followed, on any component. */
sty_status sty_file_read_beneath(int folder_fd, const char *path, size_t max_bytes,
                                 sty_bytes *bytes, sty_err *err);

/* Opens such a path for reading; fd is the caller's. */
sty_status sty_file_open_beneath(int folder_fd, const char *path, int *fd, sty_err *err);

/* The size of what fd is, which must be a regular file of at most max_bytes. */
sty_status sty_file_size(int fd, const char *name, size_t max_bytes, size_t *n, sty_err *err);

/* Exactly n bytes from fd's position on. Errors: STY_TRUNCATED, STY_IO_ERROR. */
sty_status sty_file_read_exactly(int fd, const char *name, void *to, size_t n, sty_err *err);

/* Reads a descriptor (pipe, socket, file) to its end. */
sty_status sty_file_slurp(int fd, const char *name, size_t max_bytes, sty_bytes *bytes,
                          sty_err *err);

void sty_bytes_clear(sty_bytes *bytes);

/* Opens a path for reading without blocking; the message says why not. */
sty_status sty_file_open(const char *path, int *fd, sty_err *err);

/* A file without a name in the folder of the path `beside`, for rows that wait; -1
 * with errno. It is gone when it is closed, however the process ends. */
int sty_file_nameless(const char *beside);

/* STY_BAD_ARGUMENT when the folder of an output is not there: better said before
 * anything is computed. */
sty_status sty_out_check_folder(const char *path, sty_err *err);

/* errno as the error of an output: "cannot WHAT 'PATH': ...". A name that cannot be a
 * file is the caller's mistake (STY_BAD_ARGUMENT), a full or broken device is trouble
 * that a second try may not meet (STY_OUTPUT_ERROR). */
sty_status sty_output_failed(const char *path, const char *what, sty_err *err);

/* An output being written. */
typedef struct sty_out sty_out;

/* path "-" writes to standard output at once. Without overwrite an existing file is
 * refused. Errors: STY_BAD_ARGUMENT (the file exists, its folder does not, the name
 * is a folder's or too long), STY_OUTPUT_ERROR (everything else, also that another
 * process or thread is writing it). */
sty_status sty_out_open(const char *path, bool overwrite, sty_out **out, sty_err *err);

/* Appends. Buffered: an error may show in a later call. Errors: STY_OUTPUT_ERROR. */
sty_status sty_out_write(sty_out *out, const void *data, size_t n, sty_err *err);

/* Hands everything buffered to the system. */
sty_status sty_out_flush(sty_out *out, sty_err *err);

/* The same, and onto the disk: after this commit only gives the name. */
sty_status sty_out_sync(sty_out *out, sty_err *err);

/* Overwrites n bytes at offset (not on standard output). */
sty_status sty_out_patch(sty_out *out, size_t offset, const void *data, size_t n, sty_err *err);

/* Bytes written so far; whether the output can be patched. */
size_t sty_out_position(const sty_out *out);
bool sty_out_is_stream(const sty_out *out);

/* Makes the file appear whole under its name. Frees out in every case. */
sty_status sty_out_commit(sty_out *out, sty_err *err);

/* Removes what was written. NULL is fine. Frees out. */
void sty_out_abort(sty_out *out);

/* The whole of data under path, or nothing. */
sty_status sty_file_write(const char *path, const void *data, size_t n, bool overwrite,
                          sty_err *err);

#endif
