/* SPDX-License-Identifier: MIT
 * walk.h - a plan walked in double with a model in double, for tests of coefficients. */
#ifndef UM_TEST_WALK_H
#define UM_TEST_WALK_H

#include "sample/plan.h"

/* The model: x_0 as predicted from one x at alpha_bar. */
typedef struct walk_model {
    void (*x0)(const void *user, const double *x, double alpha_bar, double *x0);
    const void *user;
} walk_model;

/* One image of `size` <= WALK_SIZE_MAX numbers through the first `rows` rows, x [size] in place.
 * noise [rows][size], or NULL where no row uses any. */
enum { WALK_SIZE_MAX = 64 };
void walk(const um_plan *plan, int rows, const walk_model *model, size_t size, const double *noise,
          double *x);

/* The same where the first rows, `starts` of them and the one behind, are given the right x,
 * exact [starts + 1][size]: a multistep method then has a history without errors. */
void walk_from_exact(const um_plan *plan, int rows, const walk_model *model, size_t size,
                     const double *noise, int starts, const double *exact, double *x);

/* Data of one Gaussian N(mean, deviation^2 I): `user` is a walk_gaussian. */
typedef struct walk_gaussian {
    int size;
    double mean, deviation;
} walk_gaussian;
void walk_gaussian_x0(const void *user, const double *x, double alpha_bar, double *x0);

/* Data of three Gaussians in the plane, of which two overlap: `user` is not looked at. */
void walk_mixture_x0(const void *user, const double *x, double alpha_bar, double *x0);

#endif
