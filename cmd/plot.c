/* plot.c - `stylet plot`: options, kinds, and the file at the end. */
#define _GNU_SOURCE
#include "plot.h"

#include "commands.h"
#include "messages.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const option_row options[] = {
    COMMON_OPTIONS,
    MODEL_OPTIONS,
    {'o', "output", "FILE", OPTION_TEXT, offsetof(plot_options, output), 0, 0, "picture.png, .svg or .html"},
    {0, "overwrite", NULL, OPTION_FLAG, offsetof(plot_options, overwrite), 0, 0, "replace an existing file"},
    {'w', "want", "NAME", OPTION_TEXT, offsetof(plot_options, wanted), 0, 0,
     "another output than style or token_weights; for attention a layer's, e.g. block.attention"},
    {0, "bind", "NAME=FILE.npy", OPTION_TEXTS, offsetof(plot_options, bind), 0, 0, "feed a further graph input to clips"},
    {0, "head", "H", OPTION_TEXT, offsetof(plot_options, head), 0, 0, "weights: one head, from 0 [mean of all]"},
    {0, "list", "FILE", OPTION_TEXT, offsetof(plot_options, list), 0, 0, "list with labels for --by"},
    {0, "by", "COLUMN", OPTION_TEXT, offsetof(plot_options, by), 0, 0, "map, report: colour by this column of --list; weights, similarity: in its order"},
    {0, "theme", "light|dark", OPTION_TEXT, offsetof(plot_options, theme), 0, 0, "[light; a page follows its reader]"},
    {0, "title", "TEXT", OPTION_TEXT, offsetof(plot_options, title), 0, 0, "above the picture"},
    {0, "zoom", "N", OPTION_INT, offsetof(plot_options, zoom), 1, 8, "pixels of the PNG per unit [2]"},
};

typedef struct {
    const char *name;
    sty_status (*draw)(plot_job *job, sty_err *err);
} kind;

static const kind kinds[] = {
    {"weights", plot_weights}, {"heads", plot_heads}, {"mel", plot_mel},     {"attention", plot_attention},
    {"similarity", plot_similarity}, {"map", plot_map}, {"usage", plot_usage}, {"report", plot_report},
    {"speech", plot_speech},
};

static const char *kind_at(const void *context, size_t i) {
    (void)context;
    return kinds[i].name;
}

/* ---- shared by the kinds ---- */

sty_status plot_load(plot_job *job, const char *output, const char *also, vector_set *beside, sty_err *err) {
    job->source = (vector_source){.options = &job->o->model, .bind = &job->o->bind, .also = also, .beside = beside, .output = job->o->wanted ? job->o->wanted : output};
    for (size_t i = 0; i < job->n_args; i++)
        STY_TRY(vectors_add(&job->source, job->args[i], &job->set, err));
    STY_TRY(vectors_shorten(&job->set, err));
    if (!job->o->list) return STY_OK;
    job->labelled = true;
    return labels_read(job->o->list, job->o->by, &job->set, &job->labels, err);
}

const char *plot_text(plot_job *job, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *copy = sty_arena_text(&job->arena, text, strlen(text));
    return copy ? copy : "";
}

const char *plot_things(const plot_job *job) { return job->alone ? "probes" : "clips"; }

sty_status plot_numbers(plot_job *job, size_t n, const char ***names, sty_err *err) {
    *names = sty_arena_alloc(&job->arena, n, sizeof **names);
    if (!*names) return sty_err_no_memory(err, n, "names");
    for (size_t i = 0; i < n; i++)
        (*names)[i] = plot_text(job, "%zu", i);
    return STY_OK;
}

sty_status plot_order(plot_job *job, const vector_set *set, size_t **order, sty_err *err) {
    size_t n = 0;
    *order = sty_arena_alloc(&job->arena, set->n, sizeof **order);
    if (!*order) return sty_err_no_memory(err, set->n, "an order");
    for (size_t g = 0; g < (job->labelled ? job->labels.n_groups : 1); g++)
        for (size_t i = 0; i < set->n; i++)
            if (!job->labelled || job->labels.group[i] == g) (*order)[n++] = i;
    return STY_OK;
}

