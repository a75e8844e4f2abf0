/* extract.c - `stylet extract`: outputs of a model for one or many inputs.
 *
 * Inputs are taken in order, one at a time; a bad one is reported, recorded and
 * passed over. The output file appears when all are done, and not at all when
 * none could be. */
#define _GNU_SOURCE
#include "commands.h"
#include "common.h"
#include "messages.h"
#include "pieces.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    model_options model;
    const char *wanted, *output, *format, *nonfinite, *average;
    text_list bind;
    double start, end, chunk;
    int channel;
    bool overwrite, dry_run, pad_short;
} extract_options;

static const option_row options[] = {
    COMMON_OPTIONS,
    MODEL_OPTIONS,
    {'w', "want", "NAMES", OPTION_TEXT, offsetof(extract_options, wanted), 0, 0,
     "outputs, comma-separated; also layers [style]"},
    {'o', "output", "FILE", OPTION_TEXT, offsetof(extract_options, output), 0, 0,
     "where results go, format by extension; - is standard output [-]"},
    {'f', "format", "NAME", OPTION_TEXT, offsetof(extract_options, format), 0, 0,
     "jsonl, json, csv, tsv, npy, npz [by extension, jsonl on stdout]"},
    {0, "overwrite", NULL, OPTION_FLAG, offsetof(extract_options, overwrite), 0, 0, "replace an existing output"},
    {0, "bind", "NAME=FILE.npy", OPTION_TEXTS, offsetof(extract_options, bind), 0, 0, "feed a further graph input"},
    {0, "start", "SECONDS", OPTION_NUMBER, offsetof(extract_options, start), 0, 1e9, "begin here [0]"},
    {0, "end", "SECONDS", OPTION_NUMBER, offsetof(extract_options, end), 0, 1e9, "end here [the end]"},
    {0, "channel", "N", OPTION_INT, offsetof(extract_options, channel), 0, 64,
     "use only channel N, from 1; 0 is the model's rule [0]"},
    {0, "nonfinite", "fail|zero", OPTION_TEXT, offsetof(extract_options, nonfinite), 0, 0,
     "what NaN and infinite samples do [fail]"},
    {0, "average", "list", OPTION_TEXT, offsetof(extract_options, average), 0, 0,
     "one record: the mean of each output over all inputs"},
    {0, "chunk", "SECONDS", OPTION_NUMBER, offsetof(extract_options, chunk), 0.1, 1e9,
     "the mean over equal pieces of about this length"},
    {0, "pad-short", NULL, OPTION_FLAG, offsetof(extract_options, pad_short), 0, 0,
     "zeros behind clips that are too short for the model"},
    {0, "dry-run", NULL, OPTION_FLAG, offsetof(extract_options, dry_run), 0, 0,
     "check model, outputs and ids, then stop"},
};

/* ---- signals ---- */

static volatile sig_atomic_t stopped_by;

static void stop(int number) { stopped_by = number; }

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- one run ---- */

typedef struct {
    const extract_options *options;
    const sty_model *model;
    sty_session *session;
    sty_writer *writer;
    const char **names; /* of wanted outputs */
    size_t n_names;
    size_t n_ok, n_failed;
    sty_average *pieces, *list; /* of this input with --average or --chunk; of all inputs */
    size_t n_frames, n_padded;  /* of the last result */
    size_t list_frames, list_padded;
    double list_seconds;
    note_list told; /* remarks already made on stderr */
} job;

static const char *const *labels_of(const sty_model *model, const char *name) {
    for (size_t i = 0; i < sty_model_facts(model)->n_outputs; i++) {
        const sty_output_info *output = sty_model_output(model, i);
        if (strcmp(output->name, name) == 0 && output->n_labels) return output->labels;
    }
    return NULL;
}

static void tell_once(job *j, const input *in, const note_list *notes) {
    for (size_t i = 0; i < notes->n; i++) {
        bool known = false;
        for (size_t k = 0; k < j->told.n; k++)
            known = known || strcmp(j->told.text[k], notes->text[i]) == 0;
        if (known || j->told.n == MAX_NOTES) continue;
        memcpy(j->told.text[j->told.n++], notes->text[i], NOTE_BYTES);
        message_note("'%s': %s (said once)", in->path, notes->text[i]);
    }
}

/* Runs an input: its outputs are then in the session or, of several runs, in pieces. */
static sty_status compute(job *j, const input *in, sty_err *err) {
    sty_view features;
    j->n_frames = j->n_padded = 0;
    if (j->pieces) {
        sty_average_reset(j->pieces);
        return run_pieces(j->session, in, j->options->chunk, j->names, j->n_names, j->pieces, &j->n_frames,
                          &j->n_padded, err);
    }
    STY_TRY(input_run(j->session, in, err));
    STY_TRY(sty_session_output(j->session, "features", &features, err));
    j->n_frames = features.dim[0];
    j->n_padded = sty_session_padded(j->session);
    return STY_OK;
}

