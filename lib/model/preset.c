/* preset.c - a model that is a front end only: no folder, no weights, one graph
 * value, `features`. Sessions, stages and remarks work on it as on any model. */
#include "base/hash.h"
#include "model/model.h"

#include <string.h>

/* Digest of every front-end value, named. */
static sty_status hash_values(sty_model *model, const sty_front_end_params *params, sty_err *err) {
    sty_buf text = {0};
    sty_digest *digest = sty_digest_create();
    for (size_t i = 0; i < sty_n_front_end_params; i++) {
        sty_buf_printf(&text, "%s=", sty_front_end_table[i].name);
        sty_param_print(&sty_front_end_table[i], params, &text);
    }
    const bool ok = digest && !text.failed;
    if (ok) {
        sty_digest_add(digest, text.data, text.length);
        sty_digest_hex(digest, model->hash);
    }
    sty_digest_free(digest);
    sty_buf_clear(&text);
    model->info.hash = model->hash;
    return ok ? STY_OK : sty_err_no_memory(err, 0, "a digest");
}

/* All that can be refused, before anything is allocated. */
static sty_status read_values(const char *preset, const sty_model_options *options,
                              sty_front_end_params *params, size_t *index, sty_err *err) {
    STY_TRY(sty_front_end_preset(preset, params, index, err));
    for (size_t i = 0; options && i < options->n_overrides; i++)
        STY_TRY(sty_front_end_set(params, options->overrides[i], err));
    STY_TRY(sty_front_end_check(params, err));
    if (params->mean_tensor[0] || params->std_tensor[0])
        return sty_err_set(err, STY_BAD_ARGUMENT,
                           "'%s' names the tensor '%s', a preset has no weights; use a model",
                           params->mean_tensor[0] ? "mean_tensor" : "std_tensor",
                           params->mean_tensor[0] ? params->mean_tensor : params->std_tensor);
    return STY_OK;
}

static sty_status fill(sty_model *model, const sty_front_end_params *params, size_t index, sty_err *err) {
    model->info.name = sty_front_end_preset_name(index);
    model->info.description = sty_front_end_preset_text(index);
    model->info.family = model->info.folder = "";
    model->info.trained = 1;
    model->info.rate_hz = params->sample_rate;
    model->info.hop_samples = (size_t)params->hop_length;
    model->info.n_features = sty_front_end_width(params);
    sty_graph_value *features = sty_arena_alloc(&model->arena, 1, sizeof *features);
    if (!features) return sty_err_no_memory(err, sizeof *features, "inputs");
    *features = (sty_graph_value){
        .name = "features", .node = -1, .shape = sty_shape_sequence(0, model->info.n_features)};
    model->graph.values = features;
    model->graph.n_values = model->graph.n_inputs = 1;
    STY_TRY(sty_front_end_create(params, NULL, NULL, &model->arena, &model->front_end, err));
    return hash_values(model, params, err);
}

sty_status sty_model_from_preset(const char *preset, const sty_model_options *options,
                                 sty_model **model, sty_err *err) {
    sty_front_end_params params;
    size_t index;
    STY_TRY(read_values(preset, options, &params, &index, err));
    sty_model *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a model");
    sty_status status = fill(made, &params, index, err);
    if (status == STY_OK) *model = made;
    else sty_model_free(made);
    return status;
}

const char *sty_preset_name(size_t index) { return sty_front_end_preset_name(index); }
