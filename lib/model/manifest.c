/* manifest.c - the sections `front_end`, `inputs` and `outputs`. */
#include "model/model.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static sty_status as_model_error(const sty_cursor *at, sty_err *err) {
    sty_json_prefix(at, err);
    if (err) err->status = STY_BAD_MODEL;
    return STY_BAD_MODEL;
}

/* Names become keys of records, columns, members of archives and file names. */
static sty_status check_name(const sty_cursor *entry, const char *name, const char *what, sty_err *err) {
    static const char *const taken[] = {"id",         "path",   "start", "end",   "duration", "channel", "sample_rate",
                                        "num_frames", "status", "error", "notes", "model",    "ids",     "features"};
    size_t n = strlen(name);
    for (size_t i = 0; i < STY_COUNT(taken); i++)
        if (strcmp(name, taken[i]) == 0)
            return sty_json_fail(entry, err, "'%s' means something else in records, expected another name for the %s",
                                 name, what);
    for (size_t i = 0; name[i]; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("_-", name[i])) n = 0;
    if (n == 0 || n >= STY_MAX_NAME)
        return sty_json_fail(entry, err, "the name of the %s is '%.100s', expected letters, digits, '_' and '-'", what, name);
    return STY_OK;
}

/* ---- front_end ---- */

/* A per-bin tensor of the weights; NULL values when the name is empty. */
static sty_status bin_tensor(sty_model *model, const sty_cursor *section, const char *name,
                             size_t width, bool divisor, const float **values, sty_err *err) {
    *values = NULL;
    if (!*name) return STY_OK;
    const sty_weight_tensor *tensor = sty_model_tensor(model, name);
    if (!tensor) return sty_json_fail(section, err, "the tensor '%s' is missing", name);
    if (!sty_dtype_is_weight(tensor->dtype))
        return sty_json_fail(section, err, "the tensor '%s' is %s, expected F32, F16 or BF16", name,
                             sty_dtype_names[tensor->dtype]);
    if (tensor->count != width)
        return sty_json_fail(section, err, "the tensor '%s' has %zu values, expected one for each of %zu bins",
                             name, tensor->count, width);
    *values = sty_weights_values(tensor, &model->arena);
    if (!*values) return sty_err_no_memory(err, width, name);
    for (size_t i = 0; i < width; i++)
        if (!isfinite((*values)[i]) || (divisor && (*values)[i] <= 0))
            return sty_json_fail(section, err, "the tensor '%s' has the value %g at element %zu, expected %s", name,
                                 (double)(*values)[i], i, divisor ? "positive numbers" : "finite numbers");
    return STY_OK;
}

sty_status sty_manifest_front_end(sty_model *model, const sty_cursor *section,
                                  const sty_model_options *options, sty_err *err) {
    sty_front_end_params params;
    sty_cursor c;
    const float *mean, *std;
    memset(&params, 0, sizeof params);
    STY_TRY(sty_json_object(section, err));
    sty_params_init(sty_front_end_table, sty_n_front_end_params, &params);
    STY_TRY(sty_json_need(section, "sample_rate", &c, err));
    for (bool more = sty_json_first(section, &c); more; more = sty_json_next(&c)) {
        const sty_param *param = sty_params_find(sty_front_end_table, sty_n_front_end_params, c.key);
        if (!param) {
            sty_unknown_param(sty_front_end_table, sty_n_front_end_params, c.key, err);
            return as_model_error(section, err);
        }
        STY_TRY(sty_json_param(&c, param, &params, err));
    }
    if (sty_front_end_check(&params, err) != STY_OK) return as_model_error(section, err);
    for (size_t i = 0; i < options->n_overrides; i++)
        STY_TRY(sty_front_end_set(&params, options->overrides[i], err));
    STY_TRY(sty_front_end_check(&params, err));
    const size_t width = sty_front_end_width(&params);
    STY_TRY(bin_tensor(model, section, params.mean_tensor, width, false, &mean, err));
    STY_TRY(bin_tensor(model, section, params.std_tensor, width, true, &std, err));
    model->info.rate_hz = params.sample_rate;
    model->info.hop_samples = (size_t)params.hop_length;
    model->info.n_features = width;
    return sty_front_end_create(&params, mean, std, &model->arena, &model->front_end, err);
}