static void result_notes(const job *j, const input *in, note_list *notes) {
    input_notes(in, j->model, j->options->channel, notes);
    if (j->pieces && sty_average_count(j->pieces) > 1)
        note_add(notes, "mean of %zu pieces", sty_average_count(j->pieces));
    if (j->n_padded) note_add(notes, "too short, padded by %zu %s", j->n_padded, in->is_features ? "frames" : "samples");
}

/* Means of `average`, or without one what the session has. */
static sty_status result_fields(job *j, sty_average *average, sty_field *fields, sty_err *err) {
    sty_view views[STY_MAX_FIELDS];
    if (average) sty_average_get(average, views);
    for (size_t i = 0; i < j->n_names; i++) {
        if (!average) STY_TRY(sty_session_output(j->session, j->names[i], &views[i], err));
        fields[i] = (sty_field){.name = j->names[i], .view = views[i], .labels = labels_of(j->model, j->names[i])};
    }
    return STY_OK;
}

static sty_status put_result(job *j, const char *id, const input *in, sty_err *err) {
    sty_field fields[STY_MAX_FIELDS];
    note_list notes;
    const sty_clip_info *clip = in->is_features ? NULL : sty_clip_facts(in->clip);
    const sty_model_info *facts = sty_model_facts(j->model);
    result_notes(j, in, &notes);
    tell_once(j, in, &notes);
    STY_TRY(result_fields(j, j->pieces, fields, err));
    const sty_record record = {
        .id = id,
        .path = in->path,
        .start_s = clip ? clip->start_s : 0,
        .duration_s = clip ? clip->duration_s
                           : (double)j->n_frames * (double)facts->hop_samples / facts->rate_hz,
        .channel = j->options->channel,
        .rate_hz = clip ? clip->rate_hz : 0,
        .n_frames = j->n_frames,
        .status = STY_OK,
        .notes = notes.items,
        .n_notes = notes.n,
        .fields = fields,
        .n_fields = j->n_names,
        .model_name = facts->name,
        .model_hash = facts->hash};
    j->n_ok++;
    return sty_writer_put(j->writer, &record, err);
}

/* --average list: nothing is written before the last input. */
static sty_status count_result(job *j, const input *in, sty_err *err) {
    const sty_model_info *facts = sty_model_facts(j->model);
    note_list notes;
    STY_TRY(sty_average_merge(j->list, j->names, j->pieces, err));
    result_notes(j, in, &notes);
    tell_once(j, in, &notes);
    j->list_frames += j->n_frames;
    j->list_padded += j->n_padded;
    j->list_seconds += in->is_features ? (double)in->features.dim[0] * (double)facts->hop_samples / facts->rate_hz
                                  : sty_clip_facts(in->clip)->duration_s;
    j->n_ok++;
    return STY_OK;
}

static sty_status put_average(job *j, sty_err *err) {
    sty_field fields[STY_MAX_FIELDS];
    note_list notes = {.n = 0};
    if (j->n_ok == 0) return STY_OK;
    note_add(&notes, "mean of %zu inputs", j->n_ok);
    if (sty_average_count(j->list) > j->n_ok) note_add(&notes, "mean of %zu pieces", sty_average_count(j->list));
    if (j->list_padded) note_add(&notes, "too short ones, padded by %zu in all", j->list_padded);
    STY_TRY(result_fields(j, j->list, fields, err));
    const sty_record record = {.id = "average",
                               .path = "",
                               .duration_s = j->list_seconds,
                               .channel = j->options->channel,
                               .n_frames = j->list_frames,
                               .status = STY_OK,
                               .notes = notes.items,
                               .n_notes = notes.n,
                               .fields = fields,
                               .n_fields = j->n_names,
                               .model_name = sty_model_facts(j->model)->name,
                               .model_hash = sty_model_facts(j->model)->hash};
    return sty_writer_put(j->writer, &record, err);
}

static sty_status put_failure(job *j, const char *id, const char *path, const sty_err *why, sty_err *err) {
    const sty_record record = {.id = id, .path = path, .status = why->status, .message = why->message};
    message_error("%s: %s", sty_status_name(why->status), why->message);
    j->n_failed++;
    return sty_writer_put(j->writer, &record, err);
}

/* A status that ends the run rather than this input. */
static bool ends_run(sty_status status) {
    return status == STY_BAD_ARGUMENT || status == STY_BAD_MODEL || status == STY_OUTPUT_ERROR;
}

static sty_status process(job *j, const char *id, const char *path, sty_err *err) {
    const extract_options *o = j->options;
    const sty_clip_options how = {.start_s = o->start,
                                  .end_s = o->end,
                                  .channel = o->channel,
                                  .zero_nonfinite = o->nonfinite && strcmp(o->nonfinite, "zero") == 0};
    input in;
    sty_err why;
    sty_status status = input_read(path, &how, &in, &why);
    if (status == STY_OK) status = compute(j, &in, &why);
    if (status == STY_OK) status = o->average ? count_result(j, &in, err) : put_result(j, id, &in, err);
    else if (ends_run(status)) *err = why;
    else status = put_failure(j, id, path, &why, err);
    input_clear(&in);
    return status;
}

