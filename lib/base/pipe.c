/* pipe.c - see pipe.h. Memory first, because most pipes are short and a disk may be slow or full;
 * a disk behind it, because some are not. */
#define _GNU_SOURCE
#include "base/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WRITER_WAIT_MS = 5000, BUFFER = 1 << 16, IN_MEMORY = 48 << 20 };

static bool write_all(int fd, const char *from, size_t n) {
    while (n > 0) {
        const ssize_t done = write(fd, from, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        from += done;
        n -= (size_t)done;
    }
    return true;
}

/* Moves what came so far out of memory; false: there is no place for it. */
static bool move_to_disk(int *copy, char *buffer) {
    const char *folder = getenv("TMPDIR");
    const int file = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (file < 0) return false;
    off_t at = 0;
    for (ssize_t n; (n = pread(*copy, buffer, BUFFER, at)) > 0; at += n)
        if (!write_all(file, buffer, (size_t)n)) {
            close(file);
            return false;
        }
    close(*copy);
    *copy = file;
    return true;
}

static sty_status fill(int fd, const char *name, size_t max_bytes, int *copy, sty_err *err) {
    char buffer[BUFFER];
    bool moved = false;
    for (size_t total = 0;;) {
        const ssize_t n = read(fd, buffer, BUFFER);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return sty_err_set(err, STY_IO_ERROR, "cannot read '%s': %s", name, strerror(errno));
        if (n == 0) break;
        total += (size_t)n;
        if (total > max_bytes) return sty_err_set(err, STY_TOO_LONG, "'%s' has more than %zu bytes", name, max_bytes);
        if (!write_all(*copy, buffer, (size_t)n)) return sty_err_set(err, STY_OUT_OF_MEMORY, "no room for the output of '%s'", name);
        if (total > IN_MEMORY && !moved) {
            moved = true;
            move_to_disk(copy, buffer);
        }
    }
    if (lseek(*copy, 0, SEEK_SET) != 0) return sty_err_set(err, STY_IO_ERROR, "cannot go back to the start of '%s'", name);
    return STY_OK;
}

sty_status sty_pipe_to_file(int fd, const char *name, size_t max_bytes, int *copy, sty_err *err) {
    const int flags = fcntl(fd, F_GETFL);
    struct pollfd writer = {.fd = fd, .events = POLLIN};
    if (flags >= 0 && flags & O_NONBLOCK) {
        poll(&writer, 1, WRITER_WAIT_MS); /* one may come a moment later than we do */
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    }
    int made = memfd_create("stylet", MFD_CLOEXEC);
    if (made < 0) return sty_err_set(err, STY_OUT_OF_MEMORY, "no room for the output of '%s': %s", name, strerror(errno));
    const sty_status status = fill(fd, name, max_bytes, &made, err);
    if (status == STY_OK) *copy = made;
    else close(made);
    return status;
}
