/* kernels_impl.h - the kernels for the width that the including file has. */
#ifndef STY_MATH_KERNELS_IMPL_H
#define STY_MATH_KERNELS_IMPL_H

#include "math/activation_impl.h"
#include "math/conv_impl.h"
#include "math/norm_impl.h"
#include "math/winograd_impl.h"
#include "math/recurrent_impl.h"

#define STY_KERNELS                                                                                \
    {.activate = activate,                                                                         \
     .softmax = softmax,                                                                           \
     .conv_tile = conv_tile,                                                                       \
     .conv_depthwise = conv_depthwise,                                                             \
     .winograd_in = winograd_in,                                                                   \
     .winograd_out = winograd_out,                                                                 \
     .layer_norm = layer_norm,                                                                     \
     .channel_moments = channel_moments,                                                           \
     .channel_scale = channel_scale,                                                               \
     .gemv = gemv,                                                                                 \
     .gru_gates = gru_gates}

#endif
