/* describe.c - what `stylet model` prints. */
#include "model/describe.h"

#include "base/hash.h"
#include "model/session.h"

#include <string.h>
#include <unistd.h>

static void dims(const sty_shape *shape, sty_buf *out) {
    sty_buf_text(out, "[");
    for (int i = 0; i < shape->rank; i++) {
        if (i) sty_buf_text(out, ", ");
        if (shape->dim[i]) sty_buf_printf(out, "%zu", shape->dim[i]);
        else sty_buf_text(out, "\"T\"");
    }
    sty_buf_text(out, "]");
}

typedef struct {
    sty_shape *shapes;
    sty_reach *reach; /* of values */
    size_t min_frames, frames_per_10_s;
    double total;
    const char *main; /* the first output, or NULL */
    double long_bytes[2]; /* that it takes from a clip of ten minutes and of an hour; 0: none to be had */
} graph_facts;

static void forget(graph_facts *facts) {
    sty_free(facts->shapes);
    sty_free(facts->reach);
}

static bool measure_long(const sty_model *model, graph_facts *facts) {
    static const size_t seconds[2] = {600, 3600};
    const sty_front_end_params *p = sty_front_end_facts(model->front_end);
    sty_session *session = NULL;
    facts->main = model->info.n_outputs ? model->outputs[0].info.name : NULL;
    facts->long_bytes[0] = facts->long_bytes[1] = 0;
    if (!facts->main) return true;
    if (sty_session_create(model, &facts->main, 1, &session, NULL) != STY_OK) return false;
    for (int i = 0; i < 2; i++) {
        const size_t n_frames = sty_front_end_frames(p, seconds[i] * (size_t)p->sample_rate);
        if (sty_session_memory(session, n_frames, &facts->long_bytes[i], NULL) != STY_OK) facts->long_bytes[i] = 0;
    }
    sty_session_free(session);
    return true;
}

static bool measure(const sty_model *model, graph_facts *facts) {
    const sty_graph *graph = &model->graph;
    const sty_front_end_params *p = sty_front_end_facts(model->front_end);
    facts->shapes = sty_alloc(graph->n_values, sizeof *facts->shapes);
    facts->reach = sty_alloc(graph->n_values, sizeof *facts->reach);
    if (!facts->shapes || !facts->reach || !measure_long(model, facts)) {
        forget(facts);
        return false;
    }
    facts->min_frames = sty_graph_min_frames(graph, NULL, facts->shapes);
    facts->frames_per_10_s = sty_front_end_frames(p, (size_t)p->sample_rate * 10);
    if (facts->frames_per_10_s < facts->min_frames) facts->frames_per_10_s = facts->min_frames;
    sty_graph_nominal(graph, facts->frames_per_10_s, facts->shapes);
    facts->total = 0;
    const sty_status status = sty_graph_infer_nominal(graph, NULL, facts->shapes, NULL);
    sty_graph_reach(graph, facts->shapes, facts->reach);
    if (status != STY_OK) return true;
    for (size_t i = 0; i < graph->n_nodes; i++)
        facts->total += sty_graph_work(&graph->nodes[i], facts->shapes);
    return true;
}

static double min_seconds(const sty_model *model, size_t frames) {
    const sty_front_end_params *p = sty_front_end_facts(model->front_end);
    return (double)sty_front_end_samples(p, frames) / p->sample_rate;
}

void sty_describe_front_end(const sty_model *model, bool all, const char *between, sty_buf *out) {
    const sty_front_end_params *p = sty_front_end_facts(model->front_end);
    sty_front_end_params defaults;
    bool first = true;
    memset(&defaults, 0, sizeof defaults);
    sty_params_init(sty_front_end_table, sty_n_front_end_params, &defaults);
    for (size_t i = 0; i < sty_n_front_end_params; i++) {
        const sty_param *row = &sty_front_end_table[i];
        sty_buf ours = {0}, theirs = {0};
        sty_param_print(row, p, &ours);
        sty_param_print(row, &defaults, &theirs);
        const bool same = ours.length == theirs.length && memcmp(ours.data, theirs.data, ours.length) == 0;
        if (all || !row->initial || !same) {
            if (!first) sty_buf_text(out, between);
            first = false;
            if (all) sty_buf_printf(out, "\"%s\": ", row->name);
            else sty_buf_printf(out, "%s=", row->name);
            sty_buf_put(out, ours.data, ours.length);
        }
        sty_buf_clear(&ours);
        sty_buf_clear(&theirs);
    }
}

