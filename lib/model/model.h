/* model.h - the parts of an opened model. Floor 3. Everything is immutable after
 * sty_model_open and lives in one arena. */
#ifndef STY_MODEL_MODEL_H
#define STY_MODEL_MODEL_H

#include "audio/front_end.h"
#include "model/graph.h"
#include "model/weights.h"

typedef struct sty_weights_file {
    const char *name, *sha256;
    sty_weights weights;
} sty_weights_file;

typedef struct sty_output {
    sty_output_info info;
    int value;        /* of the graph */
    const bool *exp2; /* [n_labels]: the value is a logarithm to base two; NULL: none is */
} sty_output;

struct sty_model {
    sty_arena arena;
    sty_model_info info;
    sty_json *manifest; /* texts point into it */
    sty_weights_file *files;
    size_t n_files;
    const sty_front_end *front_end;
    sty_graph graph;
    sty_input_info *inputs;
    sty_output *outputs;
    char hash[33];
};

/* A tensor of any of the model's files, or NULL. */
const sty_weight_tensor *sty_model_tensor(const sty_model *model, const char *name);

/* Sections of the manifest, in the order in which model.c reads them. */
sty_status sty_manifest_files(sty_model *model, const sty_cursor *list, int folder_fd, bool verify,
                              sty_err *err);
sty_status sty_manifest_front_end(sty_model *model, const sty_cursor *section,
                                  const sty_model_options *options, sty_err *err);
sty_status sty_manifest_inputs(sty_model *model, const sty_cursor *root, sty_err *err);
sty_status sty_manifest_layers(sty_model *model, const sty_cursor *list, sty_err *err);
sty_status sty_manifest_outputs(sty_model *model, const sty_cursor *section, sty_err *err);

#endif
