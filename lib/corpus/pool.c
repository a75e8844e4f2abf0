/* pool.c - the supervisor's side: who does what, who died, who takes too long.
 *
 * Each worker has a queue of tasks (so that it never waits for the next one) taken
 * from a range of positions of one source. What a dead worker had not begun goes to
 * its successor.
 *
 * Waking for every clip costs as much as a tenth of a clip of a second. While clips are
 * short the queues are therefore longer, tasks go out several in a message, and the
 * supervisor naps until about half of a queue is done; answers come several in a message,
 * too, and in a page of shared memory each worker says what it is at, so that a crash or
 * a time that is over is that of one clip. Nothing but the time of waking depends on these
 * estimates. */
#define _GNU_SOURCE
#include "corpus/pool.h"

#include "corpus/pool_parts.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_AT_ONCE = 64, MAX_RANGE = 65536, TICK_MS = 100, IDLE_MS = 500, MAX_IDLE_DEATHS = 5, READ_BYTES = 1 << 16, MAX_WORKERS = 1024 };
enum { QUEUE = 3, DEEP = STY_MAX_TASKS }; /* tasks of a worker, and of one whose clips are short */
static const double SHORT_S = 10;          /* of audio, by a file's size */
static const double AHEAD_S = 0.1, MIN_NAP_S = 0.001, MAX_NAP_S = 0.05;

typedef struct {
    size_t position;
    pid_t command;
    double allowance_s;
    bool is_short;
} queued;

typedef struct {
    pid_t pid;
    int socket;
    sty_buf in;
    queued queue[DEEP]; /* sent, not answered; the first is being done */
    int n_queued;
    size_t redo[DEEP]; /* to be sent again */
    int n_redo;
    sty_buf tasks; /* to be sent in one message */
    int fds[DEEP], n_fds;
    size_t next, end; /* of its range */
    bool shared;      /* the range is of one source */
    size_t source;    /* position whose source it holds; (size_t)-1: none */
    double source_s;  /* its allowance */
    double started;   /* when it was given something or answered */
    sty_present *present;
    unsigned parts;   /* of the first, so far */
    double pace_s, paced; /* for a clip, of late (0: unknown), and until when that is known */
    bool timed_out;
    uint64_t overdue; /* the position for which */
} worker;

struct sty_pool {
    union {
        sty_present of;
        char alone[64]; /* in its cache line */
    } *present;
    sty_pool_options options;
    const sty_pool_job *job;
    worker *workers;
    size_t n, cursor, n_finished; /* known; next position that nobody has; those answered */
    int deep;                     /* longest queue: descriptors in flight are limited */
    bool ended, hungry, readable; /* of what is still to come */
    int idle_deaths;
    sty_buf failure;
};

uint64_t sty_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static double now_s(void) { return 1e-9 * (double)sty_now_ns(); }

int sty_granted_workers(void) {
    const char *slurm = getenv("SLURM_CPUS_PER_TASK");
    cpu_set_t set;
    if (slurm && *slurm) {
        char *end;
        const long n = strtol(slurm, &end, 10);
        if (*end == '\0' && n >= 1 && n <= MAX_WORKERS) return (int)n;
    }
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

void sty_pack_failure(const sty_entry *entry, size_t n_columns, sty_status status, const char *message, sty_buf *out) {
    const sty_record record = {.id = entry->id,
                               .path = entry->path,
                               .speaker = entry->speaker,
                               .columns = entry->columns,
                               .n_columns = n_columns,
                               .start_s = entry->start_s,
                               .channel = entry->channel,
                               .status = status,
                               .message = message};
    sty_pack_record(&record, out);
}

/* ---- processes ---- */

static void forget_tasks(worker *w) {
    for (int i = 0; i < w->n_fds; i++)
        close(w->fds[i]);
    w->n_fds = 0;
    w->tasks.length = 0;
}

static sty_status start_worker(sty_pool *pool, worker *w, sty_err *err) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return sty_err_set(err, STY_OUT_OF_MEMORY, "cannot make a socket: %s", strerror(errno));
    fflush(NULL);
    w->present->position = STY_NOTHING;
    const pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < pool->options.n_workers; i++)
            if (pool->workers[i].socket >= 0) close(pool->workers[i].socket);
        for (int i = 0; i < pool->options.n_workers; i++)
            forget_tasks(&pool->workers[i]);
        if (pool->options.close_fd >= 0) close(pool->options.close_fd);
        close(ends[0]);
        sty_worker_live(&pool->options, pool->job, ends[1], w->present);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return sty_err_set(err, STY_OUT_OF_MEMORY, "cannot start a worker: %s", strerror(errno));
    }
    w->pid = pid;
    w->socket = ends[0];
    w->source = (size_t)-1;
    w->parts = 0;
    w->timed_out = false;
    w->pace_s = 0;
    return STY_OK;
}