/* A number of frames, or null: the whole clip. */
static void json_reach(const sty_reach *reach, sty_buf *out) {
    if (reach->kernel == STY_WHOLE) sty_buf_text(out, "null");
    else sty_buf_printf(out, "%zu", reach->kernel);
}

/* The audio under that many frames: hops between them and one window. */
static void json_seconds(const sty_model *model, const sty_reach *reach, sty_buf *out) {
    const sty_front_end_params *p = sty_front_end_facts(model->front_end);
    const double window = p->win_length == STY_NONE ? p->n_fft : p->win_length;
    if (reach->kernel == STY_WHOLE) sty_buf_text(out, "null");
    else sty_buf_printf(out, "%.6g", ((double)(reach->kernel - 1) * p->hop_length + window) / p->sample_rate);
}

static void json_layers(const sty_model *model, const graph_facts *facts, sty_buf *out) {
    const sty_graph *graph = &model->graph;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const sty_node *node = &graph->nodes[i];
        sty_buf_text(out, i ? ",\n    {\"name\": " : "\n    {\"name\": ");
        sty_buf_json(out, node->name);
        sty_buf_printf(out, ", \"type\": \"%s\", \"inputs\": [", node->type->name);
        for (size_t j = 0; j < node->n_in; j++) {
            if (j) sty_buf_text(out, ", ");
            if (node->in[j] < 0) sty_buf_text(out, "null");
            else sty_buf_json(out, graph->values[node->in[j]].name);
        }
        sty_buf_text(out, "], \"shape\": ");
        dims(&graph->values[node->out].shape, out);
        sty_buf_printf(out, ", \"multiply_adds_per_second\": %.0f, \"receptive_field_frames\": ",
                       sty_graph_work(node, facts->shapes) / 10);
        json_reach(&facts->reach[node->out], out);
        sty_buf_text(out, "}");
    }
}

static void json_memory(const graph_facts *facts, sty_buf *out) {
    if (!facts->main) return;
    sty_buf_text(out, ",\n  \"memory_bytes\": {\"output\": ");
    sty_buf_json(out, facts->main);
    sty_buf_printf(out, ", \"ten_minutes\": %.0f, \"hour\": %.0f}", facts->long_bytes[0], facts->long_bytes[1]);
}

void sty_describe_json(const sty_model *model, sty_buf *out) {
    const sty_model_info *info = &model->info;
    graph_facts facts;
    if (!measure(model, &facts)) {
        out->failed = true;
        return;
    }
    sty_buf_text(out, "{\n  \"name\": ");
    sty_buf_json(out, info->name);
    sty_buf_text(out, ",\n  \"description\": ");
    sty_buf_json(out, info->description);
    sty_buf_text(out, ",\n  \"family\": ");
    sty_buf_json(out, info->family);
    sty_buf_printf(out, ",\n  \"trained\": %s,\n  \"hash\": \"%s\"", info->trained ? "true" : "false", info->hash);
    sty_buf_printf(out, ",\n  \"parameters\": %zu,\n  \"multiply_adds_per_second\": %.0f", info->n_parameters, facts.total / 10);
    sty_buf_printf(out, ",\n  \"min_frames\": %zu,\n  \"min_seconds\": %.6g", facts.min_frames,
                   min_seconds(model, facts.min_frames));
    json_memory(&facts, out);
    sty_buf_text(out, ",\n  \"front_end\": {");
    sty_describe_front_end(model, true, ", ", out);
    sty_buf_text(out, "},\n  \"inputs\": {");
    for (size_t i = 0; i < info->n_inputs; i++) {
        if (i) sty_buf_text(out, ", ");
        sty_buf_json(out, model->inputs[i].name);
        sty_buf_text(out, ": ");
        dims(&model->graph.values[i + 1].shape, out);
    }
    sty_buf_text(out, "},\n  \"layers\": [");
    json_layers(model, &facts, out);
    sty_buf_text(out, "\n  ],\n  \"outputs\": {");
    for (size_t i = 0; i < info->n_outputs; i++) {
        const sty_output *output = &model->outputs[i];
        sty_buf_text(out, i ? ",\n    " : "\n    ");
        sty_buf_json(out, output->info.name);
        sty_buf_text(out, ": {\"from\": ");
        sty_buf_json(out, model->graph.values[output->value].name);
        sty_buf_text(out, ", \"shape\": ");
        dims(&model->graph.values[output->value].shape, out);
        sty_buf_text(out, ", \"receptive_field_frames\": ");
        json_reach(&facts.reach[output->value], out);
        sty_buf_text(out, ", \"receptive_field_seconds\": ");
        json_seconds(model, &facts.reach[output->value], out);
        sty_buf_text(out, ", \"needs\": [");
        for (size_t k = 0; k < output->info.n_needs; k++) {
            if (k) sty_buf_text(out, ", ");
            sty_buf_json(out, output->info.needs[k]);
        }
        sty_buf_text(out, "], \"description\": ");
        sty_buf_json(out, output->info.description);
        sty_buf_text(out, "}");
    }
    sty_buf_text(out, "\n  }\n}\n");
    forget(&facts);
}

