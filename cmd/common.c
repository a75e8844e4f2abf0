/* common.c - see common.h. */
#define _GNU_SOURCE
#include "common.h"

#include "messages.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void shipped_path(const char *name, const char *file, char *text, size_t n) {
    char program[4096];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    struct stat st;
    static const char *const places[] = {"../models", "../../models", "../share/stylet/models"};
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash) *slash = '\0';
    for (size_t i = 0; i < STY_COUNT(places); i++) {
        char looked_for[4400];
        snprintf(text, n, "%s/%s/%s", program, places[i], name);
        snprintf(looked_for, sizeof looked_for, "%.4000s%s", text, file);
        if (stat(looked_for, &st) != 0) continue;
        char plain[PATH_MAX]; /* without ".." */
        if (realpath(text, plain) && strlen(plain) < n) memcpy(text, plain, strlen(plain) + 1);
        return;
    }
}

void default_model_path(char *text, size_t n) { shipped_path("default", "/manifest.json", text, n); }

const char *model_path(const model_options *options) {
    static char shipped[4200];
    const char *path = options->model ? options->model : getenv("STYLET_MODEL");
    if (path && *path) return path;
    default_model_path(shipped, sizeof shipped);
    return shipped;
}

bool model_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

sty_model *open_model(const model_options *options, bool verify) {
    const char *path = model_path(options);
    const sty_model_options how = {
        .verify = verify, .overrides = options->set.items, .n_overrides = options->set.n};
    sty_model *model = NULL;
    sty_err err;
    if (sty_model_open(path, &how, &model, &err) != STY_OK) {
        char shipped[4400];
        default_model_path(shipped, sizeof shipped);
        if (model_exists(path)) message_error("%s", err.message);
        else message_error("%s; expected a folder or its manifest.json (the shipped model is '%s')", err.message, shipped);
        return NULL;
    }
    if (!sty_model_facts(model)->trained)
        message_warning("the model '%s' is untrained: its weights are random and its numbers mean nothing",
                        sty_model_facts(model)->name);
    return model;
}

/* ---- inputs ---- */

/* Asks for the kind before opening: whoever writes into a FIFO would lose a reader
 * that goes away again. */
static bool begins_like_npy(const char *path) {
    unsigned char head[6];
    struct stat st;
    int fd;
    if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode)) return false;
    if (sty_file_open(path, &fd, NULL) != STY_OK) return false;
    const bool is = read(fd, head, sizeof head) == sizeof head && sty_npy_is(head, sizeof head);
    close(fd);
    return is;
}

sty_status input_read(const char *path, const sty_clip_options *options, input *in, sty_err *err) {
    memset(in, 0, sizeof *in);
    in->path = path;
    in->is_features = begins_like_npy(path);
    if (!in->is_features) return sty_clip_read(path, options, &in->clip, err);
    STY_TRY(sty_npy_read(path, &in->features, err));
    if (in->features.rank == 2) return STY_OK;
    sty_status status = sty_err_set(err, STY_NOT_AUDIO, "'%s' has %d axes, expected [frames, bins]", path,
                                    in->features.rank);
    input_clear(in);
    return status;
}

void name_input(const char *path, sty_err *err) {
    if (!strchr(err->message, '\'') || !strstr(err->message, path)) sty_err_prefix(err, "'%s': ", path);
}

sty_status input_run(sty_session *session, const input *in, sty_err *err) {
    sty_status status = in->is_features
                            ? sty_session_run_features(session, in->features.data, in->features.dim[0],
                                                       in->features.dim[1], err)
                            : sty_session_run_clip(session, in->clip, err);
    if (status != STY_OK) name_input(in->path, err);
    return status;
}

void input_clear(input *in) {
    sty_clip_free(in->clip);
    sty_npy_clear(&in->features);
    in->clip = NULL;
}

void note_add(note_list *notes, const char *format, ...) {
    va_list args;
    if (notes->n == MAX_NOTES) return;
    va_start(args, format);
    vsnprintf(notes->text[notes->n], NOTE_BYTES, format, args);
    va_end(args);
    notes->items[notes->n] = notes->text[notes->n];
    notes->n++;
}

void input_notes(const input *in, const sty_model *model, int channel, note_list *notes) {
    notes->n = 0;
    if (in->is_features) return;
    const sty_clip_info *clip = sty_clip_facts(in->clip);
    const sty_front_end_params *p = sty_front_end_facts(model->front_end);
    if (channel > 0 && clip->source_channels > 1)
        note_add(notes, "channel %d of %d", channel, clip->source_channels);
    else if (clip->n_channels > 1)
        note_add(notes, p->channels == 1 ? "first of %d channels" : "mean of %d channels", clip->n_channels);
    if (clip->rate_hz != p->sample_rate) note_add(notes, "resampled %d Hz to %d Hz", clip->rate_hz, p->sample_rate);
    if (clip->n_zeroed) note_add(notes, "%zu non-finite samples read as 0", clip->n_zeroed);
}

/* ---- ends ---- */

