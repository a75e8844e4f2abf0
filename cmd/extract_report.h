/* extract_report.h - what a run tells people while it goes: progress, failures,
 * remarks, the end. And what they tell it: signals. */
#ifndef CMD_EXTRACT_REPORT_H
#define CMD_EXTRACT_REPORT_H

#include "common.h"

typedef struct run_report {
    size_t n, n_done, n_resumed, n_ok, n_failed; /* of this run */
    double seconds;                              /* of audio */
    double started, shown;
    bool terminal, progress;
    bool each_channel; /* was asked for: their numbers are in the ids and no news */
    note_list told; /* remarks already made */
    size_t n_errors;
} run_report;

/* mode: auto (a terminal, or a line every 30 s), always, never. n: inputs.
 * false after a message: the mode is unknown. Catches SIGINT, SIGTERM and SIGHUP:
 * the first ends the run, the second the process at once. */
bool report_begin(run_report *report, const char *mode, size_t n);

/* Callbacks of sty_run; context is the run_report. */
void report_seen(void *context, const sty_record *record, bool first);
void report_resumed(void *context, size_t n_done);
sty_status report_tick(void *context, sty_err *err);

/* The last line, when there is something to say. */
void report_end(run_report *report, const sty_counts *counts);

/* The signal that ended the run; 0: none. */
int report_signal(void);

#endif
