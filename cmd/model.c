/* model.c - `stylet model`: info, verify, diagnose, hash, schema. */
#include "commands.h"
#include "common.h"
#include "messages.h"

#include <string.h>

typedef struct {
    model_options model;
    text_list bind;
    const char *against;
    double tolerance;
    bool json;
    char **audio; /* operands behind the model */
    int n_audio;
} model_command_options;

static const option_row options[] = {
    COMMON_OPTIONS,
    MODEL_OPTIONS,
    {0, "json", NULL, OPTION_FLAG, offsetof(model_command_options, json), 0, 0, "the answer as JSON"},
    {0, "against", "FILE.safetensors", OPTION_TEXT, offsetof(model_command_options, against), 0, 0,
     "verify: compare outputs with in.mel_CLIP, out.OUTPUT_CLIP"},
    {0, "tolerance", "X", OPTION_NUMBER, offsetof(model_command_options, tolerance), 0, 1,
     "of --against, times the largest expected value [1e-5]"},
    {0, "bind", "NAME=FILE.npy", OPTION_TEXTS, offsetof(model_command_options, bind), 0, 0,
     "diagnose: feed a further graph input"},
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

typedef struct {
    sty_buf text;
    bool json;
    size_t n, n_bad;
    double worst; /* difference over largest */
} comparison;

static void tell(void *context, const sty_expectation *e) {
    comparison *c = context;
    const double relative = e->largest > 0 ? e->difference / e->largest : e->difference;
    if (c->json) {
        sty_buf_text(&c->text, c->n ? ", {\"output\": " : "{\"output\": ");
        sty_buf_json(&c->text, e->output);
        sty_buf_text(&c->text, ", \"clip\": ");
        sty_buf_json(&c->text, e->clip);
        sty_buf_printf(&c->text, ", \"difference\": %.9g, \"relative\": %.9g, \"holds\": %s}", e->difference, relative,
                       e->holds ? "true" : "false");
    } else
        sty_buf_printf(&c->text, "%-4s %s%s%s: max difference %.2e, %.2e of the largest value\n", e->holds ? "ok" : "FAIL",
                   e->output, *e->clip ? " of " : "", e->clip, e->difference, relative);
    if (relative > c->worst) c->worst = relative;
    c->n++;
    c->n_bad += !e->holds;
}

/* The comparisons behind what was said of the model, into out. */
static int compare(const model_command_options *o, const sty_model *model, sty_buf *out) {
    const double tolerance = o->tolerance > 0 ? o->tolerance : 1e-5;
    comparison c = {.text = *out, .json = o->json};
    sty_err err;
    if (o->json) sty_buf_text(&c.text, ", \"comparisons\": [");
    const sty_status status = sty_expect(model, o->against, tolerance, tell, &c, &err);
    *out = c.text;
    if (status != STY_OK) {
        message_error("%s", err.message);
        return EXIT_USAGE;
    }
    if (o->json) sty_buf_printf(out, "], \"tolerance\": %.9g, \"worst\": %.9g", tolerance, c.worst);
    else
        sty_buf_printf(out, "%s: %zu of %zu comparisons hold, worst %.2e, tolerance %.2e of the largest value\n",
                   c.n_bad ? "FAIL" : "ok", c.n - c.n_bad, c.n, c.worst, tolerance);
    return c.n_bad ? EXIT_SOME_FAILED : EXIT_OK;
}

/* Opening with verify checks every digest, tensor and shape. A model that is
 * not there is no finding about it. */
static int verify(const model_command_options *o) {
    sty_err err;
    sty_model *model = NULL;
    const char *path = model_path(&o->model);
    const sty_model_options how = {.verify = true, .overrides = o->model.set.items, .n_overrides = o->model.set.n};
    const sty_status status = sty_model_open(path, &how, &model, &err);
    if (status != STY_OK) {
        message_error("%s", err.message);
        return status == STY_BAD_MODEL && model_exists(path) ? EXIT_SOME_FAILED : exit_code(status);
    }
    const sty_model_info *info = sty_model_facts(model);
    sty_buf out = {0};
    if (o->json) {
        sty_buf_text(&out, "{\"name\": ");
        sty_buf_json(&out, info->name);
        sty_buf_printf(&out, ", \"hash\": \"%s\", \"layers\": %zu, \"parameters\": %zu", info->hash, info->n_layers, info->n_parameters);
    } else
        sty_buf_printf(&out, "ok: %s, %zu layers, %zu parameters, hash %s\n", info->name, info->n_layers, info->n_parameters, info->hash);
    const int compared = o->against ? compare(o, model, &out) : EXIT_OK;
    if (o->json) sty_buf_printf(&out, ", \"ok\": %s}\n", compared == EXIT_OK ? "true" : "false");
    sty_model_free(model);
    if (compared == EXIT_USAGE) {
        sty_buf_clear(&out);
        return compared;
    }
    const int code = print_buf(&out);
    return code == EXIT_OK ? compared : code;
}

/* ---- diagnose ---- */

static sty_status diagnose_clips(const model_command_options *o, sty_diagnosis *d, sty_err *err) {
    STY_TRY(bind_diagnosis(d, &o->bind, err));
    for (int i = 0; i < o->n_audio; i++) {
        sty_clip *clip = NULL;
        STY_TRY(sty_clip_read(o->audio[i], NULL, &clip, err));
        sty_status status = sty_diagnosis_clip(d, o->audio[i], clip, err);
        sty_clip_free(clip);
        STY_TRY(status);
    }
    return sty_diagnosis_run(d, err);
}

static int diagnose(const model_command_options *o) {
    sty_buf out = {0};
    sty_err err;
    sty_diagnosis *d = NULL;
    sty_model *model = open_model(&o->model, false);
    if (!model) return EXIT_USAGE;
    sty_status status = sty_diagnosis_create(model, &d, &err);
    if (status == STY_OK) status = diagnose_clips(o, d, &err);
    int code = exit_code(status);
    if (status == STY_OK) {
        if (o->json) sty_diagnosis_json(d, &out);
        else sty_diagnosis_text(d, &out);
        code = print_buf(&out);
        if (code == EXIT_OK && sty_diagnosis_constant(d)) code = EXIT_SOME_FAILED;
    } else message_error("%s", err.message);
    sty_diagnosis_free(d);
    sty_model_free(model);
    return code;
}

/* "DIGEST  NAME" lines as members of an object. */
static void hashes_json(const sty_model *model, const char *lines, sty_buf *out) {
    sty_buf_text(out, "{\"name\": ");
    sty_buf_json(out, sty_model_facts(model)->name);
    sty_buf_printf(out, ", \"hash\": \"%s\", \"tensors\": {", sty_model_facts(model)->hash);
    for (size_t i = 0; *lines; i++) {
        const size_t digest = strcspn(lines, " "), n = strcspn(lines, "\n");
        char *name = sty_copy_text(lines + digest + 2, n - digest - 2);
        sty_buf_text(out, i ? ", " : "");
        if (name) sty_buf_json(out, name);
        else out->failed = true;
        sty_buf_printf(out, ": \"%.*s\"", (int)digest, lines);
        sty_free(name);
        lines += n + (lines[n] == '\n');
    }
    sty_buf_text(out, "}}\n");
}

static int hash(const model_command_options *o) {
    sty_buf out = {0};
    sty_err err;
    sty_model *model = open_model(&o->model, false);
    if (!model) return EXIT_USAGE;
    if (!o->json) sty_buf_printf(&out, "%s  %s\n", sty_model_facts(model)->hash, sty_model_facts(model)->name);
    sty_status status = sty_describe_hashes(model, &out, &err);
    if (status == STY_OK && o->json) {
        sty_buf lines = out;
        out = (sty_buf){0};
        sty_buf_put(&lines, "", 1);
        if (!lines.failed) hashes_json(model, lines.data, &out);
        out.failed = out.failed || lines.failed;
        sty_buf_clear(&lines);
    }
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
    bool audio; /* takes operands behind the model */
} verbs[] = {{"info", info, false},
             {"verify", verify, false},
             {"diagnose", diagnose, true},
             {"hash", hash, false},
             {"schema", schema, false}};

static const char *verb_at(const void *context, size_t i) {
    (void)context;
    return verbs[i].name;
}

static int run(void *options_, int n_args, char **args) {
    model_command_options *o = options_;
    sty_err err;
    for (size_t i = 0; n_args > 0 && i < STY_COUNT(verbs); i++) {
        if (strcmp(args[0], verbs[i].name) != 0) continue;
        const bool named = o->model.model != NULL; /* by -m: all operands are audio */
        if (!named && n_args > 1) o->model.model = args[1];
        o->n_audio = n_args - (named ? 1 : n_args > 1 ? 2 : 1);
        o->audio = args + (n_args - o->n_audio);
        if (verbs[i].audio || o->n_audio == 0) return verbs[i].run(o);
        message_error("model %s takes one model, given is also '%s'", args[0], o->audio[0]);
        return EXIT_USAGE;
    }
    if (n_args < 1) {
        message_error("expected a verb and a model (stylet model --help)");
        return EXIT_USAGE;
    }
    sty_unknown_name("verb", args[0], verb_at, NULL, STY_COUNT(verbs), &err);
    message_error("%s (stylet model --help)", err.message);
    return EXIT_USAGE;
}

const command command_model = {
    .name = "model",
    .summary = "what a model is and whether it is whole",
    .usage = "info|verify|diagnose|hash|schema [MODEL] [AUDIO...]",
    .examples = "stylet model info my-model            the bound graph with shapes\n"
                "stylet model info weights.safetensors the manifest's entry for a weights file\n"
                "stylet model verify my-model          every digest, tensor and shape\n"
                "stylet model verify my-model --against expected.safetensors\n"
                "stylet model diagnose my-model a.wav  why a reference has no effect, or that it has one\n"
                "stylet model hash my-model            one digest, then one for each tensor\n"
                "stylet model schema                   the JSON Schema of manifests",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(model_command_options),
    .run = run,
};
