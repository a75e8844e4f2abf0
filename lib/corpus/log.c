/* log.c - see log.h. Own write loop: a full disk is seen by the call that meets
 * it, and after a failed sync nothing more is believed. */
#define _GNU_SOURCE
#include "corpus/log.h"

#include "base/file.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAGIC = 0x52595453, LAST_PART = 1, MAX_HEADER = 1 << 24, FLUSH_BYTES = 1 << 16, WINDOW_BYTES = 1 << 16 };
static const double FLUSH_S = 0.05; /* so long an entry may wait for others to be written with */
static const char file_magic[8] = "STYLOG2\n";
static const uint64_t NONE = UINT64_MAX;

typedef struct {
    uint32_t magic, flags;
    uint64_t index, previous; /* offset of the part before; NONE: the first */
    uint32_t length, sum;
} entry_head;

struct sty_log {
    char *path, *header;
    int fd;
    size_t n, n_done;
    uint64_t *places; /* [n] in pages: twice the offset of the latest entry of an index, and 1 when it is the last; 0: none */
    uint64_t end;
    time_t synced;
    bool failed, exact; /* exact: n is fixed */
    unsigned char *payload;
    size_t capacity;
    sty_buf waiting;   /* entries from `written` on that are not in the file yet */
    uint64_t written;
    double since;      /* when the first of them came */
    unsigned char *window; /* bytes of the file that are read one after another */
    uint64_t window_at;
    size_t window_n;
    sty_buf offsets; /* of the parts of an index */
};

static sty_status io_failed(const sty_log *log, const char *what, sty_err *err) {
    return sty_err_set(err, STY_OUTPUT_ERROR, "cannot %s '%s': %s", what, log->path ? log->path : "the record log",
                       strerror(errno));
}

static uint32_t sum_of(const entry_head *head, const void *payload) {
    const uint64_t both[2] = {sty_hash64(head, offsetof(entry_head, sum)), sty_hash64(payload, head->length)};
    return (uint32_t)sty_hash64(both, sizeof both);
}

/* ---- bytes ---- */

static size_t read_some(const sty_log *log, uint64_t offset, void *to, size_t n) {
    size_t all = 0;
    while (all < n) {
        const ssize_t got = pread(log->fd, (char *)to + all, n - all, (off_t)(offset + all));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        all += (size_t)got;
    }
    return all;
}

/* Entries are read one after another as a rule, so more is read than is asked for. */
static bool read_at(sty_log *log, uint64_t offset, void *to, size_t n) {
    if (n > WINDOW_BYTES / 4 || (!log->window && !(log->window = sty_alloc(WINDOW_BYTES, 1)))) return read_some(log, offset, to, n) == n;
    if (offset < log->window_at || offset + n > log->window_at + log->window_n) {
        log->window_at = offset;
        log->window_n = read_some(log, offset, log->window, WINDOW_BYTES);
    }
    if (log->window_n < n) return false;
    memcpy(to, log->window + (offset - log->window_at), n);
    return true;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

sty_status sty_log_flush(sty_log *log, bool now, sty_err *err) {
    const char *p = log->waiting.data;
    size_t n = log->waiting.length;
    if (n == 0 || (!now && n < FLUSH_BYTES && now_s() - log->since < FLUSH_S)) return STY_OK;
    log->window_n = 0;
    log->waiting.length = 0;
    while (n) {
        const ssize_t wrote = pwrite(log->fd, p, n, (off_t)log->written);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) {
            log->failed = true;
            return io_failed(log, "write", err);
        }
        p += wrote;
        log->written += (uint64_t)wrote;
        n -= (size_t)wrote;
    }
    return STY_OK;
}

static void write_end(sty_log *log, const void *from, size_t n) {
    if (log->waiting.length == 0) log->since = now_s();
    sty_buf_put(&log->waiting, from, n);
    log->end += n;
}

static sty_status room(sty_log *log, size_t index, sty_err *err) {
    if (index < log->n) return STY_OK;
    size_t larger = log->n ? log->n * 2 : 1024;
    while (larger <= index)
        larger *= 2;
    uint64_t *places = sty_pages(log->places, log->n * sizeof *places, larger * sizeof *places);
    if (!places) return sty_err_no_memory(err, larger, "a log");
    log->places = places;
    log->n = larger;
    return STY_OK;
}

static void remember(sty_log *log, size_t index, uint64_t offset, bool last) {
    if (last && !sty_log_has(log, index)) log->n_done++;
    log->places[index] = offset << 1 | last;
}

/* The entry at offset into head and log->payload; false: torn or the end. */
static bool read_entry(sty_log *log, uint64_t offset, uint64_t size, entry_head *head) {
    if (offset + sizeof *head > size || !read_at(log, offset, head, sizeof *head)) return false;
    if (head->magic != MAGIC || head->length > size - offset - sizeof *head) return false;
    if (head->length > log->capacity) {
        unsigned char *moved = sty_resize(log->payload, 0, head->length);
        if (!moved) return false;
        log->payload = moved;
        log->capacity = head->length;
    }
    return read_at(log, offset + sizeof *head, log->payload, head->length) && sum_of(head, log->payload) == head->sum;
}

