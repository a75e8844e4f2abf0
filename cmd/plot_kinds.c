/* plot_kinds.c - from operands to the arrays of each picture. */
#include "plot.h"

#include "messages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_POINTS = 20000, MOST_ROWS = 720, MOST_SIMILAR = 320 };

/* ---- token weights ---- */

static sty_status need_weights(const plot_job *job, const vector_set *set, sty_err *err) {
    if (set->rank == 2) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' of '%s' is a vector, expected token weights [heads, tokens]",
                       job->source.output, set->first);
}

sty_status plot_token_means(plot_job *job, const vector_set *set, const char *head, float **means, sty_err *err) {
    const size_t heads = set->dim[0], tokens = set->dim[1];
    STY_TRY(need_weights(job, set, err));
    char *end = NULL;
    const unsigned long one = head ? strtoul(head, &end, 10) : 0;
    if (head && (*head < '0' || *head > '9' || *end || one >= heads))
        return sty_err_set(err, STY_BAD_ARGUMENT, "--head is '%s', the model has heads 0 to %zu", head, heads - 1);
    *means = sty_arena_alloc(&job->arena, set->n * tokens, sizeof **means);
    if (!*means) return sty_err_no_memory(err, set->n * tokens, "weights");
    for (size_t i = 0; i < set->n * tokens; i++) {
        const float *from = set->data + i / tokens * set->width + i % tokens;
        double sum = 0;
        for (size_t h = 0; h < heads; h++)
            sum += (double)from[h * tokens];
        (*means)[i] = head ? from[one * tokens] : (float)(sum / (double)heads);
    }
    return STY_OK;
}

static double largest_of(const float *values, size_t n) {
    double high = 0;
    for (size_t i = 0; i < n; i++)
        high = fmax(high, (double)values[i]);
    return high;
}

static const char *ordered_by(plot_job *job) {
    return job->labelled ? plot_text(job, ", ordered by %.100s", job->o->by) : "";
}

/* Rows and names of the clips in drawing order. */
static sty_status sort_rows(plot_job *job, float *means, size_t columns, const char **names, sty_err *err) {
    const size_t n = job->set.n;
    size_t *order;
    STY_TRY(plot_order(job, &job->set, &order, err));
    float *sorted = sty_alloc(n * columns, sizeof *sorted);
    if (!sorted) return sty_err_no_memory(err, n * columns, "weights");
    for (size_t i = 0; i < n; i++) {
        memcpy(sorted + i * columns, means + order[i] * columns, columns * sizeof *sorted);
        names[i] = job->set.ids[order[i]];
    }
    memcpy(means, sorted, n * columns * sizeof *sorted);
    sty_free(sorted);
    return STY_OK;
}

sty_status plot_weights(plot_job *job, sty_err *err) {
    float *means;
    const char **tokens;
    STY_TRY(plot_load(job, "token_weights", NULL, NULL, err));
    STY_TRY(plot_token_means(job, &job->set, job->o->head, &means, err));
    size_t rows = job->set.n, columns = job->set.dim[1];
    const char **names = sty_arena_alloc(&job->arena, rows, sizeof *names);
    if (!names) return sty_err_no_memory(err, rows, "names");
    STY_TRY(sort_rows(job, means, columns, names, err));
    STY_TRY(plot_numbers(job, columns, &tokens, err));
    float *values = sty_downsample(means, &rows, &columns, MOST_ROWS, columns);
    if (!values) return sty_err_no_memory(err, rows * columns, "the picture");
    const bool whole = rows == job->set.n;
    const char *which = job->o->head ? plot_text(job, "head %s of %zu", job->o->head, job->set.dim[0])
                                     : plot_text(job, "mean of %zu heads", job->set.dim[0]);
    const sty_heat heat = {
        .title = job->o->title ? job->o->title : "Token weights",
        .note = whole ? plot_text(job, "%zu clips, %s%s", job->set.n, which, ordered_by(job))
                      : plot_text(job, "%zu clips, %s%s; a row is the mean of %zu clips", job->set.n, which, ordered_by(job),
                                  (job->set.n + rows - 1) / rows),
        .x_name = "token", .y_name = whole ? "clip" : "clips, in order", .unit = "weight",
        .values = values, .rows = rows, .columns = columns, .row_names = whole ? names : NULL,
        .column_names = tokens, .high = largest_of(values, rows * columns)};
    sty_picture_heat(&job->canvas, &heat);
    sty_free(values);
    return STY_OK;
}

