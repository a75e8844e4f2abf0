/* mix.c - `stylet mix`: a style put together by hand, from token weights, clips
 * and stored vectors.
 *
 * Everything named becomes a source, a style with a factor: each --from is one,
 * all token weights together are one more. They are summed, or joined by a way
 * of --steps, and what comes out is scaled and written as `extract` writes. */
#include "commands.h"
#include "messages.h"
#include "recipe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    model_options model;
    const char *wanted, *layer, *weights, *scale, *id, *output, *format;
    text_list token, head, from, replace, bind;
    int steps;
    bool softmax, spherical, overwrite;
} mix_options;

static const option_row options[] = {
    COMMON_OPTIONS,
    MODEL_OPTIONS,
    {0, "token", "K=W", OPTION_TEXTS, offsetof(mix_options, token), 0, 0, "weight W of token K in every head, from 0"},
    {0, "head", "H:K=W", OPTION_TEXTS, offsetof(mix_options, head), 0, 0, "weight of token K in head H alone"},
    {0, "softmax", NULL, OPTION_FLAG, offsetof(mix_options, softmax), 0, 0,
     "the weights given are logits (others 0) and go through a softmax, head by head"},
    {0, "weights", "FILE[#ID]", OPTION_TEXT, offsetof(mix_options, weights), 0, 0,
     "token weights that extract -w token_weights wrote, under --token and --head"},
    {0, "replace", "H:K", OPTION_TEXTS, offsetof(mix_options, replace), 0, 0,
     "head H attends to token K alone; the others as in --weights, or as in the one --from"},
    {0, "from", "SOURCE[:W]", OPTION_TEXTS, offsetof(mix_options, from), 0, 0,
     "add W times the style of a clip, or a vector of FILE.npy, FILE.npz#ID, FILE.jsonl#ID [1]"},
    {0, "steps", "N", OPTION_INT, offsetof(mix_options, steps), 2, 100000, "N styles on the way between two sources"},
    {0, "spherical", NULL, OPTION_FLAG, offsetof(mix_options, spherical), 0, 0,
     "two sources: turn from one direction to the other, not straight through"},
    {0, "scale", "S", OPTION_TEXT, offsetof(mix_options, scale), 0, 0, "factor on the result [1]"},
    {0, "bind", "NAME=FILE.npy", OPTION_TEXTS, offsetof(mix_options, bind), 0, 0, "feed a further graph input to clips"},
    {'w', "want", "NAME", OPTION_TEXT, offsetof(mix_options, wanted), 0, 0, "the output that is mixed [style]"},
    {0, "layer", "NAME", OPTION_TEXT, offsetof(mix_options, layer), 0, 0, "the token layer, where a model has several"},
    {0, "id", "NAME", OPTION_TEXT, offsetof(mix_options, id), 0, 0, "id of the result; steps append -0, -1 ... [mix]"},
    {'o', "output", "FILE", OPTION_TEXT, offsetof(mix_options, output), 0, 0,
     "where results go, format by extension; - is standard output [-]"},
    {'f', "format", FORMATS, OPTION_TEXT, offsetof(mix_options, format), 0, 0, "of the output [by extension, jsonl on stdout]"},
    {0, "overwrite", NULL, OPTION_FLAG, offsetof(mix_options, overwrite), 0, 0, "replace an existing output"},
};

typedef struct {
    const mix_options *o;
    const sty_model *model;
    vector_source styles;  /* audio and stored styles */
    vector_set sources;    /* [n, width] */
    double *factors;       /* [n] */
    bool factor_given;
    double scale;
    sty_mixer *mixer;
    float *weights; /* [heads, tokens] */
    sty_buf recipe;
    sty_arena arena;
} job;

/* ---- token weights ---- */

static sty_status set_weights(job *j, const char *option, const text_list *list, bool per_head, sty_err *err) {
    STY_TRY(recipe_weights(sty_mixer_facts(j->mixer), option, list, per_head, j->weights, err));
    for (size_t i = 0; i < list->n; i++)
        sty_buf_printf(&j->recipe, "%s%s %s", j->recipe.length ? ", " : "", option, list->items[i]);
    return STY_OK;
}