static void shape_column(const sty_shape *shape, sty_buf *out) {
    sty_buf text = {0};
    dims(shape, &text);
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] != '"') sty_buf_put(out, text.data + i, 1);
    sty_buf_clear(&text);
}

/* Multiply-adds of a second in a clip of ten; sees: frames of features behind one step. */
static void text_layers(const sty_graph *graph, const graph_facts *facts, sty_buf *out) {
    sty_buf_printf(out, "\n\n%-20s %-28s %-18s %12s %6s  %s\n", "layer", "type", "output", "adds/s", "sees", "from");
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const sty_node *node = &graph->nodes[i];
        const size_t sees = facts->reach[node->out].kernel;
        sty_buf shape = {0};
        shape_column(&graph->values[node->out].shape, &shape);
        sty_buf_printf(out, "%-20s %-28s %-18.*s %12.0f ", node->name, node->type->name, (int)shape.length, shape.data,
                       sty_graph_work(node, facts->shapes) / 10);
        if (sees == STY_WHOLE) sty_buf_text(out, "   all  ");
        else sty_buf_printf(out, "%6zu  ", sees);
        for (size_t j = 0, n = 0; j < node->n_in; j++) {
            if (node->in[j] < 0) continue; /* named where one before it is not connected */
            const bool named = n < j && !node->type->variadic;
            sty_buf_printf(out, "%s%s%s%s", n ? ", " : "", named ? node->type->inputs[j] : "", named ? ": " : "",
                           graph->values[node->in[j]].name);
            n++;
        }
        sty_buf_text(out, "\n");
        sty_buf_clear(&shape);
    }
}

/* Outputs that audio alone gives, or those for which further inputs must be bound. */
static void text_outputs(const sty_model *model, bool bound, sty_buf *out) {
    for (size_t i = 0, n = 0; i < model->info.n_outputs; i++) {
        const sty_output_info *output = &model->outputs[i].info;
        sty_buf shape = {0};
        if ((output->n_needs > 0) != bound) continue;
        if (n++ == 0) sty_buf_printf(out, "\n%-20s %-18s %s\n", bound ? "output, with --bind" : "output", "shape", "meaning");
        shape_column(&model->graph.values[model->outputs[i].value].shape, &shape);
        sty_buf_printf(out, "%-20s %-18.*s %s", output->name, (int)shape.length, shape.data, output->description);
        for (size_t k = 0; k < output->n_needs; k++)
            sty_buf_printf(out, "%s --bind %s=FILE.npy", k ? "" : "; needs", output->needs[k]);
        sty_buf_text(out, "\n");
        sty_buf_clear(&shape);
    }
}

