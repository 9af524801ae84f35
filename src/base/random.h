/* SPDX-License-Identifier: MIT
 * random.h - counter-based random numbers: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel
 * random numbers: as easy as 1, 2, 3; SC 2011). A value is a function of (seed, stream, item,
 * index) alone, so it does not matter who draws it, when, or on how many threads. */
#ifndef UM_RANDOM_H
#define UM_RANDOM_H

#include "base/base.h"

/* Who draws. A new purpose gets a new line: streams never share numbers. */
typedef enum um_stream {
    UM_STREAM_INIT,        /* item: parameter                */
    UM_STREAM_SHUFFLE,     /* item: epoch                    */
    UM_STREAM_FLIP,        /* item: position in the run      */
    UM_STREAM_TIMESTEP,    /* item: position in the run      */
    UM_STREAM_NOISE,       /* item: position in the run      */
    UM_STREAM_DROPOUT,     /* item: step and node            */
    UM_STREAM_VALIDATION,  /* item: held-out image           */
    UM_STREAM_SAMPLE_INIT, /* item: image                    */
    UM_STREAM_SAMPLE_STEP, /* item: image and step           */
    UM_STREAM_LABEL,       /* item: position in the run      */
    UM_STREAM_DEQUANTIZE,  /* item: image                    */
    UM_STREAM_PROBE,       /* item: image and vector         */
    UM_STREAM_BOUND,       /* item: image and term           */
    UM_STREAM_TEST = 9,    /* fixed: a new stream changes no test's data; only labels share it */
} um_stream;

typedef struct um_random {
    uint64_t seed;
    um_stream stream;
    uint64_t item;
} um_random;

/* Four independent 32-bit words for index 0, 1, 2, ... */
void um_random_bits(const um_random *r, uint32_t index, uint32_t out[4]);

/* Uniform in [0, 1) with 53 bits. */
double um_random_uniform(const um_random *r, uint32_t index);

/* Uniform whole number in 0 .. n-1, n > 0, without bias. */
uint64_t um_random_below(const um_random *r, uint32_t index, uint64_t n);

/* Standard normal numbers index 0 .. n-1 (Box-Muller on pairs); out[i] does not depend on n. */
void um_random_normal(const um_random *r, um_real *out, size_t n);

/* A permutation of 0 .. n-1 in out (Fisher-Yates). */
void um_random_permutation(const um_random *r, uint32_t *out, uint32_t n);

#endif
