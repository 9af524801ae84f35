/* SPDX-License-Identifier: MIT
 * conv2d_bf16.c - the choice among the ways to convolve with bf16 operands, by the shape of one
 * image alone. */
#include "tensor/kernels/fast/conv2d.h"

static bool is_product(const um_conv2d_shape *s)
{
    return s->k == 1 && s->stride == 1;
}

void TIER(conv2d_bf16)(const um_conv2d_shape *s, const float *x, const float *w, const float *bias,
                       float *y, float *scratch)
{
    if (!is_product(s)) {
        TIER(direct_bf16)(s, x, w, bias, y, scratch);
        return;
    }
    um_gemm g = forward_product(s);
    g.a = x, g.b = w, g.c = y, g.bias = bias;
    TIER(gemm_bf16)(&g, scratch);
}

void TIER(conv2d_dx_bf16)(const um_conv2d_shape *s, const float *dy, const float *w, float *dx,
                          bool add, float *scratch)
{
    if (!is_product(s)) {
        TIER(direct_dx_bf16)(s, dy, w, dx, add, scratch);
        return;
    }
    um_gemm g = dx_product(s);
    g.a = dy, g.b = w, g.c = dx, g.add = add;
    TIER(gemm_bf16)(&g, scratch);
}

void TIER(conv2d_dw_bf16)(const um_conv2d_shape *s, const float *x, const float *dy, float *dw,
                          bool add, float *scratch)
{
    if (!is_product(s)) {
        TIER(direct_dw_bf16)(s, x, dy, dw, add, scratch);
        return;
    }
    um_gemm g = dw_product(s);
    g.a = x, g.b = dy, g.c = dw, g.add = add;
    TIER(gemm_bf16)(&g, scratch);
}

size_t TIER(conv2d_scratch_bf16)(const um_conv2d_shape *s, int threads)
{
    if (!is_product(s)) return TIER(direct_scratch_bf16)(s, threads);
    const um_gemm y = forward_product(s), dx = dx_product(s), dw = dw_product(s);
    const size_t a = TIER(gemm_scratch_bf16)(&y, threads);
    const size_t b = TIER(gemm_scratch_bf16)(&dx, threads);
    const size_t c = TIER(gemm_scratch_bf16)(&dw, threads);
    return UM_MAX(a, UM_MAX(b, c));
}
