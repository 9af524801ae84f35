/* SPDX-License-Identifier: MIT
 * noise.h - where a sampler's random numbers come from. */
#ifndef UM_NOISE_H
#define UM_NOISE_H

#include "base/torch_random.h"
#include "sample/settings.h"

enum { UM_NOISE_START = -1 }; /* the "row" of the first x */

/* A source of standard normal numbers [n, h, w, c] for images first .. first+n-1 at a row of the
 * plan. A sequential source is asked whenever diffusers draws, else only where noise is used. */
typedef struct um_noise {
    void (*draw)(void *user, int row, uint64_t first, int n, float *out);
    void *user;
    bool sequential;
} um_noise;

/* Philox: a number depends on (seed, image, row, place) alone. */
typedef struct um_noise_philox {
    uint64_t seed;
    size_t size; /* h * w * c */
} um_noise_philox;

/* *p stays the caller's and must live as long as the source is used. */
um_noise um_noise_from_philox(um_noise_philox *p);

/* torch: one generator that goes on from draw to draw, filled in [n, c, h, w] order. */
typedef struct um_noise_torch {
    um_torch_random generator;
    int h, w, c;
    float *scratch; /* n * h * w * c for the largest n; the caller's */
} um_noise_torch;

um_noise um_noise_from_torch(um_noise_torch *p);

#endif
