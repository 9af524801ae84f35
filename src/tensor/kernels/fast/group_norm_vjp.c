/* SPDX-License-Identifier: MIT
 * group_norm_vjp.c - GroupNorm backward, for each image and a few groups: sums over pixels of dz
 * and of dz xhat, then
 *
 *     dx = rstd (gamma dz - k1 xhat - k0)
 *
 * with k0, k1 the means over the group of gamma dz and of gamma dz xhat. The offset's gradient is
 * the same of sums over pixels,
 *
 *     doffset = rstd (gamma sum dz - k1 sum xhat - hw k0)
 *
 * The sums of an image stay in the scratch: added up over images they are dbeta and dgamma. */
#include "tensor/kernels/fast/group_norm.h"
#include "tensor/kernels/fast/vmath.h"

/* Everything that a thread needs to know of the call. */
struct call {
    const um_group_norm_shape *s;
    const um_group_norm_grads *out;
    const float *dy, *x, *offset, *gamma, *beta, *mean, *rstd;
    float *dz_sums, *dz_xhat_sums, *xhat_sums; /* scratch, (n, c) each */
    bool keep_dz; /* the first pass leaves dz in dx, where the second finds it */
};

/* The values of a tile's channels; xhat = (x - m) * rstd + rest, where m is the float of mean -
 * offset. */
struct tile {
    float m[PADDED], rstd[PADDED], rest[PADDED], gamma[PADDED], beta[PADDED];
    float k0[PADDED], k1[PADDED];
};

static void load_tile(const struct call *call, const struct item *t, int c, int count,
                      struct tile *v)
{
    for (int i = 0; i < count; i++) {
        const size_t g = t->image * (size_t)call->s->groups + (size_t)((c + i) / t->width);
        const double centre = (double)call->mean[g] - item_offset(t, call->offset, c + i);
        v->m[i] = (float)centre;
        v->rstd[i] = call->rstd[g];
        v->rest[i] = (float)(((double)v->m[i] - centre) * (double)v->rstd[i]);
        v->gamma[i] = call->gamma[c + i];
        v->beta[i] = call->beta[c + i];
    }
}

/* dz of lanes at, whose normalised values are xhat */
INLINE vf dz_at(const struct tile *v, ptrdiff_t i, vf dy, vf xhat, bool silu)
{
    if (!silu) return dy;
    const vf z = vmadd(ld(v->gamma + i), xhat, ld(v->beta + i)), s = vsigmoid(z);
    return dy * (s * vmadd(z, 1 - s, vset(1)));
}

/* Sums over pixels, for each channel of a tile; that of xhat where the offset's gradient is asked
 * for. */
struct sums {
    double dz[PADDED], dz_xhat[PADDED], xhat[PADDED];
};

/* A run of pixels, `stride` apart from `at` on, of the vector of channels i. */
INLINE void sum_run(const struct call *call, const struct tile *v, struct sums *s, ptrdiff_t i,
                    size_t at, int run, ptrdiff_t lanes, bool silu)
{
    const size_t stride = (size_t)call->s->c;
    const bool sum_xhat = call->out->doffset;
    const vf m = ld(v->m + i), rstd = ld(v->rstd + i), rest = ld(v->rest + i);
    vf u = { 0 }, w = { 0 }, h = { 0 };
    for (int p = 0; p < run; p++, at += stride) {
        const vf xhat = vmadd(ldn(call->x + at, lanes) - m, rstd, rest);
        const vf dz = dz_at(v, i, ldn(call->dy + at, lanes), xhat, silu);
        u += dz;
        w = vmadd(dz, xhat, w);
        if (sum_xhat) h += xhat;
        if (silu && call->keep_dz) stn(call->out->dx + at, dz, lanes);
    }
    float us[VW], ws[VW], hs[VW];
    st(us, u);
    st(ws, w);
    st(hs, h);
    for (int j = 0; j < VW; j++) {
        s->dz[i + j] += (double)us[j];
        s->dz_xhat[i + j] += (double)ws[j];
        s->xhat[i + j] += (double)hs[j];
    }
}

/* The sums of a tile into the scratch; k0 and k1 of its groups, not yet divided, into the
 * totals. */
static void sum_tile(const struct call *call, const struct item *t, int c, int count,
                     const struct tile *v, double *k0, double *k1)
{
    struct sums s = { 0 };
    for (int p = 0; p < t->hw; p += SPAN) {
        const int run = UM_MIN(SPAN, t->hw - p);
        const size_t at = item_start(t, c) + (size_t)p * (size_t)t->stride;
        if (call->s->silu)
            EACH_VECTOR(i, lanes, count,
                        sum_run(call, v, &s, i, at + (size_t)i, run, lanes, true));
        else
            EACH_VECTOR(i, lanes, count,
                        sum_run(call, v, &s, i, at + (size_t)i, run, lanes, false));
    }
    for (int i = 0; i < count; i++) {
        const int g = (c + i) / t->width - t->first;
        const size_t at = item_channel(t, c + i);
        call->dz_sums[at] = (float)s.dz[i];
        call->dz_xhat_sums[at] = (float)s.dz_xhat[i];
        call->xhat_sums[at] = (float)s.xhat[i];
        k0[g] += (double)v->gamma[i] * s.dz[i];
        k1[g] += (double)v->gamma[i] * s.dz_xhat[i];
    }
}

