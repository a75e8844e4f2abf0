/* extract_clip.c - see extract_clip.h.
 *
 * A part of a recording has the same samples however it is come by: read alone,
 * or cut from the recording that was decoded once for all its parts. Codings that
 * decode differently from the middle are therefore always decoded from the start. */
#define _GNU_SOURCE
#include "extract_clip.h"

#include "heap.h"
#include "pieces.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t MOST_PIPED = (size_t)4 << 30;
static const double OVERSHOOT_S = 0.5; /* a segment's end may lie so far behind the recording's, as in Kaldi */

/* ---- the source ---- */

static sty_status take_source(clip_work *w, const sty_entry *entry, int fd, sty_err *err) {
    struct stat st;
    sty_clip_free(w->whole);
    w->whole = NULL;
    w->whole_failed = false;
    if (w->own) close(w->fd);
    w->own = false;
    w->fd = fd; /* open until another source is given */
    if (lseek(fd, 0, SEEK_SET) < 0 && errno == ESPIPE && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) { /* for it is read more than once */
        w->fd = -1;
        STY_TRY(sty_pipe_to_file(fd, entry->path, MOST_PIPED, &w->fd, err));
        w->own = true;
        return STY_OK;
    }
    return w->fd >= 0 ? STY_OK : sty_err_set(err, STY_IO_ERROR, "'%s' did not arrive", entry->path);
}

/* ---- clips ---- */

static sty_status read_part(clip_work *w, const char *name, int channel, double start_s, double end_s, bool stream,
                            sty_clip **clip, sty_err *err) {
    const sty_clip_options how = {
        .start_s = start_s, .end_s = end_s, .channel = channel, .zero_nonfinite = w->zero_nonfinite, .stream = stream};
    if (lseek(w->fd, 0, SEEK_SET) < 0 && start_s > 0)
        return sty_err_set(err, STY_IO_ERROR, "cannot go back to the start of '%s'", name);
    return sty_clip_read_fd(w->fd, name, &how, clip, err);
}

/* The whole recording, if it is free of trouble: then parts may be cut from it. */
static const sty_clip *whole_clip(clip_work *w, const char *name, int channel) {
    if (w->whole && w->whole_channel == channel) return w->whole;
    if (w->whole_failed) return NULL;
    sty_clip_free(w->whole);
    w->whole = NULL;
    if (read_part(w, name, channel, 0, 0, false, &w->whole, NULL) != STY_OK || sty_clip_facts(w->whole)->n_zeroed) {
        sty_clip_free(w->whole);
        w->whole = NULL;
        w->whole_failed = true;
    }
    w->whole_channel = channel;
    return w->whole;
}

static sty_status part_alone(clip_work *w, const char *name, int channel, double start_s, double end_s, sty_clip **clip,
                             sty_err *err) {
    sty_clip *read = NULL;
    STY_TRY(read_part(w, name, channel, start_s, end_s, true, &read, err));
    if (start_s <= 0 || !sty_clip_is_lossy(read) || !sty_clip_samples(read)) {
        *clip = read;
        return STY_OK;
    }
    sty_clip_free(read);
    STY_TRY(read_part(w, name, channel, 0, end_s, false, &read, err));
    const sty_status status = sty_clip_part(read, start_s, end_s, name, clip, err);
    sty_clip_free(read);
    return status;
}

static const char *name_of(const sty_entry *entry) { return entry->kind == STY_SOURCE_STDIN ? "standard input" : entry->path; }