static sty_status replace_heads(job *j, sty_err *err) {
    const sty_mixer_info *m = sty_mixer_facts(j->mixer);
    for (size_t i = 0; i < j->o->replace.n; i++) {
        const char *text = j->o->replace.items[i], *p = text;
        size_t head, token;
        if (!recipe_index(&p, &head) || *p++ != ':' || !recipe_index(&p, &token) || *p)
            return sty_err_set(err, STY_BAD_ARGUMENT, "--replace is '%s', expected HEAD:TOKEN", text);
        STY_TRY(recipe_in_range("head", head, m->heads, "replace", text, err));
        STY_TRY(recipe_in_range("token", token, m->tokens, "replace", text, err));
        memset(j->weights + head * m->tokens, 0, m->tokens * sizeof *j->weights);
        j->weights[head * m->tokens + token] = 1.0f;
        sty_buf_printf(&j->recipe, ", replace %s", text);
    }
    return STY_OK;
}

/* The weights of a clip or of a file, as the ground to change. */
static sty_status load_weights(job *j, const char *from, sty_err *err) {
    const sty_mixer_info *m = sty_mixer_facts(j->mixer);
    vector_source source = {.options = &j->o->model, .output = "token_weights", .bind = &j->o->bind, .model = j->styles.model};
    vector_set set = {.model = sty_model_facts(j->model)->hash};
    sty_status status = vectors_add(&source, from, &set, err);
    if (status == STY_OK && (set.rank != 2 || set.dim[0] != m->heads || set.dim[1] != m->tokens || set.n != 1))
        status = sty_err_set(err, STY_BAD_ARGUMENT,
                             "'%s' gives %zu x [%zu, %zu] token weights, expected one [%zu, %zu]; FILE#ID names one",
                             from, set.n, set.dim[0], set.dim[1], m->heads, m->tokens);
    if (status == STY_OK) memcpy(j->weights, set.data, set.width * sizeof *set.data);
    sty_buf_printf(&j->recipe, "weights of %s", from);
    vectors_clear(&set);
    vector_source_close(&source);
    return status;
}

static bool uses_tokens(const mix_options *o) { return o->token.n || o->head.n || o->weights || o->replace.n; }

/* The clip whose weights --replace changes is no source of its own. */
static bool from_is_ground(const mix_options *o) { return o->replace.n && !o->weights && o->from.n == 1; }

static sty_status mix_tokens(job *j, float *style, sty_err *err) {
    const mix_options *o = j->o;
    STY_TRY(sty_mixer_create(j->model, o->wanted, o->layer, &j->mixer, err));
    const sty_mixer_info *m = sty_mixer_facts(j->mixer);
    j->weights = sty_arena_alloc(&j->arena, m->heads * m->tokens, sizeof *j->weights);
    if (!j->weights) return sty_err_no_memory(err, m->heads * m->tokens, "weights");
    if (o->weights) STY_TRY(load_weights(j, o->weights, err));
    else if (from_is_ground(o)) STY_TRY(load_weights(j, o->from.items[0], err));
    else if (o->replace.n && !o->token.n && !o->head.n)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--replace needs the weights it changes: --weights, or one --from");
    STY_TRY(set_weights(j, "token", &o->token, false, err));
    STY_TRY(set_weights(j, "head", &o->head, true, err));
    STY_TRY(replace_heads(j, err));
    if (o->softmax) sty_softmax(j->weights, m->heads, m->tokens);
    return sty_mixer_run(j->mixer, j->weights, style, err);
}

/* ---- sources ---- */

static sty_status add_from(job *j, const char *text, sty_err *err) {
    const size_t at = j->sources.n;
    STY_TRY(recipe_from(text, &j->styles, &j->sources, &j->factors[at], &j->factor_given, err));
    sty_buf_printf(&j->recipe, "%s%s", j->recipe.length ? ", " : "", text);
    return STY_OK;
}