static int longest_queue(int n_workers) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
    const rlim_t share = limit.rlim_cur / 2 / (rlim_t)n_workers;
    return share < 1 ? 1 : share > DEEP ? DEEP : (int)share;
}

sty_status sty_pool_create(const sty_pool_options *options, const sty_pool_job *job, sty_pool **result, sty_err *err) {
    if (options->n_workers < 1 || options->n_workers > MAX_WORKERS)
        return sty_err_set(err, STY_BAD_ARGUMENT, "%d workers, expected 1 to %d", options->n_workers, MAX_WORKERS);
    sty_pool *pool = sty_alloc(1, sizeof *pool);
    worker *workers = sty_alloc((size_t)options->n_workers, sizeof *workers);
    if (!pool || !workers) {
        sty_free(pool);
        sty_free(workers);
        return sty_err_no_memory(err, sizeof *pool, "workers");
    }
    pool->options = *options;
    pool->job = job;
    pool->workers = workers;
    const size_t n_bytes = (size_t)options->n_workers * sizeof *pool->present;
    pool->present = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool->present == MAP_FAILED) {
        sty_free(workers);
        sty_free(pool);
        return sty_err_no_memory(err, n_bytes, "workers");
    }
    pool->deep = longest_queue(options->n_workers);
    for (int i = 0; i < options->n_workers; i++) {
        workers[i].socket = -1;
        workers[i].present = &pool->present[i].of;
    }
    *result = pool;
    return STY_OK;
}

void sty_pool_free(sty_pool *pool) {
    if (!pool) return;
    worker *const workers = pool->workers;
    const int n = pool->options.n_workers;
    for (int i = 0; i < n; i++) { /* all of them die at once, each takes a millisecond */
        if (workers[i].socket >= 0) close(workers[i].socket);
        if (workers[i].pid > 0) kill(workers[i].pid, SIGKILL);
        for (int j = 0; j < workers[i].n_queued; j++)
            sty_command_kill(workers[i].queue[j].command);
        forget_tasks(&workers[i]);
    }
    for (int i = 0; i < n; i++) {
        if (workers[i].pid > 0) waitpid(workers[i].pid, NULL, 0);
        sty_buf_clear(&workers[i].in);
        sty_buf_clear(&workers[i].tasks);
    }
    sty_buf_clear(&pool->failure);
    munmap(pool->present, (size_t)n * sizeof *pool->present);
    sty_free(workers);
    sty_free(pool);
}

/* ---- answers ---- */

static sty_status finish_with_failure(sty_pool *pool, size_t position, const sty_err *why, sty_err *err) {
    const sty_pool_job *job = pool->job;
    pool->failure.length = 0;
    sty_pack_failure(job->entry(job->context, position), pool->options.n_columns, why->status, why->message, &pool->failure);
    if (pool->failure.failed) return sty_err_no_memory(err, pool->failure.capacity, "a record");
    pool->n_finished++;
    return job->result(job->context, position, 0, true, pool->failure.data, pool->failure.length, err);
}

