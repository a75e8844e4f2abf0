/* file.c - reading whole files, writing atomically. Own write loop instead of
 * stdio: a full disk is then seen by the call that meets it. */
#define _GNU_SOURCE
#include "base/file.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OUT_BUFFER = 1 << 16 };

/* True when a call that failed is to be repeated: it was interrupted, or somebody
 * else made the pipe non-blocking and it is ready now. */
static bool again(int fd, short events) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
    struct pollfd ready = {.fd = fd, .events = events};
    poll(&ready, 1, -1);
    return true;
}

struct sty_out {
    char *path;      /* final name; NULL for standard output */
    char *temporary; /* name being written */
    bool overwrite;
    int fd;
    size_t position, buffered;
    char buffer[OUT_BUFFER];
};

/* ---- input ---- */

sty_status sty_file_open(const char *path, int *fd, sty_err *err) {
    *fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (*fd >= 0) return STY_OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return sty_err_set(err, STY_NOT_FOUND, "cannot find '%s'", path);
    return sty_err_set(err, STY_UNREADABLE, "cannot open '%s': %s", path, strerror(errno));
}

sty_status sty_file_size(int fd, const char *name, size_t max_bytes, size_t *n, sty_err *err) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return sty_err_set(err, STY_IO_ERROR, "cannot stat '%s': %s", name, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return sty_err_set(err, STY_UNREADABLE, "'%s' is a folder, expected a file", name);
    if (!S_ISREG(st.st_mode))
        return sty_err_set(err, STY_UNREADABLE, "'%s' is not a regular file", name);
    if ((uintmax_t)st.st_size > max_bytes)
        return sty_err_set(err, STY_TOO_LONG, "'%s' has %jd bytes, the limit is %zu", name,
                           (intmax_t)st.st_size, max_bytes);
    *n = (size_t)st.st_size;
    return STY_OK;
}

sty_status sty_file_read_exactly(int fd, const char *name, void *to, size_t n, sty_err *err) {
    for (size_t got = 0; got < n;) {
        const ssize_t more = read(fd, (char *)to + got, n - got);
        if (more < 0 && errno == EINTR) continue;
        if (more == 0) return sty_err_set(err, STY_TRUNCATED, "'%s' shrank while being read", name);
        if (more < 0)
            return sty_err_set(err, STY_IO_ERROR, "cannot read '%s': %s", name, strerror(errno));
        got += (size_t)more;
    }
    return STY_OK;
}

static sty_status read_regular(int fd, const char *path, size_t max_bytes, sty_bytes *bytes,
                               sty_err *err) {
    size_t n;
    STY_TRY(sty_file_size(fd, path, max_bytes, &n, err));
    unsigned char *data = sty_resize(NULL, 0, n);
    if (!data) return sty_err_no_memory(err, n, path);
    sty_status status = sty_file_read_exactly(fd, path, data, n, err);
    if (status != STY_OK) {
        sty_free(data);
        return status;
    }
    bytes->data = data;
    bytes->n = n;
    return STY_OK;
}

sty_status sty_file_read(const char *path, size_t max_bytes, sty_bytes *bytes, sty_err *err) {
    int fd;
    STY_TRY(sty_file_open(path, &fd, err));
    sty_status status = read_regular(fd, path, max_bytes, bytes, err);
    close(fd);
    return status;
}

/* Opens path below folder, one component at a time, following no link. */
static int open_beneath(int folder_fd, const char *path) {
    char part[256];
    int at = dup(folder_fd);
    if (*path == '/' || *path == '\0') {
        if (at >= 0) close(at);
        errno = EXDEV;
        return -1;
    }
    while (at >= 0) {
        size_t n = strcspn(path, "/");
        bool last = path[n] == '\0';
        int next = -1;
        if (n == 0 || n >= sizeof part || (n == 2 && memcmp(path, "..", 2) == 0)) {
            errno = EXDEV;
        } else {
            memcpy(part, path, n);
            part[n] = '\0';
            int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
            next = openat(at, part, last ? flags : flags | O_DIRECTORY);
        }
        int reason = errno;
        close(at);
        errno = reason;
        if (last || next < 0) return next;
        at = next;
        path += n + 1;
    }
    return -1;
}

