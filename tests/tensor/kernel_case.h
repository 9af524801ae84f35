/* SPDX-License-Identifier: MIT
 * kernel_case.h - what every test of a kernel needs: operands full of random numbers that start at
 * any float, canaries on both sides of each, and a way through the tiers that this machine has.
 *
 *     kernel_case c = { 0 };
 *     um_real *x = case_random(&c, count, UNALIGNED), *y = case_empty(&c, count, UNALIGNED);
 *     ... run, compare ...
 *     case_end(&c);                    fails where something was written outside its buffer */
#ifndef UM_KERNEL_CASE_H
#define UM_KERNEL_CASE_H

#include "base/random.h"
#include "support/check.h"
#include "tensor/kernels/kernels.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { CASE_BUFFERS = 64, CANARIES = 16 };

/* Where a buffer starts: ALIGNED to 64 bytes, or one number further. */
typedef enum placement { ALIGNED, UNALIGNED } placement;

typedef struct kernel_case {
    struct {
        um_real *block, *data;
        size_t count;
        placement at;
    } buffers[CASE_BUFFERS];
    int used;
} kernel_case;

static const um_real CANARY = (um_real)-7.25e18;

/* `count` NaNs: what a kernel forgets to write, or reads too early, shows. */
static inline um_real *case_empty(kernel_case *c, size_t count, placement at)
{
    assert_true(c->used < CASE_BUFFERS);
    const size_t whole = (CANARIES + (size_t)at + count + 2 * CANARIES) / CANARIES * CANARIES;
    um_real *block = aligned_alloc(UM_ALIGN, whole * sizeof *block);
    assert_non_null(block);
    um_real *data = block + CANARIES + at;
    for (size_t i = 0; i < whole; i++) block[i] = CANARY;
    for (size_t i = 0; i < count; i++) data[i] = (um_real)NAN;
    c->buffers[c->used].block = block;
    c->buffers[c->used].data = data;
    c->buffers[c->used].count = count;
    c->buffers[c->used++].at = at;
    return data;
}

/* `count` standard normal numbers, others for each buffer of the case */
static inline um_real *case_random(kernel_case *c, size_t count, placement at)
{
    um_real *data = case_empty(c, count, at);
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, (uint64_t)c->used }, data, count);
    return data;
}

static inline um_real *case_copy(kernel_case *c, size_t count, const um_real *from, placement at)
{
    um_real *data = case_empty(c, count, at);
    memcpy(data, from, count * sizeof *data);
    return data;
}

/* Every canary lives; the buffers are given back. */
static inline void case_end(kernel_case *c)
{
    for (int b = 0; b < c->used; b++) {
        const um_real *block = c->buffers[b].block, *data = c->buffers[b].data;
        const size_t count = c->buffers[b].count;
        const size_t whole =
            (CANARIES + (size_t)c->buffers[b].at + count + 2 * CANARIES) / CANARIES * CANARIES;
        for (size_t i = 0; i < whole; i++)
            if ((block + i < data || block + i >= data + count) && block[i] != CANARY)
                fail_msg("buffer %d of %zu numbers: number %td was written", b, count,
                         block + i - data);
        free(c->buffers[b].block);
    }
    c->used = 0;
}

/* the largest difference over the largest number of `right`; infinite where something is not a
 * number */
static inline double case_error(size_t count, const um_real *got, const um_real *right)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = fabs((double)got[i] - (double)right[i]);
        if (!(d <= worst)) worst = d;
        largest = fmax(largest, fabs((double)right[i]));
        if (isnan(d)) return INFINITY;
    }
    return worst == 0 ? 0 : worst / fmax(largest, 1e-30);
}

static inline void case_near(const char *what, size_t count, const um_real *got,
                             const um_real *right, double tolerance)
{
    const double error = case_error(count, got, right);
    if (!(error <= tolerance)) fail_msg("%s: error %.3g above %.3g", what, error, tolerance);
}

static inline void case_same_bits(const char *what, size_t count, const um_real *a,
                                  const um_real *b)
{
    if (memcmp(a, b, count * sizeof *a) != 0) fail_msg("%s: not the same bits", what);
}

/* Run the statement with 1, 2 and 3 threads. */
#define FOR_THREADS(threads, ...)                            \
    do {                                                     \
        const int before_ = omp_get_max_threads();           \
        for (int threads = 1; threads <= 3; threads++) {     \
            omp_set_num_threads(threads);                    \
            __VA_ARGS__;                                     \
        }                                                    \
        omp_set_num_threads(before_);                        \
    } while (0)

/* The i-th tier whose instructions are emulated (emulated.h), NULL behind the last. */
const um_kernels *emulated_tier(int i);

/* The i-th tier that tests can run: those of this machine, then the emulated ones. */
static inline const um_kernels *case_tier(int i)
{
    int own = 0;
    while (um_kernels_tier(own)) own++;
    return i < own ? um_kernels_tier(i) : emulated_tier(i - own);
}

/* `check` with each tier but scalar itself, whose name is told. */
static inline void for_each_tier(void (*check)(const um_kernels *fast, const um_kernels *scalar))
{
    const um_kernels *k, *scalar = case_tier(0);
    for (int i = 1; (k = case_tier(i)); i++) {
        print_message("           tier %s\n", k->isa);
        check(k, scalar);
    }
}

#endif