static double entropy_of(const float *w, size_t n) {
    double h = 0;
    for (size_t i = 0; i < n; i++)
        if (w[i] > 0) h -= (double)w[i] * log((double)w[i]);
    return h;
}

sty_status plot_heads(plot_job *job, sty_err *err) {
    const char **heads, **tokens, **notes;
    STY_TRY(plot_load(job, "token_weights", NULL, NULL, err));
    STY_TRY(need_weights(job, &job->set, err));
    if (job->set.n != 1)
        return sty_err_set(err, STY_BAD_ARGUMENT, "heads shows one clip, %zu are given; FILE#ID names one", job->set.n);
    const size_t h = job->set.dim[0], k = job->set.dim[1];
    STY_TRY(plot_numbers(job, h, &heads, err));
    STY_TRY(plot_numbers(job, k, &tokens, err));
    notes = sty_arena_alloc(&job->arena, h, sizeof *notes);
    if (!notes) return sty_err_no_memory(err, h, "notes");
    for (size_t i = 0; i < h; i++)
        notes[i] = plot_text(job, "%.1f of %zu tokens", exp(entropy_of(job->set.data + i * k, k)), k);
    const sty_heat heat = {.title = job->o->title ? job->o->title : job->set.ids[0],
                           .note = "token weights of each head; right: effective tokens, exp(entropy)",
                           .x_name = "token", .y_name = "head", .unit = "weight", .values = job->set.data, .rows = h,
                           .columns = k, .row_names = heads, .column_names = tokens, .row_notes = notes,
                           .high = largest_of(job->set.data, h * k), .numbers = true};
    sty_picture_heat(&job->canvas, &heat);
    return STY_OK;
}

/* ---- over time ---- */

double *plot_bin_centres(plot_job *job, const sty_front_end_params *p, size_t bins) {
    if (p->feature == 0 && bins != (size_t)p->n_mels) return NULL;
    double *hz = sty_arena_alloc(&job->arena, bins + 2, sizeof *hz);
    const double rate = p->mel_sample_rate == STY_NONE ? p->sample_rate : p->mel_sample_rate;
    const sty_mel_spec spec = {.n_fft = (size_t)p->n_fft, .n_mels = (size_t)p->n_mels, .rate_hz = rate,
                               .fmin_hz = p->fmin, .fmax_hz = isnan(p->fmax) ? rate / 2 : p->fmax,
                               .htk = p->mel_scale == 1};
    if (!hz) return NULL;
    if (p->feature == 1)
        for (size_t i = 0; i < bins; i++)
            hz[i] = ((double)i + p->first_bin) * p->sample_rate / p->n_fft;
    else {
        sty_mel_corners(&spec, hz);
        memmove(hz, hz + 1, bins * sizeof *hz);
    }
    return hz;
}

static sty_status one_operand(const plot_job *job, const char *what, sty_err *err) {
    if (job->n_args == 1) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "%s shows one clip, %zu are given", what, job->n_args);
}

static sty_status features_of(plot_job *job, input *in, sty_session **session, sty_view *view, sty_err *err) {
    if (in->is_features) {
        *view = (sty_view){.data = in->features.data, .rank = 2, .dim = {in->features.dim[0], in->features.dim[1]}};
        return STY_OK;
    }
    STY_TRY(sty_session_create(job->source.model, NULL, 0, session, err));
    STY_TRY(sty_session_run_front_end(*session, in->clip, err));
    return sty_session_output(*session, "features", view, err);
}

