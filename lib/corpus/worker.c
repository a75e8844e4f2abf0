/* worker.c - the life of a worker: take a task, compute, answer. It ends when the
 * supervisor closes the socket or dies. */
#define _GNU_SOURCE
#include "corpus/pool_parts.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PART_BYTES = 1 << 20 };

struct sty_emitter {
    int socket;
    uint64_t position;
    uint16_t part;
    sty_buf packed;
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
    e->packed.length = 0;
    sty_buf_put(&e->packed, &none, sizeof none);
}

static void send_part(sty_emitter *e, bool last) {
    if (e->packed.failed) _exit(1); /* no memory for the answer: as any crash */
    const sty_answer answer = {.position = e->position, .length = (uint32_t)(e->packed.length - sizeof answer), .part = e->part++, .last = last};
    memcpy(e->packed.data, &answer, sizeof answer);
    send_all(e->socket, e->packed.data, e->packed.length); /* at once: the supervisor wakes once */
    begin_part(e);
}

void sty_emit(sty_emitter *emitter, const sty_record *record) {
    if (emitter->packed.length > PART_BYTES) send_part(emitter, false);
    sty_pack_record(record, &emitter->packed);
}

static void receive_all(int socket, char *to, size_t n) {
    while (n) {
        const ssize_t got = recv(socket, to, n, MSG_WAITALL);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) _exit(0);
        to += got;
        n -= (size_t)got;
    }
}

/* The task and the descriptor that came with it, or -1. */
static int receive_task(int socket, sty_task *task) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = task, .iov_len = sizeof *task};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;
    int fd = -1;
    do
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0) _exit(0);
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c && c->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(c), sizeof fd);
    if ((size_t)got < sizeof *task) receive_all(socket, (char *)task + got, sizeof *task - (size_t)got);
    return fd;
}

/* The entry that a line of JSON describes; lives until the next one. */
static const sty_entry *entry_of_text(const char *text, size_t n, size_t line, const sty_list_options *options, sty_list *list) {
    if (!list->options && sty_list_begin(list, options, NULL) != STY_OK) _exit(1);
    sty_list_empty(list);
    if (sty_list_add_object(list, text, n, line, NULL) != STY_OK || sty_list_finish(list, false, NULL) != STY_OK) _exit(1);
    return &list->entries[0];
}

_Noreturn void sty_worker_live(const sty_pool_options *options, const sty_pool_job *job, int socket) {
    sty_emitter emitter = {.socket = socket};
    begin_part(&emitter);
    sty_list lines = {0};
    sty_buf text = {0};
    int fd = -1;
    signal(SIGINT, SIG_IGN); /* the terminal tells everybody; the supervisor decides */
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        sty_task task;
        const int given = receive_task(socket, &task);
        const sty_entry *entry = NULL;
        text.length = 0;
        if (task.text_length) {
            void *to = sty_buf_extend(&text, task.text_length);
            if (!to) _exit(1);
            receive_all(socket, to, task.text_length);
            entry = entry_of_text(text.data, text.length, task.line, options->list_options, &lines);
        } else entry = job->entry(job->context, (size_t)task.position);
        if (task.has_fd) {
            if (fd >= 0) close(fd);
            fd = given;
        }
        emitter.position = task.position;
        emitter.part = 0;
        options->work(options->work_context, entry, fd, !task.has_fd, task.shared, &emitter);
        send_part(&emitter, true);
    }
}
