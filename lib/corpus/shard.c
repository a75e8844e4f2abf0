/* shard.c - see shard.h. The engines' variables are a table; facts from their
 * manuals (Slurm sbatch(1), SGE qsub(1), LSF bsub, AWS Batch array jobs). */
#define _GNU_SOURCE
#include "corpus/shard.h"

#include "base/file.h"
#include "base/hash.h"
#include "model/json.h"
#include "write/writer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *index, *first, *last, *step, *count; /* variables; NULL: none */
    size_t base;                                     /* of the index where first is none */
} engines[] = {
    {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT", 1},
    {"SGE_TASK_ID", "SGE_TASK_FIRST", "SGE_TASK_LAST", "SGE_TASK_STEPSIZE", NULL, 1},
    {"LSB_JOBINDEX", NULL, NULL, NULL, "LSB_JOBINDEX_END", 1},
    {"AWS_BATCH_JOB_ARRAY_INDEX", NULL, NULL, NULL, "AWS_BATCH_JOB_ARRAY_SIZE", 0},
    {"CLOUD_RUN_TASK_INDEX", NULL, NULL, NULL, "CLOUD_RUN_TASK_COUNT", 0},
    {"OMPI_COMM_WORLD_RANK", NULL, NULL, NULL, "OMPI_COMM_WORLD_SIZE", 0},
    {"PMI_RANK", NULL, NULL, NULL, "PMI_SIZE", 0},
    {"PBS_ARRAY_INDEX", NULL, NULL, NULL, NULL, 1},
    {"PBS_ARRAYID", NULL, NULL, NULL, NULL, 1},
    {"JOB_COMPLETION_INDEX", NULL, NULL, NULL, NULL, 0},
    {"PARALLEL_SEQ", NULL, NULL, NULL, NULL, 1},
};

static bool number(const char *text, size_t *value) {
    char *end;
    if (!text || *text < '0' || *text > '9') return false;
    *value = (size_t)strtoull(text, &end, 10);
    return *end == '\0' && *value < (size_t)1 << 40;
}

static bool variable(const char *name, size_t *value) { return name && number(getenv(name), value); }

/* first and total of engine i: 0 for a total that is not known. */
static sty_status numbering(size_t i, bool total_given, size_t *first, size_t *step, size_t *total, sty_err *err) {
    size_t last = 0, count = 0;
    *first = engines[i].base;
    *step = 1;
    *total = 0;
    if (!engines[i].first) {
        variable(engines[i].count, total);
        return STY_OK;
    }
    if (!variable(engines[i].first, first) || !variable(engines[i].last, &last) || last < *first) return STY_OK;
    if (!variable(engines[i].step, step) || *step == 0) *step = 1;
    *total = (last - *first) / *step + 1;
    const bool whole = !variable(engines[i].count, &count) || count == *total;
    if (total_given || (whole && *first <= 1)) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT,
                       "%s: the array's numbers are hand-picked (%zu to %zu, %zu of them), so the number of shards is not "
                       "known; give it: --shard auto/N",
                       engines[i].index, *first, last, count ? count : *total);
}

static sty_status find_engine(size_t *found, sty_err *err) {
    size_t value, n = 0;
    for (size_t i = 0; i < STY_COUNT(engines); i++) {
        if (!variable(engines[i].index, &value)) continue;
        if (n++)
            return sty_err_set(err, STY_BAD_ARGUMENT, "both %s and %s are set; say which shard with --shard I/N",
                               engines[*found].index, engines[i].index);
        *found = i;
    }
    if (n) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "--shard auto, but no job array is in the environment; give --shard I/N");
}

static sty_status from_environment(size_t given, sty_shard *shard, sty_err *err) {
    size_t i = 0, index = 0, first, step, total;
    STY_TRY(find_engine(&i, err));
    STY_TRY(numbering(i, given > 0, &first, &step, &total, err));
    variable(engines[i].index, &index);
    snprintf(shard->source, sizeof shard->source, "%s", engines[i].index);
    if (given) { /* numbers as they are: a retry keeps a shard's own number */
        shard->total = given;
        shard->index = engines[i].first ? index : index - engines[i].base + 1;
    } else {
        if (total == 0)
            return sty_err_set(err, STY_BAD_ARGUMENT, "%s does not say how many shards there are; give --shard auto/N", engines[i].index);
        shard->total = total;
        shard->index = index < first ? 0 : (index - first) / step + 1;
    }
    if (shard->index >= 1 && shard->index <= shard->total) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "%s is %zu, expected 1 to %zu (sbatch --array=1-%zu)", engines[i].index, index,
                       shard->total, shard->total);
}

