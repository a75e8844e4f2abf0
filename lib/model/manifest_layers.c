/* manifest_layers.c - the `layers` section: reading each layer, connecting it to
 * values that exist already, inferring its shapes, finding its weights with the
 * exact shapes it needs, and letting it prepare them. After this nothing in a
 * layer can fail. */
#include "math/finite.h"
#include "model/model.h"
#include "model/nominal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *value_name_at(const void *context, size_t i) {
    return ((const sty_graph *)context)->values[i].name;
}

static const char *type_name_at(const void *context, size_t i) {
    (void)context;
    return sty_layer_types[i]->name;
}

/* err: an unknown name of something, with the path in front, as a model error. */
static sty_status unknown(const sty_cursor *at, sty_err *err) {
    sty_json_prefix(at, err);
    if (err) err->status = STY_BAD_MODEL;
    return STY_BAD_MODEL;
}

/* ---- reading ---- */

static sty_status read_name(const sty_graph *graph, const sty_cursor *entry, const char **name,
                            sty_err *err) {
    sty_cursor c;
    STY_TRY(sty_json_need(entry, "name", &c, err));
    STY_TRY(sty_json_text(&c, name, err));
    size_t n = strlen(*name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)(*name)[i]) && !strchr("_-", (*name)[i])) n = 0;
    if (n == 0 || n >= STY_MAX_NAME)
        return sty_json_fail(&c, err, "is '%.100s', expected letters, digits, '_' and '-'", *name);
    if (sty_graph_find(graph, *name) >= 0)
        return sty_json_fail(&c, err, "'%s' is the name of an earlier layer or input", *name);
    return STY_OK;
}

static sty_status read_type(const sty_cursor *entry, const sty_layer_type **type, sty_err *err) {
    sty_cursor c;
    const char *name;
    STY_TRY(sty_json_need(entry, "type", &c, err));
    STY_TRY(sty_json_text(&c, &name, err));
    *type = sty_layer_find(name);
    if (*type) return STY_OK;
    sty_unknown_name("layer type", name, type_name_at, NULL, sty_n_layer_types, err);
    return unknown(&c, err);
}

static const char *const common_keys[] = {"name", "type", "input", "inputs", "weights"};

static bool is_common_key(const char *key) {
    for (size_t i = 0; i < STY_COUNT(common_keys); i++)
        if (strcmp(common_keys[i], key) == 0) return true;
    return false;
}

static const char *key_at(const void *context, size_t i) {
    const sty_layer_type *type = context;
    return i < type->n_params ? type->params[i].name : common_keys[i - type->n_params];
}

static sty_status read_params(const sty_cursor *entry, const sty_layer_type *type, void *params,
                              sty_err *err) {
    sty_cursor c;
    sty_params_init(type->params, type->n_params + type->n_fixed, params);
    for (bool more = sty_json_first(entry, &c); more; more = sty_json_next(&c)) {
        if (is_common_key(c.key)) continue;
        const sty_param *param = sty_params_find(type->params, type->n_params, c.key);
        if (!param) {
            sty_unknown_name("key", c.key, key_at, type, type->n_params + STY_COUNT(common_keys), err);
            return unknown(entry, err);
        }
        STY_TRY(sty_json_param(&c, param, params, err));
    }
    for (size_t i = 0; i < type->n_params; i++)
        if (!type->params[i].initial && !sty_json_get(entry, type->params[i].name, &c))
            return sty_json_fail(entry, err, "a layer of type %s needs '%s'", type->name,
                                 type->params[i].name);
    return STY_OK;
}

/* ---- connecting ---- */

/* A layer called name stands at `at`, or behind it. */
static sty_status refuse_later(const sty_cursor *at, const char *name, sty_err *err) {
    sty_cursor entry, c;
    const char *text;
    const sty_cursor *own = at;
    while (own->parent->parent->parent) /* up to the layer, the root and the list being above it */
        own = own->parent;
    for (bool more = sty_json_first(own->parent, &entry); more; more = sty_json_next(&entry)) {
        const bool named = sty_json_get(&entry, "name", &c) && sty_json_text(&c, &text, NULL) == STY_OK;
        const size_t n = named ? strlen(text) : 0;
        if (!named || strncmp(text, name, n) != 0 || (name[n] != '\0' && name[n] != '.')) continue;
        return sty_json_fail(at, err, "the layer '%s' %s, expected an earlier layer or an input", name,
                             entry.index == own->index ? "is this one" : "comes later");
    }
    return STY_OK;
}

