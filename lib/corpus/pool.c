/* pool.c - the supervisor's side: who does what, who died, who takes too long.
 *
 * Each worker has a short queue of tasks (so that it never waits for the next
 * one) taken from a range of positions of one source. What a dead worker had
 * not begun goes to its successor. */
#define _GNU_SOURCE
#include "corpus/pool.h"

#include "corpus/pool_parts.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { QUEUE = 3, MAX_AT_ONCE = 64, MAX_RANGE = 65536, TICK_MS = 100, IDLE_MS = 500, MAX_IDLE_DEATHS = 5, READ_BYTES = 1 << 16, MAX_WORKERS = 1024 };

typedef struct {
    size_t position;
    pid_t command;
    double allowance_s;
} queued;

typedef struct {
    pid_t pid;
    int socket;
    sty_buf in;
    queued queue[QUEUE]; /* sent, not answered; the first is being done */
    int n_queued;
    size_t redo[QUEUE]; /* to be sent again */
    int n_redo;
    size_t next, end; /* of its range */
    bool shared;      /* the range is of one source */
    size_t source;    /* position whose source it holds; (size_t)-1: none */
    double started;   /* when the first in the queue was begun */
    unsigned parts;   /* of the first, so far */
    bool timed_out;
} worker;

struct sty_pool {
    sty_pool_options options;
    const sty_pool_job *job;
    worker *workers;
    size_t n, cursor, n_finished; /* known; next position that nobody has; those answered */
    bool ended, hungry, readable; /* of what is still to come */
    int idle_deaths;
    sty_buf failure;
};

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

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

static sty_status start_worker(sty_pool *pool, worker *w, sty_err *err) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return sty_err_set(err, STY_OUT_OF_MEMORY, "cannot make a socket: %s", strerror(errno));
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < pool->options.n_workers; i++)
            if (pool->workers[i].socket >= 0) close(pool->workers[i].socket);
        if (pool->options.close_fd >= 0) close(pool->options.close_fd);
        close(ends[0]);
        sty_worker_live(&pool->options, pool->job, ends[1]);
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
    return STY_OK;
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
    for (int i = 0; i < options->n_workers; i++)
        workers[i].socket = -1;
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
    }
    for (int i = 0; i < n; i++) {
        if (workers[i].pid > 0) waitpid(workers[i].pid, NULL, 0);
        sty_buf_clear(&workers[i].in);
    }
    sty_buf_clear(&pool->failure);
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

/* The first in the queue is lost, the others will be done again. */
static sty_status bury(sty_pool *pool, worker *w, sty_err *err) {
    int how = 0;
    sty_err why;
    close(w->socket);
    w->socket = -1;
    kill(w->pid, SIGKILL);
    while (waitpid(w->pid, &how, 0) < 0 && errno == EINTR) {}
    w->pid = 0;
    w->in.length = 0;
    if (w->n_queued == 0) {
        if (++pool->idle_deaths < MAX_IDLE_DEATHS) return STY_OK;
        return sty_err_set(err, STY_INTERNAL, "workers end before they begin");
    }
    const size_t position = w->queue[0].position;
    const sty_entry *entry = pool->job->entry(pool->job->context, position);
    for (int i = 0; i < w->n_queued; i++) {
        sty_command_kill(w->queue[i].command);
        w->queue[i].command = 0;
        if (i > 0) w->redo[w->n_redo++] = w->queue[i].position;
    }
    if (w->timed_out)
        sty_err_set(&why, STY_TIMEOUT, "'%s' took longer than %.0f s", entry->path, pool->options.timeout_s + w->queue[0].allowance_s);
    else if (WIFSIGNALED(how)) sty_err_set(&why, STY_CRASHED, "'%s' ended its worker by signal %d (%s)", entry->path, WTERMSIG(how), strsignal(WTERMSIG(how)));
    else sty_err_set(&why, STY_CRASHED, "'%s' ended its worker with status %d", entry->path, WEXITSTATUS(how));
    w->n_queued = 0;
    w->parts = 0;
    if (!w->timed_out && WIFSIGNALED(how)) STY_TRY(let_signals_arrive(pool, err));
    return finish_with_failure(pool, position, &why, err);
}

