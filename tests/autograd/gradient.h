/* SPDX-License-Identifier: MIT
 * gradient.h - what every proof of a gradient needs. The proofs run in double, against the scalar
 * kernels, so that differences are good to ten digits and a wrong factor in one element shows. */
#ifndef UM_GRADIENT_H
#define UM_GRADIENT_H

#include "autograd/ops.h"
#include "base/random.h"
#include "support/check.h"
#include "tensor/kernels/kernels.h"

/* The operation under proof, recorded on t. */
typedef um_var subject(um_tape *t, const um_var *in, const void *arg);

/* Writes `count` numbers into x, a function of r alone. */
typedef void filler(um_real *x, size_t count, const um_random *r);

/* An input of the subject; standard normal numbers where fill is NULL. */
typedef struct given {
    um_shape shape;
    filler *fill;
    bool fixed; /* has no gradient: numbers that count, and what stops gradients */
} given;

enum { GIVEN_MAX = 4 };

/* For each input x that is not fixed, with random u and v: <u, J v> by central differences is <J^T
 * u, v>, to 1e-7 of the larger. Every tensor that the subject does not say it reads is NaN when its
 * vjp runs, and what it writes is NaN before. The same bits come out when the gradient of that
 * input alone is asked for, and when the subject is recomputed in a segment; and the vjp adds where
 * a gradient is there before. */
void check_vjp(const char *why, subject *f, const void *arg, const given *in, int n);

/* f of these numbers (shape by shape, one behind the other) is `expected`, to 1e-12. */
void check_values(subject *f, const void *arg, const um_shape *shapes, int n, const double *numbers,
                  const double *expected);

/* f of inputs of these shapes fails with UM_BAD_SHAPE or UM_BAD_ARG, and the message holds `words`.
 */
void check_refused(subject *f, const void *arg, const um_shape *shapes, int n, um_status status,
                   const char *words);

/* f of inputs of these shapes, whose gradients are asked for, has none to give. */
void check_no_gradient(subject *f, const void *arg, const um_shape *shapes, int n);

/* Numbers of both signs whose absolute value is from 0.2 to 1.2: no kink at zero is near. */
filler away_from_zero;

#endif