int exit_code(sty_status status) {
    switch (status) {
    case STY_OK: return EXIT_OK;
    case STY_BAD_ARGUMENT:
    case STY_BAD_MODEL: return EXIT_USAGE;
    case STY_OUTPUT_ERROR: return EXIT_OUTPUT;
    case STY_CANCELLED: return EXIT_INTERRUPTED;
    default: return EXIT_NONE_DONE;
    }
}

sty_status check_binary_output(const char *output, const char *name, sty_err *err) {
    if ((output && strcmp(output, "-") != 0) || !isatty(STDOUT_FILENO)) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "standard output is a terminal, which cannot show this; give -o %s or a pipe", name);
}

int print_buf(sty_buf *buf) {
    sty_err err;
    sty_status status = buf->failed ? sty_err_no_memory(&err, buf->capacity, "the result") : STY_OK;
    if (status == STY_OK) status = sty_file_write("-", buf->data, buf->length, true, &err);
    if (status != STY_OK) message_error("%s", err.message);
    sty_buf_clear(buf);
    return exit_code(status);
}

bool stage_dump_begin(stage_dump *dump, const char *folder) {
    memset(dump, 0, sizeof *dump);
    dump->folder = folder;
    if (mkdir(folder, 0777) == 0 || errno == EEXIST) return true;
    message_error("cannot create the folder '%s': %s", folder, strerror(errno));
    return false;
}

void stage_dump_write(void *context, const char *name, const float *data, int rank, const size_t *dim) {
    stage_dump *dump = context;
    char path[4096];
    if (dump->err.status != STY_OK) return;
    snprintf(path, sizeof path, "%s/%02d-%s.npy", dump->folder, dump->n++, name);
    sty_npy_write(path, data, rank, dim, true, &dump->err);
}

sty_status bind_inputs(sty_session *session, const text_list *binds, sty_err *err) {
    for (size_t i = 0; i < binds->n; i++) {
        char name[STY_MAX_NAME];
        const char *equals = strchr(binds->items[i], '=');
        const size_t n = equals ? (size_t)(equals - binds->items[i]) : 0;
        sty_npy npy;
        if (n == 0 || n >= sizeof name)
            return sty_err_set(err, STY_BAD_ARGUMENT, "--bind is '%s', expected NAME=FILE.npy", binds->items[i]);
        memcpy(name, binds->items[i], n);
        name[n] = '\0';
        sty_status status = sty_npy_read(equals + 1, &npy, err);
        if (status == STY_OK) {
            status = sty_session_bind(session, name, npy.data, npy.rank, npy.dim, err);
            sty_npy_clear(&npy);
        }
        if (status != STY_OK) {
            if (err) err->status = STY_BAD_ARGUMENT;
            return STY_BAD_ARGUMENT;
        }
    }
    return STY_OK;
}

const char *output_lacks(const sty_output_info *output, const text_list *binds) {
    for (size_t i = 0; i < output->n_needs; i++) {
        const size_t n = strlen(output->needs[i]);
        bool bound = false;
        for (size_t k = 0; k < binds->n; k++)
            bound = bound || (strncmp(binds->items[k], output->needs[i], n) == 0 && binds->items[k][n] == '=');
        if (!bound) return output->needs[i];
    }
    return NULL;
}

const char *main_output(const sty_model *model, const text_list *binds) {
    const sty_output_info *style = NULL, *offered = NULL;
    for (size_t i = 0; i < sty_model_facts(model)->n_outputs; i++) {
        const sty_output_info *output = sty_model_output(model, i);
        if (strcmp(output->name, "style") == 0) style = output;
        if (!offered && !output_lacks(output, binds)) offered = output;
    }
    const char *lacks = style ? output_lacks(style, binds) : NULL;
    if (!lacks || !offered) return "style";
    message_warning("'style' needs --bind %s=FILE.npy; without it this model offers '%s'", lacks, offered->name);
    return offered->name;
}

sty_status bind_diagnosis(sty_diagnosis *diagnosis, const text_list *binds, sty_err *err) {
    STY_TRY(bind_inputs(sty_diagnosis_session(diagnosis), binds, err));
    for (size_t i = 0; i < binds->n; i++) {
        char name[STY_MAX_NAME] = "";
        const size_t n = strcspn(binds->items[i], "=");
        if (n < sizeof name) memcpy(name, binds->items[i], n);
        sty_diagnosis_bound(diagnosis, name);
    }
    return STY_OK;
}

sty_status split_names(const char *text, sty_arena *arena, const char ***names, size_t *n, sty_err *err) {
    size_t count = 1;
    for (const char *p = text; *p; p++)
        count += *p == ',';
    *names = sty_arena_alloc(arena, count, sizeof **names);
    char *copy = sty_arena_text(arena, text, strlen(text));
    if (!*names || !copy) return sty_err_no_memory(err, strlen(text), "names");
    *n = 0;
    for (char *name = copy; name;) {
        char *comma = strchr(name, ',');
        if (comma) *comma++ = '\0';
        if (!*name) return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has a comma without a name beside it", text);
        for (size_t i = 0; i < *n; i++)
            if (strcmp((*names)[i], name) == 0)
                return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' names '%s' twice", text, name);
        (*names)[(*n)++] = name;
        name = comma;
    }
    return STY_OK;
}