void sty_describe_text(const sty_model *model, sty_buf *out) {
    const sty_model_info *info = &model->info;
    const sty_graph *graph = &model->graph;
    graph_facts facts;
    if (!measure(model, &facts)) {
        out->failed = true;
        return;
    }
    sty_buf_printf(out, "model       %s%s%s%s%s\n", info->name, *info->family ? " (" : "", info->family,
                   *info->family ? ")" : "", info->trained ? "" : ", UNTRAINED: random weights");
    if (*info->description) sty_buf_printf(out, "            %s\n", info->description);
    sty_buf_printf(out, "hash        %s\n", info->hash);
    sty_buf_printf(out, "size        %zu parameters, %.1f million multiply-adds a second of audio\n",
                   info->n_parameters, facts.total / 10 / 1e6);
    sty_buf_printf(out, "shortest    %zu frames, %.3f s\n", facts.min_frames, min_seconds(model, facts.min_frames));
    if (facts.main)
        sty_buf_printf(out, "memory      %.1f MB for '%s' of ten minutes, %.1f MB of an hour\n", facts.long_bytes[0] / 1e6, facts.main,
                       facts.long_bytes[1] / 1e6);
    sty_buf_text(out, "front end   ");
    sty_describe_front_end(model, false, " ", out);
    text_layers(graph, &facts, out);
    text_outputs(model, false, out);
    text_outputs(model, true, out);
    forget(&facts);
}

/* ---- weights ---- */

sty_status sty_describe_weights(const char *path, sty_buf *out, sty_err *err) {
    sty_weights weights;
    int fd;
    char digest[65], text[96];
    const char *slash = strrchr(path, '/');
    STY_TRY(sty_file_open(path, &fd, err));
    sty_status status = sty_weights_read(fd, path, &weights, err);
    close(fd);
    if (status == STY_BAD_MODEL) sty_err_prefix(err, "'%s': ", path);
    STY_TRY(status);
    sty_sha256_hex(weights.bytes.data, weights.bytes.n, digest);
    sty_buf_text(out, "{\n  \"file\": ");
    sty_buf_json(out, slash ? slash + 1 : path);
    sty_buf_printf(out, ",\n  \"sha256\": \"%s\",\n  \"tensors\": {", digest);
    for (size_t i = 0; i < weights.n; i++) {
        const sty_weight_tensor *t = &weights.tensors[i];
        sty_buf_text(out, i ? ",\n    " : "\n    ");
        sty_buf_json(out, t->name);
        sty_buf_printf(out, ": {\"dtype\": \"%s\", \"shape\": %s}", sty_dtype_names[t->dtype],
                       sty_dims_text(t->rank, t->dim, text));
    }
    sty_buf_text(out, "\n  }\n}\n");
    sty_weights_clear(&weights);
    return STY_OK;
}

sty_status sty_describe_hashes(const sty_model *model, sty_buf *out, sty_err *err) {
    char hex[33];
    for (size_t i = 0; i < model->n_files; i++)
        for (size_t j = 0; j < model->files[i].weights.n; j++) {
            const sty_weight_tensor *t = &model->files[i].weights.tensors[j];
            sty_digest *digest = sty_digest_create();
            if (!digest) return sty_err_no_memory(err, 0, "a digest");
            sty_digest_add(digest, t->data, t->count * sty_dtype_bytes[t->dtype]);
            sty_digest_hex(digest, hex);
            sty_digest_free(digest);
            sty_buf_printf(out, "%s  %s\n", hex, t->name);
        }
    return STY_OK;
}

/* ---- schema ---- */

static void schema_params(const sty_param *table, size_t n, sty_buf *out) {
    for (size_t i = 0; i < n; i++) {
        sty_buf_printf(out, "%s\n          \"%s\": ", i ? "," : "", table[i].name);
        sty_param_schema(&table[i], out);
    }
}

static void schema_required(const char *first, const sty_param *table, size_t n, sty_buf *out) {
    sty_buf_printf(out, "\"required\": [%s", first);
    bool any = *first != '\0';
    for (size_t i = 0; i < n; i++)
        if (!table[i].initial) {
            sty_buf_printf(out, "%s\"%s\"", any ? ", " : "", table[i].name);
            any = true;
        }
    sty_buf_text(out, "]");
}

static void schema_layer(const sty_layer_type *type, sty_buf *out) {
    sty_buf_printf(out, "      {\n        \"title\": \"%s\",\n        \"description\": ", type->name);
    sty_buf_json(out, type->summary);
    sty_buf_printf(out,
                   ",\n        \"type\": \"object\", \"additionalProperties\": false,\n        "
                   "\"properties\": {\n          \"name\": {\"type\": \"string\", \"pattern\": "
                   "\"^[A-Za-z0-9_-]+$\"},\n          \"type\": {\"const\": \"%s\"},\n          "
                   "\"input\": {\"type\": \"string\"},\n          \"inputs\": {\"anyOf\": [{\"type\": "
                   "\"object\", \"additionalProperties\": {\"type\": \"string\"}}, {\"type\": "
                   "\"array\", \"items\": {\"type\": \"string\"}}]},\n          \"weights\": "
                   "{\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"object\", "
                   "\"additionalProperties\": {\"type\": \"string\"}}]}%s",
                   type->name, type->n_params ? "," : "");
    schema_params(type->params, type->n_params, out);
    sty_buf_text(out, "\n        },\n        ");
    schema_required("\"name\", \"type\"", type->params, type->n_params, out);
    sty_buf_text(out, "\n      }");
}

