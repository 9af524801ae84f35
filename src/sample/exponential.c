/* SPDX-License-Identifier: MIT
 * exponential.c - polynomials under an exponential, integrated exactly. */
#include "sample/exponential.h"

#include <math.h>

/* phi_k(v) = sum of v^n / (n + k)!, which converges fast for the small v that it is used for. */
static double phi_series(int k, double v)
{
    double term = 1.0, sum = 0.0;
    for (int j = 2; j <= k; j++) term /= j;
    for (int n = 1; fabs(term) > 1e-18 * fabs(sum); n++) {
        sum += term;
        term *= v / (n + k);
    }
    return sum;
}

/* moment[j] = integral of z e^(-z (1 - u)) u^j = j! z phi_(j+1)(-z). By parts it is
 * 1 - j / z moment[j-1], where small z would cancel all digits. */
static void moments(double z, int n, double *moment)
{
    double factorial = 1.0;
    moment[0] = -expm1(-z);
    for (int j = 1; j < n; j++) {
        factorial *= j;
        moment[j] = fabs(z) < 1.0 ? factorial * z * phi_series(j + 1, -z)
                                  : 1.0 - j / z * moment[j - 1];
    }
}

/* The polynomial that is 1 at node[k] and 0 at the others, by its coefficients. */
static void lagrange(int n, const double *node, int k, double *c)
{
    int degree = 0;
    c[0] = 1.0;
    for (int j = 0; j < n; j++) {
        if (j == k) continue;
        const double scale = 1.0 / (node[k] - node[j]);
        c[++degree] = 0.0;
        for (int d = degree; d > 0; d--) c[d] = scale * (c[d - 1] - node[j] * c[d]);
        c[0] *= scale * -node[j];
    }
}

void um_exponential_weights(double z, int n, const double *node, double *weight)
{
    double moment[UM_NODES_MAX], c[UM_NODES_MAX];
    moments(z, n, moment);
    for (int k = 0; k < n; k++) {
        lagrange(n, node, k, c);
        weight[k] = 0.0;
        for (int d = 0; d < n; d++) weight[k] += c[d] * moment[d];
    }
}

/* The slope between nodes 0 and r, times b / 2: in DPM-Solver++ (2211.01095, algorithm 2) b is the
 * integral of the exponential; UniPC calls it B(h) (2302.04867, 3.2). */
static void middle_weights(double z, double b, double r, double *weight)
{
    weight[1] = 0.5 * b / r;
    weight[0] = -expm1(-z) - weight[1];
}

/* Does m stand for the noise? */
static bool of_noise(um_algorithm algorithm)
{
    return algorithm == UM_ALGORITHM_DPMSOLVER || algorithm == UM_ALGORITHM_DEIS;
}

static double lambda_of(double alpha_bar) { return 0.5 * (log(alpha_bar) - log1p(-alpha_bar)); }

static um_exponential step_to_data(bool noise, double alpha_bar)
{
    if (!noise) return (um_exponential){ .m = { 1.0 } };
    return (um_exponential){ .x = 1.0 / sqrt(alpha_bar),
                             .m = { -sqrt((1.0 - alpha_bar) / alpha_bar) } };
}

static void weigh(um_solver solver, double z, int n, const double *node, double *weight)
{
    if (n == 2 && (solver == UM_SOLVER_MIDPOINT || solver == UM_SOLVER_BH2))
        middle_weights(z, -expm1(-z), node[1], weight);
    else if (n == 2 && solver == UM_SOLVER_BH1)
        middle_weights(z, z, node[1], weight);
    else
        um_exponential_weights(z, n, node, weight);
}

um_exponential um_exponential_step(um_algorithm algorithm, um_solver solver, int n,
                                   const double *alpha_bar, double alpha_bar_to)
{
    const bool noise = of_noise(algorithm), sde = algorithm == UM_ALGORITHM_SDE_DPMSOLVERPP;
    if (alpha_bar_to >= 1.0) return step_to_data(noise, alpha_bar[0]);
    const double from = lambda_of(alpha_bar[0]), h = lambda_of(alpha_bar_to) - from;
    const double z = noise ? -h : sde ? 2.0 * h : h;
    const double alpha = sqrt(alpha_bar_to), sigma = sqrt(1.0 - alpha_bar_to);
    double node[UM_NODES_MAX];
    for (int k = 0; k < n; k++) node[k] = (lambda_of(alpha_bar[k]) - from) / h;

    um_exponential e = { .noise = sde ? sigma * sqrt(-expm1(-z)) : 0.0 };
    if (noise) e.x = alpha / sqrt(alpha_bar[0]);
    else e.x = sigma / sqrt(1.0 - alpha_bar[0]) * (sde ? exp(-h) : 1.0);
    weigh(solver, z, n, node, e.m);
    for (int k = 0; k < n; k++) e.m[k] *= noise ? sigma : alpha;
    return e;
}

void um_mix_add(um_mix *mix, um_algorithm algorithm, double alpha_bar, double weight)
{
    if (!of_noise(algorithm)) {
        mix->x0 += weight;
        return;
    }
    mix->x += weight / sqrt(1.0 - alpha_bar);
    mix->x0 -= weight * sqrt(alpha_bar / (1.0 - alpha_bar));
}

bool um_exponential_ends(const um_plan *plan, int step)
{
    return plan->level[step + 1].alpha_bar >= 1.0;
}

void um_exponential_begin(um_row *row, um_algorithm algorithm)
{
    row->draws = algorithm == UM_ALGORITHM_SDE_DPMSOLVERPP; /* diffusers: at the last step too */
    row->keeps = true;
    row->keep = row->next = (um_mix){ 0 };
    um_mix_add(&row->keep, algorithm, row->alpha_bar, 1.0);
}

um_status um_exponential_check(um_ctx *ctx, const um_sample_settings *settings)
{
    if (settings->solver_order >= 1 && settings->solver_order <= 3) return UM_OK;
    return um_fail(ctx, UM_BAD_ARG, "sample.solver_order = %d (%s has the orders 1 to 3)",
                   settings->solver_order, settings->sampler->name);
}