static void shift(worker *w) {
    memmove(w->queue, w->queue + 1, (size_t)(w->n_queued - 1) * sizeof *w->queue);
    w->n_queued--;
    w->parts = 0;
    w->started = now_s();
}

/* A scheduler or terminal that ends a run signals all of its processes. What ends
 * by a signal may therefore be a sign of our own end, which is let arrive: else
 * its clip would be recorded as failed. */
static sty_status let_signals_arrive(sty_pool *pool, sty_err *err) {
    const struct timespec pause = {.tv_nsec = 50000000};
    nanosleep(&pause, NULL);
    return pool->job->tick(pool->job->context, err);
}

/* One whole answer of the first task in the queue. */
static sty_status take_answer(sty_pool *pool, worker *w, const sty_answer *answer, const void *payload, sty_err *err) {
    const sty_pool_job *job = pool->job;
    sty_err why;
    if (w->n_queued == 0 || w->queue[0].position != answer->position || answer->part != (uint16_t)w->parts)
        return sty_err_set(err, STY_INTERNAL, "a worker answered what it was not asked");
    const unsigned part = w->parts++;
    const pid_t command = answer->last ? w->queue[0].command : 0;
    w->started = now_s(); /* it moves */
    if (!answer->last)
        return job->result(job->context, (size_t)answer->position, part, false, payload, answer->length, err);
    pool->idle_deaths = 0;
    w->queue[0].command = 0;
    shift(w);
    if (command && sty_command_end(job->entry(job->context, (size_t)answer->position), command, &why) != STY_OK) {
        w->source = (size_t)-1;
        STY_TRY(let_signals_arrive(pool, err));
        return finish_with_failure(pool, (size_t)answer->position, &why, err);
    }
    pool->n_finished++;
    return job->result(job->context, (size_t)answer->position, part, true, payload, answer->length, err);
}

/* All whole answers in w->in. The payload is moved to an aligned place. */
static sty_status take_answers(sty_pool *pool, worker *w, sty_err *err) {
    size_t at = 0;
    sty_status status = STY_OK;
    sty_answer answer;
    while (status == STY_OK && w->in.length - at >= sizeof answer) {
        memcpy(&answer, w->in.data + at, sizeof answer);
        if (w->in.length - at - sizeof answer < answer.length) break;
        pool->failure.length = 0;
        sty_buf_put(&pool->failure, w->in.data + at + sizeof answer, answer.length);
        if (pool->failure.failed) return sty_err_no_memory(err, answer.length, "an answer");
        status = take_answer(pool, w, &answer, pool->failure.data, err);
        at += sizeof answer + answer.length;
    }
    memmove(w->in.data, w->in.data + at, w->in.length - at);
    w->in.length -= at;
    return status;
}

/* Why the worker died at this one. */
static void explain(const sty_pool *pool, const worker *w, const queued *lost, int how, sty_err *why) {
    const char *path = pool->job->entry(pool->job->context, lost->position)->path;
    if (w->timed_out)
        sty_err_set(why, STY_TIMEOUT, "'%s' took longer than %.0f s", path, pool->options.timeout_s + lost->allowance_s);
    else if (WIFSIGNALED(how)) sty_err_set(why, STY_CRASHED, "'%s' ended its worker by signal %d (%s)", path, WTERMSIG(how), strsignal(WTERMSIG(how)));
    else sty_err_set(why, STY_CRASHED, "'%s' ended its worker with status %d", path, WEXITSTATUS(how));
}

