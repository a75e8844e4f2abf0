/* model.c - opening a model folder: manifest, weights, front end, graph, outputs,
 * in this order, each checked against the ones before. */
#define _GNU_SOURCE
#include "model/model.h"

#include "base/hash.h"
#include "math/gemm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const sty_json_limits manifest_limits = {1u << 20, 32, 10000};

/* ---- the folder ---- */

/* PATH or PATH/manifest.json: the folder, without the file name. */
static char *folder_of(const char *path) {
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return sty_copy_text(path, strlen(path));
    const char *slash = strrchr(path, '/');
    return slash ? sty_copy_text(path, slash == path ? 1 : (size_t)(slash - path)) : sty_copy_text(".", 1);
}

static sty_status open_folder(const char *path, int *fd, char **folder, sty_err *err) {
    struct stat st;
    if (stat(path, &st) != 0)
        return sty_err_set(err, STY_BAD_MODEL, "cannot find the model '%s': %s", path, strerror(errno));
    const char *slash = strrchr(path, '/');
    if (!S_ISDIR(st.st_mode) && strcmp(slash ? slash + 1 : path, "manifest.json") != 0)
        return sty_err_set(err, STY_BAD_MODEL,
                           "'%s' is not a model: expected a folder or its manifest.json; checkpoints "
                           "are converted by scripts/convert_checkpoint.py",
                           path);
    *folder = folder_of(path);
    if (!*folder) return sty_err_no_memory(err, strlen(path), "a path");
    *fd = open(*folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd >= 0) return STY_OK;
    return sty_err_set(err, STY_BAD_MODEL, "cannot open the model folder '%s': %s", *folder, strerror(errno));
}

/* ---- the manifest ---- */

static sty_status read_text(const sty_cursor *root, const char *key, const char **text,
                            sty_err *err) {
    sty_cursor c;
    *text = "";
    return sty_json_get(root, key, &c) ? sty_json_text(&c, text, err) : STY_OK;
}

static sty_status read_head(sty_model *model, const sty_cursor *root, sty_err *err) {
    static const char *const keys[] = {"format",  "version",   "name",    "description", "license",
                                       "family",  "trained",   "provenance", "front_end", "inputs",
                                       "weights", "layers",    "outputs", NULL};
    sty_cursor c;
    const char *format, *license;
    size_t version;
    bool trained = true;
    STY_TRY(sty_json_need(root, "format", &c, err));
    STY_TRY(sty_json_text(&c, &format, err));
    if (strcmp(format, "stylet") != 0) return sty_json_fail(&c, err, "is '%.40s', expected 'stylet'", format);
    STY_TRY(sty_json_need(root, "version", &c, err));
    STY_TRY(sty_json_integer(&c, 1, 1, &version, err));
    STY_TRY(sty_json_only(root, keys, err));
    STY_TRY(sty_json_need(root, "name", &c, err));
    STY_TRY(sty_json_text(&c, &model->info.name, err));
    STY_TRY(read_text(root, "description", &model->info.description, err));
    STY_TRY(read_text(root, "license", &license, err));
    STY_TRY(read_text(root, "family", &model->info.family, err));
    if (sty_json_get(root, "trained", &c)) STY_TRY(sty_json_bool(&c, &trained, err));
    model->info.trained = trained;
    return STY_OK;
}

static sty_status read_sections(sty_model *model, const sty_cursor *root, int folder_fd,
                                const sty_model_options *options, sty_err *err) {
    sty_cursor c;
    STY_TRY(read_head(model, root, err));
    STY_TRY(sty_json_need(root, "weights", &c, err));
    STY_TRY(sty_manifest_files(model, &c, folder_fd, options->verify != 0, err));
    STY_TRY(sty_json_need(root, "front_end", &c, err));
    STY_TRY(sty_manifest_front_end(model, &c, options, err));
    STY_TRY(sty_manifest_inputs(model, root, err));
    STY_TRY(sty_json_need(root, "layers", &c, err));
    STY_TRY(sty_manifest_layers(model, &c, err));
    STY_TRY(sty_json_need(root, "outputs", &c, err));
    return sty_manifest_outputs(model, &c, err);
}