void sty_describe_schema(sty_buf *out) {
    sty_buf_text(out,
                 "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": "
                 "\"stylet model manifest\",\n  \"type\": \"object\", \"additionalProperties\": "
                 "false,\n  \"required\": [\"format\", \"version\", \"name\", \"front_end\", "
                 "\"weights\", \"layers\", \"outputs\"],\n  \"properties\": {\n    \"format\": "
                 "{\"const\": \"stylet\"},\n    \"version\": {\"const\": 1},\n    \"name\": {\"type\": "
                 "\"string\"},\n    \"description\": {\"type\": \"string\"},\n    \"license\": "
                 "{\"type\": \"string\"},\n    \"family\": {\"type\": \"string\"},\n    \"trained\": "
                 "{\"type\": \"boolean\"},\n    \"provenance\": {\"type\": \"object\"},\n    "
                 "\"front_end\": {\n        \"type\": \"object\", \"additionalProperties\": false,\n"
                 "        \"properties\": {");
    schema_params(sty_front_end_table, sty_n_front_end_params, out);
    sty_buf_text(out, "\n        },\n        ");
    schema_required("", sty_front_end_table, sty_n_front_end_params, out);
    sty_buf_text(out,
                 "\n    },\n    \"inputs\": {\"type\": \"object\", \"additionalProperties\": {\"type\": "
                 "\"object\", \"additionalProperties\": false, \"required\": [\"shape\"], "
                 "\"properties\": {\"shape\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 2, "
                 "\"items\": {\"anyOf\": [{\"const\": \"T\"}, {\"type\": \"integer\", \"minimum\": "
                 "1}]}}, \"description\": {\"type\": \"string\"}}}},\n    \"weights\": {\"type\": "
                 "\"array\", \"items\": {\"type\": \"object\", \"additionalProperties\": false, "
                 "\"required\": [\"file\", \"sha256\", \"tensors\"], \"properties\": {\"file\": "
                 "{\"type\": \"string\"}, \"sha256\": {\"type\": \"string\", \"pattern\": "
                 "\"^[0-9a-f]{64}$\"}, \"tensors\": {\"type\": \"object\", \"additionalProperties\": "
                 "{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"dtype\", "
                 "\"shape\"], \"properties\": {\"dtype\": {\"enum\": [\"F32\", "
                 "\"F16\", \"BF16\", \"F64\", \"I64\", \"I32\", \"I16\", \"I8\", \"U8\", "
                 "\"BOOL\"]}, \"shape\": {\"type\": \"array\", \"items\": {\"type\": \"integer\", \"minimum\": "
                 "0}}}}}}}},\n    \"layers\": {\"type\": \"array\", \"items\": {\"oneOf\": [\n");
    for (size_t i = 0; i < sty_n_layer_types; i++) {
        if (i) sty_buf_text(out, ",\n");
        schema_layer(sty_layer_types[i], out);
    }
    sty_buf_text(out,
                 "\n    ]}},\n    \"outputs\": {\"type\": \"object\", \"minProperties\": 1, "
                 "\"additionalProperties\": {\"type\": \"object\", \"additionalProperties\": false, "
                 "\"required\": [\"from\"], \"properties\": {\"from\": {\"type\": \"string\"}, "
                 "\"description\": {\"type\": \"string\"}, \"labels\": {\"type\": \"array\", "
                 "\"items\": {\"type\": \"object\", \"additionalProperties\": false, \"required\": "
                 "[\"name\"], \"properties\": {\"name\": {\"type\": \"string\"}, \"unit\": {\"type\": "
                 "\"string\"}, \"inverse\": {\"enum\": [\"identity\", \"exp2\"]}}}}}}}\n  }\n}\n");
}