/* ---- inputs ---- */

static sty_status read_dim(const sty_cursor *c, size_t *dim, sty_err *err) {
    const char *text;
    *dim = 0;
    if (!sty_json_is_text(c)) return sty_json_integer(c, 1, 1e9, dim, err);
    STY_TRY(sty_json_text(c, &text, err));
    return strcmp(text, "T") == 0 ? STY_OK
                                  : sty_json_fail(c, err, "is '%.40s', expected a number or \"T\"", text);
}

static sty_status read_input(const sty_cursor *entry, sty_graph_value *value, sty_err *err) {
    static const char *const keys[] = {"shape", "description", NULL};
    sty_cursor list, d;
    size_t dim[2];
    STY_TRY(sty_json_only(entry, keys, err));
    STY_TRY(sty_json_need(entry, "shape", &list, err));
    STY_TRY(sty_json_list(&list, err));
    const size_t rank = sty_json_count(&list);
    if (rank < 1 || rank > 2) return sty_json_fail(&list, err, "has %zu axes, expected one or two, each a number or \"T\"", rank);
    size_t n = 0;
    for (bool more = sty_json_first(&list, &d); more; more = sty_json_next(&d))
        STY_TRY(read_dim(&d, &dim[n++], err));
    if (strcmp(entry->key, "features") == 0)
        return sty_json_fail(entry, err, "'features' comes from the front end and is not declared");
    STY_TRY(check_name(entry, entry->key, "input", err));
    *value = (sty_graph_value){
        .name = entry->key,
        .node = -1,
        .shape = rank == 1 ? sty_shape_vector(dim[0]) : sty_shape_sequence(dim[0], dim[1])};
    return STY_OK;
}

sty_status sty_manifest_inputs(sty_model *model, const sty_cursor *root, sty_err *err) {
    sty_graph *graph = &model->graph;
    sty_cursor section, entry;
    const bool given = sty_json_get(root, "inputs", &section);
    if (given) STY_TRY(sty_json_object(&section, err));
    const size_t n = given ? sty_json_count(&section) : 0;
    graph->values = sty_arena_alloc(&model->arena, n + 1, sizeof *graph->values);
    model->inputs = sty_arena_alloc(&model->arena, n, sizeof *model->inputs);
    if (!graph->values || !model->inputs) return sty_err_no_memory(err, n, "inputs");
    graph->values[0] = (sty_graph_value){
        .name = "features", .node = -1, .shape = sty_shape_sequence(0, model->info.n_features)};
    graph->n_values = 1;
    for (bool more = given && sty_json_first(&section, &entry); more; more = sty_json_next(&entry)) {
        sty_graph_value *value = &graph->values[graph->n_values];
        STY_TRY(read_input(&entry, value, err));
        sty_input_info *info = &model->inputs[graph->n_values - 1];
        *info = (sty_input_info){.name = value->name, .rank = value->shape.rank};
        memcpy(info->dim, value->shape.dim, sizeof info->dim);
        graph->n_values++;
    }
    graph->n_inputs = graph->n_values;
    model->info.n_inputs = n;
    return STY_OK;
}

/* ---- outputs ---- */

static const char *value_name_at(const void *context, size_t i) {
    return ((const sty_graph *)context)->values[i].name;
}

static sty_status read_label(const sty_cursor *entry, const char **name, const char **unit,
                             bool *exp2, sty_err *err) {
    static const char *const keys[] = {"name", "unit", "inverse", NULL};
    sty_cursor c;
    const char *inverse = "identity";
    *unit = "";
    STY_TRY(sty_json_only(entry, keys, err));
    STY_TRY(sty_json_need(entry, "name", &c, err));
    STY_TRY(sty_json_text(&c, name, err));
    if (sty_json_get(entry, "unit", &c)) STY_TRY(sty_json_text(&c, unit, err));
    if (sty_json_get(entry, "inverse", &c)) STY_TRY(sty_json_text(&c, &inverse, err));
    *exp2 = strcmp(inverse, "exp2") == 0;
    if (!*exp2 && strcmp(inverse, "identity") != 0)
        return sty_json_fail(&c, err, "is '%.40s', expected identity or exp2", inverse);
    return STY_OK;
}

