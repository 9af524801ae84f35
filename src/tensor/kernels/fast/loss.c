/* SPDX-License-Identifier: MIT
 * loss.c - losses on vectors: runs summed in float, runs added up in double. */
#include "tensor/kernels/fast/each.h"
#include "tensor/kernels/fast/tier.h"
#include "tensor/kernels/fast/vmath.h"

INLINE vf mse(vf d, float delta)
{
    (void)delta;
    return d * d;
}
INLINE vf mse_slope(vf d, float delta)
{
    (void)delta;
    return 2 * d;
}

INLINE vf l1(vf d, float delta)
{
    (void)delta;
    return vabs(d);
}
/* the sign; 0 and NaN stay */
INLINE vf l1_slope(vf d, float delta)
{
    (void)delta;
    return vselect(d > 0, vset(1), vselect(d < 0, vset(-1), d));
}

INLINE vf huber(vf d, float delta)
{
    const vf a = vabs(d);
    return vselect(a <= delta, 0.5f * d * d, delta * (a - 0.5f * delta));
}
INLINE vf huber_slope(vf d, float delta) { return vclamp(-delta, d, delta); }

typedef double total(ptrdiff_t n, float delta, const float *prediction, const float *target);
typedef void slopes(ptrdiff_t n, float delta, float scale, const float *prediction,
                    const float *target, float *dprediction, bool add);

enum { RUN = 32 * VW };

/* the padding of a tail has difference 0, which costs nothing in any loss */
#define LOSS(f)                                                                              \
    static double f##_total(ptrdiff_t n, float delta, const float *prediction,               \
                            const float *target)                                             \
    {                                                                                        \
        double sum = 0;                                                                      \
        for (; n > 0; n -= RUN, prediction += RUN, target += RUN) {                          \
            vf run = { 0 };                                                                  \
            EACH_VECTOR(i, lanes, UM_MIN(n, RUN),                                            \
                        run += f(ldn(prediction + i, lanes) - ldn(target + i, lanes), delta)); \
            sum += vsum(run);                                                                \
        }                                                                                    \
        return sum;                                                                          \
    }                                                                                        \
    static void f##_slopes(ptrdiff_t n, float delta, float scale, const float *prediction,   \
                           const float *target, float *dprediction, bool add)                \
    {                                                                                        \
        EACH_VECTOR(i, lanes, n, {                                                           \
            const vf d = ldn(prediction + i, lanes) - ldn(target + i, lanes);                \
            putn(dprediction + i, scale * f##_slope(d, delta), lanes, add);                  \
        });                                                                                  \
    }
LOSS(mse)
LOSS(l1)
LOSS(huber)

static total *const totals[] = {
    [UM_LOSS_MSE] = mse_total,
    [UM_LOSS_L1] = l1_total,
    [UM_LOSS_HUBER] = huber_total,
};
static slopes *const slopes_of[] = {
    [UM_LOSS_MSE] = mse_slopes,
    [UM_LOSS_L1] = l1_slopes,
    [UM_LOSS_HUBER] = huber_slopes,
};

void TIER(loss)(um_loss_kind kind, double delta, int n, size_t per, const float *prediction,
                const float *target, float *loss)
{
#pragma omp parallel for schedule(static) if ((size_t)n * per > WORTH)
    for (int i = 0; i < n; i++) {
        const size_t at = (size_t)i * per;
        const double sum = totals[kind]((ptrdiff_t)per, (float)delta, prediction + at, target + at);
        loss[i] = (float)(sum / (double)per);
    }
}

void TIER(loss_vjp)(um_loss_kind kind, double delta, int n, size_t per, const float *scale,
                    const float *prediction, const float *target, float *dprediction, bool add)
{
#pragma omp parallel for schedule(static) if ((size_t)n * per > WORTH)
    for (int i = 0; i < n; i++) {
        const size_t at = (size_t)i * per;
        slopes_of[kind]((ptrdiff_t)per, (float)delta, (float)(scale[i] / (double)per),
                        prediction + at, target + at, dprediction + at, add);
    }
}