/* ---- output ---- */

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static sty_status render(const plot_job *job, sty_buf *out, sty_err *err) {
    const plot_options *o = job->o;
    const bool dark = o->theme && strcmp(o->theme, "dark") == 0;
    sty_pixels pixels;
    if (job->canvas.failed) return sty_err_no_memory(err, job->canvas.n, "the picture");
    if (job->page.length) {
        sty_buf_put(out, job->page.data, job->page.length);
        return job->page.failed ? sty_err_no_memory(err, job->page.length, "the page") : STY_OK;
    }
    if (ends_with(o->output, ".svg")) {
        sty_svg_write(&job->canvas, dark ? STY_DARK : STY_LIGHT, false, out);
        return STY_OK;
    }
    if (ends_with(o->output, ".html")) {
        sty_html_begin(o->title ? o->title : "stylet", o->theme ? (dark ? STY_PAGE_DARK : STY_PAGE_LIGHT) : STY_PAGE_AUTO, out);
        sty_html_picture(&job->canvas, out);
        sty_html_end(out);
        return STY_OK;
    }
    STY_TRY(sty_canvas_pixels(&job->canvas, dark ? STY_DARK : STY_LIGHT, o->zoom ? o->zoom : 2, &pixels, err));
    sty_status status = sty_png_encode(&pixels, out, err);
    sty_free(pixels.rgb);
    return status;
}

static sty_status check(const plot_options *o, const char *name, const kind **chosen, sty_err *err) {
    *chosen = NULL;
    for (size_t i = 0; i < STY_COUNT(kinds); i++)
        if (strcmp(name, kinds[i].name) == 0) *chosen = &kinds[i];
    if (!*chosen) return sty_unknown_name("kind of picture", name, kind_at, NULL, STY_COUNT(kinds), err);
    if (!o->output) return sty_err_set(err, STY_BAD_ARGUMENT, "-o is missing, expected picture.png, .svg or .html");
    const bool page = (*chosen)->draw == plot_report;
    if (!ends_with(o->output, ".html") && (page || (!ends_with(o->output, ".png") && !ends_with(o->output, ".svg"))))
        return sty_err_set(err, STY_BAD_ARGUMENT, "-o is '%s', expected a name that ends in %s", o->output,
                           page ? ".html" : ".png, .svg or .html");
    if (o->theme && strcmp(o->theme, "light") != 0 && strcmp(o->theme, "dark") != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--theme is '%s', expected light or dark", o->theme);
    if (!o->list != !o->by) return sty_err_set(err, STY_BAD_ARGUMENT, "--list and --by go together");
    return STY_OK;
}

static sty_status plot(plot_job *job, const char *name, sty_err *err) {
    const kind *chosen;
    sty_buf out = {0};
    STY_TRY(check(job->o, name, &chosen, err));
    STY_TRY(chosen->draw(job, err));
    sty_status status = render(job, &out, err);
    if (status == STY_OK && out.failed) status = sty_err_no_memory(err, out.capacity, "the picture");
    if (status == STY_OK) status = sty_file_write(job->o->output, out.data, out.length, job->o->overwrite, err);
    sty_buf_clear(&out);
    return status;
}

/* A report's one operand may be the folder of a model. */
static void take_model(plot_options *o, plot_job *job) {
    char manifest[4200];
    if (job->n_args != 1 || o->model.model) return;
    snprintf(manifest, sizeof manifest, "%.4096s/manifest.json", job->args[0]);
    if (!model_exists(manifest)) return;
    o->model.model = job->args[0];
    job->n_args = 0;
}

static int run(void *options_, int n_args, char **args) {
    plot_job job = {.o = options_};
    sty_err err;
    if (n_args < (n_args > 0 && strcmp(args[0], "report") == 0 ? 1 : 2)) {
        message_error("expected a kind of picture and what to draw (stylet plot --help)");
        return EXIT_USAGE;
    }
    job.args = args + 1;
    job.n_args = (size_t)n_args - 1;
    if (strcmp(args[0], "report") == 0) take_model(options_, &job);
    const sty_status status = plot(&job, args[0], &err);
    if (status != STY_OK && !job.source.failed_open) message_error("%s", err.message);
    sty_canvas_clear(&job.canvas);
    sty_buf_clear(&job.page);
    if (job.labelled) labels_clear(&job.labels);
    vectors_clear(&job.set);
    vector_source_close(&job.source);
    sty_arena_clear(&job.arena);
    return exit_code(status);
}

const command command_plot = {
    .name = "plot",
    .summary = "pictures: weights, mels, attention, maps, a report",
    .usage = "weights|heads|mel|speech|attention|similarity|map|usage|report [-m MODEL] [INPUT...] -o FILE",
    .examples = "stylet plot heads speech.wav -o heads.png             heads x tokens of one clip\n"
                "stylet plot weights corpus.npz -o weights.svg         clips x tokens, mean of the heads\n"
                "stylet plot mel speech.wav -o mel.png\n"
                "stylet plot speech ref.wav out.wav -o both.png        mels and F0 of clips, to compare them\n"
                "stylet plot map corpus.npz --list corpus.csv --by speaker -o map.html\n"
                "stylet plot usage corpus.npz -o usage.png             which tokens are used, which are dead\n"
                "stylet plot report corpus.jsonl -o report.html        one page: hover names a clip, click plays it\n"
                "stylet plot report -m my-model -o model.html          a model alone: its tokens, its graph, its diagnosis",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(plot_options),
    .run = run,
};
