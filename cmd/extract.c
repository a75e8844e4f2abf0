/* extract.c - `stylet extract`: outputs of a model for one clip or ten million.
 *
 * Options become a list, a description of what to compute (extract_clip.c), one
 * of how to run it (lib/corpus/run.h), and at last an exit code. */
#define _GNU_SOURCE
#include "commands.h"
#include "common.h"
#include "extract_clip.h"
#include "extract_report.h"
#include "heap.h"
#include "messages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    model_options model;
    const char *wanted, *output, *format, *nonfinite, *average, *channel_text, *trim;
    text_list bind;
    double start, end, chunk;
    int channel;
    bool overwrite, dry_run, pad_short;
    text_list lists;
    const char *list_format, *id_from, *glob, *segments, *utt2spk, *keep, *json_input, *decoder;
    bool null_separated, recursive, allow_pipes;
    int jobs;
    const char *status, *max_errors, *progress, *shard, *shard_by;
    double timeout, window, hop;
    bool resume, sort;
} extract_options;

#define AT(member) offsetof(extract_options, member)

static const option_row options[] = {
    COMMON_OPTIONS,
    MODEL_OPTIONS,
    {'w', "want", "NAMES", OPTION_TEXT, AT(wanted), 0, 0, "outputs, comma-separated; also layers [style]"},
    {'o', "output", "FILE", OPTION_TEXT, AT(output), 0, 0, "where results go, format by extension; - is standard output [-]"},
    {'f', "format", FORMATS, OPTION_TEXT, AT(format), 0, 0, "of the output [by extension, jsonl on stdout]"},
    {0, "overwrite", NULL, OPTION_FLAG, AT(overwrite), 0, 0, "replace an existing output"},
    {0, "resume", NULL, OPTION_FLAG, AT(resume), 0, 0, "go on where an interrupted run of the same command stopped"},
    {0, "sort", NULL, OPTION_FLAG, AT(sort), 0, 0, "order by id (C order) instead of as listed"},
    {0, "bind", "NAME=FILE.npy", OPTION_TEXTS, AT(bind), 0, 0, "feed a further graph input"},
    {0, "start", "SECONDS", OPTION_NUMBER, AT(start), 0, 1e9, "begin here [0]"},
    {0, "end", "SECONDS", OPTION_NUMBER, AT(end), 0, 1e9, "end here [the end]"},
    {0, "channel", "mix|N|each", OPTION_TEXT, AT(channel_text), 0, 0,
     "use only channel N, from 1; mix is the model's rule; each: a record ID-chN for every one [mix]"},
    {0, "trim", "none|DB", OPTION_TEXT, AT(trim), 0, 0, "trim quiet ends so many dB below the loudest part [the model's rule]"},
    {0, "nonfinite", "fail|zero", OPTION_TEXT, AT(nonfinite), 0, 0, "what NaN and infinite samples do [fail]"},
    {0, "average", "list|speaker", OPTION_TEXT, AT(average), 0, 0,
     "one record: the mean of each output over all inputs, or over those of each speaker"},
    {0, "chunk", "SECONDS", OPTION_NUMBER, AT(chunk), 0.1, 1e9, "the mean over equal pieces of about this length"},
    {0, "window", "SECONDS", OPTION_NUMBER, AT(window), 0.01, 1e6, "a record for each window of this length; a shorter rest at the end makes none and is told"},
    {0, "hop", "SECONDS", OPTION_NUMBER, AT(hop), 0.001, 1e6, "from one window's start to the next one's [the window]"},
    {0, "pad-short", NULL, OPTION_FLAG, AT(pad_short), 0, 0, "zeros behind clips that are too short for the model"},
    {0, "files-from", "LIST", OPTION_TEXTS, AT(lists), 0, 0, "inputs from a list; - is standard input"},
    {'0', "null", NULL, OPTION_FLAG, AT(null_separated), 0, 0, "the list's paths end with NUL instead of a line end"},
    {0, "list-format", "plain|scp|jsonl|json|csv|tsv|ljspeech", OPTION_TEXT, AT(list_format), 0, 0, "kind of the list [told by content]"},
    {'r', "recursive", NULL, OPTION_FLAG, AT(recursive), 0, 0, "read folders, with all below them"},
    {0, "glob", "PATTERN", OPTION_TEXT, AT(glob), 0, 0, "names taken from folders [audio extensions]"},
    {0, "segments", "FILE", OPTION_TEXT, AT(segments), 0, 0, "Kaldi segments of the scp's recordings"},
    {0, "utt2spk", "FILE", OPTION_TEXT, AT(utt2spk), 0, 0, "Kaldi's speakers"},
    {0, "allow-pipes", NULL, OPTION_FLAG, AT(allow_pipes), 0, 0, "run the commands that a list names"},
    {0, "id-from", "path|stem|column:NAME|TEMPLATE", OPTION_TEXT, AT(id_from), 0, 0, "where ids come from; a template is like {speaker}-{stem} [path]"},
    {0, "keep", "COLUMNS", OPTION_TEXT, AT(keep), 0, 0, "list columns carried into the records, comma-separated"},
    {0, "json-input", "FILE", OPTION_TEXT, AT(json_input), 0, 0, "answer JSON objects, line by line; - is standard input"},
    {0, "decoder", "COMMAND", OPTION_TEXT, AT(decoder), 0, 0, "decode with a command, {} is the path"},
    {'j', "jobs", "N", OPTION_INT, AT(jobs), 1, 1024, "worker processes [what the scheduler or affinity grants]"},
    {0, "timeout", "SECONDS", OPTION_NUMBER, AT(timeout), 0.01, 1e6, "for one input, beside its own length [60]"},
    {0, "status", "FILE", OPTION_TEXT, AT(status), 0, 0, "a JSON line for every input, good or bad"},
    {0, "max-errors", "N|P%", OPTION_TEXT, AT(max_errors), 0, 0, "exit 0 with up to so many failed inputs [0]"},
    {0, "progress", "auto|always|never", OPTION_TEXT, AT(progress), 0, 0, "how far the run is, on stderr [auto]"},
    {0, "shard", "I/N|auto", OPTION_TEXT, AT(shard), 0, 0, "only part I of N; auto: from the job array; auto/N: I from it"},
    {0, "shard-by", "contiguous|hash|speaker|duration", OPTION_TEXT, AT(shard_by), 0, 0, "how inputs are dealt to shards [contiguous]"},
    {0, "dry-run", NULL, OPTION_FLAG, AT(dry_run), 0, 0, "check model, outputs, list and that its files are there, then stop"},
};