static sty_status read_clip(clip_work *w, const sty_entry *entry, int channel, double start_s, double end_s, bool shared,
                            sty_clip **clip, sty_err *err) {
    const char *name = name_of(entry);
    const sty_clip *whole = shared && (start_s > 0 || end_s > 0) ? whole_clip(w, name, channel) : NULL;
    if (whole) STY_TRY(sty_clip_part(whole, start_s, end_s, name, clip, err));
    else STY_TRY(part_alone(w, name, channel, start_s, end_s, clip, err));
    const sty_clip_info *facts = sty_clip_facts(*clip);
    const double there = start_s + facts->duration_s;
    if (entry->line == 0 || end_s <= 0 || there >= end_s - OVERSHOOT_S) return STY_OK;
    sty_clip_free(*clip);
    *clip = NULL;
    return sty_err_set(err, STY_BAD_LIST_ENTRY, "'%s' ends at %.3f s, the part asked for at %.3f s", name, there, end_s);
}

/* ---- records ---- */

typedef struct {
    const sty_entry *entry;
    const char *id, *series;
    int channel;
    double start_s, end_s; /* end 0: to the end */
    double left_out_s;     /* behind this window, which is the last */
    sty_emitter *emitter;
} request;

static void emit_failure(const clip_work *w, const request *r, const sty_err *why) {
    const sty_record record = {.id = r->id,
                               .input = r->entry->id,
                               .series = r->series,
                               .path = r->entry->path,
                               .speaker = r->entry->speaker,
                               .columns = r->entry->columns,
                               .n_columns = w->n_columns,
                               .channel = r->channel > 0 ? r->channel : 0,
                               .left_out_s = r->left_out_s,
                               .status = why->status,
                               .message = why->message};
    sty_emit(r->emitter, &record);
}

/* Runs an input: its outputs are then in the session or, of several runs, in pieces. */
static sty_status compute(clip_work *w, const input *in, size_t *n_frames, size_t *n_padded, sty_err *err) {
    *n_frames = *n_padded = 0;
    if (w->pieces) {
        sty_average_reset(w->pieces);
        return run_pieces(w->session, in, w->chunk_s, w->names, w->n_names, w->pieces, n_frames, n_padded, err);
    }
    STY_TRY(input_run(w->session, in, err));
    *n_frames = sty_session_frames(w->session);
    *n_padded = sty_session_padded(w->session);
    return STY_OK;
}

static sty_status emit_result(clip_work *w, const request *r, const input *in, sty_err *err) {
    sty_view views[STY_MAX_FIELDS];
    sty_field fields[STY_MAX_FIELDS];
    note_list notes;
    size_t n_frames, n_padded;
    const sty_clip_info *clip = in->is_features ? NULL : sty_clip_facts(in->clip);
    const sty_model_info *facts = sty_model_facts(w->model);
    STY_TRY(compute(w, in, &n_frames, &n_padded, err));
    input_notes(in, w->model, r->channel, &notes);
    const size_t n_pieces = w->pieces ? sty_average_count(w->pieces) : 1;
    if (n_pieces > 1) note_add(&notes, "mean of %zu pieces", n_pieces);
    if (n_padded) note_add(&notes, "too short, padded by %zu %s", n_padded, in->is_features ? "frames" : "samples");
    if (r->left_out_s > 0) note_add(&notes, "%.6g s behind this window are in none", r->left_out_s);
    if (w->pieces) sty_average_get(w->pieces, views);
    for (size_t i = 0; i < w->n_names; i++) {
        if (!w->pieces) STY_TRY(sty_session_output(w->session, w->names[i], &views[i], err));
        fields[i] = (sty_field){.name = w->names[i], .view = views[i], .labels = w->labels[i]};
    }
    const sty_record record = {
        .id = r->id,
        .input = r->entry->id,
        .series = r->series,
        .path = r->entry->path,
        .speaker = r->entry->speaker,
        .columns = r->entry->columns,
        .n_columns = w->n_columns,
        .start_s = clip ? clip->start_s : 0,
        .duration_s = clip ? clip->duration_s : (double)n_frames * (double)facts->hop_samples / facts->rate_hz,
        .channel = r->channel,
        .rate_hz = clip ? clip->rate_hz : 0,
        .n_frames = n_frames,
        .n_pieces = n_pieces,
        .n_padded = n_padded,
        .left_out_s = r->left_out_s,
        .notes = notes.items,
        .n_notes = notes.n,
        .fields = fields,
        .n_fields = w->n_names};
    sty_emit(r->emitter, &record);
    return STY_OK;
}