sty_status sty_file_open_beneath(int folder_fd, const char *path, int *fd, sty_err *err) {
    *fd = open_beneath(folder_fd, path);
    if (*fd < 0 && (errno == EXDEV || errno == ELOOP))
        return sty_err_set(err, STY_UNREADABLE,
                           "'%s' must be a plain relative path inside the model folder "
                           "(no '..', no symbolic link)",
                           path);
    if (*fd < 0 && errno == ENOENT)
        return sty_err_set(err, STY_NOT_FOUND, "cannot find '%s' in the model folder", path);
    if (*fd < 0)
        return sty_err_set(err, STY_UNREADABLE, "cannot open '%s': %s", path, strerror(errno));
    return STY_OK;
}

sty_status sty_file_read_beneath(int folder_fd, const char *path, size_t max_bytes,
                                 sty_bytes *bytes, sty_err *err) {
    int fd;
    STY_TRY(sty_file_open_beneath(folder_fd, path, &fd, err));
    sty_status status = read_regular(fd, path, max_bytes, bytes, err);
    close(fd);
    return status;
}

sty_status sty_file_slurp(int fd, const char *name, size_t max_bytes, sty_bytes *bytes,
                          sty_err *err) {
    unsigned char *data = NULL;
    size_t n = 0, capacity = 0;
    for (;;) {
        if (n == capacity) {
            size_t larger = capacity ? capacity * 2 : 65536;
            unsigned char *moved = sty_resize(data, n, larger);
            if (!moved) {
                sty_free(data);
                return sty_err_no_memory(err, larger, name);
            }
            data = moved;
            capacity = larger;
        }
        ssize_t more = read(fd, data + n, capacity - n);
        if (more < 0 && again(fd, POLLIN)) continue;
        if (more < 0) {
            sty_free(data);
            return sty_err_set(err, STY_IO_ERROR, "cannot read '%s': %s", name, strerror(errno));
        }
        if (more == 0) break;
        n += (size_t)more;
        if (n > max_bytes) {
            sty_free(data);
            return sty_err_set(err, STY_TOO_LONG, "'%s' has more than %zu bytes", name, max_bytes);
        }
    }
    bytes->data = data;
    bytes->n = n;
    return STY_OK;
}

void sty_bytes_clear(sty_bytes *bytes) {
    sty_free(bytes->data);
    bytes->data = NULL;
    bytes->n = 0;
}

/* ---- output ---- */

sty_status sty_output_failed(const char *path, const char *what, sty_err *err) {
    static const int mistakes[] = {ENOENT, ENOTDIR, EISDIR, ENAMETOOLONG, EACCES, EROFS};
    const int reason = errno;
    sty_status status = STY_OUTPUT_ERROR;
    for (size_t i = 0; i < STY_COUNT(mistakes); i++)
        if (reason == mistakes[i]) status = STY_BAD_ARGUMENT;
    if (reason == ENOENT) STY_TRY(sty_out_check_folder(path, err)); /* which says it better */
    return sty_err_set(err, status, "cannot %s '%s': %s", what, path, strerror(reason));
}

static sty_status output_failed(const sty_out *out, const char *what, sty_err *err) {
    return sty_output_failed(out->path ? out->path : "standard output", what, err);
}

/* PATH -> FOLDER/.NAME.part, or .NAME.NUMBER. A long NAME is cut, so that every name
 * that is legal works, and told from others by its digest. */
static char *temporary_name(const char *path, unsigned long number) {
    const char *slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0, n = strlen(path + folder);
    sty_buf text = {0};
    sty_buf_put(&text, path, folder);
    sty_buf_printf(&text, ".%.200s.", path + folder);
    if (n > 200) sty_buf_printf(&text, "%016llx.", (unsigned long long)sty_hash64(path + folder, n));
    if (number) sty_buf_printf(&text, "%lx", number);
    else sty_buf_text(&text, "part");
    sty_buf_put(&text, "", 1);
    if (text.failed) sty_buf_clear(&text);
    return text.data;
}

/* Opens and locks FOLDER/.NAME.part. What a killed run left there is written anew,
 * so nothing gathers; and one output has one writer. The holder of the lock may have
 * given the file its name in between: then ours is not the one that is meant.
 * STY_UNREADABLE: this file system has no locks. */