sty_status sty_shard_parse(const char *text, sty_shard *shard, sty_err *err) {
    size_t total = 0;
    char first[32];
    const char *slash = strchr(text, '/');
    memset(shard, 0, sizeof *shard);
    if (strncmp(text, "auto", 4) == 0 && (text[4] == '\0' || (text[4] == '/' && number(text + 5, &total) && total > 0)))
        return from_environment(total, shard, err);
    if (slash && (size_t)(slash - text) < sizeof first) {
        memcpy(first, text, (size_t)(slash - text));
        first[slash - text] = '\0';
        if (number(first, &shard->index) && number(slash + 1, &shard->total) && shard->index >= 1 && shard->index <= shard->total &&
            shard->total <= 65535)
            return STY_OK;
    }
    return sty_err_set(err, STY_BAD_ARGUMENT, "--shard is '%s', expected I/N with I from 1 to N (N at most 65535), auto or auto/N", text);
}

/* ---- assignment ---- */

typedef struct {
    double seconds;
    size_t index;
} weight;

static int longest_first(const void *a, const void *b) {
    const weight *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds > y->seconds ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int ascending(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* Moves the top of a heap of loads down to its place; equal loads by shard number. */
static void sift(weight *heap, size_t n) {
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++)
            if (heap[child].seconds < heap[least].seconds ||
                (heap[child].seconds <= heap[least].seconds && heap[child].index < heap[least].index))
                least = child;
        if (least == at) return;
        const weight swap = heap[at];
        heap[at] = heap[least];
        heap[least] = swap;
        at = least;
    }
}

/* The longest clip first, each to the shard with the least so far. */
static sty_status by_duration(const sty_list *list, const sty_shard *shard, size_t *indices, size_t *n, sty_err *err) {
    sty_listed listed = {0};
    weight *clips = sty_alloc(list->n, sizeof *clips), *loads = sty_alloc(shard->total, sizeof *loads);
    sty_status status = clips && loads && sty_listed_begin(&listed, list) ? STY_OK : sty_err_no_memory(err, list->n * sizeof *clips, "shards");
    for (size_t i = 0; status == STY_OK && i < list->n; i++) {
        const sty_entry *e = sty_list_at(list, i, &listed);
        const double seconds = e->end_s > 0 ? e->end_s - e->start_s : e->duration_s;
        if (seconds <= 0 && e->kind != STY_SOURCE_BAD)
            status = sty_err_set(err, STY_BAD_ARGUMENT, "--shard-by duration, but the list has no duration of '%s'", e->id);
        clips[i] = (weight){seconds, i};
    }
    if (status == STY_OK) {
        qsort(clips, list->n, sizeof *clips, longest_first);
        for (size_t i = 0; i < shard->total; i++)
            loads[i] = (weight){0, i};
        for (size_t i = 0; i < list->n; i++) {
            if (loads[0].index == shard->index - 1) indices[(*n)++] = clips[i].index;
            loads[0].seconds += clips[i].seconds;
            sift(loads, shard->total);
        }
        qsort(indices, *n, sizeof *indices, ascending);
    }
    sty_free(clips);
    sty_free(loads);
    sty_listed_clear(&listed);
    return status;
}

