/* SPDX-License-Identifier: MIT
 * probes.h - the vectors that a Jacobian's trace is measured with. */
#ifndef UM_PROBES_H
#define UM_PROBES_H

#include "base/choice.h"

/* Hutchinson: E[e^T J e] = tr J for e with independent elements of mean 0 and variance 1. */
typedef enum um_divergence {
    UM_DIVERGENCE_RADEMACHER, /* elements +1 or -1: the least variance                */
    UM_DIVERGENCE_GAUSSIAN,   /* standard normal                                      */
    UM_DIVERGENCE_EXACT,      /* no estimate: one unit vector for each element        */
} um_divergence;

/* rademacher; gaussian; exact. */
extern const um_choice um_divergences[];

/* A vector depends on (seed, image, its number) alone. */
typedef struct um_probes {
    um_divergence kind;
    int count; /* vectors for each image, at least 1; exact does not look at it */
    uint64_t seed;
    size_t size; /* elements of an image */
} um_probes;

/* How many vectors there are. */
size_t um_probes_total(const um_probes *p);

/* Vector k of an image; e has `size` elements. */
void um_probe_fill(const um_probes *p, uint64_t image, size_t k, um_real *e);

/* The trace from the sum of e^T J e over all vectors. */
double um_probes_trace(const um_probes *p, double sum);

#endif
