/* source.c - opening what an entry names: files without blocking, parts of
 * archives as files of their own, the output of commands. */
#define _GNU_SOURCE
#include "base/file.h"
#include "corpus/pool_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const double BYTES_PER_SECOND = 32000; /* 16 kHz, 16 bit: coded audio allows more, not less */
static const double PIPE_SECONDS = 3600;

/* ---- commands ---- */

static sty_status start_command(const char *command, sty_opened *opened, sty_err *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return sty_err_set(err, STY_IO_ERROR, "cannot make a pipe: %s", strerror(errno));
    const pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        const int null = open("/dev/null", O_RDONLY);
        signal(SIGPIPE, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(ends[1], STDOUT_FILENO) >= 0)
            execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return sty_err_set(err, STY_IO_ERROR, "cannot start '%.200s': %s", command, strerror(errno));
    }
    *opened = (sty_opened){.fd = ends[0], .command = pid, .allowance_s = PIPE_SECONDS};
    return STY_OK;
}

void sty_command_kill(pid_t command) {
    if (command <= 0) return;
    kill(-command, SIGKILL);
    kill(command, SIGKILL);
    waitpid(command, NULL, 0);
}

sty_status sty_command_end(const sty_entry *entry, pid_t command, sty_err *err) {
    const struct timespec pause = {.tv_nsec = 2000000};
    int status = 0;
    pid_t ended = 0;
    for (int i = 0; i < 1000 && ended == 0; i++) {
        ended = waitpid(command, &status, WNOHANG);
        if (ended == 0) nanosleep(&pause, NULL);
    }
    if (ended == 0) {
        sty_command_kill(command);
        return sty_err_set(err, STY_IO_ERROR, "the command '%.300s' did not end", entry->path);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return STY_OK;
    if (WIFEXITED(status))
        return sty_err_set(err, STY_IO_ERROR, "the command '%.300s' failed with status %d", entry->path, WEXITSTATUS(status));
    return sty_err_set(err, STY_IO_ERROR, "the command '%.300s' was ended by signal %d", entry->path, WTERMSIG(status));
}

/* --decoder 'ffmpeg -i {} -f wav -': the path as one quoted word in place of {}. */
static sty_status start_decoder(const char *pattern, const char *path, sty_opened *opened, sty_err *err) {
    sty_buf command = {0};
    const char *p = pattern;
    for (const char *at = strstr(p, "{}"); at; at = strstr(p, "{}")) {
        sty_buf_put(&command, p, (size_t)(at - p));
        sty_buf_text(&command, "'");
        for (const char *c = path; *c; c++)
            sty_buf_put(&command, *c == '\'' ? "'\\''" : c, *c == '\'' ? 4 : 1);
        sty_buf_text(&command, "'");
        p = at + 2;
    }
    sty_buf_text(&command, p);
    sty_buf_put(&command, "", 1);
    const sty_status status = command.failed ? sty_err_no_memory(err, command.capacity, "a command")
                                             : start_command(command.data, opened, err);
    sty_buf_clear(&command);
    return status;
}

/* ---- archives ---- */

static uint32_t little32(const unsigned char *b) {
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* Bytes of the file that begins at offset: a RIFF file says, anything else lasts
 * to the archive's end. */
static uint64_t inner_size(int fd, uint64_t offset, uint64_t archive) {
    unsigned char head[12];
    const uint64_t rest = archive - offset;
    if (pread(fd, head, sizeof head, (off_t)offset) != (ssize_t)sizeof head || memcmp(head, "RIFF", 4) != 0) return rest;
    const uint64_t said = (uint64_t)little32(head + 4) + 8;
    return said > 12 && said < 0x7FFFFFFF && said < rest ? said : rest;
}

/* The part of an archive as a file in memory, so that the decoder sees a whole
 * file with its own length. */
static sty_status open_inner(const sty_entry *entry, int archive, uint64_t size, sty_opened *opened, sty_err *err) {
    if (entry->offset >= size)
        return sty_err_set(err, STY_TRUNCATED, "'%s' has %llu bytes, the entry begins at %llu", entry->path,
                           (unsigned long long)size, (unsigned long long)entry->offset);
    uint64_t left = inner_size(archive, entry->offset, size);
    off_t from = (off_t)entry->offset;
    char block[65536];
    const int fd = memfd_create("stylet", MFD_CLOEXEC);
    if (fd < 0) return sty_err_set(err, STY_IO_ERROR, "cannot make a file in memory: %s", strerror(errno));
    if (left > (uint64_t)4 << 30) left = (uint64_t)4 << 30;
    opened->allowance_s = (double)left / BYTES_PER_SECOND;
    while (left) {
        const ssize_t got = pread(archive, block, left < sizeof block ? (size_t)left : sizeof block, from);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || write(fd, block, (size_t)got) != got) {
            close(fd);
            return sty_err_set(err, STY_IO_ERROR, "cannot read '%s' at %lld: %s", entry->path, (long long)from,
                               got == 0 ? "it shrank" : strerror(errno));
        }
        from += got;
        left -= (uint64_t)got;
    }
    lseek(fd, 0, SEEK_SET);
    opened->fd = fd;
    return STY_OK;
}

/* ---- any ---- */

sty_status sty_source_open(const sty_entry *entry, const sty_pool_options *options, sty_opened *opened, sty_err *err) {
    struct stat st;
    int fd;
    *opened = (sty_opened){.fd = -1};
    if (entry->kind == STY_SOURCE_STDIN) {
        *opened = (sty_opened){.fd = dup(STDIN_FILENO), .allowance_s = -1};
        return opened->fd >= 0 ? STY_OK : sty_err_set(err, STY_IO_ERROR, "cannot read standard input: %s", strerror(errno));
    }
    if (entry->kind == STY_SOURCE_COMMAND) return start_command(entry->path, opened, err);
    STY_TRY(sty_file_open(entry->path, &fd, err));
    if (fstat(fd, &st) != 0) {
        close(fd);
        return sty_err_set(err, STY_IO_ERROR, "cannot stat '%s': %s", entry->path, strerror(errno));
    }
    opened->allowance_s = S_ISREG(st.st_mode) ? (double)st.st_size / BYTES_PER_SECOND : 0;
    if (options->decoder && entry->kind == STY_SOURCE_FILE) {
        close(fd);
        return start_decoder(options->decoder, entry->path, opened, err);
    }
    if (entry->kind == STY_SOURCE_FILE) {
        opened->fd = fd;
        return STY_OK;
    }
    const sty_status status = open_inner(entry, fd, (uint64_t)st.st_size, opened, err);
    close(fd);
    return status;
}
