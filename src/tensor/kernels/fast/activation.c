/* SPDX-License-Identifier: MIT
 * activation.c - non-linearities on vectors. With e = exp x,
 *
 *     tanh(log(1 + e)) = u / (u + 2),  u = e (e + 2)
 *
 * and gelu asks the C library for the normal law, lane by lane. */
#include "tensor/kernels/fast/each.h"
#include "tensor/kernels/fast/tier.h"
#include "tensor/kernels/fast/vmath.h"

#include <math.h>

INLINE vf silu(vf x) { return x * vsigmoid(x); }

INLINE vf silu_slope(vf x)
{
    const vf s = vsigmoid(x);
    return s * vmadd(x, 1 - s, vset(1));
}

/* from 20 on tanh(log(1 + e)) is 1 in float, and e^2 still far from overflow */
INLINE vf mish_u(vf x)
{
    const vf e = vexp(vmin(vset(20), x));
    return e * (e + 2);
}

INLINE vf mish(vf x)
{
    const vf u = mish_u(x);
    return x * (u / (u + 2));
}

/* t = u / (u + 2),  1 - t^2 = 2 / (u + 2) * (1 + t) */
INLINE vf mish_slope(vf x)
{
    const vf u = mish_u(x), inverse = 1 / (u + 2), t = u * inverse;
    return vmadd(x * vsigmoid(x), 2 * inverse * (1 + t), t);
}

INLINE vf normal_below(vf x)
{
    for (int i = 0; i < VW; i++) x[i] = 0.5f * erfcf(-(float)M_SQRT1_2 * x[i]);
    return x;
}

INLINE vf gelu(vf x) { return x * normal_below(x); }

INLINE vf gelu_slope(vf x)
{
    const float height = (float)(0.5 * M_2_SQRTPI * M_SQRT1_2);
    return normal_below(x) + x * height * vexp(-0.5f * x * x);
}

/* a NaN passes through both */
INLINE vf relu(vf x) { return vselect(x <= 0, vset(0), x); }
INLINE vf relu_slope(vf x) { return vselect(x <= 0, vset(0), vset(1)); }

typedef void map(ptrdiff_t n, const float *x, float *y);
typedef void map_vjp(ptrdiff_t n, const float *dy, const float *x, float *dx, bool add);

#define MAPS(f)                                                                            \
    static void f##_map(ptrdiff_t n, const float *x, float *y)                             \
    {                                                                                      \
        EACH_VECTOR(i, lanes, n, stn(y + i, f(ldn(x + i, lanes)), lanes));                 \
    }                                                                                      \
    static void f##_map_vjp(ptrdiff_t n, const float *dy, const float *x, float *dx,       \
                            bool add)                                                      \
    {                                                                                      \
        EACH_VECTOR(i, lanes, n, {                                                         \
            const vf d = ldn(dy + i, lanes) * f##_slope(ldn(x + i, lanes));                \
            putn(dx + i, d, lanes, add);                                                   \
        });                                                                                \
    }
MAPS(silu)
MAPS(mish)
MAPS(gelu)
MAPS(relu)

static map *const maps[] = {
    [UM_SILU] = silu_map,
    [UM_MISH] = mish_map,
    [UM_GELU] = gelu_map,
    [UM_RELU] = relu_map,
};
static map_vjp *const map_vjps[] = {
    [UM_SILU] = silu_map_vjp,
    [UM_MISH] = mish_map_vjp,
    [UM_GELU] = gelu_map_vjp,
    [UM_RELU] = relu_map_vjp,
};

void TIER(activate)(um_activation kind, size_t count, const float *x, float *y)
{
#pragma omp parallel for schedule(static) if (count > WORTH)
    for (size_t i = 0; i < count; i += BLOCK)
        maps[kind]((ptrdiff_t)UM_MIN(BLOCK, count - i), x + i, y + i);
}

void TIER(activate_vjp)(um_activation kind, size_t count, const float *dy, const float *x,
          float *dx, bool add)
{
#pragma omp parallel for schedule(static) if (count > WORTH)
    for (size_t i = 0; i < count; i += BLOCK)
        map_vjps[kind]((ptrdiff_t)UM_MIN(BLOCK, count - i), dy + i, x + i, dx + i, add);
}
