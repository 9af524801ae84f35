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
};

static struct group group_at(const um_group_norm_shape *s, int i, int g)
{
    const int width = s->c / s->groups;
    const size_t stride = (size_t)s->c;
    const size_t start = (size_t)i * s->hw * stride + (size_t)g * width;
    return (struct group){ start, (size_t)s->hw, stride, g * width, width };
}

static void moments(const struct group *g, const um_real *x, double *mean, double *variance)
{
    const double count = (double)g->pixels * g->width;
    double sum = 0, squares = 0;
    for (size_t p = 0; p < g->pixels; p++)
        for (int k = 0; k < g->width; k++) sum += x[g->start + p * g->stride + k];
    *mean = sum / count;
    for (size_t p = 0; p < g->pixels; p++)
        for (int k = 0; k < g->width; k++) {
            const double d = x[g->start + p * g->stride + k] - *mean;
            squares += d * d;
        }
    *variance = squares / count;
}

void um_group_norm_scalar(const um_group_norm_shape *s, const um_real *x, const um_real *gamma,
                          const um_real *beta, um_real *y, um_real *mean, um_real *rstd)
{
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < s->groups; j++) {
            const struct group g = group_at(s, i, j);
            double m, variance;
            moments(&g, x, &m, &variance);
            const double r = 1 / sqrt(variance + s->eps);
            mean[i * s->groups + j] = (um_real)m;
            rstd[i * s->groups + j] = (um_real)r;
            for (size_t p = 0; p < g.pixels; p++)
                for (int k = 0; k < g.width; k++) {
                    const size_t at = g.start + p * g.stride + k;
                    const double z = gamma[g.first + k] * (x[at] - m) * r + beta[g.first + k];
                    y[at] = (um_real)(s->silu ? z / (1 + exp(-z)) : z);
                }
        }
}

/* What the vjp knows of one number: xhat, and dz = dy * dy/dz. */
struct point {
    double xhat, dz;
};

static struct point point_at(const um_group_norm_shape *s, double dy, double x, double gamma,
                             double beta, double mean, double rstd)
{
    struct point p = { (x - mean) * rstd, dy };
    if (s->silu) {
        const double z = gamma * p.xhat + beta, sigmoid = 1 / (1 + exp(-z));
        p.dz = dy * sigmoid * (1 + z * (1 - sigmoid));
    }
    return p;
}

/* dx = rstd * (gamma dz - mean(gamma dz) - xhat * mean(gamma dz xhat)), means over the group */
static void vjp_x(const um_group_norm_shape *s, const um_group_norm_grads *out, const um_real *dy,
                  const um_real *x, const um_real *gamma, const um_real *beta, const um_real *mean,
                  const um_real *rstd)
{
    for (int i = 0; i < s->n * s->groups; i++) {
        const struct group g = group_at(s, i / s->groups, i % s->groups);
        const double count = (double)g.pixels * g.width;
        double sum = 0, sum_xhat = 0;
        for (int pass = 0; pass < 2; pass++)
            for (size_t p = 0; p < g.pixels; p++)
                for (int k = 0; k < g.width; k++) {
                    const size_t at = g.start + p * g.stride + k;
                    const double ga = gamma[g.first + k];
                    const struct point q =
                        point_at(s, dy[at], x[at], ga, beta[g.first + k], mean[i], rstd[i]);
                    if (pass == 0) {
                        sum += ga * q.dz;
                        sum_xhat += ga * q.dz * q.xhat;
                    } else {
                        const double d = ga * q.dz - sum / count - q.xhat * sum_xhat / count;
                        put(&out->dx[at], rstd[i] * d, out->add_dx);
                    }
                }
    }
}

/* dgamma = sum dz xhat, dbeta = sum dz over images and pixels */
static void vjp_affine(const um_group_norm_shape *s, const um_group_norm_grads *out,
                       const um_real *dy, const um_real *x, const um_real *gamma,
                       const um_real *beta, const um_real *mean, const um_real *rstd)
{
    for (int c = 0; c < s->c; c++) {
        double dgamma = 0, dbeta = 0;
        for (int i = 0; i < s->n; i++) {
            const int group = i * s->groups + c / (s->c / s->groups);
            for (int p = 0; p < s->hw; p++) {
                const size_t at = ((size_t)i * s->hw + p) * s->c + c;
                const struct point q =
                    point_at(s, dy[at], x[at], gamma[c], beta[c], mean[group], rstd[group]);
                dgamma += q.dz * q.xhat;
                dbeta += q.dz;
            }
        }
        if (out->dgamma) put(&out->dgamma[c], dgamma, out->add_dgamma);
        if (out->dbeta) put(&out->dbeta[c], dbeta, out->add_dbeta);
    }
}

void um_group_norm_vjp_scalar(const um_group_norm_shape *s, const um_group_norm_grads *out,
                              const um_real *dy, const um_real *x, const um_real *gamma,
                              const um_real *beta, const um_real *mean, const um_real *rstd,
                              um_real *scratch)
{
    (void)scratch;
    if (out->dx) vjp_x(s, out, dy, x, gamma, beta, mean, rstd);
    if (out->dgamma || out->dbeta) vjp_affine(s, out, dy, x, gamma, beta, mean, rstd);
}

size_t um_group_norm_scratch_scalar(const um_group_norm_shape *s, int threads)
{
    (void)s, (void)threads;
    return 0;
}