sty_status plot_mel(plot_job *job, sty_err *err) {
    sty_session *session = NULL;
    sty_view view;
    input in = {0};
    STY_TRY(one_operand(job, "mel", err));
    job->source = (vector_source){.options = &job->o->model};
    const sty_model *model = vector_source_model(&job->source);
    if (!model) return sty_err_set(err, STY_BAD_MODEL, "mel needs the front end of a model");
    const sty_front_end_params *p = sty_front_end_facts(model->front_end);
    sty_status status = input_read(job->args[0], NULL, &in, err);
    if (status == STY_OK) status = features_of(job, &in, &session, &view, err);
    if (status == STY_OK) {
        const sty_mel_picture mel = {.title = job->o->title ? job->o->title : job->args[0],
                                     .note = plot_text(job, "%zu frames of %.4g ms, %zu bins, front end of '%s'", view.dim[0],
                                                       1000.0 * p->hop_length / p->sample_rate, view.dim[1],
                                                       sty_model_facts(model)->name),
                                     .unit = p->log ? "level (as the model sees it)" : "magnitude",
                                     .values = view.data, .frames = view.dim[0], .bins = view.dim[1],
                                     .hop_s = (double)p->hop_length / p->sample_rate,
                                     .hz = plot_bin_centres(job, p, view.dim[1])};
        for (size_t i = 0; status == STY_OK && i < mel.frames * mel.bins; i++)
            if (!isfinite(view.data[i])) status = sty_err_set(err, STY_NONFINITE, "'%s' has the value %f", job->args[0], (double)view.data[i]);
        if (status == STY_OK) status = sty_picture_mel(&job->canvas, &mel, err);
    }
    sty_session_free(session);
    input_clear(&in);
    return status;
}

static sty_status draw_attention(plot_job *job, const sty_view *view, sty_err *err) {
    size_t n = 1;
    for (int i = 0; i < view->rank; i++)
        n *= view->dim[i];
    if (view->rank < 2 || n == 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has %d axes, expected attention [queries, keys] or [heads, queries, keys]",
                           job->args[0], view->rank);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(view->data[i])) return sty_err_set(err, STY_NONFINITE, "'%s' has the value %f", job->args[0], (double)view->data[i]);
    const bool heads = view->rank == 3;
    const sty_attention_picture a = {.title = job->o->title ? job->o->title : job->args[0],
                                     .note = job->o->wanted, .x_name = "key (frame or token)", .y_name = "query (step), from the top",
                                     .values = view->data, .heads = heads ? view->dim[0] : 1,
                                     .queries = view->dim[heads ? 1 : 0], .keys = view->dim[heads ? 2 : 1]};
    return sty_picture_attention(&job->canvas, &a, err);
}

sty_status plot_attention(plot_job *job, sty_err *err) {
    const char *name = job->o->wanted ? job->o->wanted : "token_weights";
    sty_session *session = NULL;
    sty_view view;
    input in = {0};
    STY_TRY(one_operand(job, "attention", err));
    sty_npy npy;
    const bool runs = job->o->model.model || job->o->wanted; /* an array is a clip's features then */
    if (!runs && vectors_is_store(job->args[0]) && sty_npy_read(job->args[0], &npy, err) == STY_OK) {
        view = (sty_view){.data = npy.data, .rank = npy.rank, .dim = {npy.dim[0], npy.dim[1], npy.dim[2]}};
        sty_status drawn = draw_attention(job, &view, err);
        sty_npy_clear(&npy);
        return drawn;
    }
    job->source = (vector_source){.options = &job->o->model};
    const sty_model *model = vector_source_model(&job->source);
    if (!model) return sty_err_set(err, STY_BAD_MODEL, "attention needs a model");
    STY_TRY(sty_session_create(model, &name, 1, &session, err));
    sty_status status = bind_inputs(session, &job->o->bind, err);
    if (status == STY_OK) status = input_read(job->args[0], NULL, &in, err);
    if (status == STY_OK) status = input_run(session, &in, err);
    if (status == STY_OK) status = sty_session_output(session, name, &view, err);
    if (status == STY_OK) status = draw_attention(job, &view, err);
    sty_session_free(session);
    input_clear(&in);
    return status;
}

/* ---- clips with clips ---- */