static sty_status open_part(sty_out *out, const char *name, sty_err *err) {
    const struct timespec pause = {.tv_nsec = 10000000};
    for (int tries = 0; tries < 100; tries++) { /* the workers of a killed run need a moment to end */
        struct stat mine, named;
        out->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (out->fd < 0) return output_failed(out, "create", err);
        const bool locked = flock(out->fd, LOCK_EX | LOCK_NB) == 0, busy = !locked && errno == EWOULDBLOCK;
        if (locked && fstat(out->fd, &mine) == 0 && lstat(name, &named) == 0 && mine.st_ino == named.st_ino &&
            mine.st_dev == named.st_dev && ftruncate(out->fd, 0) == 0)
            return STY_OK;
        close(out->fd);
        out->fd = -1;
        if (!locked && !busy) return STY_UNREADABLE;
        if (busy) nanosleep(&pause, NULL);
    }
    return sty_err_set(err, STY_OUTPUT_ERROR, "'%s' is in use: another run writes it", out->path);
}

/* A new file with a name that nobody else can have. Not mkstemp: its files are
 * private, and the umask that decides on the final one cannot be read without
 * changing it for every thread of the process. */
static sty_status open_numbered(sty_out *out, sty_err *err) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned long number = (unsigned long)getpid() << 32 ^ (unsigned long)now.tv_nsec ^ (unsigned long)(uintptr_t)out;
    for (int tries = 0; tries < 100; tries++, number++) {
        char *name = temporary_name(out->path, number | 1);
        if (!name) return sty_err_no_memory(err, strlen(out->path), out->path);
        out->fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        out->temporary = out->fd >= 0 ? name : NULL;
        if (out->fd >= 0) return STY_OK;
        const int reason = errno;
        sty_free(name);
        errno = reason;
        if (reason != EEXIST) break;
    }
    return output_failed(out, "create", err);
}

static sty_status create_temporary(sty_out *out, sty_err *err) {
    char *name = temporary_name(out->path, 0);
    if (!name) return sty_err_no_memory(err, strlen(out->path), out->path);
    const sty_status status = open_part(out, name, err);
    if (status == STY_OK) {
        out->temporary = name; /* ours from here on */
        return STY_OK;
    }
    sty_free(name);
    return status == STY_UNREADABLE ? open_numbered(out, err) : status;
}

int sty_file_nameless(const char *beside) {
    const char *slash = strrchr(beside, '/');
    sty_buf name = {0};
    if (slash) sty_buf_put(&name, beside, (size_t)(slash - beside) + 1);
    else sty_buf_text(&name, "./");
    sty_buf_put(&name, "", 1);
    int fd = name.failed ? -1 : open(name.data, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && !name.failed && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) { /* not on every file system */
        name.length--;
        sty_buf_text(&name, ".stylet-XXXXXX");
        sty_buf_put(&name, "", 1);
        fd = name.failed ? -1 : mkostemp(name.data, O_CLOEXEC);
        if (fd >= 0) unlink(name.data);
    }
    if (name.failed) errno = ENOMEM;
    const int reason = errno;
    sty_buf_clear(&name);
    errno = reason;
    return fd;
}

sty_status sty_out_check_folder(const char *path, sty_err *err) {
    const char *slash = strrchr(path, '/');
    struct stat st;
    if (!slash || slash == path || strcmp(path, "-") == 0) return STY_OK;
    char *folder = sty_copy_text(path, (size_t)(slash - path));
    if (!folder) return sty_err_no_memory(err, strlen(path), "a path");
    sty_status status = STY_OK;
    if (stat(folder, &st) != 0) status = sty_err_set(err, STY_BAD_ARGUMENT, "cannot write '%s': the folder '%s' does not exist", path, folder);
    else if (!S_ISDIR(st.st_mode)) status = sty_err_set(err, STY_BAD_ARGUMENT, "cannot write '%s': '%s' is no folder", path, folder);
    sty_free(folder);
    return status;
}

sty_status sty_out_open(const char *path, bool overwrite, sty_out **result, sty_err *err) {
    sty_out *out = sty_alloc(1, sizeof *out);
    if (!out) return sty_err_no_memory(err, sizeof *out, "an output");
    if (strcmp(path, "-") == 0) {
        out->fd = STDOUT_FILENO;
        *result = out;
        return STY_OK;
    }
    out->fd = -1;
    out->overwrite = overwrite;
    struct stat st;
    bool exists = stat(path, &st) == 0;
    sty_status status = STY_OK;
    out->path = sty_copy_text(path, strlen(path));
    if (!out->path) {
        status = sty_err_no_memory(err, strlen(path), path);
    } else if (exists && !S_ISREG(st.st_mode)) {
        /* a device or a pipe is written in place: there is nothing to rename */
        out->fd = S_ISDIR(st.st_mode) ? (errno = EISDIR, -1) : open(path, O_WRONLY | O_CLOEXEC);
        status = out->fd >= 0 ? STY_OK : output_failed(out, "write", err);
    } else if (exists && !overwrite) {
        status = sty_err_set(err, STY_BAD_ARGUMENT,
                             "'%s' exists already; choose another name or give --overwrite", path);
    } else status = create_temporary(out, err);
    if (status == STY_OK) *result = out;
    else sty_out_abort(out);
    return status;
}

