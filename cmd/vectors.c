/* vectors.c - see vectors.h. Arrays double as they grow; texts live in an arena. */
#define _GNU_SOURCE
#include "vectors.h"

#include "messages.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool vectors_is_store(const char *path) {
    unsigned char head[STY_STORE_HEAD];
    struct stat st;
    int fd;
    if (strcmp(path, "-") == 0 || sty_file_open(path, &fd, NULL) != STY_OK) return false;
    const bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    const ssize_t n = regular ? read(fd, head, sizeof head) : 0;
    close(fd);
    return n > 0 && sty_store_is(head, (size_t)n);
}

const char *vectors_split_id(const char *operand, char *text, size_t n) {
    struct stat st;
    const char *mark = strrchr(operand, '#');
    snprintf(text, n, "%s", operand);
    if (!mark || mark == operand || (size_t)(mark - operand) >= n || stat(operand, &st) == 0) return NULL;
    text[mark - operand] = '\0';
    return mark + 1;
}

const sty_model *vector_source_model(vector_source *source) {
    if (!source->model && !source->failed_open) {
        source->model = open_model(source->options, false);
        source->own_model = true;
        source->failed_open = !source->model;
    }
    return source->model;
}

void vector_source_close(vector_source *source) {
    sty_session_free(source->session);
    if (source->own_model) sty_model_free(source->model);
    source->session = NULL;
    source->model = NULL;
}

void vectors_clear(vector_set *set) {
    sty_free(set->data);
    sty_free(set->ids);
    sty_free(set->paths);
    sty_arena_clear(&set->arena);
    memset(set, 0, sizeof *set);
}

/* ---- growing ---- */

static sty_status reserve(vector_set *set, size_t more, sty_err *err) {
    const size_t n = set->n + more;
    if (n <= set->capacity) return STY_OK;
    const size_t capacity = n > 2 * set->capacity ? n : 2 * set->capacity;
    size_t old = set->capacity, floats;
    float *data = sty_mul(capacity, set->width * sizeof *data, &floats)
                      ? sty_resize(set->data, old * set->width * sizeof *data, floats)
                      : NULL;
    if (data) set->data = data;
    const char **ids = sty_resize(set->ids, old * sizeof *ids, capacity * sizeof *ids);
    if (ids) set->ids = ids;
    const char **paths = sty_resize(set->paths, old * sizeof *paths, capacity * sizeof *paths);
    if (paths) set->paths = paths;
    if (!data || !ids || !paths) return sty_err_no_memory(err, capacity * set->width * sizeof *data, "the vectors");
    set->capacity = capacity;
    return STY_OK;
}

static sty_status check_shape(vector_set *set, const char *operand, int rank, const size_t *dim, sty_err *err) {
    if (!set->first) {
        set->rank = rank;
        set->dim[0] = dim[0];
        set->dim[1] = rank == 2 ? dim[1] : 0;
        set->width = dim[0] * (rank == 2 ? dim[1] : 1);
        set->first = sty_arena_text(&set->arena, operand, strlen(operand));
        return set->first ? STY_OK : sty_err_no_memory(err, strlen(operand), operand);
    }
    if (rank == set->rank && dim[0] == set->dim[0] && (rank == 1 || dim[1] == set->dim[1])) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT,
                       "'%s' has vectors of %zu values, '%s' of %zu: they cannot be of the same model", operand,
                       dim[0] * (rank == 2 ? dim[1] : 1), set->first, set->width);
}

static sty_status check_model(vector_set *set, const char *operand, const char *hash, sty_err *err) {
    if (!*hash) return STY_OK;
    if (!set->model || !*set->model) {
        set->model = sty_arena_text(&set->arena, hash, strlen(hash));
        return set->model ? STY_OK : sty_err_no_memory(err, strlen(hash), "a hash");
    }
    if (strcmp(set->model, hash) == 0) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT,
                       "'%s' is of the model %s, expected the model %s: vectors of different models have nothing in common",
                       operand, hash, set->model);
}

static sty_status name_row(vector_set *set, const char *id, const char *path, sty_err *err) {
    set->ids[set->n] = sty_arena_text(&set->arena, id, strlen(id));
    set->paths[set->n] = sty_arena_text(&set->arena, path, strlen(path));
    if (!set->ids[set->n] || !set->paths[set->n]) return sty_err_no_memory(err, strlen(path), "a name");
    set->n++;
    return STY_OK;
}

/* ---- stores ---- */

static sty_status find_row(sty_store *store, const char *path, const char *id, size_t *row, sty_err *err) {
    const size_t n = sty_store_facts(store)->n;
    for (*row = 0; *row < n; (*row)++)
        if (strcmp(sty_store_id(store, *row), id) == 0) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has no vector called '%s'", path, id);
}

static sty_status add_rows(sty_store *store, const char *path, const char *id, vector_set *set, sty_err *err) {
    const sty_store_info *info = sty_store_facts(store);
    size_t first = 0, n = info->n;
    if (id) {
        STY_TRY(find_row(store, path, id, &first, err));
        n = 1;
    }
    STY_TRY(check_shape(set, path, info->rank, info->dim, err));
    STY_TRY(check_model(set, path, info->model, err));
    STY_TRY(reserve(set, n, err));
    STY_TRY(sty_store_read(store, first, n, set->data + set->n * set->width, err));
    for (size_t i = first; i < first + n; i++) {
        const char *clip = sty_store_path(store, i);
        const bool numbered = n == 1 && !id && strcmp(sty_store_id(store, i), "0") == 0;
        STY_TRY(name_row(set, numbered ? path : sty_store_id(store, i), clip ? clip : "", err));
    }
    return STY_OK;
}

