/* compare.c - `stylet compare`: how alike clips and stored vectors are. */
#include "commands.h"
#include "labels.h"
#include "messages.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TABLE_MAX = 24, PAIRS_MAX = 20000 };

typedef struct {
    model_options model;
    const char *wanted, *index, *list, *by, *metric;
    text_list bind;
    int nearest;
    bool json;
} compare_options;

static const option_row options[] = {
    COMMON_OPTIONS,
    MODEL_OPTIONS,
    {'w', "want", "NAME", OPTION_TEXT, offsetof(compare_options, wanted), 0, 0, "the output that is compared [style]"},
    {0, "metric", "cosine|euclidean", OPTION_TEXT, offsetof(compare_options, metric), 0, 0,
     "for --nearest and --by [cosine]"},
    {0, "nearest", "K", OPTION_INT, offsetof(compare_options, nearest), 1, 1000000, "the K most alike vectors of the index"},
    {0, "index", "FILE", OPTION_TEXT, offsetof(compare_options, index), 0, 0, "npy, npz, safetensors, jsonl, ark or scp that extract wrote"},
    {0, "list", "FILE", OPTION_TEXT, offsetof(compare_options, list), 0, 0, "list with labels for --by"},
    {0, "by", "COLUMN", OPTION_TEXT, offsetof(compare_options, by), 0, 0,
     "how far apart the groups of this column of --list are"},
    {0, "bind", "NAME=FILE.npy", OPTION_TEXTS, offsetof(compare_options, bind), 0, 0, "feed a further graph input to clips"},
    {0, "json", NULL, OPTION_FLAG, offsetof(compare_options, json), 0, 0, "the same as JSON"},
};

typedef struct {
    const compare_options *o;
    sty_metric metric;
    vector_source source;
    vector_set set;
    sty_buf out;
} job;

static const char *const metric_names[] = {"cosine", "euclidean"};

/* ---- all with all ---- */

static void matrix_json(const job *j, sty_metric metric, const float *values, sty_buf *out) {
    const size_t dim[2] = {j->set.n, j->set.n};
    sty_buf_printf(out, ", \"%s\": ", metric_names[metric]);
    sty_buf_json_array(out, values, 2, dim);
}

static void matrix_text(const job *j, sty_metric metric, const float *values, sty_buf *out) {
    const size_t n = j->set.n;
    sty_buf_printf(out, "\n%-10s", metric_names[metric]);
    for (size_t i = 0; i < n; i++)
        sty_buf_printf(out, " %8zu", i);
    for (size_t i = 0; i < n; i++) {
        sty_buf_printf(out, "\n%10zu", i);
        for (size_t k = 0; k < n; k++)
            sty_buf_printf(out, " %8.4f", (double)values[i * n + k]);
    }
    sty_buf_text(out, "\n");
}

/* Of many, the pairs that stand out. */
static void extremes_text(const job *j, sty_metric metric, const float *values, sty_buf *out) {
    const size_t n = j->set.n;
    size_t most[2] = {0, 1}, least[2] = {0, 1};
    double sum = 0;
    const float sign = metric == STY_COSINE ? 1 : -1;
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++) {
            const float v = sign * values[i * n + k];
            sum += (double)values[i * n + k];
            if (v > sign * values[most[0] * n + most[1]]) memcpy(most, (size_t[]){i, k}, sizeof most);
            if (v < sign * values[least[0] * n + least[1]]) memcpy(least, (size_t[]){i, k}, sizeof least);
        }
    sty_buf_printf(out, "\n%s over %zu pairs: mean %.4f\n", metric_names[metric], n * (n - 1) / 2,
                   sum / ((double)n * (double)(n - 1) / 2));
    sty_buf_printf(out, "  most alike   %8.4f  %s  %s\n", (double)values[most[0] * n + most[1]], j->set.ids[most[0]],
                   j->set.ids[most[1]]);
    sty_buf_printf(out, "  least alike  %8.4f  %s  %s\n", (double)values[least[0] * n + least[1]], j->set.ids[least[0]],
                   j->set.ids[least[1]]);
}

static void ids_json(const job *j, sty_buf *out) {
    sty_buf_text(out, "{\"ids\": [");
    for (size_t i = 0; i < j->set.n; i++) {
        sty_buf_text(out, i ? ", " : "");
        sty_buf_json(out, j->set.ids[i]);
    }
    sty_buf_text(out, "]");
}