/* Takes in every good entry from the header's end on. */
static sty_status scan(sty_log *log, uint64_t size, sty_err *err) {
    entry_head head;
    while (read_entry(log, log->end, size, &head)) {
        if (log->exact && head.index >= log->n) break;
        if (head.index > (uint64_t)1 << 40) break;
        STY_TRY(room(log, (size_t)head.index, err));
        remember(log, (size_t)head.index, log->end, head.flags & LAST_PART);
        log->end += sizeof head + head.length;
    }
    return STY_OK;
}

/* ---- opening ---- */

static sty_status read_header(sty_log *log, uint64_t size, sty_err *err) {
    char magic[8];
    uint32_t fixed[2];
    if (size < 16 || !read_at(log, 0, magic, 8) || memcmp(magic, file_magic, 8) != 0 || !read_at(log, 8, fixed, 8) ||
        fixed[0] > MAX_HEADER || fixed[0] > size - 16)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is not a record log of this program", log->path);
    log->header = sty_alloc(fixed[0] + 1, 1);
    if (!log->header) return sty_err_no_memory(err, fixed[0], "a header");
    if (!read_at(log, 16, log->header, fixed[0]) || (uint32_t)sty_hash64(log->header, fixed[0]) != fixed[1])
        return sty_err_set(err, STY_BAD_ARGUMENT, "the header of '%s' is damaged", log->path);
    log->end = 16 + fixed[0];
    return STY_OK;
}

static sty_status write_header(sty_log *log, const char *header, sty_err *err) {
    const uint32_t fixed[2] = {(uint32_t)strlen(header),
                               (uint32_t)sty_hash64(header, strlen(header))};
    if (ftruncate(log->fd, 0) != 0) return io_failed(log, "empty", err);
    sty_free(log->header);
    log->header = sty_copy_text(header, strlen(header));
    log->end = log->written = 0;
    log->window_n = 0;
    write_end(log, file_magic, sizeof file_magic);
    write_end(log, fixed, sizeof fixed);
    write_end(log, header, strlen(header));
    return log->waiting.failed ? sty_err_no_memory(err, strlen(header), "a header") : sty_log_flush(log, true, err);
}

/* Opens and locks. The holder of a lock may have finished and removed the file in
 * between: then the name leads elsewhere, and we start over. */
static sty_status open_locked(sty_log *log, sty_err *err) {
    for (;;) {
        struct stat mine, named;
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        log->fd = open(log->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (log->fd < 0) return sty_output_failed(log->path, "create", err);
        if (fcntl(log->fd, F_SETLK, &lock) != 0)
            return errno == EACCES || errno == EAGAIN
                       ? sty_err_set(err, STY_OUTPUT_ERROR, "'%s' is in use: another run writes this output", log->path)
                       : io_failed(log, "lock", err);
        if (fstat(log->fd, &mine) == 0 && stat(log->path, &named) == 0 && mine.st_ino == named.st_ino &&
            mine.st_dev == named.st_dev)
            return STY_OK;
        close(log->fd);
    }
}

static sty_status open_nameless(sty_log *log, sty_err *err) {
    const char *tmp = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof path, "%.4000s/", tmp && *tmp ? tmp : "/tmp");
    log->fd = sty_file_nameless(path);
    return log->fd >= 0 ? STY_OK : io_failed(log, "create a temporary file for", err);
}

static sty_status take_over(sty_log *log, const char *header, bool resume, bool overwrite, sty_err *err) {
    struct stat st;
    if (fstat(log->fd, &st) != 0) return io_failed(log, "stat", err);
    const uint64_t size = (uint64_t)st.st_size;
    /* a run killed before its header was whole has done nothing */
    const bool begun = size >= 16 + strlen(header);
    if (!begun || !resume) {
        if (begun && !overwrite)
            return sty_err_set(err, STY_BAD_ARGUMENT, "an unfinished run left '%s'; --resume continues it, --overwrite starts again",
                               log->path);
        return write_header(log, header, err);
    }
    STY_TRY(read_header(log, size, err));
    if (strcmp(log->header, header) != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT,
                           "'%s' was begun with another list, model or options; run it as then, or --overwrite starts again", log->path);
    STY_TRY(scan(log, size, err));
    log->written = log->end;
    return ftruncate(log->fd, (off_t)log->end) == 0 ? STY_OK : io_failed(log, "cut", err);
}

static sty_status make(const char *path, size_t n, sty_log **log, sty_err *err) {
    sty_log *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a log");
    made->fd = -1;
    made->exact = n > 0;
    made->path = path ? sty_copy_text(path, strlen(path)) : NULL;
    sty_status status = (path && !made->path) ? sty_err_no_memory(err, 1, "a log") : STY_OK;
    if (status == STY_OK && n) status = room(made, n - 1, err);
    if (status == STY_OK) *log = made;
    else sty_log_close(made, false);
    return status;
}