/* ---- one run ---- */

typedef struct {
    const extract_options *o;
    sty_model *model;
    sty_arena arena;
    sty_list_options list_options;
    sty_list list;
    sty_listed listed;
    clip_work work;
    sty_run_facts facts;
    const sty_writer_type *format;
    sty_shard shard;
    size_t *chosen;
    sty_buf output, journal, done, header;
    char run_digest[33];
    char *file; /* that the output goes to; NULL: a stream */
    run_report report;
    sty_run run;
} job;

static const char *const *labels_of(const sty_model *model, const char *name, size_t *n) {
    for (size_t i = 0; i < sty_model_facts(model)->n_outputs; i++) {
        const sty_output_info *output = sty_model_output(model, i);
        if (strcmp(output->name, name) != 0 || !output->n_labels) continue;
        *n = output->n_labels;
        return output->labels;
    }
    return NULL;
}

static sty_status check_options(const extract_options *o, sty_err *err) {
    if (o->nonfinite && strcmp(o->nonfinite, "zero") != 0 && strcmp(o->nonfinite, "fail") != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--nonfinite is '%s', expected fail or zero", o->nonfinite);
    if (o->average && strcmp(o->average, "list") != 0 && strcmp(o->average, "speaker") != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--average is '%s', expected list or speaker", o->average);
    if (o->end > 0 && o->end <= o->start)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--end is %g, expected more than --start %g", o->end, o->start);
    if (o->hop > 0 && o->window <= 0) return sty_err_set(err, STY_BAD_ARGUMENT, "--hop needs --window");
    if (o->window > 0 && o->chunk > 0) return sty_err_set(err, STY_BAD_ARGUMENT, "--window and --chunk exclude each other");
    if (o->resume && (!o->output || strcmp(o->output, "-") == 0))
        return sty_err_set(err, STY_BAD_ARGUMENT, "--resume needs a file; give it with -o OUT");
    if (o->shard_by && !o->shard) return sty_err_set(err, STY_BAD_ARGUMENT, "--shard-by needs --shard");
    if (o->shard && (!o->output || strcmp(o->output, "-") == 0))
        return sty_err_set(err, STY_BAD_ARGUMENT, "--shard needs a file; give it with -o OUT");
    return STY_OK;
}

/* "5" or "2%" of n. */
static sty_status max_errors(const char *text, size_t n, size_t *most, sty_err *err) {
    char *end = NULL;
    const double value = text ? strtod(text, &end) : 0;
    *most = 0;
    if (!text) return STY_OK;
    const bool percent = *end == '%' && end[1] == '\0';
    if (end == text || (!percent && *end) || !(value >= 0) || (percent && value > 100) || value > 1e15)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--max-errors is '%s', expected a number or a percentage such as 2%%", text);
    *most = (size_t)(percent ? value / 100 * (double)n : value);
    return STY_OK;
}

/* A folder or a list that holds nothing is a mistake that somebody would find out late. */
static sty_status nothing_in(const extract_options *o, const char *operand, sty_err *err) {
    if (!operand) return sty_err_set(err, STY_NOT_FOUND, "no input: the list '%s' is empty", o->lists.items[0]);
    if (o->glob) return sty_err_set(err, STY_NOT_FOUND, "no input: '%s' holds no file whose name matches --glob '%s'", operand, o->glob);
    return sty_err_set(err, STY_NOT_FOUND, "no input: '%s' holds no file with an audio extension (--glob takes others)", operand);
}

static sty_status read_list(job *j, char **args, int n_args, sty_err *err) {
    const extract_options *o = j->o;
    const char **keep = NULL;
    j->list_options = (sty_list_options){.format = o->list_format,
                                         .id_from = o->id_from,
                                         .glob = o->glob,
                                         .utt2spk = o->utt2spk,
                                         .segments = o->segments,
                                         .null_separated = o->null_separated,
                                         .recursive = o->recursive,
                                         .allow_pipes = o->allow_pipes};
    if (o->keep) STY_TRY(split_names(o->keep, &j->arena, &keep, &j->list_options.n_keep, err));
    j->list_options.keep = keep;
    STY_TRY(sty_list_begin(&j->list, &j->list_options, err));
    for (int i = 0; i < n_args; i++)
        STY_TRY(sty_list_add(&j->list, args[i], err));
    for (size_t i = 0; i < o->lists.n; i++)
        STY_TRY(sty_list_add_list(&j->list, o->lists.items[i], err));
    if (j->list.n == 0 && !o->json_input) return nothing_in(o, n_args ? args[0] : NULL, err);
    return sty_list_finish(&j->list, true, err);
}

/* In an npz list columns stand beside the outputs. */
static sty_status check_array_names(const job *j, sty_err *err) {
    for (size_t i = 0; i < j->list_options.n_keep; i++) {
        const char *name = j->list_options.keep[i];
        bool taken = strcmp(name, "ids") == 0;
        for (size_t k = 0; k < j->work.n_names; k++)
            taken = taken || strcmp(name, j->work.names[k]) == 0;
        if (taken) return sty_err_set(err, STY_BAD_ARGUMENT, "--keep %s: npz has an array of this name already", name);
    }
    return STY_OK;
}

/* What the entries must be for this output. */
static sty_status check_list(job *j, sty_err *err) {
    const bool speakers = j->facts.average == STY_AVERAGE_SPEAKER;
    if (j->list_options.n_keep && !j->format->columns)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--keep: %s has no place for list columns; jsonl, json, csv, tsv, npz and projector have",
                           j->format->name);
    if (strcmp(j->format->name, "npz") == 0) STY_TRY(check_array_names(j, err));
    if (!speakers && !j->format->plain_ids) return STY_OK;
    if (!sty_listed_begin(&j->listed, &j->list)) return sty_err_no_memory(err, j->list.n, "a list");
    for (size_t i = 0; i < j->list.n; i++) {
        const sty_entry *e = sty_list_at(&j->list, i, &j->listed);
        const char *id = speakers ? e->speaker : e->id;
        if (e->kind == STY_SOURCE_BAD) continue;
        if (!id) return sty_err_set(err, STY_BAD_ARGUMENT, "--average speaker, but the list has no speaker of '%s'", e->id);
        if (j->format->plain_ids && j->facts.average != STY_AVERAGE_LIST && (!*id || id[strcspn(id, " \t\r\n")]))
            return sty_err_set(err, STY_BAD_ARGUMENT, "the id '%s' has a blank in it, which %s cannot hold; see --id-from", id,
                               j->format->name);
    }
    return STY_OK;
}

static sty_status prepare_work(job *j, sty_err *err) {
    const extract_options *o = j->o;
    clip_work *w = &j->work;
    *w = (clip_work){.model = j->model,
                     .start_s = o->start,
                     .end_s = o->end,
                     .chunk_s = o->chunk,
                     .window_s = o->window,
                     .hop_s = o->hop > 0 ? o->hop : o->window,
                     .channel = o->channel,
                     .zero_nonfinite = o->nonfinite && strcmp(o->nonfinite, "zero") == 0,
                     .n_columns = j->list_options.n_keep,
                     .fd = -1};
    STY_TRY(split_names(o->wanted ? o->wanted : main_output(j->model, &o->bind), &j->arena, &w->names, &w->n_names, err));
    if (w->n_names > STY_MAX_FIELDS) return sty_err_set(err, STY_BAD_ARGUMENT, "more than %d outputs", STY_MAX_FIELDS);
    w->labels = sty_arena_alloc(&j->arena, w->n_names, sizeof *w->labels);
    w->n_labels = sty_arena_alloc(&j->arena, w->n_names, sizeof *w->n_labels);
    if (!w->labels || !w->n_labels) return sty_err_no_memory(err, w->n_names, "labels");
    for (size_t i = 0; i < w->n_names; i++)
        w->labels[i] = labels_of(j->model, w->names[i], &w->n_labels[i]);
    STY_TRY(sty_session_create(j->model, w->names, w->n_names, &w->session, err));
    if (o->chunk > 0) STY_TRY(sty_average_create(w->n_names, &w->pieces, err));
    sty_session_pad_short(w->session, o->pad_short);
    j->facts = (sty_run_facts){.model_name = sty_model_facts(j->model)->name,
                               .model_hash = sty_model_facts(j->model)->hash,
                               .names = w->names,
                               .labels = (const char *const *const *)w->labels,
                               .n_labels = w->n_labels,
                               .n_names = w->n_names,
                               .column_names = j->list_options.keep,
                               .n_columns = j->list_options.n_keep,
                               .average = !o->average                          ? STY_AVERAGE_NOTHING
                                          : strcmp(o->average, "list") == 0 ? STY_AVERAGE_LIST
                                                                            : STY_AVERAGE_SPEAKER};
    return bind_inputs(w->session, &o->bind, err);
}

/* Everything that results depend on, as text. */
static sty_status describe(job *j, sty_err *err) {
    const extract_options *o = j->o;
    char digest[33];
    sty_buf how = {0};
    if (!sty_list_digest(&j->list, digest)) return sty_err_no_memory(err, 0, "a digest");
    sty_buf_printf(&how, "start=%.17g end=%.17g chunk=%.17g window=%.17g hop=%.17g channel=%d nonfinite=%d pad=%d decoder=%s",
                   o->start, o->end, o->chunk, o->window, o->hop, o->channel, j->work.zero_nonfinite, o->pad_short,
                   o->decoder ? o->decoder : "");
    for (size_t i = 0; i < o->model.set.n; i++)
        sty_buf_printf(&how, " set=%s", o->model.set.items[i]);
    for (size_t i = 0; i < o->bind.n; i++)
        sty_buf_printf(&how, " bind=%s", o->bind.items[i]);
    sty_buf_put(&how, "", 1);
    const sty_status status = how.failed ? sty_err_no_memory(err, how.capacity, "a header")
                                         : sty_run_header(&j->facts, digest, j->list.n, &j->shard, o->shard_by, how.data, &j->header, err);
    sty_buf_clear(&how);
    if (status == STY_OK) sty_done_digest(j->header.data, j->run_digest);
    return status;
}

/* -f wins over the name, which then misleads whoever reads the file. */
static void warn_extension(const char *path, const sty_writer_type *format) {
    const char *end = strrchr(path, '.');
    for (size_t i = 0; end && i < sty_n_writer_types; i++)
        if (sty_writer_types[i] != format && strcmp(end, sty_writer_types[i]->extension) == 0)
            message_warning("'%s' is written as %s, which -f asks for: its name says %s", path, format->name, sty_writer_types[i]->name);
}

/* The output's own name and those of its log and completion record. */
static sty_status name_files(job *j, sty_err *err) {
    const char *output = j->o->output ? j->o->output : "-";
    char *file = NULL;
    if (j->shard.total) {
        sty_shard_name(output, &j->shard, NULL, &j->output);
        sty_shard_name(output, &j->shard, ".log", &j->journal);
        sty_shard_name(output, &j->shard, ".done.json", &j->done);
    } else sty_buf_text(&j->output, output);
    sty_buf_put(&j->output, "", 1);
    if (j->output.failed || j->journal.failed || j->done.failed) return sty_err_no_memory(err, 0, "a name");
    STY_TRY(sty_writer_check(j->output.data, j->o->format, j->o->overwrite || j->o->resume, &j->format, &file, err));
    if (!j->shard.total && file) {
        sty_buf_printf(&j->journal, "%s.journal", file);
        sty_buf_put(&j->journal, "", 1);
        sty_buf_printf(&j->done, "%s.done.json", file);
        sty_buf_put(&j->done, "", 1);
    }
    if (file) j->file = sty_copy_text(file, strlen(file));
    const bool same = file && j->o->status && strcmp(file, j->o->status) == 0;
    sty_free(file);
    if (same) return sty_err_set(err, STY_BAD_ARGUMENT, "--status and -o are the same file '%s'", j->o->status);
    if (j->o->status) STY_TRY(sty_out_check_folder(j->o->status, err));
    if (j->o->format && j->file) warn_extension(j->file, j->format);
    return j->journal.failed || j->done.failed || (!j->file && j->done.length) ? sty_err_no_memory(err, 0, "a name") : STY_OK;
}

/* Clips of several lengths end such a run, be it at the last of them. */
static void warn_of_frames(const job *j) {
    if (j->format->any_shape || j->o->window > 0 || j->list.n < 2) return;
    for (size_t i = 0; i < sty_model_facts(j->model)->n_outputs; i++) {
        const sty_output_info *output = sty_model_output(j->model, i);
        bool wanted = false, frames = false;
        for (size_t k = 0; k < j->work.n_names; k++)
            wanted = wanted || strcmp(j->work.names[k], output->name) == 0;
        for (int d = 0; d < output->rank; d++)
            frames = frames || output->dim[d] == 0;
        if (wanted && frames)
            message_warning("'%s' is as long as its clip, and %s holds it only if all clips are equally long; jsonl, json and ark hold any", output->name,
                            j->format->name);
    }
}

static sty_status choose_shard(job *j, sty_err *err) {
    size_t n = j->list.n;
    if (!j->o->shard) {
        j->run.n = n;
        return STY_OK;
    }
    j->chosen = sty_alloc(n, sizeof *j->chosen);
    if (!j->chosen) return sty_err_no_memory(err, n * sizeof *j->chosen, "a shard");
    STY_TRY(sty_shard_select(&j->list, &j->shard, j->o->shard_by, j->chosen, &n, err));
    message_note("shard %zu of %zu%s%s: %zu of %zu inputs", j->shard.index, j->shard.total, *j->shard.source ? ", from " : "",
                 j->shard.source, n, j->list.n);
    j->run.todo = j->chosen;
    j->run.n = n;
    return STY_OK;
}

static sty_status prepare(job *j, char **args, int n_args, sty_err *err) {
    const extract_options *o = j->o;
    STY_TRY(check_options(o, err));
    if (o->shard) STY_TRY(sty_shard_parse(o->shard, &j->shard, err));
    STY_TRY(name_files(j, err));
    STY_TRY(read_list(j, args, n_args, err));
    STY_TRY(prepare_work(j, err));
    STY_TRY(check_list(j, err));
    warn_of_frames(j);
    STY_TRY(choose_shard(j, err));
    STY_TRY(describe(j, err));
    const bool stream = !j->journal.length;
    j->run.sort = o->sort || sty_specifier_sorts(j->output.data);
    j->run.list = &j->list;
    j->run.facts = &j->facts;
    const int n_workers = o->jobs ? o->jobs : sty_granted_workers();
    sty_session_share_memory(j->work.session, !o->json_input && j->run.n < (size_t)n_workers ? j->run.n : (size_t)n_workers);
    j->run.pool = (sty_pool_options){.n_workers = n_workers,
                                     .timeout_s = o->timeout > 0 ? o->timeout : 60,
                                     .n_columns = j->list_options.n_keep,
                                     .close_fd = -1,
                                     .work = clip_work_run,
                                     .work_context = &j->work,
                                     .decoder = o->decoder};
    j->run.output = (sty_export_options){.output = j->output.data,
                                         .format = o->format,
                                         .overwrite = o->overwrite || o->resume,
                                         .status = o->status,
                                         .facts = &j->facts};
    j->run.streamed = stream && !j->run.sort;
    j->run.any_shape = j->format->any_shape;
    j->run.journal = stream ? NULL : j->journal.data;
    j->run.header = j->header.data;
    j->run.resume = o->resume;
    j->run.overwrite = o->overwrite;
    j->run.keep_journal = j->run.empty_output = j->shard.total > 0;
    j->run.context = &j->report;
    j->run.seen = report_seen;
    j->run.resumed = report_resumed;
    j->run.tick = report_tick;
    return STY_OK;
}

static bool file_exists(const char *path) {
    struct stat st;
    return path && stat(path, &st) == 0;
}

/* A run that was finished before: its counts make the exit code once more. Only
 * what was made with --resume says so; a shard always does. */
static sty_status already_done(const job *j, bool *is, sty_counts *counts, sty_err *err) {
    sty_done done;
    *is = false;
    if (!j->done.length || !j->o->resume || j->o->overwrite || !file_exists(j->file) || sty_done_read(j->done.data, &done, NULL) != STY_OK) return STY_OK;
    if (strcmp(done.run, j->run_digest) != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' was made with another list, model or options; --overwrite makes it anew", j->file);
    *counts = (sty_counts){.n_ok = done.n_ok, .n_failed = done.n_failed, .n_records = done.n_records};
    *is = true;
    if (j->shard.total) message_note("shard %zu of %zu is complete", done.shard, done.total);
    else message_note("'%s' is complete; --overwrite makes it anew", j->file);
    return STY_OK;
}

static sty_status write_done(const job *j, const sty_counts *counts, sty_err *err) {
    sty_done done = {.shard = j->shard.index, .total = j->shard.total, .n_entries = j->run.n, .n_ok = counts->n_ok, .n_failed = counts->n_failed,
                     .n_records = counts->n_records};
    if (!j->done.length || (!j->shard.total && !j->o->resume)) return STY_OK;
    memcpy(done.run, j->run_digest, sizeof done.run);
    return sty_done_write(j->done.data, &done, err);
}

static int exit_of(const sty_counts *counts, size_t most) {
    if (counts->n_records == 0 && counts->n_failed > 0) return EXIT_NONE_DONE;
    return counts->n_failed > most ? EXIT_SOME_FAILED : EXIT_OK;
}

static int run_job(job *j, sty_err *err) {
    const extract_options *o = j->o;
    sty_counts counts = {0};
    size_t most;
    sty_status status = max_errors(o->max_errors, j->run.n, &most, err);
    if (status != STY_OK) return -1;
    bool done;
    status = already_done(j, &done, &counts, err);
    if (status != STY_OK) return -1;
    if (done) return exit_of(&counts, most);
    if (j->done.length) unlink(j->done.data); /* it would speak of what is there now */
    j->report.each_channel = o->channel < 0;
    heap_keep();
    if (o->json_input) status = sty_run_lines(&j->run, &j->list_options, o->json_input, &counts, err);
    else status = sty_run_all(&j->run, &counts, err);
    report_end(&j->report, &counts);
    if (status == STY_OK) status = write_done(j, &counts, err);
    if (status != STY_OK) return -1;
    if (o->json_input && counts.n_ok + counts.n_failed == 0) return EXIT_OK;
    return exit_of(&counts, most);
}

/* Looks at files only: what is in them a run will tell. */
static int dry_run(job *j, sty_err *err) {
    size_t most;
    sty_counts counts = {0};
    if (max_errors(j->o->max_errors, j->run.n, &most, err) != STY_OK) return -1;
    if (!sty_listed_begin(&j->listed, &j->list)) {
        sty_err_no_memory(err, j->list.n, "a list");
        return -1;
    }
    for (size_t i = 0; i < j->run.n; i++) {
        const sty_entry *e = sty_list_at(&j->list, j->run.todo ? j->run.todo[i] : i, &j->listed);
        const bool file = e->kind == STY_SOURCE_FILE || e->kind == STY_SOURCE_ARK;
        const bool good = e->kind != STY_SOURCE_BAD && (!file || access(e->path, R_OK) == 0);
        if (!good && counts.n_failed++ == 0) message_error("'%s': %s", e->path, e->problem ? e->problem : strerror(errno));
        counts.n_records += good;
    }
    if (counts.n_failed > 1) message_error("%zu of %zu inputs are like that", counts.n_failed, j->run.n);
    message_note("%zu input%s, %zu output%s: model, options, list and files were looked at, no audio was", j->run.n, j->run.n == 1 ? "" : "s",
                 j->work.n_names, j->work.n_names == 1 ? "" : "s");
    return exit_of(&counts, most);
}

/* --trim is a front-end value with an option of its own. */
static bool set_trim(extract_options *o, char *text, size_t n) {
    text_list *set = &o->model.set;
    const char **items;
    if (!o->trim) return true;
    if (snprintf(text, n, "trim=%s", o->trim) >= (int)n ||
        !(items = sty_resize(set->items, set->n * sizeof *items, (set->n + 1) * sizeof *items))) {
        message_error("--trim is '%.40s', expected none or decibels", o->trim);
        return false;
    }
    set->items = items;
    set->items[set->n++] = text;
    return true;
}

static bool set_channel(extract_options *o) {
    char *end = NULL;
    if (!o->channel_text || strcmp(o->channel_text, "mix") == 0) return true;
    if (strcmp(o->channel_text, "each") == 0) {
        o->channel = -1;
        return true;
    }
    const long channel = strtol(o->channel_text, &end, 10);
    o->channel = (int)channel;
    if (*o->channel_text && !*end && channel >= 0 && channel <= 64) return true;
    message_error("--channel is '%.40s', expected mix, each or a number from 0 to 64", o->channel_text);
    return false;
}

static int run(void *options_, int n_args, char **args) {
    extract_options *o = options_;
    sty_err err = {.status = STY_OK};
    char trim[64];
    if (!set_channel(o) || !set_trim(o, trim, sizeof trim)) return EXIT_USAGE;
    if (n_args < 1 && !o->lists.n && !o->json_input) {
        message_error("expected at least one input (stylet extract --help)");
        return EXIT_USAGE;
    }
    job j = {.o = o, .model = open_model(&o->model, n_args + (int)o->lists.n > 1 || o->lists.n || o->recursive)};
    if (!j.model) return EXIT_USAGE;
    int code = -1;
    const sty_status status = prepare(&j, args, n_args, &err);
    if (status == STY_OK && !report_begin(&j.report, o->progress, j.run.n)) code = EXIT_USAGE;
    else if (status == STY_OK && o->dry_run) {
        code = dry_run(&j, &err);
    } else if (status == STY_OK) code = run_job(&j, &err);
    if (code < 0) {
        message_error("%s", err.message);
        code = err.status == STY_CANCELLED && report_signal() ? 128 + report_signal() : exit_code(err.status);
    }
    sty_average_free(j.work.pieces);
    sty_session_free(j.work.session);
    sty_list_clear(&j.list);
    sty_listed_clear(&j.listed);
    sty_free(j.chosen);
    sty_free(j.file);
    sty_buf_clear(&j.output);
    sty_buf_clear(&j.journal);
    sty_buf_clear(&j.done);
    sty_buf_clear(&j.header);
    sty_model_free(j.model);
    sty_arena_clear(&j.arena);
    return code;
}

const command command_extract = {
    .name = "extract",
    .summary = "style vectors and other outputs of clips",
    .usage = "[-m MODEL] [-w style,token_weights] [-o OUT] INPUT...",
    .examples = "stylet extract speech.wav                                  one JSON line\n"
                "stylet extract -w style,token_weights -o out.npz a.wav b.flac\n"
                "stylet extract -r corpus -o style.npz                      a folder\n"
                "stylet extract --files-from wav.scp -o ark,scp:style.ark,style.scp\n"
                "stylet extract --files-from cuts.jsonl.gz -o style.npz --resume --max-errors 1%\n"
                "stylet extract --files-from all.csv -o out.npz --shard auto    in a job array\n"
                "sox in.mp3 -t wav - | stylet extract -                     audio from a pipe\n"
                "stylet extract -m my-model features.npy                    a precomputed [frames, bins]",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(extract_options),
    .run = run,
};