static sty_status connect(const sty_graph *graph, const sty_cursor *at, int *value, sty_err *err) {
    const char *name;
    STY_TRY(sty_json_text(at, &name, err));
    *value = sty_graph_find(graph, name);
    if (*value >= 0) return STY_OK;
    if (!sty_graph_no_extra(graph, name, err)) {
        STY_TRY(refuse_later(at, name, err));
        sty_unknown_name("layer or input", name, value_name_at, graph, graph->n_values, err);
    }
    return unknown(at, err);
}

static int port_index(const sty_layer_type *type, const char *name) {
    for (int i = 0; type->inputs[i]; i++)
        if (strcmp(type->inputs[i], name) == 0) return i;
    return -1;
}

static const char *port_at(const void *context, size_t i) { return ((const sty_layer_type *)context)->inputs[i]; }

static sty_status connect_named(const sty_graph *graph, const sty_cursor *section, sty_node *node,
                                sty_err *err) {
    sty_cursor c;
    for (bool more = sty_json_first(section, &c); more; more = sty_json_next(&c)) {
        const int port = port_index(node->type, c.key);
        if (port < 0) {
            const char *nearest = sty_nearest_name(c.key, port_at, node->type, node->n_in);
            return sty_json_fail(section, err, "a layer of type %s has no input '%s'%s%s%s", node->type->name, c.key,
                                 nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
        }
        STY_TRY(connect(graph, &c, &node->in[port], err));
    }
    return STY_OK;
}

static sty_status connect_list(const sty_graph *graph, const sty_cursor *section, sty_node *node,
                               sty_err *err) {
    sty_cursor c;
    if (!node->type->variadic)
        return sty_json_fail(section, err, "is a list, a layer of type %s takes named inputs",
                             node->type->name);
    node->n_in = 0;
    for (bool more = sty_json_first(section, &c); more; more = sty_json_next(&c)) {
        if (node->n_in == STY_MAX_PORTS)
            return sty_json_fail(section, err, "has more than %d inputs", STY_MAX_PORTS);
        STY_TRY(connect(graph, &c, &node->in[node->n_in++], err));
    }
    return STY_OK;
}

static sty_status read_inputs(const sty_graph *graph, const sty_cursor *entry, int previous,
                              sty_node *node, sty_err *err) {
    sty_cursor c;
    const bool has_input = sty_json_get(entry, "input", &c);
    for (node->n_in = 0; node->type->inputs[node->n_in]; node->n_in++)
        node->in[node->n_in] = -1;
    node->in[0] = previous;
    if (has_input) STY_TRY(connect(graph, &c, &node->in[0], err));
    if (sty_json_get(entry, "inputs", &c)) {
        if (has_input) return sty_json_fail(&c, err, "give either 'input' or 'inputs'");
        if (sty_json_is_list(&c)) STY_TRY(connect_list(graph, &c, node, err));
        else {
            STY_TRY(sty_json_object(&c, err));
            STY_TRY(connect_named(graph, &c, node, err));
        }
    }
    for (size_t i = 0; i < node->type->n_required; i++)
        if (i >= node->n_in || node->in[i] < 0)
            return sty_json_fail(entry, err, "the input '%s' of type %s is not connected",
                                 node->type->inputs[node->type->variadic ? 0 : i], node->type->name);
    return STY_OK;
}

/* ---- weights ---- */

/* The tensor a slot is read from: the longest key of `weights` that is the slot's
 * name, or "" or ends with a dot and begins it, is replaced by its value. */
static sty_status tensor_name(const sty_cursor *entry, const char *layer, const char *slot,
                              char *name, size_t n, sty_err *err) {
    sty_cursor section, c, best = {0};
    const char *text;
    if (!sty_json_get(entry, "weights", &section)) {
        snprintf(name, n, "%s.%s", layer, slot);
        return STY_OK;
    }
    if (sty_json_is_text(&section)) {
        STY_TRY(sty_json_text(&section, &text, err));
        snprintf(name, n, "%s%s", text, slot);
        return STY_OK;
    }
    STY_TRY(sty_json_object(&section, err));
    size_t longest = 0;
    for (bool more = sty_json_first(&section, &c); more; more = sty_json_next(&c)) {
        const size_t length = strlen(c.key);
        const bool prefix = (length == 0 || c.key[length - 1] == '.') && strncmp(slot, c.key, length) == 0;
        if ((prefix || strcmp(slot, c.key) == 0) && (!best.item || length >= longest)) {
            best = c;
            longest = length;
        }
    }
    if (!best.item) {
        snprintf(name, n, "%s.%s", layer, slot);
        return STY_OK;
    }
    STY_TRY(sty_json_text(&best, &text, err));
    snprintf(name, n, "%s%s", text, slot + longest);
    return STY_OK;
}

static const char *tensor_at(const void *context, size_t i) {
    const sty_weights_file *file = ((const sty_model *)context)->files;
    for (; i >= file->weights.n; file++)
        i -= file->weights.n;
    return file->weights.tensors[i].name;
}

static sty_status refuse_missing(const sty_model *model, const sty_slot *slot, const char *name, sty_err *err) {
    char want[96];
    size_t n = 0;
    for (size_t i = 0; i < model->n_files; i++)
        n += model->files[i].weights.n;
    const char *nearest = sty_nearest_name(name, tensor_at, model, n);
    return sty_err_set(err, STY_BAD_MODEL, "the tensor '%s' (%s %s) is missing%s%s%s", name, slot->name,
                       sty_dims_text(slot->rank, slot->dim, want), nearest ? ", did you mean '" : "",
                       nearest ? nearest : "", nearest ? "'?" : "");
}

static sty_status bind_slot(sty_model *model, const sty_cursor *entry, const sty_node *node,
                            const sty_slot *slot, const float **values, sty_err *err) {
    char name[512], want[96], have[96];
    STY_TRY(tensor_name(entry, node->name, slot->name, name, sizeof name, err));
    const sty_weight_tensor *tensor = sty_model_tensor(model, name);
    if (!tensor) return refuse_missing(model, slot, name, err);
    if (!sty_dtype_is_weight(tensor->dtype))
        return sty_err_set(err, STY_BAD_MODEL, "the tensor '%s' is %s, a weight is F32, F16 or BF16", name,
                           sty_dtype_names[tensor->dtype]);
    if (tensor->rank != slot->rank ||
        memcmp(tensor->dim, slot->dim, (size_t)slot->rank * sizeof *slot->dim) != 0)
        return sty_err_set(err, STY_BAD_MODEL, "the tensor '%s' is %s, expected %s", name,
                           sty_dims_text(tensor->rank, tensor->dim, have),
                           sty_dims_text(slot->rank, slot->dim, want));
    *values = sty_weights_values(tensor, &model->arena);
    if (!*values) return sty_err_no_memory(err, tensor->count * sizeof(float), name);
    model->info.n_parameters += tensor->count;
    const size_t bad = sty_first_nonfinite(*values, tensor->count);
    if (bad == tensor->count) return STY_OK;
    return sty_err_set(err, STY_BAD_MODEL, "the tensor '%s' has the value %f at element %zu", name,
                       (double)(*values)[bad], bad);
}

static sty_status bind_weights(sty_model *model, const sty_cursor *entry, sty_node *node,
                               const sty_shape *in, sty_err *err) {
    const float *values[STY_MAX_SLOTS];
    sty_slots slots;
    slots.n = 0;
    if (!node->type->slots) return STY_OK;
    node->type->slots(node->params, in, &slots);
    for (size_t i = 0; i < slots.n; i++)
        STY_TRY(bind_slot(model, entry, node, &slots.slot[i], &values[i], err));
    return node->type->prepare(node->params, in, &slots, values, &model->arena, &node->state, err);
}

/* ---- the section ---- */

static sty_status add_value(sty_graph *graph, sty_arena *arena, const char *name, const char *extra,
                            int node, sty_err *err) {
    char text[2 * STY_MAX_NAME];
    snprintf(text, sizeof text, extra ? "%s.%s" : "%s", name, extra);
    char *copy = sty_arena_text(arena, text, strlen(text));
    if (!copy) return sty_err_no_memory(err, strlen(text), "a name");
    graph->values[graph->n_values++] = (sty_graph_value){.name = copy, .node = node};
    return STY_OK;
}

/* Weights are bound for one width: no tensor may change with a free length. */
static sty_status check_fixed_weights(const sty_node *node, const sty_shape *in, const sty_shape *longer, sty_err *err) {
    sty_shape in_longer[STY_MAX_PORTS];
    sty_slots one = {0}, other = {0};
    if (!node->type->slots) return STY_OK;
    sty_node_inputs(node, longer, in_longer);
    node->type->slots(node->params, in, &one);
    node->type->slots(node->params, in_longer, &other);
    for (size_t i = 0; i < one.n; i++)
        for (int d = 0; d < one.slot[i].rank; d++)
            if (one.slot[i].dim[d] != other.slot[i].dim[d])
                return sty_err_set(err, STY_BAD_MODEL, "the tensor '%s' would change with the length of an input",
                                   one.slot[i].name);
    return STY_OK;
}

static sty_status read_layer(sty_model *model, const sty_cursor *entry, sty_shape *shapes, sty_shape *longer,
                             sty_err *err) {
    sty_graph *graph = &model->graph;
    sty_node *node = &graph->nodes[graph->n_nodes];
    const size_t at = graph->n_nodes;
    const int previous = at ? graph->nodes[at - 1].out : 0;
    STY_TRY(sty_json_object(entry, err));
    STY_TRY(read_name(graph, entry, &node->name, err));
    STY_TRY(read_type(entry, &node->type, err));
    void *params = sty_arena_alloc(&model->arena, 1, node->type->params_size);
    if (!params) return sty_err_no_memory(err, node->type->params_size, "a layer");
    node->params = params;
    STY_TRY(read_params(entry, node->type, params, err));
    STY_TRY(read_inputs(graph, entry, previous, node, err));
    node->out = (int)graph->n_values;
    STY_TRY(add_value(graph, &model->arena, node->name, NULL, (int)at, err));
    if (node->type->extra)
        STY_TRY(add_value(graph, &model->arena, node->name, node->type->extra, (int)at, err));
    if (sty_nominal_infer(node, shapes, longer, err) != STY_OK) return unknown(entry, err);
    sty_shape in[STY_MAX_PORTS];
    sty_node_inputs(node, shapes, in);
    sty_status status = check_fixed_weights(node, in, longer, err);
    if (status == STY_OK) status = bind_weights(model, entry, node, in, err);
    if (status == STY_BAD_MODEL) {
        sty_nominal_prefix(node, shapes, longer, err);
        return unknown(entry, err);
    }
    STY_TRY(status);
    graph->n_nodes++;
    return STY_OK;
}

/* Writes the shapes of a bound graph into its values; an axis whose length
 * changes with the number of frames becomes 0. */
static void fix_shapes(sty_graph *graph, const sty_shape *shapes, const sty_shape *longer) {
    for (size_t i = graph->n_inputs; i < graph->n_values; i++) {
        graph->values[i].shape = shapes[i];
        for (int d = 0; d < shapes[i].rank; d++)
            if (shapes[i].dim[d] != longer[i].dim[d]) graph->values[i].shape.dim[d] = 0;
    }
}

sty_status sty_manifest_layers(sty_model *model, const sty_cursor *list, sty_err *err) {
    sty_graph *graph = &model->graph;
    sty_cursor entry;
    STY_TRY(sty_json_list(list, err));
    const size_t n = sty_json_count(list), n_values = graph->n_inputs + 2 * n;
    sty_graph_value *values = sty_arena_alloc(&model->arena, n_values, sizeof *values);
    graph->nodes = sty_arena_alloc(&model->arena, n, sizeof *graph->nodes);
    sty_shape *shapes = sty_alloc(2 * n_values, sizeof *shapes), *longer = shapes ? shapes + n_values : NULL;
    if (!values || !graph->nodes || !shapes) {
        sty_free(shapes);
        return sty_err_no_memory(err, n, "layers");
    }
    if (graph->n_inputs) memcpy(values, graph->values, graph->n_inputs * sizeof *values);
    graph->values = values;
    sty_graph_nominal(graph, STY_NOMINAL_FRAMES, shapes);
    sty_graph_nominal(graph, 2 * STY_NOMINAL_FRAMES, longer);
    sty_status status = STY_OK;
    for (bool more = sty_json_first(list, &entry); more && status == STY_OK; more = sty_json_next(&entry))
        status = read_layer(model, &entry, shapes, longer, err);
    if (status == STY_OK) fix_shapes(graph, shapes, longer);
    sty_free(shapes);
    model->info.n_layers = graph->n_nodes;
    return status;
}