static sty_status need_vectors(const plot_job *job, const vector_set *set, sty_err *err) {
    if (set->n >= 2) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "one vector '%s' alone has nothing to stand beside; give at least two",
                       job->source.output);
}

sty_status plot_draw_similarity(plot_job *job, const vector_set *set, const char *title, sty_canvas *canvas, sty_err *err) {
    const size_t step = (set->n + MOST_SIMILAR - 1) / MOST_SIMILAR, n = (set->n + step - 1) / step;
    float *rows = sty_alloc(n * set->width, sizeof *rows), *values = sty_alloc(n * n, sizeof *values);
    const char **names = sty_arena_alloc(&job->arena, n, sizeof *names);
    size_t *order = NULL;
    double low = 1;
    if (!rows || !values || !names || plot_order(job, set, &order, err) != STY_OK) {
        sty_free(rows);
        sty_free(values);
        return sty_err_no_memory(err, n * n * 4, "the picture");
    }
    for (size_t i = 0; i < n; i++) {
        const size_t from = order[i * step];
        memcpy(rows + i * set->width, set->data + from * set->width, set->width * sizeof *rows);
        names[i] = set->ids[from];
    }
    sty_compare_all(STY_COSINE, rows, n, set->width, values);
    for (size_t i = 0; i < n * n; i++)
        low = fmin(low, (double)values[i]);
    const sty_heat heat = {.title = title,
                           .note = step > 1 ? plot_text(job, "one in %zu of %zu clips%s", step, set->n, ordered_by(job))
                                            : plot_text(job, "cosine of %zu %s, all with all%s", set->n, plot_things(job), ordered_by(job)),
                           .unit = "cosine", .values = values, .rows = n, .columns = n, .row_names = names,
                           .low = low < 0.999 ? low : 0, .high = 1, .square = true, .numbers = n <= 12};
    sty_picture_heat(canvas, &heat);
    sty_free(rows);
    sty_free(values);
    return STY_OK;
}

sty_status plot_similarity(plot_job *job, sty_err *err) {
    STY_TRY(plot_load(job, "style", NULL, NULL, err));
    STY_TRY(need_vectors(job, &job->set, err));
    return plot_draw_similarity(job, &job->set, job->o->title ? job->o->title : "Similarity of styles", &job->canvas, err);
}

sty_status plot_project(plot_job *job, const vector_set *set, plot_points *points, sty_err *err) {
    double share[2];
    const size_t step = (set->n + MOST_POINTS - 1) / MOST_POINTS;
    STY_TRY(need_vectors(job, set, err));
    points->n = (set->n + step - 1) / step;
    points->xy = sty_arena_alloc(&job->arena, 2 * set->n, sizeof *points->xy);
    points->row = sty_arena_alloc(&job->arena, points->n, sizeof *points->row);
    if (!points->xy || !points->row) return sty_err_no_memory(err, 2 * set->n, "the map");
    STY_TRY(sty_pca(set->data, set->n, set->width, 2, points->xy, share, err));
    for (size_t i = 0; i < points->n; i++) {
        points->row[i] = i * step;
        memmove(points->xy + 2 * i, points->xy + 2 * i * step, 2 * sizeof *points->xy);
    }
    points->x_name = plot_text(job, "principal component 1 (%.1f %% of the variance)", 100 * share[0]);
    points->y_name = plot_text(job, "principal component 2 (%.1f %%)", 100 * share[1]);
    points->note = step > 1 ? plot_text(job, "%zu %s, one in %zu is drawn", set->n, plot_things(job), step)
                             : plot_text(job, "%zu %s", set->n, plot_things(job));
    return STY_OK;
}

