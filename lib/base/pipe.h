/* pipe.h - a pipe's bytes as a file, for who reads them more than once. Floor 0. */
#ifndef STY_BASE_PIPE_H
#define STY_BASE_PIPE_H

#include "base/err.h"

/* Reads a pipe or socket to its end into a file without a name, whose position is 0 then: in
 * memory while it is small, then below TMPDIR (else /tmp; where nothing can be made there, it
 * stays in memory). A FIFO that nobody has opened for writing yet is given 5 s. *copy is the
 * caller's to close. Errors: STY_TOO_LONG (more than max_bytes), STY_IO_ERROR, STY_OUT_OF_MEMORY. */
sty_status sty_pipe_to_file(int fd, const char *name, size_t max_bytes, int *copy, sty_err *err);

#endif
