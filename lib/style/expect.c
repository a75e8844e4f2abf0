/* expect.c - see expect.h. */
#include "style/expect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const sty_model *model;
    sty_session *session;
    sty_weights file;
    sty_arena arena;
    double tolerance;
    sty_expect_fn told;
    void *context;
    size_t n_compared;
} work;

/* The clip's name in "in.mel_CLIP", "" in "in.mel", NULL elsewhere. */
static const char *clip_of(const char *tensor) {
    static const char *const starts[] = {"in.mel", "in.spec", "in.features", "out.mel", "out.spec"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        const size_t n = strlen(starts[i]);
        if (strncmp(tensor, starts[i], n) == 0 && (tensor[n] == '_' || tensor[n] == '\0'))
            return tensor[n] ? tensor + n + 1 : "";
    }
    return NULL;
}

/* The tensor with what `output` should be for the clip, or NULL. */
static const sty_weight_tensor *expected(const work *w, const char *output, const char *clip) {
    static const char *const aliases[][2] = {{"token_weights", "weights"}, {"style", "embedding"}};
    char name[2 * STY_MAX_NAME + 8];
    snprintf(name, sizeof name, "out.%.128s%s%.128s", output, *clip ? "_" : "", clip);
    const sty_weight_tensor *found = sty_weights_find(&w->file, name);
    for (size_t i = 0; !found && i < sizeof aliases / sizeof *aliases; i++) {
        if (strcmp(aliases[i][0], output) != 0) continue;
        snprintf(name, sizeof name, "out.%s%s%.128s", aliases[i][1], *clip ? "_" : "", clip);
        found = sty_weights_find(&w->file, name);
    }
    return found && sty_dtype_is_weight(found->dtype) ? found : NULL; /* counts are not outputs */
}

static sty_status values_of(work *w, const sty_weight_tensor *tensor, const float **values, sty_err *err) {
    if (!sty_dtype_is_weight(tensor->dtype))
        return sty_err_set(err, STY_BAD_ARGUMENT, "the tensor '%s' is %s, expected F32, F16 or BF16", tensor->name,
                           sty_dtype_names[tensor->dtype]);
    *values = sty_weights_values(tensor, &w->arena);
    return *values ? STY_OK : sty_err_no_memory(err, tensor->count * sizeof(float), tensor->name);
}

static sty_status compare(work *w, const char *output, const char *clip, const sty_weight_tensor *tensor,
                          sty_err *err) {
    sty_expectation e = {.output = output, .clip = clip};
    sty_view view;
    const float *want;
    char have_text[96], want_text[96];
    STY_TRY(sty_session_output(w->session, output, &view, err));
    STY_TRY(values_of(w, tensor, &want, err));
    if (view.rank != tensor->rank || memcmp(view.dim, tensor->dim, (size_t)view.rank * sizeof *view.dim) != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the tensor '%s' is %s, the output '%s' is %s", tensor->name,
                           sty_dims_text(tensor->rank, tensor->dim, want_text), output,
                           sty_dims_text(view.rank, view.dim, have_text));
    bool finite = true;
    for (size_t i = 0; i < tensor->count; i++) {
        finite = finite && isfinite(want[i]);
        e.largest = fmax(e.largest, fabs((double)want[i]));
        e.difference = fmax(e.difference, fabs((double)view.data[i] - (double)want[i]));
    }
    e.holds = finite && e.difference <= w->tolerance * e.largest;
    w->n_compared++;
    w->told(w->context, &e);
    return STY_OK;
}

/* Runs one clip when any of its outputs is expected. */
static sty_status one_clip(work *w, const sty_weight_tensor *features, const char *clip, sty_err *err) {
    const sty_model_info *info = &w->model->info;
    const float *data;
    bool any = false;
    for (size_t i = 0; i < info->n_outputs; i++)
        any = any || expected(w, w->model->outputs[i].info.name, clip);
    if (!any) return STY_OK;
    if (features->rank != 2)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the tensor '%s' has %d axes, expected [frames, bins]",
                           features->name, features->rank);
    STY_TRY(values_of(w, features, &data, err));
    sty_status status = sty_session_run_features(w->session, data, features->dim[0], features->dim[1], err);
    if (status != STY_OK) sty_err_prefix(err, "tensor '%s': ", features->name);
    STY_TRY(status);
    for (size_t i = 0; i < info->n_outputs; i++) {
        const char *output = w->model->outputs[i].info.name;
        const sty_weight_tensor *tensor = expected(w, output, clip);
        if (tensor) STY_TRY(compare(w, output, clip, tensor, err));
    }
    return STY_OK;
}

static sty_status bind_inputs(work *w, sty_err *err) {
    for (size_t i = 0; i < w->model->info.n_inputs; i++) {
        char name[STY_MAX_NAME + 4];
        const float *data;
        snprintf(name, sizeof name, "in.%.120s", w->model->inputs[i].name);
        const sty_weight_tensor *tensor = sty_weights_find(&w->file, name);
        if (!tensor) continue;
        STY_TRY(values_of(w, tensor, &data, err));
        STY_TRY(sty_session_bind(w->session, w->model->inputs[i].name, data, tensor->rank, tensor->dim, err));
    }
    return STY_OK;
}

/* Only outputs that the file expects: others may need inputs that it does not have. */
static sty_status open_session(work *w, sty_err *err) {
    const sty_model_info *info = &w->model->info;
    const char **names = sty_arena_alloc(&w->arena, info->n_outputs, sizeof *names);
    size_t n = 0;
    if (!names) return sty_err_no_memory(err, info->n_outputs, "names");
    for (size_t i = 0; i < info->n_outputs; i++) {
        bool any = false;
        for (size_t j = 0; j < w->file.n && !any; j++) {
            const char *clip = clip_of(w->file.tensors[j].name);
            any = clip && expected(w, w->model->outputs[i].info.name, clip);
        }
        if (any) names[n++] = w->model->outputs[i].info.name;
    }
    if (n == 0)
        return sty_err_set(err, STY_BAD_ARGUMENT,
                           "nothing to compare; expected tensors in.mel_CLIP and out.OUTPUT_CLIP, OUTPUT being one of "
                           "the model's");
    STY_TRY(sty_session_create(w->model, names, n, &w->session, err));
    return bind_inputs(w, err);
}

static sty_status run_all(work *w, sty_err *err) {
    STY_TRY(open_session(w, err));
    for (size_t i = 0; i < w->file.n; i++) {
        const char *name = w->file.tensors[i].name, *clip = clip_of(name);
        char given[2 * STY_MAX_NAME + 8];
        snprintf(given, sizeof given, "in%.200s", strchr(name, '.') ? strchr(name, '.') : "");
        const bool computed = strncmp(name, "out.", 4) == 0;
        if (clip && !(computed && sty_weights_find(&w->file, given)))
            STY_TRY(one_clip(w, &w->file.tensors[i], clip, err));
    }
    return STY_OK;
}

sty_status sty_expect(const sty_model *model, const char *path, double tolerance, sty_expect_fn told,
                      void *context, sty_err *err) {
    sty_bytes bytes = {0};
    work w = {.model = model, .tolerance = tolerance, .told = told, .context = context};
    sty_status status = sty_file_read(path, (size_t)4 << 30, &bytes, err);
    if (status == STY_OK) status = sty_weights_parse(bytes, &w.file, err);
    if (status == STY_OK) status = run_all(&w, err);
    if (status != STY_OK) sty_err_prefix(err, "'%s': ", path);
    sty_session_free(w.session);
    sty_weights_clear(&w.file);
    sty_arena_clear(&w.arena);
    return status;
}
