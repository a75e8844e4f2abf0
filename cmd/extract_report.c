/* extract_report.c - see extract_report.h. Nothing of it reaches an output. */
#define _GNU_SOURCE
#include "extract_report.h"

#include "messages.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double TERMINAL_S = 0.5, LINE_S = 30;
enum { MAX_ERRORS_TOLD = 100 };

static volatile sig_atomic_t stopped_by;

static void stop(int number) { stopped_by = number; }

int report_signal(void) { return (int)stopped_by; }

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool report_begin(run_report *r, const char *mode, size_t n) {
    struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    memset(r, 0, sizeof *r);
    r->n = n;
    r->started = r->shown = now_s();
    r->terminal = isatty(STDERR_FILENO) == 1;
    r->progress = !mode || strcmp(mode, "never") != 0;
    if (mode && strcmp(mode, "auto") != 0 && strcmp(mode, "never") != 0 && strcmp(mode, "always") != 0) {
        message_error("--progress is '%s', expected auto, always or never", mode);
        return false;
    }
    if (messages_quiet && !(mode && strcmp(mode, "always") == 0)) r->progress = false;
    if (mode && strcmp(mode, "always") == 0) r->shown -= LINE_S;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGXFSZ, SIG_IGN);
    return true;
}

static void wipe(const run_report *r) {
    if (r->terminal && r->progress && r->shown > r->started) fputs("\r\033[K", stderr);
}

static void tell_once(run_report *r, const sty_record *record) {
    const size_t n = record->n_notes - (record->left_out_s > 0); /* the last one, told at the end for all of them */
    for (size_t i = 0; i < n; i++) {
        bool known = r->each_channel && strncmp(record->notes[i], "channel ", 8) == 0;
        for (size_t k = 0; k < r->told.n; k++)
            known = known || strcmp(r->told.text[k], record->notes[i]) == 0;
        if (known || r->told.n == MAX_NOTES) continue;
        snprintf(r->told.text[r->told.n++], NOTE_BYTES, "%s", record->notes[i]);
        wipe(r);
        message_note("'%s': %s (said once)", record->path, record->notes[i]);
    }
}

void report_seen(void *context, const sty_record *record, bool first) {
    run_report *r = context;
    if (first) r->n_done++;
    if (record->status == STY_OK) {
        r->n_ok += first;
        r->seconds += record->duration_s;
        tell_once(r, record);
        return;
    }
    r->n_failed += first;
    if (r->n_errors++ > MAX_ERRORS_TOLD) return;
    wipe(r);
    if (r->n_errors > MAX_ERRORS_TOLD) message_error("further failures are not told here; --status FILE.jsonl has all of them");
    else message_error("%s: %s", sty_status_name(record->status), record->message);
}

void report_resumed(void *context, size_t n_done) {
    run_report *r = context;
    r->n_resumed = n_done;
    message_note("resuming: %zu of %zu inputs are done already", n_done, r->n);
}

static void show(run_report *r, double now) {
    const double took = now - r->started, rate = took > 0 ? (double)r->n_done / took : 0;
    const size_t done = r->n_done + r->n_resumed;
    const double left = rate > 0 ? (double)(r->n - done) / rate : 0;
    char eta[32] = "?";
    if (rate > 0) snprintf(eta, sizeof eta, "%d:%02d:%02d", (int)(left / 3600), (int)(left / 60) % 60, (int)left % 60);
    fprintf(stderr, "%sstylet: %zu of %zu inputs, %.1f hours of audio, %.0f x real time, %zu failed, %s left%s",
            r->terminal ? "\r\033[K" : "", done, r->n, r->seconds / 3600, took > 0 ? r->seconds / took : 0, r->n_failed, eta,
            r->terminal ? "" : "\n");
    fflush(stderr);
    r->shown = now;
}

sty_status report_tick(void *context, sty_err *err) {
    run_report *r = context;
    const double now = now_s();
    if (stopped_by)
        return sty_err_set(err, STY_CANCELLED, "stopped by a signal after %zu of %zu", r->n_done + r->n_resumed, r->n);
    if (r->progress && r->n > 0 && now - r->shown >= (r->terminal ? TERMINAL_S : LINE_S)) show(r, now);
    return STY_OK;
}

void report_end(run_report *r, const sty_counts *counts) {
    const double took = now_s() - r->started;
    wipe(r);
    if (counts->n_failed) message_note("%zu of %zu inputs failed", counts->n_failed, counts->n_failed + counts->n_ok);
    if (counts->n_cut)
        message_note("behind the last whole windows of %zu input%s %.6g s in all are in no record", counts->n_cut,
                     counts->n_cut > 1 ? "s" : "", counts->left_out_s);
    if (counts->n_ok + counts->n_failed < 100) return;
    message_note("%zu inputs, %.2f hours of audio in %.1f s, %.0f x real time", counts->n_ok + counts->n_failed,
                 counts->seconds / 3600, took, took > 0 ? r->seconds / took : 0);
}