/* ---- windows ---- */

static void window_id(const char *id, double start_s, double end_s, char *text, size_t n) {
    snprintf(text, n, "%s-%07lld-%07lld", id, llround(start_s * 1000), llround(end_s * 1000));
}

typedef struct {
    double from, to;
    input in;
    sty_status status; /* of reading it: STY_EMPTY when it begins behind the end */
    sty_err err;
} window;

static void read_window(const clip_work *w, const request *r, sty_clip_stream *stream, size_t k, window *v) {
    *v = (window){.from = r->start_s + (double)k * w->hop_s, .in.path = r->entry->path, .status = STY_EMPTY};
    v->to = v->from + w->window_s;
    if (r->end_s > 0 && v->to > r->end_s) v->to = r->end_s;
    if (k > 0 && v->to <= v->from) return;
    v->status = sty_clip_stream_part(stream, v->from, v->to, &v->in.clip, &v->err);
    if (v->status == STY_OK) v->to = v->from + sty_clip_facts(v->in.clip)->duration_s;
}

static bool is_whole(const clip_work *w, const window *v) {
    return v->status == STY_NONFINITE || (v->status == STY_OK && v->to - v->from >= w->window_s - 0.001);
}

static sty_status run_window(clip_work *w, const request *r, window *v, double left_out_s, sty_err *err) {
    char id[1024];
    request one = *r;
    sty_status status = v->status;
    window_id(r->id, v->from, v->to, id, sizeof id);
    one.id = id;
    one.series = r->id;
    one.left_out_s = left_out_s;
    if (status == STY_OK) status = emit_result(w, &one, &v->in, err);
    else if (err) *err = v->err;
    if (status != STY_NONFINITE && status != STY_TOO_SHORT) return status;
    emit_failure(w, &one, err);
    return STY_OK;
}

/* What comes behind v, when the next window is too short to be one; of a gap that the hop
 * leaves nothing. */
static double left_behind(const window *v, const window *next) {
    const double from = next->from > v->to ? next->from : v->to;
    return next->status == STY_OK && next->to > from + 1e-6 ? next->to - from : 0;
}

/* Window after window of a recording that is decoded once and never held whole: memory
 * does not grow with it. The last window that is not whole is left out, unless it is
 * the only one, and the one before says so. */
static sty_status run_windows(clip_work *w, const request *r, sty_err *err) {
    const sty_clip_options how = {.channel = r->channel, .zero_nonfinite = w->zero_nonfinite};
    sty_clip_stream *stream = NULL;
    window now, next;
    STY_TRY(sty_clip_stream_open(w->fd, name_of(r->entry), &how, &stream, err));
    read_window(w, r, stream, 0, &now);
    sty_status status = STY_OK;
    bool more = true;
    for (size_t k = 1; more && status == STY_OK; k++) {
        double left_out_s = 0;
        next = (window){.status = STY_EMPTY};
        if (is_whole(w, &now)) read_window(w, r, stream, k, &next);
        more = is_whole(w, &next) || (next.status != STY_OK && next.status != STY_EMPTY);
        if (!more) left_out_s = left_behind(&now, &next);
        status = run_window(w, r, &now, left_out_s, err);
        input_clear(&now.in);
        now = next;
    }
    input_clear(&now.in);
    sty_clip_stream_free(stream);
    return status;
}

/* ---- one entry ---- */

static bool is_npy(int fd) {
    unsigned char head[6];
    return pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head && sty_npy_is(head, sizeof head);
}

