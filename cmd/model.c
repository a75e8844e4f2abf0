/* model.c - `stylet model`: info, verify, hash, schema. */
#include "commands.h"
#include "common.h"
#include "messages.h"

#include <string.h>

typedef struct {
    model_options model;
    bool json;
} model_command_options;

static const option_row options[] = {
    COMMON_OPTIONS,
    MODEL_OPTIONS,
    {0, "json", NULL, OPTION_FLAG, offsetof(model_command_options, json), 0, 0, "info as JSON"},
};

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int info(const model_command_options *o) {
    sty_buf out = {0};
    if (o->model.model && ends_with(o->model.model, ".safetensors")) {
        sty_err err;
        if (sty_describe_weights(o->model.model, &out, &err) != STY_OK) {
            message_error("%s", err.message);
            sty_buf_clear(&out);
            return EXIT_USAGE;
        }
        return print_buf(&out);
    }
    sty_model *model = open_model(&o->model, false);
    if (!model) return EXIT_USAGE;
    if (o->json) sty_describe_json(model, &out);
    else sty_describe_text(model, &out);
    sty_model_free(model);
    return print_buf(&out);
}

/* Opening with verify checks every digest, tensor and shape. */
static int verify(const model_command_options *o) {
    sty_model *model = open_model(&o->model, true);
    if (!model) return EXIT_SOME_FAILED;
    sty_buf out = {0};
    sty_buf_printf(&out, "ok: %s, %zu layers, %zu parameters, hash %s\n", sty_model_facts(model)->name,
                   sty_model_facts(model)->n_layers, sty_model_facts(model)->n_parameters,
                   sty_model_facts(model)->hash);
    sty_model_free(model);
    return print_buf(&out);
}

static int hash(const model_command_options *o) {
    sty_buf out = {0};
    sty_err err;
    sty_model *model = open_model(&o->model, false);
    if (!model) return EXIT_USAGE;
    sty_buf_printf(&out, "%s  %s\n", sty_model_facts(model)->hash, sty_model_facts(model)->name);
    sty_status status = sty_describe_hashes(model, &out, &err);
    sty_model_free(model);
    if (status == STY_OK) return print_buf(&out);
    message_error("%s", err.message);
    sty_buf_clear(&out);
    return exit_code(status);
}

static int schema(const model_command_options *o) {
    sty_buf out = {0};
    (void)o;
    sty_describe_schema(&out);
    return print_buf(&out);
}

static const struct {
    const char *name;
    int (*run)(const model_command_options *o);
} verbs[] = {{"info", info}, {"verify", verify}, {"hash", hash}, {"schema", schema}};

static const char *verb_at(const void *context, size_t i) {
    (void)context;
    return verbs[i].name;
}

static int run(void *options_, int n_args, char **args) {
    model_command_options *o = options_;
    sty_err err;
    if (n_args < 1 || n_args > 2 || (n_args == 2 && o->model.model)) {
        message_error("expected a verb and one model (stylet model --help)");
        return EXIT_USAGE;
    }
    if (n_args == 2) o->model.model = args[1];
    for (size_t i = 0; i < STY_COUNT(verbs); i++)
        if (strcmp(args[0], verbs[i].name) == 0) return verbs[i].run(o);
    sty_unknown_name("verb", args[0], verb_at, NULL, STY_COUNT(verbs), &err);
    message_error("%s (stylet model --help)", err.message);
    return EXIT_USAGE;
}

const command command_model = {
    .name = "model",
    .summary = "what a model is and whether it is whole",
    .usage = "info|verify|hash|schema [MODEL]",
    .examples = "stylet model info my-model            the bound graph with shapes\n"
                "stylet model info weights.safetensors the manifest's entry for a weights file\n"
                "stylet model verify my-model          every digest, tensor and shape\n"
                "stylet model hash my-model            one digest, then one for each tensor\n"
                "stylet model schema                   the JSON Schema of manifests",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(model_command_options),
    .run = run,
};
