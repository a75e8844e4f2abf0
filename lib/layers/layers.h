/* layers.h - the layer types by name, for the table and for tests. Floor 2. */
#ifndef STY_LAYERS_LAYERS_H
#define STY_LAYERS_LAYERS_H

#include "layers/layer.h"

extern const sty_layer_type sty_layer_activation;
extern const sty_layer_type sty_layer_add;
extern const sty_layer_type sty_layer_additive_attention;
extern const sty_layer_type sty_layer_average_pool;
extern const sty_layer_type sty_layer_batch_norm;
extern const sty_layer_type sty_layer_bilstm;
extern const sty_layer_type sty_layer_concat;
extern const sty_layer_type sty_layer_conformer_block;
extern const sty_layer_type sty_layer_conformer_conv_module;
extern const sty_layer_type sty_layer_conformer_multi_headed_self_attention;
extern const sty_layer_type sty_layer_conv1d;
extern const sty_layer_type sty_layer_conv2d;
extern const sty_layer_type sty_layer_feed_forward;
extern const sty_layer_type sty_layer_flatten;
extern const sty_layer_type sty_layer_glu;
extern const sty_layer_type sty_layer_group_norm;
extern const sty_layer_type sty_layer_gru;
extern const sty_layer_type sty_layer_image;
extern const sty_layer_type sty_layer_instance_norm;
extern const sty_layer_type sty_layer_layer_norm;
extern const sty_layer_type sty_layer_linear;
extern const sty_layer_type sty_layer_lstm;
extern const sty_layer_type sty_layer_multi_head_attention;
extern const sty_layer_type sty_layer_norm;
extern const sty_layer_type sty_layer_pool;
extern const sty_layer_type sty_layer_positional_encoding;
extern const sty_layer_type sty_layer_relative_multi_head_attention;
extern const sty_layer_type sty_layer_residual;
extern const sty_layer_type sty_layer_scale;
extern const sty_layer_type sty_layer_slice;
extern const sty_layer_type sty_layer_style_token_attention;

#endif
