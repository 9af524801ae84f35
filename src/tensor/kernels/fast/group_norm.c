/* SPDX-License-Identifier: MIT
 * group_norm.c - GroupNorm forward: moments of a few groups, then their map, while they are in
 * the cache.
 *
 * With K the first number of a group and f the first of a channel's run of SPAN pixels,
 *
 *     sum (x - K) = run (f - K) + u,     sum (x - K)^2 = run (f - K)^2 + 2 (f - K) u + v
 *     u = sum (x - f),  v = sum (x - f)^2
 *
 * u and v in float, the rest in double: nothing cancels, however far the mean is from zero. An
 * offset changes neither: it is taken from K, and from the mean in the map. */
#include "tensor/kernels/fast/group_norm.h"
#include "tensor/kernels/fast/vmath.h"

#include <math.h>

/* sum (x - K) and sum (x - K)^2 of each channel of a tile, and its K, less its offset */
struct sums {
    double reference[PADDED], first[PADDED], second[PADDED];
};

INLINE void sum_run(struct sums *s, int at, const float *x, ptrdiff_t stride, int run,
                    ptrdiff_t lanes)
{
    const vf f = ldn(x, lanes);
    vf u = { 0 }, v = { 0 };
    for (int p = 1; p < run; p++) {
        const vf d = ldn(x + p * stride, lanes) - f;
        u += d;
        v = vmadd(d, d, v);
    }
    float fs[VW], us[VW], vs[VW];
    st(fs, f);
    st(us, u);
    st(vs, v);
    for (int i = 0; i < VW; i++) {
        const double shift = (double)fs[i] - s->reference[at + i], sum = (double)us[i];
        s->first[at + i] += run * shift + sum;
        s->second[at + i] += run * shift * shift + 2 * shift * sum + (double)vs[i];
    }
}

static void sum_tile(struct sums *s, const struct item *t, const float *x, int count)
{
    for (int i = 0; i < count; i++) s->first[i] = s->second[i] = 0;
    for (int p = 0; p < t->hw; p += SPAN) {
        const int run = UM_MIN(SPAN, t->hw - p);
        const float *from = x + p * t->stride;
        EACH_VECTOR(i, lanes, count, sum_run(s, (int)i, from + i, t->stride, run, lanes));
    }
}

/* mean and rstd of the item's groups */
static void moments(const struct item *t, const float *x, const float *offset, double eps,
                    double *mean, double *rstd)
{
    const int groups = t->last - t->first, base = t->first * t->width;
    const double count = (double)t->hw * t->width;
    double reference[TILE];
    struct sums s = { 0 };
    for (int g = 0; g < groups; g++) {
        const int c = base + g * t->width;
        reference[g] = (double)x[item_start(t, c)] + item_offset(t, offset, c);
        mean[g] = rstd[g] = 0;
    }
    EACH_TILE(c, channels, t, {
        for (int i = 0; i < channels; i++)
            s.reference[i] =
                /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): set */
                reference[(c - base + i) / t->width] - item_offset(t, offset, c + i);
        sum_tile(&s, t, x + item_start(t, c), channels);
        for (int i = 0; i < channels; i++) {
            mean[(c - base + i) / t->width] += s.first[i];
            rstd[(c - base + i) / t->width] += s.second[i];
        }
    });
    for (int g = 0; g < groups; g++) {
        const double shift = mean[g] / count, variance = rstd[g] / count - shift * shift;
        mean[g] = reference[g] + shift;
        rstd[g] = 1 / sqrt((variance < 0 ? 0 : variance) + eps);
    }
}

/* z = (x - m) * scale + shift: m is the float of mean - offset, the rest is in the shift */
struct affine {
    float m[PADDED], scale[PADDED], shift[PADDED];
};

INLINE void map_pixel(const struct affine *a, int count, const float *x, float *y, bool silu)
{
    EACH_VECTOR(i, lanes, count, {
        const vf d = ldn(x + i, lanes) - ld(a->m + i);
        const vf z = vmadd(d, ld(a->scale + i), ld(a->shift + i));
        stn(y + i, silu ? z * vsigmoid(z) : z, lanes);
    });
}

static void map_tile(const struct affine *a, const struct item *t, int count, const float *x,
                     float *y, bool silu)
{
    for (ptrdiff_t p = 0; p < t->hw * t->stride; p += t->stride)
        if (silu) map_pixel(a, count, x + p, y + p, true);
        else map_pixel(a, count, x + p, y + p, false);
}

static void normalise(const um_group_norm_shape *s, const struct item *t, const float *x,
                      const float *offset, const float *gamma, const float *beta, float *y,
                      const double *mean, const double *rstd)
{
    struct affine a = { 0 };
    EACH_TILE(c, channels, t, {
        for (int i = 0; i < channels; i++) {
            const int g = (c + i) / t->width - t->first;
            const double scale = (double)gamma[c + i] * rstd[g];
            const double centre = mean[g] - item_offset(t, offset, c + i);
            a.m[i] = (float)centre;
            a.scale[i] = (float)scale;
            a.shift[i] = (float)((double)beta[c + i] - (centre - (double)a.m[i]) * scale);
        }
        const size_t at = item_start(t, c);
        map_tile(&a, t, channels, x + at, y + at, s->silu);
    });
}

void TIER(group_norm)(const um_group_norm_shape *s, const float *x, const float *offset,
                      const float *gamma, const float *beta, float *y, float *mean, float *rstd)
{
    const int groups = item_groups(s), items = item_count(s, groups);
#pragma omp parallel for schedule(static) if (worth_sharing(s))
    for (int k = 0; k < items; k++) {
        const struct item t = item_at(s, groups, k);
        double m[TILE], r[TILE];
        moments(&t, x, offset, s->eps, m, r);
        for (int g = t.first; g < t.last; g++) {
            const size_t at = t.image * (size_t)s->groups + (size_t)g;
            mean[at] = (float)m[g - t.first];
            rstd[at] = (float)r[g - t.first];
        }
        normalise(s, &t, x, offset, gamma, beta, y, m, r);
    }
}