static sty_status read_labels(sty_model *model, const sty_cursor *list, sty_output *output,
                              sty_err *err) {
    sty_cursor entry;
    STY_TRY(sty_json_list(list, err));
    const size_t n = sty_json_count(list);
    if (output->info.rank != 1 || output->info.dim[0] != n)
        return sty_json_fail(list, err, "has %zu labels, the output has %zu values", n,
                             output->info.rank == 1 ? output->info.dim[0] : 0);
    const char **labels = sty_arena_alloc(&model->arena, n, sizeof *labels);
    const char **units = sty_arena_alloc(&model->arena, n, sizeof *units);
    bool *exp2 = sty_arena_alloc(&model->arena, n, sizeof *exp2);
    if (!labels || !units || !exp2) return sty_err_no_memory(err, n, "labels");
    size_t i = 0;
    for (bool more = sty_json_first(list, &entry); more; more = sty_json_next(&entry), i++)
        STY_TRY(read_label(&entry, &labels[i], &units[i], &exp2[i], err));
    for (i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(labels[i], labels[k]) == 0)
                return sty_json_fail(list, err, "the label '%s' occurs twice", labels[i]);
    output->info.n_labels = n;
    output->info.labels = labels;
    output->info.units = units;
    output->exp2 = exp2;
    return STY_OK;
}

/* The graph inputs that the output depends on, beside features. */
static sty_status find_needs(sty_model *model, sty_output *output, sty_err *err) {
    const sty_graph *graph = &model->graph;
    const char **needs = sty_arena_alloc(&model->arena, graph->n_inputs, sizeof *needs);
    bool *needed = sty_alloc(graph->n_nodes, sizeof *needed);
    if (!needs || !needed) {
        sty_free(needed);
        return sty_err_no_memory(err, graph->n_nodes, "outputs");
    }
    sty_graph_mark(graph, output->value, needed);
    for (size_t v = 1; v < graph->n_inputs; v++) {
        bool read = (size_t)output->value == v;
        for (size_t i = 0; i < graph->n_nodes; i++)
            for (size_t j = 0; needed[i] && j < graph->nodes[i].n_in; j++)
                read = read || graph->nodes[i].in[j] == (int)v;
        if (read) needs[output->info.n_needs++] = graph->values[v].name;
    }
    output->info.needs = needs;
    sty_free(needed);
    return STY_OK;
}

static sty_status read_output(sty_model *model, const sty_cursor *entry, sty_output *output,
                              sty_err *err) {
    static const char *const keys[] = {"from", "description", "labels", NULL};
    const sty_graph *graph = &model->graph;
    const char *from;
    sty_cursor c;
    STY_TRY(check_name(entry, entry->key, "output", err));
    STY_TRY(sty_json_only(entry, keys, err));
    output->info.name = entry->key;
    output->info.description = "";
    STY_TRY(sty_json_need(entry, "from", &c, err));
    STY_TRY(sty_json_text(&c, &from, err));
    output->value = sty_graph_find(graph, from);
    if (output->value < 0) {
        if (!sty_graph_no_extra(graph, from, err))
            sty_unknown_name("layer", from, value_name_at, graph, graph->n_values, err);
        return as_model_error(&c, err);
    }
    const sty_shape *shape = &graph->values[output->value].shape;
    output->info.rank = shape->rank;
    memcpy(output->info.dim, shape->dim, sizeof output->info.dim);
    if (sty_json_get(entry, "description", &c))
        STY_TRY(sty_json_text(&c, &output->info.description, err));
    if (sty_json_get(entry, "labels", &c)) STY_TRY(read_labels(model, &c, output, err));
    return find_needs(model, output, err);
}

sty_status sty_manifest_outputs(sty_model *model, const sty_cursor *section, sty_err *err) {
    sty_cursor entry;
    STY_TRY(sty_json_object(section, err));
    const size_t n = sty_json_count(section);
    model->outputs = sty_arena_alloc(&model->arena, n, sizeof *model->outputs);
    if (!model->outputs) return sty_err_no_memory(err, n, "outputs");
    if (n == 0) return sty_json_fail(section, err, "names no output");
    for (bool more = sty_json_first(section, &entry); more; more = sty_json_next(&entry))
        STY_TRY(read_output(model, &entry, &model->outputs[model->info.n_outputs++], err));
    return STY_OK;
}
