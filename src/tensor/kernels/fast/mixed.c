/* SPDX-License-Identifier: MIT
 * mixed.c - kernels of two precisions: which of the two a call is for. */
#include "tensor/kernels/fast/tier.h"

#define CHOOSE(what, name) ((what)->precision == UM_BF16 ? TIER(name##_bf16) : BASE(name##_f32))

void TIER(gemm)(const um_gemm *g, float *scratch)
{
    CHOOSE(g, gemm)(g, scratch);
}

size_t TIER(gemm_scratch)(const um_gemm *g, int threads)
{
    return CHOOSE(g, gemm_scratch)(g, threads);
}

void TIER(conv2d)(const um_conv2d_shape *s, const float *x, const float *w, const float *bias,
                  float *y, float *scratch)
{
    CHOOSE(s, conv2d)(s, x, w, bias, y, scratch);
}

void TIER(conv2d_dx)(const um_conv2d_shape *s, const float *dy, const float *w, float *dx, bool add,
                     float *scratch)
{
    CHOOSE(s, conv2d_dx)(s, dy, w, dx, add, scratch);
}

void TIER(conv2d_dw)(const um_conv2d_shape *s, const float *x, const float *dy, float *dw, bool add,
                     float *scratch)
{
    CHOOSE(s, conv2d_dw)(s, x, dy, dw, add, scratch);
}

size_t TIER(conv2d_scratch)(const um_conv2d_shape *s, int threads)
{
    return CHOOSE(s, conv2d_scratch)(s, threads);
}