/* The one that it was at is lost, all others that have no answer will be done again. */
static sty_status bury(sty_pool *pool, worker *w, sty_err *err) {
    int how = 0, lost = -1;
    sty_err why;
    close(w->socket);
    w->socket = -1;
    kill(w->pid, SIGKILL);
    while (waitpid(w->pid, &how, 0) < 0 && errno == EINTR) {}
    w->pid = 0;
    w->in.length = 0;
    const uint64_t at = w->present->position;
    for (int i = 0; i < w->n_queued; i++) {
        sty_command_kill(w->queue[i].command);
        if (w->queue[i].position == at && (!w->timed_out || at == w->overdue)) lost = i;
        else w->redo[w->n_redo++] = w->queue[i].position;
    }
    w->n_queued = 0;
    w->parts = 0;
    forget_tasks(w);
    if (lost < 0) {
        if (w->timed_out || ++pool->idle_deaths < MAX_IDLE_DEATHS) return STY_OK;
        return sty_err_set(err, STY_INTERNAL, "workers end before they begin");
    }
    explain(pool, w, &w->queue[lost], how, &why);
    if (!w->timed_out && WIFSIGNALED(how)) STY_TRY(let_signals_arrive(pool, err));
    return finish_with_failure(pool, w->queue[lost].position, &why, err);
}

static void keep_pace(worker *w, int n_before) {
    const int n = n_before - w->n_queued;
    if (n == 0) return;
    const double now = now_s(), pace_s = (now - w->paced) / n;
    w->pace_s = w->pace_s > 0 ? 0.7 * w->pace_s + 0.3 * pace_s : pace_s;
    w->paced = now;
}

/* What is there of its answers. */
static sty_status read_worker(sty_pool *pool, worker *w, sty_err *err) {
    const int n_before = w->n_queued;
    for (ssize_t got = READ_BYTES; got == READ_BYTES;) {
        if (w->in.capacity - w->in.length < READ_BYTES) {
            if (!sty_buf_extend(&w->in, READ_BYTES)) return sty_err_no_memory(err, READ_BYTES, "an answer");
            w->in.length -= READ_BYTES;
        }
        got = recv(w->socket, w->in.data + w->in.length, READ_BYTES, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
        if (got <= 0) return bury(pool, w, err);
        w->in.length += (size_t)got;
        STY_TRY(take_answers(pool, w, err));
    }
    keep_pace(w, n_before);
    return STY_OK;
}

/* ---- tasks ---- */

/* Takes the next positions of one source; false: none to be had now. */
static bool take_range(sty_pool *pool, worker *w) {
    const sty_pool_job *job = pool->job;
    const size_t limit = job->limit(job->context);
    if (pool->cursor >= pool->n || pool->cursor >= limit) return false;
    size_t end = pool->cursor + 1;
    while (!job->more && end < pool->n && end - pool->cursor < MAX_RANGE && job->same_source(job->context, pool->cursor, end))
        end++;
    w->next = pool->cursor;
    w->end = end;
    w->shared = end - w->next > 1;
    pool->cursor = end;
    return true;
}

/* Sends what waits. A worker that is gone is found out by its socket. A user may have so
 * many descriptors on their way and no more, those of other runs among them: they arrive
 * as clips are done. */
static sty_status send_tasks(sty_pool *pool, worker *w, sty_err *err) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(DEEP * sizeof(int))];
    } control;
    const struct timespec pause = {.tv_nsec = 1000000};
    const size_t all = w->tasks.length, n_fds = (size_t)w->n_fds;
    struct iovec part = {.iov_base = w->tasks.data, .iov_len = all};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (all == 0) return STY_OK;
    if (w->tasks.failed) return sty_err_no_memory(err, w->tasks.capacity, "tasks");
    memset(&control, 0, sizeof control);
    if (n_fds) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), w->fds, n_fds * sizeof(int));
    }
    const int less = pool->deep > 1 ? pool->deep / 2 : 1;
    ssize_t n;
    while ((n = sendmsg(w->socket, &message, MSG_NOSIGNAL)) < 0 && (errno == ETOOMANYREFS || errno == EINTR)) {
        pool->deep = less;
        nanosleep(&pause, NULL);
        STY_TRY(pool->job->tick(pool->job->context, err));
    }
    for (size_t sent = 0; n > 0 && (sent += (size_t)n) < all;) /* a long text */
        n = send(w->socket, w->tasks.data + sent, all - sent, MSG_NOSIGNAL);
    forget_tasks(w);
    return STY_OK;
}

