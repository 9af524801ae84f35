/* SPDX-License-Identifier: MIT
 * integrate.h - dy/ds = f(s, y) for several rows at once, each with steps of its own, so that a
 * row's numbers do not depend on its neighbours. */
#ifndef UM_INTEGRATE_H
#define UM_INTEGRATE_H

#include "base/choice.h"

typedef enum um_integrator {
    UM_INTEGRATOR_ADAPTIVE, /* the embedded pair of Dormand and Prince (1980), order 5(4) */
    UM_INTEGRATOR_RK4,      /* the classical method                                       */
    UM_INTEGRATOR_HEUN,     /* order 2                                                    */
} um_integrator;

/* adaptive; rk4; heun. */
extern const um_choice um_integrators[];

typedef struct um_ode_settings {
    um_integrator integrator;
    int steps;         /* equal ones, of rk4 and heun                              */
    double rtol, atol; /* of adaptive: the largest error of a step, root of means  */
} um_ode_settings;

/* n rows of `size` elements from s = from to s = to. */
typedef struct um_ode {
    /* dy [n, size] of the rows row[0..n-1], each at its own s. */
    um_status (*slope)(void *user, int n, const int *row, const double *s, const double *y,
                       double *dy);
    /* After each step of a row, NULL: not told; part of the way, in 0 .. 1. */
    void (*progress)(void *user, int row, double part);
    void *user;
    int n;
    size_t size;
    double from, to;
} um_ode;

/* Replace y [n, size] by the solution; calls[i]: slopes computed for row i. UM_CANCELLED between
 * steps, UM_NOT_FINITE naming the row where numbers go bad or steps become too small for the
 * tolerances. */
um_status um_ode_solve(um_ctx *ctx, const um_ode *ode, const um_ode_settings *settings, double *y,
                       int *calls);

#endif
