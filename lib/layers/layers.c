/* layers.c - the table of layer types. A new type is one file and one row. */
#include "layers/layers.h"

#include <string.h>

const sty_layer_type *const sty_layer_types[] = {
    &sty_layer_activation,
    &sty_layer_add,
    &sty_layer_additive_attention,
    &sty_layer_average_pool,
    &sty_layer_batch_norm,
    &sty_layer_bilstm,
    &sty_layer_concat,
    &sty_layer_conformer_block,
    &sty_layer_conformer_conv_module,
    &sty_layer_conformer_multi_headed_self_attention,
    &sty_layer_conv1d,
    &sty_layer_conv2d,
    &sty_layer_feed_forward,
    &sty_layer_flatten,
    &sty_layer_glu,
    &sty_layer_group_norm,
    &sty_layer_gru,
    &sty_layer_image,
    &sty_layer_instance_norm,
    &sty_layer_layer_norm,
    &sty_layer_linear,
    &sty_layer_lstm,
    &sty_layer_multi_head_attention,
    &sty_layer_norm,
    &sty_layer_pool,
    &sty_layer_positional_encoding,
    &sty_layer_relative_multi_head_attention,
    &sty_layer_residual,
    &sty_layer_scale,
    &sty_layer_slice,
    &sty_layer_style_token_attention,
};

const size_t sty_n_layer_types = STY_COUNT(sty_layer_types);

const sty_layer_type *sty_layer_find(const char *name) {
    for (size_t i = 0; i < sty_n_layer_types; i++)
        if (strcmp(sty_layer_types[i]->name, name) == 0) return sty_layer_types[i];
    return NULL;
}