/* Digest of the canonical manifest and of every tensor, files in order, tensors
 * by name: dtype, shape, bytes. */
static sty_status hash_model(sty_model *model, const sty_cursor *root, sty_err *err) {
    sty_buf text = {0};
    sty_digest *digest = sty_digest_create();
    sty_json_canonical(root, &text);
    const bool ok = digest && !text.failed;
    if (ok) {
        sty_digest_add(digest, text.data, text.length);
        for (size_t i = 0; i < model->n_files; i++)
            for (size_t j = 0; j < model->files[i].weights.n; j++) {
                const sty_weight_tensor *t = &model->files[i].weights.tensors[j];
                sty_digest_add(digest, t->name, strlen(t->name) + 1);
                sty_digest_add(digest, t->data, t->count * sty_dtype_bytes[t->dtype]);
            }
        sty_digest_hex(digest, model->hash);
    }
    sty_digest_free(digest);
    sty_buf_clear(&text);
    model->info.hash = model->hash;
    return ok ? STY_OK : sty_err_no_memory(err, 0, "a digest");
}

static sty_status read_manifest(sty_model *model, int folder_fd, const sty_model_options *options,
                                sty_err *err) {
    sty_bytes bytes = {0};
    sty_status status =
        sty_file_read_beneath(folder_fd, "manifest.json", manifest_limits.max_bytes, &bytes, err);
    if (status != STY_OK) {
        if (err && status != STY_OUT_OF_MEMORY) err->status = STY_BAD_MODEL;
        return status == STY_OUT_OF_MEMORY ? status : STY_BAD_MODEL;
    }
    status = sty_json_parse((const char *)bytes.data, bytes.n, &manifest_limits, &model->manifest, err);
    sty_bytes_clear(&bytes);
    if (status != STY_OK) return status;
    const sty_cursor root = sty_json_root(model->manifest);
    STY_TRY(sty_json_object(&root, err));
    STY_TRY(read_sections(model, &root, folder_fd, options, err));
    return hash_model(model, &root, err);
}

/* ---- public ---- */

sty_status sty_model_open(const char *path, const sty_model_options *options, sty_model **model,
                          sty_err *err) {
    static const sty_model_options defaults = {0};
    sty_model *made = sty_alloc(1, sizeof *made);
    char *folder = NULL;
    int fd = -1;
    if (!made) return sty_err_no_memory(err, sizeof *made, "a model");
    sty_blas_init();
    sty_status status = open_folder(path, &fd, &folder, err);
    if (status == STY_OK) {
        made->info.folder = sty_arena_text(&made->arena, folder, strlen(folder));
        status = made->info.folder ? read_manifest(made, fd, options ? options : &defaults, err)
                                   : sty_err_no_memory(err, strlen(folder), "a path");
        if (status == STY_BAD_MODEL) sty_err_prefix(err, "model '%s': ", folder);
    }
    if (fd >= 0) close(fd);
    sty_free(folder);
    if (status == STY_OK) *model = made;
    else sty_model_free(made);
    return status;
}

void sty_model_free(sty_model *model) {
    if (!model) return;
    for (size_t i = 0; i < model->n_files; i++)
        sty_weights_clear(&model->files[i].weights);
    sty_json_free(model->manifest);
    sty_arena_clear(&model->arena);
    sty_free(model);
}

const sty_model_info *sty_model_facts(const sty_model *model) { return &model->info; }

const sty_output_info *sty_model_output(const sty_model *model, size_t index) {
    return index < model->info.n_outputs ? &model->outputs[index].info : NULL;
}

const sty_input_info *sty_model_input(const sty_model *model, size_t index) {
    return index < model->info.n_inputs ? &model->inputs[index] : NULL;
}
