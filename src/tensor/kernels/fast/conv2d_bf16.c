/* SPDX-License-Identifier: MIT
 * conv2d_bf16.c - the choice among the ways to convolve with bf16 operands, by the shape of one
 * image alone. */
#include "tensor/kernels/fast/conv2d.h"

typedef enum way { PRODUCT, WINOGRAD, DIRECT, WAYS } way;

static way choose(const um_conv2d_shape *s)
{
    if (s->k == 1 && s->stride == 1) return PRODUCT;
#if !defined UM_TILES
    const bool same = s->k == 3 && s->stride == 1 && s->pad == 1 && s->pad_end == 1;
    if (same && UM_MIN(s->h, s->w) > 1 && UM_MIN(s->ci, s->co) >= 16) return WINOGRAD;
#endif
    return DIRECT;
}

static void product(const um_conv2d_shape *s, const float *x, const float *w, const float *bias,
                    float *y, float *scratch)
{
    um_gemm g = forward_product(s);
    g.a = x, g.b = w, g.c = y, g.bias = bias;
    TIER(gemm_bf16)(&g, scratch);
}

static void product_dx(const um_conv2d_shape *s, const float *dy, const float *w, float *dx,
                       bool add, float *scratch)
{
    um_gemm g = dx_product(s);
    g.a = dy, g.b = w, g.c = dx, g.add = add;
    TIER(gemm_bf16)(&g, scratch);
}

static void product_dw(const um_conv2d_shape *s, const float *x, const float *dy, float *dw,
                       bool add, float *scratch)
{
    um_gemm g = dw_product(s);
    g.a = x, g.b = dy, g.c = dw, g.add = add;
    TIER(gemm_bf16)(&g, scratch);
}

static size_t product_scratch(const um_conv2d_shape *s, int threads)
{
    const um_gemm y = forward_product(s), dx = dx_product(s), dw = dw_product(s);
    const size_t a = TIER(gemm_scratch_bf16)(&y, threads);
    const size_t b = TIER(gemm_scratch_bf16)(&dx, threads);
    const size_t c = TIER(gemm_scratch_bf16)(&dw, threads);
    return UM_MAX(a, UM_MAX(b, c));
}

static const struct {
    um_conv2d_fn *y;
    um_conv2d_dx_fn *dx;
    um_conv2d_dw_fn *dw;
    um_conv2d_scratch_fn *scratch;
} ways[WAYS] = {
    [PRODUCT] = { product, product_dx, product_dw, product_scratch },
#if !defined UM_TILES
    [WINOGRAD] = { TIER(winograd_bf16), TIER(winograd_dx_bf16), TIER(winograd_dw_bf16),
                   TIER(winograd_scratch_bf16) },
#endif
    [DIRECT] = { TIER(direct_bf16), TIER(direct_dx_bf16), TIER(direct_dw_bf16),
                 TIER(direct_scratch_bf16) },
};

void TIER(conv2d_bf16)(const um_conv2d_shape *s, const float *x, const float *w, const float *bias,
                       float *y, float *scratch)
{
    ways[choose(s)].y(s, x, w, bias, y, scratch);
}

void TIER(conv2d_dx_bf16)(const um_conv2d_shape *s, const float *dy, const float *w, float *dx,
                          bool add, float *scratch)
{
    ways[choose(s)].dx(s, dy, w, dx, add, scratch);
}

void TIER(conv2d_dw_bf16)(const um_conv2d_shape *s, const float *x, const float *dy, float *dw,
                          bool add, float *scratch)
{
    ways[choose(s)].dw(s, x, dy, dw, add, scratch);
}

size_t TIER(conv2d_scratch_bf16)(const um_conv2d_shape *s, int threads)
{
    return ways[choose(s)].scratch(s, threads);
}