sty_status plot_draw_map(plot_job *job, const vector_set *set, const plot_points *points, const char *title,
                         const char *const *sounds, sty_canvas *canvas, sty_err *err) {
    const char **names = sty_arena_alloc(&job->arena, points->n, sizeof *names);
    const char **heard = sty_arena_alloc(&job->arena, points->n, sizeof *heard);
    size_t *group = sty_arena_alloc(&job->arena, points->n, sizeof *group);
    if (!names || !heard || !group) return sty_err_no_memory(err, points->n, "the map");
    for (size_t i = 0; i < points->n; i++) {
        names[i] = set->ids[points->row[i]];
        heard[i] = sounds && sounds[points->row[i]] && *sounds[points->row[i]] ? sounds[points->row[i]] : NULL;
        if (job->labelled) group[i] = job->labels.group[points->row[i]];
    }
    const sty_map_picture map = {.title = title, .note = points->note, .x_name = points->x_name, .y_name = points->y_name,
                                 .xy = points->xy, .n = points->n, .names = names, .sounds = heard,
                                 .group = job->labelled ? group : NULL, .group_names = job->labels.names,
                                 .n_groups = job->labelled ? job->labels.n_groups : 0, .group_title = job->o->by};
    sty_picture_map(canvas, &map);
    return STY_OK;
}

sty_status plot_map(plot_job *job, sty_err *err) {
    plot_points points;
    STY_TRY(plot_load(job, "style", NULL, NULL, err));
    STY_TRY(plot_project(job, &job->set, &points, err));
    const char **sounds;
    STY_TRY(plot_sounds(job, &job->set, &sounds, err));
    return plot_draw_map(job, &job->set, &points, job->o->title ? job->o->title : "Map of styles", sounds, &job->canvas, err);
}

/* ---- usage ---- */

/* A token is dead when it is never the largest and never has half of an even share. */
sty_status plot_count_usage(plot_job *job, const vector_set *set, plot_usage_facts *facts, sty_err *err) {
    STY_TRY(need_weights(job, set, err));
    const size_t tokens = set->dim[1], rows = set->n * set->dim[0];
    double entropy = 0;
    facts->mean = sty_arena_alloc(&job->arena, tokens, sizeof(float));
    facts->largest = sty_arena_alloc(&job->arena, tokens, sizeof(float));
    facts->dead = sty_arena_alloc(&job->arena, tokens, sizeof(bool));
    double *sum = sty_arena_alloc(&job->arena, tokens, sizeof *sum);
    float *most = sty_arena_alloc(&job->arena, tokens, sizeof *most);
    if (!facts->mean || !facts->largest || !facts->dead || !sum || !most) return sty_err_no_memory(err, tokens, "counts");
    for (size_t r = 0; r < rows; r++) {
        const float *w = set->data + r * tokens;
        size_t top = 0;
        for (size_t k = 0; k < tokens; k++) {
            sum[k] += (double)w[k];
            if (w[k] > most[k]) most[k] = w[k];
            if (w[k] > w[top]) top = k;
        }
        facts->largest[top] += 1.0f / (float)rows;
        entropy += entropy_of(w, tokens);
    }
    facts->n_dead = 0;
    for (size_t k = 0; k < tokens; k++) {
        facts->mean[k] = (float)(sum[k] / (double)rows);
        facts->dead[k] = !(facts->largest[k] > 0) && (double)most[k] < 0.5 / (double)tokens;
        facts->n_dead += facts->dead[k];
    }
    facts->effective = exp(entropy_of(facts->mean, tokens));
    facts->sharpness = exp(entropy / (double)rows);
    return STY_OK;
}

const char *plot_usage_note(plot_job *job, const vector_set *set, const plot_usage_facts *facts) {
    return plot_text(job, "%zu %s, %zu heads: %.1f of %zu tokens in use over all, %.1f at a time (exp of the entropy); %zu dead",
                     set->n, plot_things(job), set->dim[0], facts->effective, set->dim[1], facts->sharpness, facts->n_dead);
}

sty_status plot_usage(plot_job *job, sty_err *err) {
    plot_usage_facts facts;
    STY_TRY(plot_load(job, "token_weights", NULL, NULL, err));
    STY_TRY(plot_count_usage(job, &job->set, &facts, err));
    const sty_usage_picture usage = {.title = job->o->title ? job->o->title : "Use of the tokens",
                                     .note = plot_usage_note(job, &job->set, &facts), .mean = facts.mean,
                                     .largest = facts.largest, .dead = facts.dead, .tokens = job->set.dim[1]};
    sty_picture_usage(&job->canvas, &usage);
    return STY_OK;
}
