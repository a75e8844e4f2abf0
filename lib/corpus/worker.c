/* worker.c - the life of a worker: take a task, compute, answer. It ends when the
 * supervisor closes the socket or dies. Answers of short clips wait for one another while
 * there is more to do; those that are lost when it crashes are computed again. */
#define _GNU_SOURCE
#include "corpus/pool_parts.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PART_BYTES = 1 << 20, WAITING_BYTES = 1 << 15, WAITING_NS = 20000000, READ_BYTES = 4096 };

struct sty_emitter {
    int socket;
    uint64_t position;
    uint16_t part;
    sty_buf packed; /* answers; the last one, from `begin` on, is being made */
    size_t begin;
    uint64_t since_ns; /* when the first of them was there */
    sty_present *present;
};

/* Without its supervisor a worker has no one to tell: it ends. */
static void send_all(int socket, const void *from, size_t n) {
    const char *p = from;
    while (n) {
        const ssize_t sent = send(socket, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) _exit(1);
        p += sent;
        n -= (size_t)sent;
    }
}

/* Room for the answer's head in front of its records. */
static void begin_part(sty_emitter *e) {
    static const sty_answer none;
    e->begin = e->packed.length;
    sty_buf_put(&e->packed, &none, sizeof none);
}

static void end_part(sty_emitter *e, bool last) {
    if (e->packed.failed) _exit(1); /* no memory for the answer: as any crash */
    const sty_answer answer = {.position = e->position, .length = (uint32_t)(e->packed.length - e->begin - sizeof answer), .part = e->part++, .last = last};
    if (e->begin == 0) e->since_ns = sty_now_ns();
    memcpy(e->packed.data + e->begin, &answer, sizeof answer);
    e->begin = e->packed.length;
}

/* What is ready, at once: the supervisor wakes once. */
static void send_answers(sty_emitter *e) {
    send_all(e->socket, e->packed.data, e->begin);
    e->packed.length = 0;
}

void sty_emit(sty_emitter *emitter, const sty_record *record) {
    if (emitter->packed.length - emitter->begin > PART_BYTES) {
        end_part(emitter, false);
        send_answers(emitter);
        begin_part(emitter);
        emitter->present->started_ns = sty_now_ns(); /* it moves */
    }
    sty_pack_record(record, &emitter->packed);
}

/* Tasks that have come, and their descriptors in the same order. */
typedef struct {
    int socket;
    sty_buf bytes;
    size_t at;
    int fds[STY_MAX_TASKS];
    size_t n_fds;
} inbox;

static void receive_some(inbox *in, size_t n) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(STY_MAX_TASKS * sizeof(int))];
    } control;
    void *to = sty_buf_extend(&in->bytes, n);
    if (!to) _exit(1);
    in->bytes.length -= n;
    struct iovec part = {.iov_base = to, .iov_len = n};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;
    do
        got = recvmsg(in->socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0) _exit(0);
    in->bytes.length += (size_t)got;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (!c || c->cmsg_type != SCM_RIGHTS) return;
    const size_t more = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (more > STY_MAX_TASKS - in->n_fds) _exit(1);
    memcpy(in->fds + in->n_fds, CMSG_DATA(c), more * sizeof(int));
    in->n_fds += more;
}

static int take_fd(inbox *in) {
    if (in->n_fds == 0) return -1;
    const int fd = in->fds[0];
    memmove(in->fds, in->fds + 1, --in->n_fds * sizeof fd);
    return fd;
}

/* The next n bytes, valid until it is called again. */
static const char *take(inbox *in, size_t n) {
    if (in->at == in->bytes.length) in->at = in->bytes.length = 0;
    while (in->bytes.length - in->at < n)
        receive_some(in, n > READ_BYTES ? n : READ_BYTES);
    in->at += n;
    return in->bytes.data + in->at - n;
}

/* The entry that a line of JSON describes; lives until the next one. */
static const sty_entry *entry_of_text(const char *text, size_t n, size_t line, const sty_list_options *options, sty_list *list, sty_listed *listed) {
    if (!list->options && sty_list_begin(list, options, NULL) != STY_OK) _exit(1);
    sty_list_empty(list);
    if (sty_list_add_object(list, text, n, line, NULL) != STY_OK || sty_list_finish(list, false, NULL) != STY_OK || !sty_listed_begin(listed, list)) _exit(1);
    return sty_list_at(list, 0, listed);
}

_Noreturn void sty_worker_live(const sty_pool_options *options, const sty_pool_job *job, int socket, sty_present *present) {
    sty_emitter emitter = {.socket = socket, .present = present};
    inbox in = {.socket = socket};
    sty_list lines = {0};
    sty_listed listed = {0};
    int fd = -1;
    signal(SIGINT, SIG_IGN); /* the terminal tells everybody; the supervisor decides */
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        sty_task task;
        const sty_entry *entry = NULL;
        if (emitter.packed.length && in.at == in.bytes.length) send_answers(&emitter);
        memcpy(&task, take(&in, sizeof task), sizeof task);
        if (emitter.packed.length && !task.is_short) send_answers(&emitter);
        if (task.text_length)
            entry = entry_of_text(take(&in, task.text_length), task.text_length, task.line, options->list_options, &lines, &listed);
        else entry = job->entry(job->context, (size_t)task.position);
        if (task.has_fd) {
            if (fd >= 0) close(fd);
            fd = take_fd(&in);
        }
        emitter.position = task.position;
        emitter.part = 0;
        present->started_ns = sty_now_ns();
        present->position = task.position;
        begin_part(&emitter);
        options->work(options->work_context, entry, fd, !task.has_fd, task.shared, &emitter);
        end_part(&emitter, true);
        present->position = STY_NOTHING;
        if (!task.is_short || emitter.part > 1 || emitter.packed.length > WAITING_BYTES || sty_now_ns() - emitter.since_ns > WAITING_NS)
            send_answers(&emitter);
    }
}