sty_status sty_log_open(const char *path, const char *header, size_t n, bool resume, bool overwrite, sty_log **log,
                        sty_err *err) {
    sty_log *made;
    STY_TRY(make(path, n, &made, err));
    sty_status status = path ? open_locked(made, err) : open_nameless(made, err);
    if (status == STY_OK) status = path ? take_over(made, header, resume, overwrite, err) : write_header(made, header, err);
    made->synced = time(NULL);
    if (status == STY_OK) *log = made;
    else sty_log_close(made, false);
    return status;
}

sty_status sty_log_read(const char *path, sty_log **log, sty_err *err) {
    struct stat st;
    sty_log *made;
    STY_TRY(make(path, 0, &made, err));
    made->fd = open(path, O_RDONLY | O_CLOEXEC);
    sty_status status = STY_OK;
    if (made->fd < 0 || fstat(made->fd, &st) != 0)
        status = sty_err_set(err, STY_BAD_ARGUMENT, "cannot read '%s': %s", path, strerror(errno));
    if (status == STY_OK) status = read_header(made, (uint64_t)st.st_size, err);
    if (status == STY_OK) status = scan(made, (uint64_t)st.st_size, err);
    if (status == STY_OK && made->end != (uint64_t)st.st_size)
        status = sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is damaged after %zu records", path, made->n_done);
    if (status == STY_OK) *log = made;
    else sty_log_close(made, false);
    return status;
}

/* ---- use ---- */

const char *sty_log_header(const sty_log *log) { return log->header; }

int sty_log_fd(const sty_log *log) { return log->fd; }

size_t sty_log_count(const sty_log *log) { return log->n_done; }

bool sty_log_has(const sty_log *log, size_t index) { return index < log->n && log->places[index] & 1; }

bool sty_log_can_read(const sty_log *log, size_t index) { return sty_log_has(log, index) && log->places[index] >> 1 < log->written; }

sty_status sty_log_sync(sty_log *log, sty_err *err) {
    STY_TRY(sty_log_flush(log, true, err));
    log->synced = time(NULL);
    if (!log->path || fdatasync(log->fd) == 0) return STY_OK;
    log->failed = true;
    return io_failed(log, "sync", err);
}

sty_status sty_log_append(sty_log *log, size_t index, unsigned part, bool last, const void *payload, size_t n, sty_err *err) {
    sty_assert(index < log->n);
    if (log->failed) return sty_err_set(err, STY_OUTPUT_ERROR, "'%s' could not be written", log->path ? log->path : "the record log");
    /* part 0 begins anew: what an interrupted run left of this index is forgotten */
    entry_head head = {.magic = MAGIC, .flags = last ? LAST_PART : 0, .index = index, .length = (uint32_t)n, .previous = NONE};
    if (part > 0) head.previous = log->places[index] >> 1;
    head.sum = sum_of(&head, payload);
    const uint64_t offset = log->end;
    write_end(log, &head, sizeof head);
    write_end(log, payload, n);
    if (log->waiting.failed) return sty_err_no_memory(err, n, "a record");
    remember(log, index, offset, last);
    STY_TRY(sty_log_flush(log, false, err));
    if (time(NULL) > log->synced) return sty_log_sync(log, err);
    return STY_OK;
}

sty_status sty_log_each(sty_log *log, size_t index, sty_log_put put, void *context, sty_err *err) {
    entry_head head;
    sty_buf *const offsets = &log->offsets;
    sty_status status = sty_log_flush(log, true, err);
    offsets->length = 0;
    uint64_t at = sty_log_has(log, index) ? log->places[index] >> 1 : NONE;
    while (at != NONE && status == STY_OK) {
        sty_buf_put(offsets, &at, sizeof at);
        if (!read_at(log, at, &head, sizeof head) || head.index != index || (head.previous != NONE && head.previous >= at))
            status = sty_err_set(err, STY_OUTPUT_ERROR, "'%s' cannot be read back", log->path ? log->path : "the record log");
        at = head.previous;
    }
    if (offsets->failed) status = sty_err_no_memory(err, offsets->capacity, "offsets");
    for (size_t i = offsets->length / sizeof at; status == STY_OK && i-- > 0;) {
        memcpy(&at, offsets->data + i * sizeof at, sizeof at);
        if (!read_entry(log, at, log->end, &head))
            status = sty_err_set(err, STY_OUTPUT_ERROR, "'%s' cannot be read back", log->path ? log->path : "the record log");
        else status = put(context, index, log->payload, head.length, err);
    }
    return status;
}

void sty_log_close(sty_log *log, bool remove) {
    if (!log) return;
    if (remove && log->path) unlink(log->path);
    if (log->fd >= 0) close(log->fd);
    sty_free(log->path);
    sty_free(log->header);
    sty_pages(log->places, log->n * sizeof *log->places, 0);
    sty_free(log->payload);
    sty_free(log->window);
    sty_buf_clear(&log->waiting);
    sty_buf_clear(&log->offsets);
    sty_free(log);
}