static sty_status write_all(sty_out *out, const char *data, size_t n, sty_err *err) {
    while (n > 0) {
        ssize_t wrote = write(out->fd, data, n);
        if (wrote < 0 && again(out->fd, POLLOUT)) continue;
        if (wrote < 0) return output_failed(out, "write", err);
        data += wrote;
        n -= (size_t)wrote;
    }
    return STY_OK;
}

sty_status sty_out_flush(sty_out *out, sty_err *err) {
    size_t n = out->buffered;
    out->buffered = 0;
    return write_all(out, out->buffer, n, err);
}

sty_status sty_out_write(sty_out *out, const void *data, size_t n, sty_err *err) {
    out->position += n;
    if (n == 0) return STY_OK;
    if (n > OUT_BUFFER - out->buffered) STY_TRY(sty_out_flush(out, err));
    if (n > OUT_BUFFER) return write_all(out, data, n, err);
    memcpy(out->buffer + out->buffered, data, n);
    out->buffered += n;
    return STY_OK;
}

sty_status sty_out_patch(sty_out *out, size_t offset, const void *data, size_t n, sty_err *err) {
    sty_assert(!sty_out_is_stream(out) && offset + n <= out->position);
    STY_TRY(sty_out_flush(out, err));
    const char *from = data;
    while (n > 0) {
        ssize_t wrote = pwrite(out->fd, from, n, (off_t)offset);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return output_failed(out, "write", err);
        from += wrote;
        offset += (size_t)wrote;
        n -= (size_t)wrote;
    }
    return STY_OK;
}

size_t sty_out_position(const sty_out *out) { return out->position; }

bool sty_out_is_stream(const sty_out *out) { return out->temporary == NULL; }

/* The path is cut behind its folder for a moment: no memory, nothing that can fail. */
static void sync_folder(char *path) {
    char *slash = strrchr(path, '/');
    const char kept = slash ? slash[1] : '\0';
    if (slash) slash[1] = '\0';
    int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (slash) slash[1] = kept;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

sty_status sty_out_sync(sty_out *out, sty_err *err) {
    STY_TRY(sty_out_flush(out, err));
    return out->temporary && fsync(out->fd) != 0 ? output_failed(out, "sync", err) : STY_OK;
}

/* Without overwrite a file that has appeared meanwhile is left alone, as far as the
 * file system can (EINVAL: it cannot). */
static int give_name(const sty_out *out) {
    if (out->overwrite) return rename(out->temporary, out->path);
    if (renameat2(AT_FDCWD, out->temporary, AT_FDCWD, out->path, RENAME_NOREPLACE) == 0) return 0;
    return errno == EINVAL || errno == ENOSYS ? rename(out->temporary, out->path) : -1;
}

sty_status sty_out_commit(sty_out *out, sty_err *err) {
    sty_status status = sty_out_sync(out, err);
    if (status == STY_OK && out->temporary) {
        if (give_name(out) != 0) status = output_failed(out, "rename to", err);
        else {
            sync_folder(out->path);
            sty_free(out->temporary);
            out->temporary = NULL;
        }
    }
    sty_out_abort(out);
    return status;
}

void sty_out_abort(sty_out *out) {
    if (!out) return;
    if (out->temporary) unlink(out->temporary);
    if (out->path && out->fd >= 0) close(out->fd);
    sty_free(out->path);
    sty_free(out->temporary);
    sty_free(out);
}

sty_status sty_file_write(const char *path, const void *data, size_t n, bool overwrite,
                          sty_err *err) {
    sty_out *out;
    STY_TRY(sty_out_open(path, overwrite, &out, err));
    sty_status status = sty_out_write(out, data, n, err);
    if (status != STY_OK) {
        sty_out_abort(out);
        return status;
    }
    return sty_out_commit(out, err);
}