/* Token weights become a source behind the others. */
static sty_status add_tokens(job *j, size_t width, sty_err *err) {
    float *style = sty_arena_alloc(&j->arena, width, sizeof *style);
    if (!style) return sty_err_no_memory(err, width, "a style");
    STY_TRY(mix_tokens(j, style, err));
    float *grown = sty_resize(j->sources.data, j->sources.n * width * sizeof *grown,
                              (j->sources.n + 1) * width * sizeof *grown);
    if (!grown) return sty_err_no_memory(err, width, "a style");
    memcpy(grown + j->sources.n * width, style, width * sizeof *style);
    j->sources.data = grown;
    j->factors[j->sources.n++] = 1;
    return STY_OK;
}

static sty_status find_width(const job *j, const char *name, size_t *width, sty_err *err) {
    for (size_t i = 0; i < sty_model_facts(j->model)->n_outputs; i++) {
        const sty_output_info *output = sty_model_output(j->model, i);
        if (strcmp(output->name, name) != 0) continue;
        if (output->rank != 1)
            return sty_err_set(err, STY_BAD_ARGUMENT, "the output '%s' is no vector, so it cannot be mixed", name);
        *width = output->dim[0];
        return STY_OK;
    }
    return sty_err_set(err, STY_BAD_ARGUMENT, "the model '%s' has no output '%s'", sty_model_facts(j->model)->name, name);
}

static sty_status collect(job *j, size_t *width, sty_err *err) {
    const mix_options *o = j->o;
    STY_TRY(find_width(j, j->styles.output, width, err));
    j->factors = sty_arena_alloc(&j->arena, o->from.n + 1, sizeof *j->factors);
    if (!j->factors) return sty_err_no_memory(err, o->from.n, "factors");
    j->sources.model = sty_model_facts(j->model)->hash;
    for (size_t i = 0; i < o->from.n && !from_is_ground(o); i++)
        STY_TRY(add_from(j, o->from.items[i], err));
    if (j->sources.n && j->sources.width != *width)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has %zu values, '%s' of the model '%s' has %zu: it is of another model",
                           j->sources.first, j->sources.width, j->styles.output, sty_model_facts(j->model)->name, *width);
    if (uses_tokens(o)) STY_TRY(add_tokens(j, *width, err));
    return STY_OK;
}

/* ---- results ---- */

static void compute(const job *j, size_t step, size_t width, float *style) {
    const float *a = j->sources.data, *b = a + width;
    void (*const blend)(const float *, const float *, double, size_t, float *) =
        j->o->spherical ? sty_blend_spherical : sty_blend_linear;
    if (j->o->steps) blend(a, b, (double)step / (double)(j->o->steps - 1), width, style);
    else if (j->o->spherical) blend(a, b, j->factors[1] / (j->factors[0] + j->factors[1]), width, style);
    else {
        memset(style, 0, width * sizeof *style);
        for (size_t i = 0; i < j->sources.n; i++)
            sty_blend_add(a + i * width, j->factors[i], width, style);
    }
    for (size_t i = 0; i < width; i++)
        style[i] = (float)(j->scale * (double)style[i]);
}