sty_status sty_shard_select(const sty_list *list, const sty_shard *shard, const char *by, size_t *indices, size_t *n,
                            sty_err *err) {
    const bool contiguous = !by || strcmp(by, "contiguous") == 0, speaker = by && strcmp(by, "speaker") == 0;
    *n = 0;
    if (by && strcmp(by, "duration") == 0) return by_duration(list, shard, indices, n, err);
    if (!contiguous && !speaker && strcmp(by, "hash") != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--shard-by is '%s', expected hash, contiguous, speaker or duration", by);
    if (contiguous) {
        const size_t whole = list->n / shard->total, rest = list->n % shard->total, i = shard->index - 1;
        const size_t first = i * whole + (i < rest ? i : rest);
        for (size_t k = 0; k < whole + (i < rest); k++)
            indices[(*n)++] = first + k;
        return STY_OK;
    }
    sty_listed listed = {0};
    sty_status status = sty_listed_begin(&listed, list) ? STY_OK : sty_err_no_memory(err, 0, "shards");
    for (size_t i = 0; i < list->n && status == STY_OK; i++) {
        const sty_entry *e = sty_list_at(list, i, &listed);
        const char *key = speaker && e->speaker ? e->speaker : e->id;
        if (speaker && !e->speaker && e->kind != STY_SOURCE_BAD)
            status = sty_err_set(err, STY_BAD_ARGUMENT, "--shard-by speaker, but the list has no speaker of '%s'", e->id);
        if (sty_hash64(key, strlen(key)) % shard->total == shard->index - 1) indices[(*n)++] = i;
    }
    sty_listed_clear(&listed);
    return status;
}

/* ---- names ---- */

static void put_name(const char *path, size_t n, const sty_shard *shard, const char *extension, sty_buf *name) {
    size_t stem = n;
    while (stem > 0 && path[stem - 1] != '.' && path[stem - 1] != '/')
        stem--;
    if (stem < 2 || path[stem - 1] != '.' || path[stem - 2] == '/') stem = n + 1; /* no extension */
    sty_buf_put(name, path, stem - 1);
    sty_buf_printf(name, ".%03zu-of-%03zu", shard->index, shard->total);
    if (extension) sty_buf_text(name, extension);
    else sty_buf_put(name, path + stem - 1, n - (stem - 1));
}

void sty_shard_name(const char *output, const sty_shard *shard, const char *extension, sty_buf *name) {
    const size_t n = sty_specifier_length(output);
    const char *files = output + n, *comma = n && memchr(output, ',', n) ? strchr(files, ',') : NULL;
    if (!extension) sty_buf_put(name, output, n);
    put_name(files, comma ? (size_t)(comma - files) : strlen(files), shard, extension, name);
    if (comma && !extension) {
        sty_buf_text(name, ",");
        put_name(comma + 1, strlen(comma + 1), shard, NULL, name);
    }
    sty_buf_put(name, "", 1);
    if (!name->failed) name->length--;
}

/* ---- completion ---- */

void sty_done_digest(const char *header, char digest[33]) {
    snprintf(digest, 33, "%016llx", (unsigned long long)sty_hash64(header, strlen(header)));
}

sty_status sty_done_write(const char *path, const sty_done *done, sty_err *err) {
    char text[300];
    const int n = snprintf(text, sizeof text, "{\"shard\":%zu,\"total\":%zu,\"entries\":%zu,\"ok\":%zu,\"failed\":%zu,\"records\":%zu,\"run\":\"%s\"}\n", done->shard,
                           done->total, done->n_entries, done->n_ok, done->n_failed, done->n_records, done->run);
    return sty_file_write(path, text, (size_t)n, true, err);
}

sty_status sty_done_read(const char *path, sty_done *done, sty_err *err) {
    static const sty_json_limits limits = {65536, 4, 100};
    sty_bytes bytes = {0};
    sty_json *json = NULL;
    STY_TRY(sty_file_read(path, limits.max_bytes, &bytes, err));
    sty_status status = sty_json_parse((const char *)bytes.data, bytes.n, &limits, &json, err);
    const struct {
        const char *key;
        size_t *to;
    } rows[] = {{"shard", &done->shard}, {"total", &done->total}, {"entries", &done->n_entries}, {"ok", &done->n_ok}, {"failed", &done->n_failed},
                {"records", &done->n_records}};
    done->run[0] = '\0';
    for (size_t i = 0; status == STY_OK && i < STY_COUNT(rows); i++) {
        const sty_cursor root = sty_json_root(json);
        sty_cursor c;
        const char *run;
        if (sty_json_get(&root, "run", &c) && sty_json_text(&c, &run, NULL) == STY_OK) snprintf(done->run, sizeof done->run, "%s", run);
        status = sty_json_need(&root, rows[i].key, &c, err);
        if (status == STY_OK) status = sty_json_integer(&c, 0, 1e12, rows[i].to, err);
    }
    sty_json_free(json);
    sty_bytes_clear(&bytes);
    if (status == STY_OK) return STY_OK;
    sty_err_prefix(err, "'%s': ", path);
    if (err) err->status = STY_BAD_ARGUMENT;
    return STY_BAD_ARGUMENT;
}

sty_status sty_shard_total(const char *output, size_t *total, sty_err *err) {
    const sty_shard none = {.index = 0, .total = 0};
    sty_buf name = {0};
    sty_shard_name(output, &none, "", &name); /* FOLDER/STEM.000-of-000 */
    if (name.failed) return sty_err_no_memory(err, name.capacity, "a name");
    name.data[name.length - strlen("000-of-000")] = '\0';
    char *slash = strrchr(name.data, '/');
    const char *stem = slash ? slash + 1 : name.data;
    const size_t n = strlen(stem);
    char *folder_name = slash ? sty_copy_text(name.data, (size_t)(slash - name.data) + 1) : sty_copy_text(".", 1);
    DIR *folder = folder_name ? opendir(folder_name) : NULL;
    sty_status status = STY_OK;
    *total = 0;
    for (struct dirent *e = folder ? readdir(folder) : NULL; e && status == STY_OK; e = readdir(folder)) {
        size_t index, of;
        int end = 0;
        if (strncmp(e->d_name, stem, n) != 0 || sscanf(e->d_name + n, "%zu-of-%zu.%n", &index, &of, &end) != 2 || end == 0) continue;
        if (*total && *total != of)
            status = sty_err_set(err, STY_BAD_ARGUMENT, "beside '%s' are shards of %zu and of %zu; remove the ones that are not meant",
                                 output, *total, of);
        *total = of;
    }
    if (folder) closedir(folder);
    sty_free(folder_name);
    sty_buf_clear(&name);
    return status;
}
