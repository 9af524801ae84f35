/* SPDX-License-Identifier: MIT
 * exponential.h - one step of an exponential integrator: what DPM-Solver, UniPC and DEIS share.
 *
 * With lambda = log(sqrt(alpha_bar / (1 - alpha_bar))), h = lambda_t - lambda_s and u running from
 * 0 at level s to 1 at level t, the probability flow is solved by
 *
 *     x_t = sigma_t / sigma_s x_s + alpha_t  integral of h e^(-h (1 - u)) x_0(u)   (2211.01095, 8)
 *     x_t = alpha_t / alpha_s x_s - sigma_t  integral of h e^(h (1 - u)) eps(u)  (2206.00927, 3.4)
 *
 * and the reverse SDE by (2211.01095, appendix B)
 *
 *     x_t = sigma_t / sigma_s e^-h x_s + alpha_t  integral of 2 h e^(-2h (1 - u)) x_0(u)
 *           + sigma_t sqrt(1 - e^-2h) z.
 *
 * A method puts for m, which is x_0 or eps, the polynomial through what the model said at some
 * levels. What is left is linear in x and these m.
 *
 * A step to the data (h infinite) has a limit where m is constant: x_0 by the first and the last
 * form, (x_s - sigma_s eps) / alpha_s by the second. Polynomials of higher order have none, as they
 * would be extrapolated by h / h_0. So the last step to the data is of order 1 in every method,
 * and no coefficient is infinite. */
#ifndef UM_EXPONENTIAL_H
#define UM_EXPONENTIAL_H

#include "sample/sampler.h"

enum { UM_NODES_MAX = 4 };

/* weight[k]: sum of weight[k] m(node[k]) is the integral of z e^(-z (1 - u)) m(u) over u = 0 .. 1,
 * exact for polynomials of degree below n <= UM_NODES_MAX. The nodes are distinct. */
void um_exponential_weights(double z, int n, const double *node, double *weight);

/* x_t = x * .x + sum of m[k] * .m[k] + z * .noise. */
typedef struct um_exponential {
    double x, m[UM_NODES_MAX], noise;
} um_exponential;

/* From alpha_bar[0] to alpha_bar_to by the m at the n levels alpha_bar[], none of them 0 or 1: the
 * method of order n, wherever these levels stand. alpha_bar_to = 1, the data, asks for n = 1.
 * algorithm: dpmsolver++ (m is x_0), dpmsolver or deis (m is eps), sde-dpmsolver++ (x_0). With two
 * levels the solver counts, too: heun and logrho integrate the straight line through both; midpoint
 * and bh2 take half of its rise as constant over the step, bh1 drops the exponential there as
 * well. */
um_exponential um_exponential_step(um_algorithm algorithm, um_solver solver, int n,
                                   const double *alpha_bar, double alpha_bar_to);

/* Add weight times the m of a row to a mix. eps is (x - alpha x_0) / sigma, so that clipping of x_0
 * counts. */
void um_mix_add(um_mix *mix, um_algorithm algorithm, double alpha_bar, double weight);

/* Is the data where this step leads? */
bool um_exponential_ends(const um_plan *plan, int step);

/* What all rows have in common: they keep their m, and draw where noise is added. */
void um_exponential_begin(um_row *row, um_algorithm algorithm);

/* UM_BAD_ARG unless the order is 1 to 3. */
um_status um_exponential_check(um_ctx *ctx, const um_sample_settings *settings);

/* The levels of diffusers' classes of this family. */
#define UM_EXPONENTIAL_LEVELS .open = true, .rounded = true, .finite_sigma = true

#endif