static sty_status process_all(job *j, const char *const *ids, char **paths, size_t n, sty_err *err) {
    for (size_t i = 0; i < n; i++) {
        if (stopped_by) return sty_err_set(err, STY_CANCELLED, "stopped by a signal after %zu of %zu", i, n);
        STY_TRY(process(j, ids[i], paths[i], err));
    }
    return j->options->average ? put_average(j, err) : STY_OK;
}

static sty_status check_options(const extract_options *o, sty_err *err) {
    if (o->nonfinite && strcmp(o->nonfinite, "zero") != 0 && strcmp(o->nonfinite, "fail") != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--nonfinite is '%s', expected fail or zero", o->nonfinite);
    if (o->average && strcmp(o->average, "list") != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--average is '%s', expected list", o->average);
    if (o->end > 0 && o->end <= o->start)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--end is %g, expected more than --start %g", o->end, o->start);
    return STY_OK;
}

static sty_status prepare(job *j, char **paths, size_t n, sty_arena *arena, const char ***ids, sty_err *err) {
    const extract_options *o = j->options;
    STY_TRY(check_options(o, err));
    STY_TRY(split_names(o->wanted ? o->wanted : "style", arena, &j->names, &j->n_names, err));
    if (j->n_names > STY_MAX_FIELDS)
        return sty_err_set(err, STY_BAD_ARGUMENT, "more than %d outputs", STY_MAX_FIELDS);
    *ids = sty_arena_alloc(arena, n, sizeof **ids);
    if (!*ids) return sty_err_no_memory(err, n, "ids");
    STY_TRY(sty_ids_from_paths((const char *const *)paths, n, arena, *ids, err));
    STY_TRY(sty_session_create(j->model, j->names, j->n_names, &j->session, err));
    if (o->average || o->chunk > 0) STY_TRY(sty_average_create(j->n_names, &j->pieces, err));
    if (o->average) STY_TRY(sty_average_create(j->n_names, &j->list, err));
    sty_session_pad_short(j->session, o->pad_short);
    return bind_inputs(j->session, &o->bind, err);
}

static int finish(job *j, sty_status status, sty_err *err) {
    const bool keep = status == STY_OK && j->n_ok > 0;
    const bool stream = !j->options->output || strcmp(j->options->output, "-") == 0;
    if (keep || (stream && status == STY_OK)) {
        status = sty_writer_close(j->writer, err);
        j->writer = NULL;
    }
    sty_writer_abort(j->writer);
    if (status != STY_OK) {
        message_error("%s", err->message);
        if (status == STY_CANCELLED) return 128 + (int)stopped_by;
        return exit_code(status);
    }
    if (j->n_failed) message_note("%zu of %zu inputs failed", j->n_failed, j->n_failed + j->n_ok);
    if (j->n_ok == 0) return EXIT_NONE_DONE;
    return j->n_failed ? EXIT_SOME_FAILED : EXIT_OK;
}

static int run(void *options_, int n_args, char **args) {
    const extract_options *o = options_;
    sty_arena arena = {0};
    const char **ids = NULL;
    sty_err err;
    if (n_args < 1) {
        message_error("expected at least one input (stylet extract --help)");
        return EXIT_USAGE;
    }
    sty_model *model = open_model(&o->model, false);
    if (!model) return EXIT_USAGE;
    job j = {.options = o, .model = model};
    int code;
    catch_signals();
    sty_status status = prepare(&j, args, (size_t)n_args, &arena, &ids, &err);
    if (status == STY_OK && !o->dry_run)
        status = sty_writer_open(o->output ? o->output : "-", o->format, o->overwrite, &j.writer, &err);
    if (status != STY_OK) {
        message_error("%s", err.message);
        code = exit_code(status);
    } else if (o->dry_run) {
        message_note("%d inputs, %zu outputs: nothing is wrong so far", n_args, j.n_names);
        code = EXIT_OK;
    } else {
        status = process_all(&j, ids, args, (size_t)n_args, &err);
        code = finish(&j, status, &err);
    }
    sty_average_free(j.pieces);
    sty_average_free(j.list);
    sty_session_free(j.session);
    sty_model_free(model);
    sty_arena_clear(&arena);
    return code;
}

const command command_extract = {
    .name = "extract",
    .summary = "style vectors and other outputs of clips",
    .usage = "[-m MODEL] [-w style,token_weights] [-o OUT] INPUT...",
    .examples = "stylet extract speech.wav                                  one JSON line\n"
                "stylet extract -w style,token_weights -o out.npz a.wav b.flac\n"
                "sox in.mp3 -t wav - | stylet extract -                     audio from a pipe\n"
                "stylet extract -m my-model features.npy                    a precomputed [frames, bins]",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(extract_options),
    .run = run,
};