static sty_status read_features(clip_work *w, const sty_entry *entry, input *in, sty_err *err) {
    sty_bytes bytes = {0};
    if (lseek(w->fd, 0, SEEK_SET) != 0) return sty_err_set(err, STY_IO_ERROR, "cannot read '%s'", entry->path);
    STY_TRY(sty_file_slurp(w->fd, entry->path, (size_t)4 << 30, &bytes, err));
    const sty_status status = sty_npy_parse(&bytes, entry->path, &in->features, err);
    sty_bytes_clear(&bytes);
    STY_TRY(status);
    in->is_features = true;
    if (in->features.rank == 2) return STY_OK;
    return sty_err_set(err, STY_NOT_AUDIO, "'%s' has %d axes, expected [frames, bins]", entry->path, in->features.rank);
}

/* --channel each: a record for every channel, ID-ch1, ID-ch2, ... */
static sty_status run_each(clip_work *w, const request *r, bool shared, sty_err *err) {
    char id[1024];
    int n = 1;
    sty_clip *all = NULL;
    sty_status status = STY_OK;
    if (w->window_s > 0) {
        const sty_clip_options how = {.channel = 0};
        sty_clip_stream *stream = NULL;
        STY_TRY(sty_clip_stream_open(w->fd, name_of(r->entry), &how, &stream, err));
        n = sty_clip_stream_channels(stream);
        sty_clip_stream_free(stream);
    } else {
        STY_TRY(read_clip(w, r->entry, 0, r->start_s, r->end_s, shared, &all, err));
        n = sty_clip_facts(all)->n_channels;
    }
    for (int c = 1; c <= n && status == STY_OK; c++) {
        request one = *r;
        snprintf(id, sizeof id, "%s-ch%d", r->id, c);
        one.id = id;
        one.channel = c;
        input in = {.path = r->entry->path};
        if (all) status = sty_clip_pick(all, c, &in.clip, err);
        if (status == STY_OK) status = all ? emit_result(w, &one, &in, err) : run_windows(w, &one, err);
        input_clear(&in);
        if (status == STY_OK) continue;
        emit_failure(w, &one, err); /* the other channels may be good */
        status = status == STY_BAD_ARGUMENT || status == STY_BAD_MODEL ? status : STY_OK;
    }
    sty_clip_free(all);
    return status;
}

static sty_status run_entry(clip_work *w, const request *r, bool shared, sty_err *err) {
    const sty_entry *entry = r->entry;
    input in = {.path = entry->path};
    if (w->window_s > 0 || r->channel < 0) {
        if (!is_npy(w->fd)) return r->channel < 0 ? run_each(w, r, shared, err) : run_windows(w, r, err);
        return sty_err_set(err, STY_NOT_AUDIO, "'%s' is a feature matrix; %s", entry->path,
                           w->window_s > 0 ? "windows are cut from audio" : "it has no channels");
    }
    sty_status status = read_clip(w, entry, r->channel, r->start_s, r->end_s, shared, &in.clip, err);
    if (status == STY_NOT_AUDIO && is_npy(w->fd)) status = read_features(w, entry, &in, err);
    if (status == STY_OK) status = emit_result(w, r, &in, err);
    input_clear(&in);
    return status;
}

void clip_work_run(void *context, const sty_entry *entry, int fd, bool again, bool shared, sty_emitter *emitter) {
    clip_work *w = context;
    if (!w->begun) heap_part();
    w->begun = true;
    const bool part = entry->start_s > 0 || entry->end_s > 0;
    const request r = {.entry = entry,
                       .id = entry->id,
                       .channel = entry->channel ? entry->channel : w->channel,
                       .start_s = part ? entry->start_s : w->start_s,
                       .end_s = part ? entry->end_s : w->end_s,
                       .emitter = emitter};
    sty_err err = {.status = STY_OK};
    sty_status status = again && w->fd >= 0 ? STY_OK : STY_IO_ERROR;
    if (!again) status = take_source(w, entry, fd, &err);
    else if (status != STY_OK) sty_err_set(&err, STY_IO_ERROR, "'%s' could not be kept open", entry->path);
    if (status == STY_OK) status = run_entry(w, &r, shared, &err);
    if (status != STY_OK) emit_failure(w, &r, &err);
}