static sty_status read_worker(sty_pool *pool, worker *w, sty_err *err) {
    if (w->in.capacity - w->in.length < READ_BYTES) {
        if (!sty_buf_extend(&w->in, READ_BYTES)) return sty_err_no_memory(err, READ_BYTES, "an answer");
        w->in.length -= READ_BYTES;
    }
    const ssize_t got = recv(w->socket, w->in.data + w->in.length, READ_BYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return STY_OK;
    if (got <= 0) return bury(pool, w, err);
    w->in.length += (size_t)got;
    return take_answers(pool, w, err);
}

/* ---- tasks ---- */

/* Takes the next positions of one source; false: none to be had now. */
static bool take_range(sty_pool *pool, worker *w) {
    const sty_pool_job *job = pool->job;
    const size_t limit = job->limit(job->context);
    if (pool->cursor >= pool->n || pool->cursor >= limit) return false;
    const sty_entry *first = job->entry(job->context, pool->cursor);
    size_t end = pool->cursor + 1;
    while (!job->more && end < pool->n && end - pool->cursor < MAX_RANGE && sty_same_source(first, job->entry(job->context, end)))
        end++;
    w->next = pool->cursor;
    w->end = end;
    w->shared = end - w->next > 1;
    pool->cursor = end;
    return true;
}

/* Sends a task; false: the worker is gone (its socket will say so). */
static bool send_task(worker *w, const sty_task *task, int fd, const char *text) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t)task, .iov_len = sizeof *task},
                             {.iov_base = (void *)(uintptr_t)text, .iov_len = task->text_length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = task->text_length ? 2 : 1};
    memset(&control, 0, sizeof control);
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    size_t sent = 0;
    const size_t all = sizeof *task + task->text_length;
    ssize_t n = sendmsg(w->socket, &message, MSG_NOSIGNAL);
    while (n > 0 && (sent += (size_t)n) < all) /* a long text */
        n = send(w->socket, text + (sent - sizeof *task), all - sent, MSG_NOSIGNAL);
    return n > 0;
}

/* Opens a position's source and sends the task. What cannot be opened is a
 * result at once. */
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
    const bool again = !job->more && w->source != (size_t)-1 && sty_same_source(job->entry(job->context, w->source), entry);
    if (!again && sty_source_open(entry, &pool->options, &opened, &why) != STY_OK)
        return finish_with_failure(pool, position, &why, err);
    const sty_task task = {.position = position, .has_fd = !again, .shared = w->shared, .text_length = (uint32_t)length, .line = entry->line};
    send_task(w, &task, opened.fd, text);
    if (opened.fd >= 0) close(opened.fd);
    if (again && w->n_queued) opened.allowance_s = w->queue[w->n_queued - 1].allowance_s;
    if (w->n_queued == 0) w->started = now_s();
    w->queue[w->n_queued++] = (queued){.position = position, .command = opened.command, .allowance_s = opened.allowance_s};
    w->source = position;
    return STY_OK;
}

/* Fills the worker's queue up to depth. */
static sty_status feed(sty_pool *pool, worker *w, int depth, sty_err *err) {
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

static void check_time(sty_pool *pool, worker *w) {
    if (w->n_queued == 0 || w->queue[0].allowance_s < 0 || w->timed_out) return;
    if (now_s() - w->started < pool->options.timeout_s + w->queue[0].allowance_s) return;
    w->timed_out = true;
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
        for (int depth = 1; depth <= QUEUE; depth++) /* everybody has one before anybody has two */
            for (int i = 0; i < pool->options.n_workers; i++)
                STY_TRY(feed(pool, &pool->workers[i], depth, err));
        if (!pool->ended || pool->n_finished < pool->n) STY_TRY(wait_for_workers(pool, err));
    }
    return STY_OK;
}
