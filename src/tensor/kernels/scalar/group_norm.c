/* SPDX-License-Identifier: MIT
 * group_norm.c - the definition of GroupNorm: two passes over a group for its moments, one to
 * map it. */
#include "tensor/kernels/kernels.h"
#include "tensor/kernels/scalar/put.h"

#include <math.h>

um_group_norm_fn um_group_norm_scalar;
um_group_norm_vjp_fn um_group_norm_vjp_scalar;
um_group_norm_scratch_fn um_group_norm_scratch_scalar;

/* Where the numbers of image i, group g stand, and how many channels they span. */
struct group {
    size_t start, pixels, stride;
    int first, width;
    const um_real *offset; /* of the first channel on, or NULL */
};

static struct group group_at(const um_group_norm_shape *s, const um_real *offset, int i, int g)
{
    const int width = s->c / s->groups, first = g * width;
    const size_t stride = (size_t)s->c, start = (size_t)i * s->hw * stride + first;
    const um_real *from = offset ? offset + i * stride + first : NULL;
    return (struct group){ start, (size_t)s->hw, stride, first, width, from };
}

/* x + offset at pixel p of the group's channel k */
static double number(const struct group *g, const um_real *x, size_t p, int k)
{
    const double offset = g->offset ? g->offset[k] : 0;
    return x[g->start + p * g->stride + k] + offset;
}

static void moments(const struct group *g, const um_real *x, double *mean, double *variance)
{
    const double count = (double)g->pixels * g->width;
    double sum = 0, squares = 0;
    for (size_t p = 0; p < g->pixels; p++)
        for (int k = 0; k < g->width; k++) sum += number(g, x, p, k);
    *mean = sum / count;
    for (size_t p = 0; p < g->pixels; p++)
        for (int k = 0; k < g->width; k++) {
            const double d = number(g, x, p, k) - *mean;
            squares += d * d;
        }
    *variance = squares / count;
}

void um_group_norm_scalar(const um_group_norm_shape *s, const um_real *x, const um_real *offset,
                          const um_real *gamma, const um_real *beta, um_real *y, um_real *mean,
                          um_real *rstd)
{
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < s->groups; j++) {
            const struct group g = group_at(s, offset, i, j);
            double m, variance;
            moments(&g, x, &m, &variance);
            const double r = 1 / sqrt(variance + s->eps);
            mean[i * s->groups + j] = (um_real)m;
            rstd[i * s->groups + j] = (um_real)r;
            for (size_t p = 0; p < g.pixels; p++)
                for (int k = 0; k < g.width; k++) {
                    const double xhat = (number(&g, x, p, k) - m) * r;
                    const double z = gamma[g.first + k] * xhat + beta[g.first + k];
                    const double out = s->silu ? z / (1 + exp(-z)) : z;
                    y[g.start + p * g.stride + k] = (um_real)out;
                }
        }
}

/* What a vjp is given. */
struct call {
    const um_group_norm_shape *s;
    const um_group_norm_grads *out;
    const um_real *dy, *x, *offset, *gamma, *beta, *mean, *rstd;
};

/* What it knows of one number: xhat, and dz = dy * dy/dz. */
struct point {
    double xhat, dz;
};

/* image i, group j, pixel p, the group's channel k */
static struct point point_at(const struct call *v, int i, int j, size_t p, int k)
{
    const struct group g = group_at(v->s, v->offset, i, j);
    const int group = i * v->s->groups + j, c = g.first + k;
    const double dy = v->dy[g.start + p * g.stride + k];
    const double xhat = (number(&g, v->x, p, k) - v->mean[group]) * v->rstd[group];
    if (!v->s->silu) return (struct point){ xhat, dy };
    const double z = v->gamma[c] * xhat + v->beta[c], sigmoid = 1 / (1 + exp(-z));
    return (struct point){ xhat, dy * sigmoid * (1 + z * (1 - sigmoid)) };
}

/* dx = rstd * (gamma dz - mean(gamma dz) - xhat * mean(gamma dz xhat)), means over the group;
 * doffset = the sum of dx over pixels */
static void vjp_group(const struct call *v, int i, int j)
{
    const struct group g = group_at(v->s, v->offset, i, j);
    const um_group_norm_grads *out = v->out;
    const double count = (double)g.pixels * g.width, rstd = v->rstd[i * v->s->groups + j];
    double sum = 0, sum_xhat = 0;
    for (size_t p = 0; p < g.pixels; p++)
        for (int k = 0; k < g.width; k++) {
            const struct point q = point_at(v, i, j, p, k);
            sum += v->gamma[g.first + k] * q.dz;
            sum_xhat += v->gamma[g.first + k] * q.dz * q.xhat;
        }
    for (int k = 0; k < g.width; k++) {
        double total = 0;
        for (size_t p = 0; p < g.pixels; p++) {
            const struct point q = point_at(v, i, j, p, k);
            const double d = v->gamma[g.first + k] * q.dz - sum / count - q.xhat * sum_xhat / count;
            if (out->dx) put(&out->dx[g.start + p * g.stride + k], rstd * d, out->add_dx);
            total += rstd * d;
        }
        um_real *doffset = out->doffset ? &out->doffset[i * g.stride + g.first + k] : NULL;
        if (doffset) put(doffset, total, out->add_doffset);
    }
}

/* dgamma = sum dz xhat, dbeta = sum dz over images and pixels, of the channels of group j */
static void vjp_affine(const struct call *v, int j)
{
    const um_group_norm_grads *out = v->out;
    const int width = v->s->c / v->s->groups;
    for (int k = 0; k < width; k++) {
        const int c = j * width + k;
        double dgamma = 0, dbeta = 0;
        for (int i = 0; i < v->s->n; i++)
            for (int p = 0; p < v->s->hw; p++) {
                const struct point q = point_at(v, i, j, (size_t)p, k);
                dgamma += q.dz * q.xhat;
                dbeta += q.dz;
            }
        if (out->dgamma) put(&out->dgamma[c], dgamma, out->add_dgamma);
        if (out->dbeta) put(&out->dbeta[c], dbeta, out->add_dbeta);
    }
}

void um_group_norm_vjp_scalar(const um_group_norm_shape *s, const um_group_norm_grads *out,
                              const um_real *dy, const um_real *x, const um_real *offset,
                              const um_real *gamma, const um_real *beta, const um_real *mean,
                              const um_real *rstd, um_real *scratch)
{
    const struct call v = { s, out, dy, x, offset, gamma, beta, mean, rstd };
    (void)scratch;
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < s->groups; j++)
            if (out->dx || out->doffset) vjp_group(&v, i, j);
    for (int j = 0; j < s->groups; j++)
        if (out->dgamma || out->dbeta) vjp_affine(&v, j);
}

size_t um_group_norm_scratch_scalar(const um_group_norm_shape *s, int threads)
{
    (void)s, (void)threads;
    return 0;
}
