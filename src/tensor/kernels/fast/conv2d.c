/* SPDX-License-Identifier: MIT
 * conv2d.c - the choice among the ways to convolve, by the shape of one image alone. */
#include "tensor/kernels/fast/conv2d.h"

typedef enum way { PRODUCT, WINOGRAD, DIRECT } way;

static way choose(const um_conv2d_shape *s)
{
    if (s->k == 1 && s->stride == 1) return PRODUCT;
    /* Tiles of 4 x 4 pay where there are enough of them to make up for four times as many filters,
     * and enough channels to fill vectors. */
    const bool same = s->k == 3 && s->stride == 1 && s->pad == 1 && s->pad_end == 1;
    if (same && s->h * s->w > 16 && UM_MAX(s->ci, s->co) >= 16 && s->ci >= 8) return WINOGRAD;
    return DIRECT;
}

void TIER(conv2d_f32)(const um_conv2d_shape *s, const float *x, const float *w, const float *bias,
                      float *y, float *scratch)
{
    switch (choose(s)) {
    case WINOGRAD:
        TIER(winograd)(s, x, w, bias, y, scratch);
        break;
    case DIRECT:
        TIER(direct)(s, x, w, bias, y, scratch);
        break;
    case PRODUCT: {
        um_gemm g = forward_product(s);
        g.a = x, g.b = w, g.c = y, g.bias = bias;
        TIER(gemm_f32)(&g, scratch);
    }
    }
}

void TIER(conv2d_dx_f32)(const um_conv2d_shape *s, const float *dy, const float *w, float *dx,
                         bool add, float *scratch)
{
    switch (choose(s)) {
    case WINOGRAD:
        TIER(winograd_dx)(s, dy, w, dx, add, scratch);
        break;
    case DIRECT:
        TIER(direct_dx)(s, dy, w, dx, add, scratch);
        break;
    case PRODUCT: {
        um_gemm g = dx_product(s);
        g.a = dy, g.b = w, g.c = dx, g.add = add;
        TIER(gemm_f32)(&g, scratch);
    }
    }
}

void TIER(conv2d_dw_f32)(const um_conv2d_shape *s, const float *x, const float *dy, float *dw,
                         bool add, float *scratch)
{
    switch (choose(s)) {
    case WINOGRAD:
        TIER(winograd_dw)(s, x, dy, dw, add, scratch);
        break;
    case DIRECT:
        TIER(direct_dw)(s, x, dy, dw, add, scratch);
        break;
    case PRODUCT: {
        um_gemm g = dw_product(s);
        g.a = x, g.b = dy, g.c = dw, g.add = add;
        TIER(gemm_f32)(&g, scratch);
    }
    }
}

size_t TIER(conv2d_scratch_f32)(const um_conv2d_shape *s, int threads)
{
    switch (choose(s)) {
    case WINOGRAD:
        return TIER(winograd_scratch)(s, threads);
    case DIRECT:
        return TIER(direct_scratch)(s, threads);
    case PRODUCT:
        break;
    }
    const um_gemm y = forward_product(s), dx = dx_product(s), dw = dw_product(s);
    const size_t a = TIER(gemm_scratch_f32)(&y, threads), b = TIER(gemm_scratch_f32)(&dx, threads),
                 c = TIER(gemm_scratch_f32)(&dw, threads);
    return UM_MAX(a, UM_MAX(b, c));
}
