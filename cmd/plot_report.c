/* plot_report.c - `stylet plot report`: one page about a corpus, or about a model
 * alone. The map, how the tokens are used, which clips stand for each token, how
 * alike clips are, and (plot_model.c) the tokens, the diagnosis and the graph of the
 * model. A model alone is shown by what it makes of the probe signals. */
#include "plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLIPS_PER_TOKEN = 5, MOST_SOUNDS = 20000 };

/* ---- tokens ---- */

typedef struct {
    float weight;
    size_t row;
} ranked;

static int by_weight(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? 1 : -1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void token_row(plot_job *job, const vector_set *set, size_t k, const plot_usage_facts *facts, const ranked *order,
                      const char *const *sounds) {
    sty_buf *out = &job->page;
    sty_buf_printf(out, "<tr><td class=\"n\">%zu%s</td><td class=\"n\">%.3f</td><td class=\"n\">%.1f %%</td><td>", k,
                   facts->dead[k] ? " <span class=\"warning\">dead</span>" : "", (double)facts->mean[k],
                   100 * (double)facts->largest[k]);
    for (size_t i = 0; i < CLIPS_PER_TOKEN && i < set->n; i++) {
        const char *name = plot_text(job, "%.200s %.2f", job->set.ids[order[i].row], (double)order[i].weight);
        sty_html_clip(name, sounds[order[i].row], out);
    }
    sty_buf_text(out, "</td></tr>\n");
}

static sty_status token_table(plot_job *job, const vector_set *set, const plot_usage_facts *facts,
                              const char *const *sounds, sty_err *err) {
    float *means;
    const size_t tokens = set->dim[1];
    STY_TRY(plot_token_means(job, set, NULL, &means, err));
    ranked *order = sty_arena_alloc(&job->arena, set->n, sizeof *order);
    if (!order) return sty_err_no_memory(err, set->n, "an order");
    sty_html_section(plot_text(job, "Tokens and the %s nearest to them", plot_things(job)),
                     plot_text(job, "The %s in the order of the weight they give the token, mean of the heads.", plot_things(job)),
                     &job->page);
    sty_buf_text(&job->page, "<table id=\"tokens\"><thead><tr><th class=\"n\">token</th><th class=\"n\">mean weight</th>"
                             "<th class=\"n\">largest in</th><th>nearest</th></tr></thead><tbody>\n");
    for (size_t k = 0; k < tokens; k++) {
        for (size_t i = 0; i < set->n; i++)
            order[i] = (ranked){means[i * tokens + k], i};
        qsort(order, set->n, sizeof *order, by_weight);
        token_row(job, set, k, facts, order, sounds);
    }
    sty_buf_text(&job->page, "</tbody></table>\n");
    sty_html_section_end(&job->page);
    return STY_OK;
}

static sty_status tokens(plot_job *job, vector_set *set, const char *const *sounds, sty_err *err) {
    plot_usage_facts facts;
    sty_canvas canvas = {0};
    STY_TRY(plot_count_usage(job, set, &facts, err));
    const sty_usage_picture usage = {.mean = facts.mean, .largest = facts.largest, .dead = facts.dead, .tokens = set->dim[1]};
    sty_picture_usage(&canvas, &usage);
    sty_html_section("Use of the tokens", plot_usage_note(job, set, &facts), &job->page);
    sty_html_picture(&canvas, &job->page);
    sty_html_section_end(&job->page);
    sty_canvas_clear(&canvas);
    return token_table(job, set, &facts, sounds, err);
}

/* ---- the rest of the page ---- */

static sty_status map(plot_job *job, const char *const *sounds, sty_err *err) {
    plot_points points;
    sty_canvas canvas = {0};
    STY_TRY(plot_project(job, &job->set, &points, err));
    const char *note = points.note;
    points.note = NULL;
    sty_status status = plot_draw_map(job, &job->set, &points, NULL, sounds, &canvas, err);
    if (status == STY_OK) {
        sty_html_section("Map", plot_text(job, "%s. Near points sound alike to the model. Point at one to see its name%s.", note,
                                   job->alone ? "" : ", click to hear it"),
                         &job->page);
        sty_html_picture(&canvas, &job->page);
        sty_html_section_end(&job->page);
    }
    sty_canvas_clear(&canvas);
    return status;
}

static sty_status similarity(plot_job *job, sty_err *err) {
    sty_canvas canvas = {0};
    STY_TRY(plot_draw_similarity(job, &job->set, NULL, &canvas, err));
    sty_html_section("Similarity", plot_text(job, "Cosine of the styles of two %s.", plot_things(job)), &job->page);
    sty_html_picture(&canvas, &job->page);
    sty_html_section_end(&job->page);
    sty_canvas_clear(&canvas);
    return STY_OK;
}

static void fact(plot_job *job, const char *name, const char *value) {
    sty_buf_printf(&job->page, "<dt>%s</dt><dd>", name);
    sty_markup_text(value, &job->page);
    sty_buf_text(&job->page, "</dd>\n");
}

static sty_status separation(plot_job *job, sty_err *err) {
    sty_separation s;
    if (!job->labelled || job->labels.n_groups < 2 || job->set.n > MOST_SOUNDS) return STY_OK;
    STY_TRY(sty_separate(STY_COSINE, job->set.data, job->set.n, job->set.width, job->labels.group, job->labels.n_groups, &s, err));
    if (isnan(s.within)) {
        fact(job, "groups", plot_text(job, "%zu by %.100s: no group has two clips", s.n_groups, job->o->by));
        return STY_OK;
    }
    fact(job, "groups", plot_text(job, "%zu by %.100s: silhouette %.3f, nearest clip of the same group %.1f %%", s.n_groups,
                                  job->o->by, s.silhouette, 100 * s.same_nearest));
    return STY_OK;
}

static sty_status head(plot_job *job, sty_err *err) {
    const char *title = job->o->title ? job->o->title : job->alone ? "Model report" : "Style report";
    const bool dark = job->o->theme && strcmp(job->o->theme, "dark") == 0;
    sty_html_begin(title, job->o->theme ? (dark ? STY_PAGE_DARK : STY_PAGE_LIGHT) : STY_PAGE_AUTO, &job->page);
    sty_buf_text(&job->page, "<h1>");
    sty_markup_text(title, &job->page);
    sty_buf_text(&job->page, "</h1>\n<dl>\n");
    if (!job->alone) fact(job, "clips", plot_text(job, "%zu", job->set.n));
    if (job->set.n) fact(job, "vectors", plot_text(job, "%s, %zu values", job->source.output, job->set.width));
    if (job->source.model) {
        const sty_model_info *info = sty_model_facts(job->source.model);
        fact(job, "model", plot_text(job, "%s%s", info->name, info->trained ? "" : " (untrained: the numbers mean nothing)"));
    }
    const char *hash = job->source.model ? sty_model_facts(job->source.model)->hash : job->set.model;
    if (hash && *hash) fact(job, "model hash", hash);
    STY_TRY(separation(job, err));
    sty_buf_text(&job->page, "</dl>\n");
    return STY_OK;
}

static void introduce_probes(plot_job *job) {
    if (job->alone) sty_buf_text(&job->page, "<p>What the model makes of the probe signals: silence, noise, tones, and a small synthetic voice.</p>\n");
}

/* The sections that vectors make. A model alone may have refused the probes. */
static sty_status about_vectors(plot_job *job, vector_set *weights, sty_err *err) {
    const char **sounds;
    STY_TRY(plot_sounds(job, &job->set, &sounds, err));
    if (!job->alone || job->set.n >= 2) STY_TRY(map(job, sounds, err));
    if (weights->n == job->set.n && weights->n && weights->rank == 2) STY_TRY(tokens(job, weights, sounds, err));
    return !job->alone || job->set.n >= 2 ? similarity(job, err) : STY_OK;
}

static sty_status about_model(plot_job *job, sty_err *err) {
    const sty_model *model = job->source.model;
    if (!model) return STY_OK;
    if (job->set.model && *job->set.model && strcmp(job->set.model, sty_model_facts(model)->hash) != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "the vectors are of the model %s, -m names the model %s: they are different models",
                           job->set.model, sty_model_facts(model)->hash);
    STY_TRY(plot_model_tokens(job, err));
    STY_TRY(plot_model_diagnosis(job, err));
    return plot_model_graph(job, err);
}

static sty_status load(plot_job *job, vector_set *weights, sty_err *err) {
    job->alone = job->n_args == 0;
    if (job->alone && job->o->list) return sty_err_set(err, STY_BAD_ARGUMENT, "--list is about clips, a model alone has none");
    STY_TRY(plot_load(job, "style", "token_weights", weights, err));
    if ((job->alone || job->o->model.model) && !vector_source_model(&job->source))
        return sty_err_set(err, STY_BAD_MODEL, "the model cannot be opened");
    return job->alone ? plot_model_probes(job, err) : STY_OK;
}

sty_status plot_report(plot_job *job, sty_err *err) {
    vector_set weights = {0};
    sty_status status = load(job, &weights, err);
    if (status == STY_OK) status = head(job, err);
    if (status == STY_OK && job->alone) status = about_model(job, err);
    if (status == STY_OK) introduce_probes(job);
    if (status == STY_OK) status = about_vectors(job, &weights, err);
    if (status == STY_OK && !job->alone) status = about_model(job, err);
    if (status == STY_OK) sty_html_end(&job->page);
    vectors_clear(&weights);
    return status;
}
