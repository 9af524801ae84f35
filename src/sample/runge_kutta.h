/* SPDX-License-Identifier: MIT
 * runge_kutta.h - explicit Runge-Kutta methods as tables, and the probability flow by them. */
#ifndef UM_RUNGE_KUTTA_H
#define UM_RUNGE_KUTTA_H

#include "sample/sampler.h"

enum { UM_STAGES_MAX = 7 };

/* Stage j, at time t + c[j] h, has x + h sum of a[j][i] k_i; the step leads to x + h sum of b[i]
 * k_i (Butcher's tableau), and e[i] is what an embedded method of lower order has less: h sum of
 * e[i] k_i is the error that it sees. */
typedef struct um_tableau {
    int stages;
    double c[UM_STAGES_MAX], a[UM_STAGES_MAX][UM_STAGES_MAX], b[UM_STAGES_MAX], e[UM_STAGES_MAX];
} um_tableau;

extern const um_tableau um_euler_tableau, um_heun_tableau, um_rk4_tableau;

/* Order 5 with an error of order 4; its last stage is the first of the next step. */
extern const um_tableau um_dormand_prince_tableau;

/* Root mean square of error / (atol + rtol max(|from|, |to|)), elementwise: a step between the two
 * is good up to 1 (Hairer, Norsett and Wanner 1993, II.4, eq. 4.11). */
double um_scaled_error(size_t n, const double *from, const double *to, const double *error,
                       double atol, double rtol);

/* Fill a plan of continuous levels with the probability flow's steps by a table of at most
 * UM_HISTORY_MAX + 1 stages, a row for each. */
void um_runge_kutta_rows(um_plan *plan, const um_tableau *table);

#endif
