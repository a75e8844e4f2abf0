/* plot_model.c - what a report says about the model itself. */
#include "plot.h"

#include <math.h>
#include <string.h>

enum { PROBE_SECONDS = 3 };

/* ---- what it makes of the probes ---- */

/* The main output, which is the first one where there is no style. */
static void choose_output(plot_job *job) {
    const sty_model *model = job->source.model;
    bool found = false;
    for (size_t i = 0; i < sty_model_facts(model)->n_outputs; i++)
        found = found || strcmp(sty_model_output(model, i)->name, job->source.output) == 0;
    if (!found && !job->o->wanted && sty_model_facts(model)->n_outputs) job->source.output = sty_model_output(model, 0)->name;
}

/* A probe that the model refuses (silence that is trimmed away), and one that needs
 * an input nobody feeds, is left out: the diagnosis below tells of it. */
sty_status plot_model_probes(plot_job *job, sty_err *err) {
    choose_output(job);
    for (size_t i = 0; i < sty_n_probes; i++) {
        const sty_probe *probe = &sty_probes[i];
        sty_clip *clip = NULL;
        STY_TRY(sty_probe_make(probe, sty_model_facts(job->source.model)->rate_hz, PROBE_SECONDS, &clip, err));
        const sty_status status = vectors_add_clip(&job->source, probe->name, clip, &job->set, err);
        sty_clip_free(clip);
        if (status == STY_OUT_OF_MEMORY || (status == STY_BAD_ARGUMENT && job->o->bind.n)) return status;
    }
    return STY_OK;
}

/* ---- tokens ---- */

typedef struct {
    size_t n, width;
    float *styles;  /* [n, width]: the value projections */
    float *cosines; /* [n, n] */
} token_set;

static sty_status project_tokens(plot_job *job, sty_mixer *mixer, token_set *t, sty_err *err) {
    t->n = sty_mixer_facts(mixer)->tokens;
    t->width = sty_mixer_facts(mixer)->width;
    t->styles = sty_arena_alloc(&job->arena, t->n * t->width, sizeof *t->styles);
    t->cosines = sty_arena_alloc(&job->arena, t->n * t->n, sizeof *t->cosines);
    if (!t->styles || !t->cosines) return sty_err_no_memory(err, t->n * t->width, "tokens");
    STY_TRY(sty_mixer_tokens(mixer, t->styles, err));
    sty_compare_all(STY_COSINE, t->styles, t->n, t->width, t->cosines);
    return STY_OK;
}

static sty_status draw_tokens(plot_job *job, const token_set *t, sty_err *err) {
    const char **names;
    sty_canvas canvas = {0};
    double low = 0;
    STY_TRY(plot_numbers(job, t->n, &names, err));
    for (size_t i = 0; i < t->n * t->n; i++)
        low = fmin(low, (double)t->cosines[i]);
    const sty_heat heat = {.x_name = "token", .y_name = "token", .unit = "cosine", .values = t->cosines, .rows = t->n, .columns = t->n,
                           .row_names = names, .column_names = names, .low = low, .high = 1, .square = true, .numbers = true};
    sty_picture_heat(&canvas, &heat);
    sty_html_picture(&canvas, &job->page);
    const bool failed = canvas.failed;
    sty_canvas_clear(&canvas);
    return failed ? sty_err_no_memory(err, t->n * t->n, "the picture") : STY_OK;
}

static void token_rows(plot_job *job, const token_set *t) {
    sty_buf *out = &job->page;
    sty_buf_text(out, "<table id=\"projections\"><thead><tr><th class=\"n\">token</th><th class=\"n\">length</th>"
                      "<th class=\"n\">most alike</th><th class=\"n\">cosine</th><th></th></tr></thead><tbody>\n");
    for (size_t i = 0; i < t->n; i++) {
        double square = 0;
        size_t near = i ? 0 : 1;
        for (size_t k = 0; k < t->width; k++)
            square += (double)t->styles[i * t->width + k] * (double)t->styles[i * t->width + k];
        for (size_t k = 0; k < t->n; k++)
            if (k != i && t->cosines[i * t->n + k] > t->cosines[i * t->n + near]) near = k;
        sty_buf_printf(out, "<tr><td class=\"n\">%zu</td><td class=\"n\">%.4g</td>", i, sqrt(square));
        if (t->n > 1) sty_buf_printf(out, "<td class=\"n\">%zu</td><td class=\"n\">%.3f</td><td></td></tr>\n", near, (double)t->cosines[i * t->n + near]);
        else sty_buf_text(out, "<td></td><td></td><td></td></tr>\n");
    }
    sty_buf_text(out, "</tbody></table>\n");
}

sty_status plot_model_tokens(plot_job *job, sty_err *err) {
    sty_mixer *mixer = NULL;
    token_set t;
    const char *title = "Value projections of the tokens";
    sty_err why;
    sty_status status = sty_mixer_create(job->source.model, job->source.output, NULL, &mixer, &why);
    if (status != STY_OK && err) *err = why;
    if (status == STY_BAD_ARGUMENT) { /* no tokens, or several layers of them: the reason is what there is to say */
        sty_html_section(title, plot_text(job, "Not shown: %s.", why.message), &job->page);
        sty_html_section_end(&job->page);
        return STY_OK;
    }
    if (status == STY_OK) status = project_tokens(job, mixer, &t, err);
    if (status == STY_OK) {
        sty_html_section(title, plot_text(job, "What each token alone makes of '%s' (layer '%s', weight 1 in each of %zu heads): cosine of two tokens. "
                                               "Tokens that are nearly alike do the work of one.",
                                          job->source.output, sty_mixer_facts(mixer)->layer, sty_mixer_facts(mixer)->heads),
                         &job->page);
        status = draw_tokens(job, &t, err);
        token_rows(job, &t);
        sty_html_section_end(&job->page);
    }
    sty_mixer_free(mixer);
    return status;
}

/* ---- diagnosis and graph ---- */

static sty_status preformatted(plot_job *job, const char *id, const char *heading, const char *remark, sty_buf *text, sty_err *err) {
    sty_buf_put(text, "", 1);
    if (text->failed) return sty_err_no_memory(err, text->capacity, heading);
    sty_html_section(heading, remark, &job->page);
    sty_buf_printf(&job->page, "<pre id=\"%s\">", id);
    sty_markup_text(text->data, &job->page);
    sty_buf_text(&job->page, "</pre>\n");
    sty_html_section_end(&job->page);
    return STY_OK;
}

sty_status plot_model_diagnosis(plot_job *job, sty_err *err) {
    sty_diagnosis *d = NULL;
    sty_buf text = {0};
    STY_TRY(sty_diagnosis_create(job->source.model, &d, err));
    sty_status status = bind_diagnosis(d, &job->o->bind, err);
    if (status == STY_OK) status = sty_diagnosis_run(d, err);
    if (status == STY_OK) {
        sty_diagnosis_text(d, &text);
        status = preformatted(job, "diagnosis", "Diagnosis", "The model alone, fed with probe signals: does its output move with what it hears?",
                              &text, err);
    }
    sty_diagnosis_free(d);
    sty_buf_clear(&text);
    return status;
}

sty_status plot_model_graph(plot_job *job, sty_err *err) {
    sty_buf text = {0};
    sty_describe_text(job->source.model, &text);
    const sty_status status = preformatted(job, "graph", "Graph", "The model as it was bound: layers in order, with their shapes.", &text, err);
    sty_buf_clear(&text);
    return status;
}