static sty_status all_pairs(job *j, sty_err *err) {
    const size_t n = j->set.n;
    size_t count;
    if (n < 2) return sty_err_set(err, STY_BAD_ARGUMENT, "one vector alone cannot be compared; give two, or --nearest and --index");
    if (n > PAIRS_MAX)
        return sty_err_set(err, STY_BAD_ARGUMENT, "%zu vectors have too many pairs for a matrix; use --nearest", n);
    float *values = sty_mul(n, n, &count) ? sty_alloc(count, sizeof *values) : NULL;
    if (!values) return sty_err_no_memory(err, n * n * sizeof *values, "the matrix");
    if (j->o->json) ids_json(j, &j->out);
    else
        for (size_t i = 0; i < n && n <= TABLE_MAX; i++)
            sty_buf_printf(&j->out, "%4zu  %s\n", i, j->set.ids[i]);
    for (int m = STY_COSINE; m <= STY_EUCLIDEAN; m++) {
        const sty_metric metric = (sty_metric)m;
        sty_compare_all(metric, j->set.data, n, j->set.width, values);
        if (j->o->json) matrix_json(j, metric, values, &j->out);
        else if (n <= TABLE_MAX) matrix_text(j, metric, values, &j->out);
        else extremes_text(j, metric, values, &j->out);
    }
    if (j->o->json) sty_buf_text(&j->out, "}\n");
    sty_free(values);
    return STY_OK;
}

/* ---- nearest ---- */

static void match_text(job *j, sty_store *store, size_t q, const sty_match *m, size_t k) {
    sty_buf *out = &j->out;
    if (j->o->json) {
        sty_buf_text(out, "{\"id\": ");
        sty_buf_json(out, j->set.ids[q]);
        sty_buf_printf(out, ", \"metric\": \"%s\", \"nearest\": [", metric_names[j->metric]);
    } else sty_buf_printf(out, "%s%s\n", q ? "\n" : "", j->set.ids[q]);
    for (size_t i = 0; i < k; i++) {
        const char *id = sty_store_id(store, m[i].row);
        if (!j->o->json) {
            sty_buf_printf(out, "%4zu  %10.6f  %s\n", i + 1, m[i].value, id);
            continue;
        }
        sty_buf_text(out, i ? ", {\"id\": " : "{\"id\": ");
        sty_buf_json(out, id);
        sty_buf_printf(out, ", \"row\": %zu, \"value\": %.9g}", m[i].row, m[i].value);
    }
    if (j->o->json) sty_buf_text(out, "]}\n");
}

static sty_status search(job *j, sty_store *store, sty_err *err) {
    const char *model = sty_store_facts(store)->model;
    size_t k = (size_t)j->o->nearest, count;
    if (*model && j->set.model && *j->set.model && strcmp(model, j->set.model) != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the index '%s' is of the model %s, the queries are of the model %s",
                           j->o->index, model, j->set.model);
    if (k > sty_store_facts(store)->n) k = sty_store_facts(store)->n;
    sty_match *matches = sty_mul(k, j->set.n, &count) ? sty_alloc(count, sizeof *matches) : NULL;
    if (!matches) return sty_err_no_memory(err, k, "matches");
    sty_status status = sty_nearest(j->metric, j->set.data, j->set.n, j->set.width, store, &k, matches, err);
    for (size_t q = 0; status == STY_OK && q < j->set.n; q++)
        match_text(j, store, q, matches + q * k, k);
    sty_free(matches);
    return status;
}

static sty_status nearest(job *j, sty_err *err) {
    sty_store *store;
    STY_TRY(sty_store_open(j->o->index, j->source.output, &store, err));
    sty_status status = search(j, store, err);
    sty_store_free(store);
    return status;
}

/* ---- groups ---- */

static void put_measure(const char *name, double value, sty_buf *out) {
    if (isnan(value)) sty_buf_printf(out, ", \"%s\": null", name);
    else sty_buf_printf(out, ", \"%s\": %.9g", name, value);
}