static bool is_short(const sty_entry *entry, bool part, double source_s) {
    const double seconds = part && entry->end_s > 0 ? entry->end_s - entry->start_s : source_s;
    return seconds > 0 && seconds <= SHORT_S;
}

/* Opens a position's source and queues the task. What cannot be opened is a result at
 * once. */
static sty_status give(sty_pool *pool, worker *w, size_t position, sty_err *err) {
    const sty_pool_job *job = pool->job;
    const sty_entry *entry = job->entry(job->context, position);
    sty_opened opened = {.fd = -1};
    sty_err why;
    if (entry->kind == STY_SOURCE_BAD) {
        sty_err_set(&why, STY_BAD_LIST_ENTRY, "%s", entry->problem);
        return finish_with_failure(pool, position, &why, err);
    }
    const char *text = NULL;
    size_t length = 0;
    if (job->text) text = job->text(job->context, position, &length);
    const bool again = !job->more && w->source != (size_t)-1 && job->same_source(job->context, w->source, position);
    if (!again && sty_source_open(entry, &pool->options, &opened, &why) != STY_OK)
        return finish_with_failure(pool, position, &why, err);
    if (!again) w->source_s = opened.allowance_s;
    const bool brief = !job->text && is_short(entry, again, w->source_s);
    const sty_task task = {.position = position, .has_fd = !again, .shared = w->shared, .is_short = brief,
                           .text_length = (uint32_t)length, .line = entry->line};
    sty_buf_put(&w->tasks, &task, sizeof task);
    sty_buf_put(&w->tasks, text, length);
    if (opened.fd >= 0) w->fds[w->n_fds++] = opened.fd;
    if (w->n_queued == 0) w->started = w->paced = now_s();
    w->queue[w->n_queued++] = (queued){.position = position, .command = opened.command, .allowance_s = w->source_s, .is_short = brief};
    w->source = position;
    return STY_OK;
}

/* How many tasks the worker may have: few behind a long clip, and few of the last ones,
 * which another may be free to do sooner. One whose task is a text of any length is given
 * it when it listens: else both could wait for the other to read. */
static int depth_of(const sty_pool *pool, const worker *w) {
    if (pool->job->text) return 1;
    const int plain = QUEUE < pool->deep ? QUEUE : pool->deep;
    if (pool->job->more || w->pace_s <= 0 || (w->n_queued && !w->queue[w->n_queued - 1].is_short)) return plain;
    const double share = (double)(pool->n - pool->cursor) / (2.0 * pool->options.n_workers), ahead = AHEAD_S / w->pace_s;
    const double depth = ahead < share ? ahead : share;
    return depth > pool->deep ? pool->deep : depth > plain ? (int)depth : plain;
}

/* Fills the worker's queue up to depth. */
static sty_status feed(sty_pool *pool, worker *w, int depth, sty_err *err) {
    const int most = depth_of(pool, w);
    if (depth > most) depth = most;
    for (int i = 0; i < MAX_AT_ONCE && w->n_queued < depth; i++) {
        size_t position;
        if (w->n_redo) {
            position = w->redo[0];
            memmove(w->redo, w->redo + 1, (size_t)--w->n_redo * sizeof *w->redo);
        } else {
            if (w->next == w->end && !take_range(pool, w)) return STY_OK;
            if (w->next >= pool->job->limit(pool->job->context)) return STY_OK;
            position = w->next++;
        }
        if (w->socket < 0) STY_TRY(start_worker(pool, w, err));
        STY_TRY(give(pool, w, position, err));
    }
    return STY_OK;
}