static sty_status write_all(job *j, size_t width, sty_err *err) {
    const mix_options *o = j->o;
    const sty_model_info *facts = sty_model_facts(j->model);
    char id[STY_MAX_NAME];
    sty_writer *writer;
    float *style = sty_arena_alloc(&j->arena, width, sizeof *style);
    sty_buf_put(&j->recipe, "", 1);
    if (!style || j->recipe.failed) return sty_err_no_memory(err, width, "a style");
    STY_TRY(sty_writer_open(o->output ? o->output : "-", o->format, o->overwrite, &writer, err));
    sty_status status = STY_OK;
    for (size_t i = 0; status == STY_OK && i < (o->steps ? (size_t)o->steps : 1); i++) {
        compute(j, i, width, style);
        snprintf(id, sizeof id, o->steps ? "%.100s-%zu" : "%.100s", o->id ? o->id : "mix", i);
        for (size_t k = 0; status == STY_OK && k < width; k++)
            if (!isfinite(style[k])) status = sty_err_set(err, STY_NONFINITE, "the mix '%s' is not finite", id);
        const sty_field field = {.name = j->styles.output, .view = {.data = style, .rank = 1, .dim = {width}}};
        const sty_record record = {.id = id, .path = j->recipe.data, .status = STY_OK, .fields = &field, .n_fields = 1,
                                   .model_name = facts->name, .model_hash = facts->hash};
        if (status == STY_OK) status = sty_writer_put(writer, &record, err);
    }
    if (status == STY_OK) return sty_writer_close(writer, err);
    sty_writer_abort(writer);
    return status;
}

static sty_status check(job *j, sty_err *err) {
    const mix_options *o = j->o;
    j->scale = 1;
    if (o->scale && !recipe_number(o->scale, &j->scale))
        return sty_err_set(err, STY_BAD_ARGUMENT, "--scale is '%s', expected a finite number", o->scale);
    if (!uses_tokens(o) && !o->from.n)
        return sty_err_set(err, STY_BAD_ARGUMENT, "nothing to mix: give --token, --head, --weights or --from (stylet mix --help)");
    if (o->softmax && (o->weights || o->replace.n || !(o->token.n || o->head.n)))
        return sty_err_set(err, STY_BAD_ARGUMENT, "--softmax is for logits given by --token and --head alone");
    return STY_OK;
}

static sty_status check_sources(const job *j, sty_err *err) {
    const mix_options *o = j->o;
    if ((o->steps || o->spherical) && j->sources.n != 2)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--%s needs two sources, there are %zu", o->steps ? "steps" : "spherical",
                           j->sources.n);
    if (o->steps && j->factor_given)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--steps goes from one source to the other; leave the factors away");
    if (o->spherical && !o->steps && j->factors[0] + j->factors[1] == 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--spherical needs factors whose sum is not 0");
    return STY_OK;
}

static int run(void *options_, int n_args, char **args) {
    job j = {.o = options_};
    sty_err err;
    size_t width = 0;
    if (n_args > 0) {
        message_error("unexpected argument '%s'; clips and vectors are given with --from (stylet mix --help)", args[0]);
        return EXIT_USAGE;
    }
    j.styles = (vector_source){.options = &j.o->model, .bind = &j.o->bind, .output = j.o->wanted ? j.o->wanted : "style"};
    sty_status status = check(&j, &err);
    if (status == STY_OK && !(j.model = vector_source_model(&j.styles))) return EXIT_USAGE;
    if (status == STY_OK) status = collect(&j, &width, &err);
    if (status == STY_OK) status = check_sources(&j, &err);
    if (status == STY_OK) status = write_all(&j, width, &err);
    if (status != STY_OK) message_error("%s", err.message);
    sty_mixer_free(j.mixer);
    vectors_clear(&j.sources);
    vector_source_close(&j.styles);
    sty_buf_clear(&j.recipe);
    sty_arena_clear(&j.arena);
    return exit_code(status);
}

const command command_mix = {
    .name = "mix",
    .summary = "a style from token weights, clips and stored vectors",
    .usage = "[-m MODEL] [--token K=W]... [--from SOURCE:W]... [-o OUT]",
    .examples = "stylet mix --token 3=0.8 --token 5=-0.2           no audio: the sum over tokens\n"
                "stylet mix --head 2:4=1                           token 4 in head 2 alone\n"
                "stylet mix --from a.wav --replace 2:4             a clip, one head turned to token 4\n"
                "stylet mix --from a.wav:0.7 --from b.npy:0.3 --scale 1.5 -o style.npy\n"
                "stylet mix --from a.wav --from b.wav --steps 9 -o way.npz",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(mix_options),
    .run = run,
};