/* ---- audio ---- */

static bool has_output(const sty_model *model, const char *name) {
    for (size_t i = 0; i < sty_model_facts(model)->n_outputs; i++)
        if (strcmp(sty_model_output(model, i)->name, name) == 0) return true;
    return false;
}

/* The session for output and also, opened at the first audio. */
static sty_status open_session(vector_source *source, const char *subject, sty_err *err) {
    const sty_model *model = vector_source_model(source);
    if (!model) return sty_err_set(err, STY_BAD_MODEL, "'%s' needs a model", subject);
    if (source->session) return STY_OK;
    if (source->also && !has_output(model, source->also)) source->also = NULL;
    const char *const names[] = {source->output, source->also};
    STY_TRY(sty_session_create(model, names, source->also ? 2 : 1, &source->session, err));
    return source->bind ? bind_inputs(source->session, source->bind, err) : STY_OK;
}

/* An output of the last run becomes a row. */
static sty_status take_output(vector_source *source, const char *output, const char *id, const char *path, vector_set *set,
                              sty_err *err) {
    sty_view view;
    STY_TRY(check_model(set, id, sty_model_facts(source->model)->hash, err));
    STY_TRY(sty_session_output(source->session, output, &view, err));
    if (view.rank > 2)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the output '%s' has %d axes, expected a vector or token weights", output, view.rank);
    STY_TRY(check_shape(set, id, view.rank, view.dim, err));
    STY_TRY(reserve(set, 1, err));
    memcpy(set->data + set->n * set->width, view.data, set->width * sizeof *view.data);
    return name_row(set, id, path, err);
}

static sty_status add_input(vector_source *source, const input *in, const char *path, vector_set *set, sty_err *err) {
    STY_TRY(input_run(source->session, in, err));
    STY_TRY(take_output(source, source->output, in->path, path, set, err));
    return source->also ? take_output(source, source->also, in->path, path, source->beside, err) : STY_OK;
}

static sty_status add_audio(vector_source *source, const char *path, vector_set *set, sty_err *err) {
    input in = {0};
    STY_TRY(open_session(source, path, err));
    const sty_model_info *model = sty_model_facts(source->model);
    if (set->model && *set->model && strcmp(set->model, model->hash) != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' would be run by the model '%s' (%s), the vectors before it are of the model %s: give that with -m",
                           path, model->name, model->hash, set->model);
    sty_status status = input_read(path, &(sty_clip_options){.stream = 1}, &in, err);
    if (status == STY_OK) status = add_input(source, &in, path, set, err);
    input_clear(&in);
    return status;
}

sty_status vectors_add_clip(vector_source *source, const char *name, sty_clip *clip, vector_set *set, sty_err *err) {
    const input in = {.path = name, .clip = clip};
    STY_TRY(open_session(source, name, err));
    return add_input(source, &in, "", set, err);
}

static sty_status add_store(const char *path, const char *id, const char *output, vector_set *set, sty_err *err) {
    sty_store *store;
    STY_TRY(sty_store_open(path, output, &store, err));
    const sty_status status = add_rows(store, path, id, set, err);
    sty_store_free(store);
    return status;
}

sty_status vectors_add(vector_source *source, const char *operand, vector_set *set, sty_err *err) {
    char path[4096];
    const char *id = vectors_split_id(operand, path, sizeof path);
    if (!vectors_is_store(path)) return add_audio(source, operand, set, err);
    STY_TRY(add_store(path, id, source->output, set, err));
    if (!source->also) return STY_OK;
    const sty_status status = add_store(path, id, source->also, source->beside, NULL); /* a file may have one output */
    return status == STY_OUT_OF_MEMORY ? sty_err_no_memory(err, 0, source->also) : STY_OK;
}

/* Length of the folders that all audio paths begin with. */
static size_t common_folder(const vector_set *set) {
    const char *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (strcmp(set->ids[i], set->paths[i]) != 0) continue;
        if (!first) {
            const char *slash = strrchr(set->paths[i], '/');
            first = set->paths[i];
            n = slash ? (size_t)(slash - first) + 1 : 0;
        }
        while (n > 0 && (strncmp(first, set->paths[i], n) != 0 || first[n - 1] != '/'))
            n--;
    }
    return n;
}

sty_status vectors_shorten(vector_set *set, sty_err *err) {
    const size_t skip = common_folder(set);
    for (size_t i = 0; i < set->n; i++) {
        if (strcmp(set->ids[i], set->paths[i]) != 0) continue;
        const char *name = set->paths[i] + skip, *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
        const size_t n = dot && dot > (slash ? slash + 1 : name) ? (size_t)(dot - name) : strlen(name);
        set->ids[i] = sty_arena_text(&set->arena, name, n);
        if (!set->ids[i]) return sty_err_no_memory(err, n, "a name");
    }
    return STY_OK;
}