/* dx of a pixel from `dz`; that is still dy, to be taken through the SiLU, where `again` */
INLINE void dx_pixel(const struct call *call, const struct tile *v, int count, size_t at,
                     const float *dz, bool again, bool add)
{
    float *dx = call->out->dx + at;
    EACH_VECTOR(i, lanes, count, {
        const vf rstd = ld(v->rstd + i), gamma = ld(v->gamma + i);
        const vf xhat = vmadd(ldn(call->x + at + i, lanes) - ld(v->m + i), rstd, ld(v->rest + i));
        const vf d = dz_at(v, i, ldn(dz + i, lanes), xhat, again);
        const vf away = vmadd(ld(v->k1 + i), xhat, ld(v->k0 + i));
        putn(dx + i, rstd * vmadd(gamma, d, -away), lanes, add);
    });
}

static void dx_tile(const struct call *call, const struct item *t, int c, int count,
                    const struct tile *v)
{
    size_t at = item_start(t, c);
    const bool add = call->out->add_dx;
    for (int p = 0; p < t->hw; p++, at += (size_t)t->stride)
        if (call->keep_dz) dx_pixel(call, v, count, at, call->out->dx + at, false, false);
        else if (call->s->silu) dx_pixel(call, v, count, at, call->dy + at, true, true);
        else dx_pixel(call, v, count, at, call->dy + at, false, add);
}

/* The offsets' gradients of a tile, from the sums in the scratch. */
static void doffset_tile(const struct call *call, const struct item *t, int c, int count,
                         const struct tile *v, const double *k0, const double *k1)
{
    for (int i = 0; i < count; i++) {
        const int g = (c + i) / t->width - t->first;
        const size_t at = item_channel(t, c + i);
        const double away = k1[g] * (double)call->xhat_sums[at] + t->hw * k0[g];
        const double d = (double)v->gamma[i] * (double)call->dz_sums[at] - away;
        float *to = &call->out->doffset[at];
        *to = (float)((call->out->add_doffset ? (double)*to : 0) + (double)v->rstd[i] * d);
    }
}

static void vjp_item(const struct call *call, const struct item *t)
{
    struct tile v = { 0 };
    double k0[TILE] = { 0 }, k1[TILE] = { 0 };
    EACH_TILE(c, count, t, {
        load_tile(call, t, c, count, &v);
        sum_tile(call, t, c, count, &v, k0, k1);
    });
    if (!call->out->dx && !call->out->doffset) return;
    const double numbers = (double)t->hw * t->width;
    for (int g = 0; g < t->last - t->first; g++) k0[g] /= numbers, k1[g] /= numbers;
    EACH_TILE(c, count, t, {
        load_tile(call, t, c, count, &v);
        for (int i = 0; i < count; i++) {
            const int g = (c + i) / t->width - t->first;
            v.k0[i] = (float)k0[g];
            v.k1[i] = (float)k1[g];
        }
        if (call->out->doffset) doffset_tile(call, t, c, count, &v, k0, k1);
        if (call->out->dx) dx_tile(call, t, c, count, &v);
    });
}

/* to = the sum over images of one channel's sums; nobody may ask for it */
static void put_channel(float *to, const float *sums, int n, int c, bool add)
{
    if (!to) return;
    double total = add ? (double)*to : 0;
    for (int i = 0; i < n; i++) total += (double)sums[(size_t)i * (size_t)c];
    *to = (float)total;
}

void TIER(group_norm_vjp)(const um_group_norm_shape *s, const um_group_norm_grads *out,
                          const float *dy, const float *x, const float *offset, const float *gamma,
                          const float *beta, const float *mean, const float *rstd, float *scratch)
{
    const size_t sums = (size_t)s->n * (size_t)s->c;
    const int groups = item_groups(s), items = item_count(s, groups);
    const struct call call = {
        .s = s,
        .out = out,
        .dy = dy,
        .x = x,
        .offset = offset,
        .gamma = gamma,
        .beta = beta,
        .mean = mean,
        .rstd = rstd,
        .dz_sums = scratch,
        .dz_xhat_sums = scratch + sums,
        .xhat_sums = scratch + 2 * sums,
        .keep_dz = s->silu && out->dx && !out->add_dx,
    };
#pragma omp parallel if (worth_sharing(s))
    {
#pragma omp for schedule(static)
        for (int k = 0; k < items; k++) {
            const struct item t = item_at(s, groups, k);
            vjp_item(&call, &t);
        }
#pragma omp for schedule(static)
        for (int c = 0; c < s->c; c++) {
            float *dgamma = out->dgamma ? out->dgamma + c : NULL;
            float *dbeta = out->dbeta ? out->dbeta + c : NULL;
            put_channel(dgamma, call.dz_xhat_sums + c, s->n, s->c, out->add_dgamma);
            put_channel(dbeta, call.dz_sums + c, s->n, s->c, out->add_dbeta);
        }
    }
}

size_t TIER(group_norm_scratch)(const um_group_norm_shape *s, int threads)
{
    (void)threads;
    return 3 * (size_t)s->n * (size_t)s->c;
}
