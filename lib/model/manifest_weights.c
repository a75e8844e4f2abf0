/* manifest_weights.c - the `weights` section: files, digests, and that every
 * tensor is what the manifest says. */
#include "base/hash.h"
#include "model/model.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

const sty_weight_tensor *sty_model_tensor(const sty_model *model, const char *name) {
    for (size_t i = 0; i < model->n_files; i++) {
        const sty_weight_tensor *tensor = sty_weights_find(&model->files[i].weights, name);
        if (tensor) return tensor;
    }
    return NULL;
}

/* One entry of `tensors`: dtype and shape as in the file. */
static sty_status check_tensor(const sty_weights_file *file, const sty_cursor *entry,
                               sty_err *err) {
    static const char *const keys[] = {"dtype", "shape", NULL};
    sty_cursor c, d;
    const char *dtype;
    char want[96] = "[", have[96];
    size_t dim[8], n = 0;
    STY_TRY(sty_json_only(entry, keys, err));
    const sty_weight_tensor *tensor = sty_weights_find(&file->weights, entry->key);
    if (!tensor)
        return sty_json_fail(entry, err, "'%s' holds no tensor of this name", file->name);
    STY_TRY(sty_json_need(entry, "dtype", &c, err));
    STY_TRY(sty_json_text(&c, &dtype, err));
    if (strcmp(dtype, sty_dtype_names[tensor->dtype]) != 0)
        return sty_json_fail(&c, err, "is %s, the tensor in '%s' is %s", dtype, file->name,
                             sty_dtype_names[tensor->dtype]);
    STY_TRY(sty_json_need(entry, "shape", &c, err));
    STY_TRY(sty_json_list(&c, err));
    for (bool more = sty_json_first(&c, &d); more && n < STY_COUNT(dim); more = sty_json_next(&d))
        STY_TRY(sty_json_integer(&d, 0, STY_JSON_MAX_INTEGER, &dim[n++], err));
    if (sty_json_count(&c) != (size_t)tensor->rank || memcmp(dim, tensor->dim, n * sizeof *dim) != 0)
        return sty_json_fail(&c, err, "is %s, the tensor in '%s' is %s",
                             sty_dims_text((int)n, dim, want), file->name,
                             sty_dims_text(tensor->rank, tensor->dim, have));
    return STY_OK;
}

static sty_status check_tensors(const sty_weights_file *file, const sty_cursor *entry,
                                sty_err *err) {
    sty_cursor list, c;
    STY_TRY(sty_json_need(entry, "tensors", &list, err));
    STY_TRY(sty_json_object(&list, err));
    for (bool more = sty_json_first(&list, &c); more; more = sty_json_next(&c))
        STY_TRY(check_tensor(file, &c, err));
    for (size_t i = 0; i < file->weights.n; i++)
        if (!sty_json_get(&list, file->weights.tensors[i].name, &c))
            return sty_json_fail(&list, err, "does not list the tensor '%s' of '%s'",
                                 file->weights.tensors[i].name, file->name);
    return STY_OK;
}

static sty_status read_beneath(sty_weights_file *file, int folder_fd, sty_err *err) {
    int fd;
    STY_TRY(sty_file_open_beneath(folder_fd, file->name, &fd, err));
    sty_status status = sty_weights_read(fd, file->name, &file->weights, err);
    close(fd);
    if (status == STY_BAD_MODEL) sty_err_prefix(err, "'%s': ", file->name);
    return status;
}

static sty_status open_file(sty_model *model, sty_weights_file *file, const sty_cursor *entry,
                            int folder_fd, bool verify, sty_err *err) {
    static const char *const keys[] = {"file", "sha256", "tensors", NULL};
    sty_cursor name, sha256;
    char digest[65];
    STY_TRY(sty_json_only(entry, keys, err));
    STY_TRY(sty_json_need(entry, "file", &name, err));
    STY_TRY(sty_json_text(&name, &file->name, err));
    STY_TRY(sty_json_need(entry, "sha256", &sha256, err));
    STY_TRY(sty_json_text(&sha256, &file->sha256, err));
    if (strlen(file->sha256) != 64 || strspn(file->sha256, "0123456789abcdef") != 64)
        return sty_json_fail(&sha256, err, "expected 64 lower-case hexadecimal digits");
    model->n_files++;
    sty_status status = read_beneath(file, folder_fd, err);
    if (status == STY_OUT_OF_MEMORY) return status;
    if (status != STY_OK) {
        sty_json_prefix(&name, err);
        if (err) err->status = STY_BAD_MODEL;
        return STY_BAD_MODEL;
    }
    if (verify) {
        sty_sha256_hex(file->weights.bytes.data, file->weights.bytes.n, digest);
        if (strcmp(digest, file->sha256) != 0)
            return sty_json_fail(&sha256, err, "the SHA-256 of '%s' is %s, the manifest says %s",
                                 file->name, digest, file->sha256);
    }
    return check_tensors(file, entry, err);
}

sty_status sty_manifest_files(sty_model *model, const sty_cursor *list, int folder_fd, bool verify,
                              sty_err *err) {
    sty_cursor entry;
    STY_TRY(sty_json_list(list, err));
    const size_t n = sty_json_count(list);
    model->files = sty_arena_alloc(&model->arena, n, sizeof *model->files);
    if (!model->files) return sty_err_no_memory(err, n, "weights files");
    for (bool more = sty_json_first(list, &entry); more; more = sty_json_next(&entry))
        STY_TRY(open_file(model, &model->files[model->n_files], &entry, folder_fd, verify, err));
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < model->files[i].weights.n; j++) {
            const char *name = model->files[i].weights.tensors[j].name;
            for (size_t k = 0; k < i; k++)
                if (sty_weights_find(&model->files[k].weights, name))
                    return sty_json_fail(list, err, "the tensor '%s' is in '%s' and in '%s'", name,
                                         model->files[k].name, model->files[i].name);
        }
    return STY_OK;
}