static sty_status feed_all(sty_pool *pool, sty_err *err) {
    for (int depth = 1; depth <= pool->deep; depth++) /* everybody has one before anybody has two */
        for (int i = 0; i < pool->options.n_workers; i++)
            STY_TRY(feed(pool, &pool->workers[i], depth, err));
    for (int i = 0; i < pool->options.n_workers; i++)
        STY_TRY(send_tasks(pool, &pool->workers[i], err));
    return STY_OK;
}

/* Sleeps while every worker has enough to do. */
static void nap(const sty_pool *pool) {
    double most = MAX_NAP_S;
    for (int i = 0; i < pool->options.n_workers; i++) {
        const worker *w = &pool->workers[i];
        const double half = w->pace_s * (w->n_queued / 2);
        if (w->n_queued && half < most) most = half;
    }
    if (pool->job->more || most < MIN_NAP_S) return;
    const struct timespec pause = {.tv_nsec = (long)(1e9 * most)};
    nanosleep(&pause, NULL); /* or until a signal comes */
}

/* Of the clip that it is at; or of the first, should it never begin. */
static void check_time(sty_pool *pool, worker *w) {
    if (w->n_queued == 0 || w->timed_out) return;
    const uint64_t at = w->present->position;
    double started = w->started;
    int i = 0;
    while (i < w->n_queued && w->queue[i].position != at)
        i++;
    if (i < w->n_queued) started = 1e-9 * (double)w->present->started_ns;
    else i = 0;
    if (w->queue[i].allowance_s < 0 || now_s() - started < pool->options.timeout_s + w->queue[i].allowance_s) return;
    w->timed_out = true;
    w->overdue = w->queue[i].position;
    kill(w->pid, SIGKILL); /* its socket closes, and it is buried */
}

static sty_status wait_for_workers(sty_pool *pool, sty_err *err) {
    struct pollfd ready[MAX_WORKERS + 1];
    const int n = pool->options.n_workers;
    bool busy = false;
    for (int i = 0; i < n; i++)
        busy = busy || pool->workers[i].n_queued;
    for (int i = 0; i < n; i++)
        ready[i] = (struct pollfd){.fd = pool->workers[i].socket, .events = POLLIN};
    ready[n] = (struct pollfd){.fd = pool->hungry ? pool->job->fd : -1, .events = POLLIN};
    if (poll(ready, (nfds_t)n + 1, busy ? TICK_MS : pool->hungry ? IDLE_MS : 0) < 0) {
        if (errno == EINTR) return STY_OK;
        return sty_err_set(err, STY_INTERNAL, "cannot wait for workers: %s", strerror(errno));
    }
    pool->readable = ready[n].revents != 0;
    for (int i = 0; i < n; i++) {
        worker *w = &pool->workers[i];
        if (w->socket >= 0 && ready[i].revents) STY_TRY(read_worker(pool, w, err));
        check_time(pool, w);
    }
    return STY_OK;
}

static sty_status take_more(sty_pool *pool, sty_err *err) {
    const sty_pool_job *job = pool->job;
    if (!job->more) return STY_OK;
    const bool readable = pool->readable;
    pool->readable = false;
    return job->more(job->context, readable, &pool->n, &pool->ended, &pool->hungry, err);
}

sty_status sty_pool_run(sty_pool *pool, sty_err *err) {
    const sty_pool_job *job = pool->job;
    pool->n = job->n;
    pool->ended = !job->more;
    while (!pool->ended || pool->n_finished < pool->n) {
        STY_TRY(job->tick(job->context, err));
        STY_TRY(take_more(pool, err));
        STY_TRY(feed_all(pool, err));
        if (pool->ended && pool->n_finished == pool->n) break;
        nap(pool);
        STY_TRY(wait_for_workers(pool, err));
    }
    return STY_OK;
}