static sty_status groups(job *j, sty_err *err) {
    label_set labels;
    sty_separation s;
    sty_status status = labels_read(j->o->list, j->o->by, &j->set, &labels, err);
    if (status == STY_OK)
        status = sty_separate(j->metric, j->set.data, j->set.n, j->set.width, labels.group, labels.n_groups, &s, err);
    labels_clear(&labels);
    STY_TRY(status);
    if (j->o->json) {
        sty_buf_text(&j->out, "{\"by\": ");
        sty_buf_json(&j->out, j->o->by);
        sty_buf_printf(&j->out, ", \"metric\": \"%s\", \"clips\": %zu, \"groups\": %zu", metric_names[j->metric], s.n_clips, s.n_groups);
        put_measure("silhouette", s.silhouette, &j->out);
        put_measure("within", s.within, &j->out);
        put_measure("between", s.between, &j->out);
        put_measure("same_nearest", s.same_nearest, &j->out);
        sty_buf_text(&j->out, "}\n");
        return STY_OK;
    }
    sty_buf_printf(&j->out, "%zu clips in %zu groups by %s\n", s.n_clips, s.n_groups, j->o->by);
    if (isnan(s.within)) {
        sty_buf_printf(&j->out, "silhouette            -  no group has two clips\nwithin groups         -\nbetween groups  %7.4f  mean %s\n"
                       "nearest clip          -\n", s.between, metric_names[j->metric]);
        return STY_OK;
    }
    sty_buf_printf(&j->out, "silhouette      %7.4f  1: apart, 0: touching, below 0: mixed up\n", s.silhouette);
    sty_buf_printf(&j->out, "within groups   %7.4f  mean %s\n", s.within, metric_names[j->metric]);
    sty_buf_printf(&j->out, "between groups  %7.4f\n", s.between);
    sty_buf_printf(&j->out, "nearest clip    %6.1f%%  is of the same group\n", 100 * s.same_nearest);
    return STY_OK;
}

/* Stored vectors need no model; one that is named all the same must be theirs. */
static sty_status check_model(job *j, const char *operand, sty_err *err) {
    if (!j->o->model.model || !j->set.model || !*j->set.model) return STY_OK;
    const sty_model *model = vector_source_model(&j->source);
    if (!model) return sty_err_set(err, STY_BAD_MODEL, "no model");
    const sty_model_info *info = sty_model_facts(model);
    if (strcmp(info->hash, j->set.model) == 0) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is of the model %s, -m is the model %s ('%s')", operand, j->set.model, info->hash,
                       info->name);
}

static sty_status compare(job *j, int n_args, char **args, sty_err *err) {
    const compare_options *o = j->o;
    if (o->metric && strcmp(o->metric, "euclidean") == 0) j->metric = STY_EUCLIDEAN;
    else if (o->metric && strcmp(o->metric, "cosine") != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--metric is '%s', expected cosine or euclidean", o->metric);
    if (!o->nearest != !o->index) return sty_err_set(err, STY_BAD_ARGUMENT, "--nearest and --index go together");
    if (!o->list != !o->by) return sty_err_set(err, STY_BAD_ARGUMENT, "--list and --by go together");
    if (o->by && o->index) return sty_err_set(err, STY_BAD_ARGUMENT, "--by and --nearest are two questions; ask one");
    for (int i = 0; i < n_args; i++)
        STY_TRY(vectors_add(&j->source, args[i], &j->set, err));
    STY_TRY(check_model(j, args[0], err));
    STY_TRY(vectors_shorten(&j->set, err));
    if (o->index) return nearest(j, err);
    return o->by ? groups(j, err) : all_pairs(j, err);
}

static int run(void *options_, int n_args, char **args) {
    job j = {.o = options_};
    sty_err err;
    if (n_args < 1) {
        message_error("expected clips or files of vectors (stylet compare --help)");
        return EXIT_USAGE;
    }
    j.source = (vector_source){.options = &j.o->model, .bind = &j.o->bind, .output = j.o->wanted ? j.o->wanted : "style"};
    const sty_status status = compare(&j, n_args, args, &err);
    int code = exit_code(status);
    if (status == STY_OK) code = print_buf(&j.out);
    else if (!j.source.failed_open) message_error("%s", err.message);
    sty_buf_clear(&j.out);
    vectors_clear(&j.set);
    vector_source_close(&j.source);
    return code;
}

const command command_compare = {
    .name = "compare",
    .summary = "how alike clips and stored vectors are",
    .usage = "[-m MODEL] A B... | --nearest K --index FILE QUERY...",
    .examples = "stylet compare a.wav b.wav c.wav                  cosine and euclidean, all with all\n"
                "stylet compare a.wav corpus.npz#clip-0017         FILE#ID is one stored vector\n"
                "stylet compare --nearest 10 --index corpus.npz a.wav\n"
                "stylet compare corpus.npz --list corpus.csv --by speaker",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(compare_options),
    .run = run,
};
