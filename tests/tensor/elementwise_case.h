/* SPDX-License-Identifier: MIT
 * elementwise_case.h - lengths that end in every lane of a vector, numbers that nobody hopes to
 * meet, and comparisons of one number with another. */
#ifndef UM_ELEMENTWISE_CASE_H
#define UM_ELEMENTWISE_CASE_H

#include "tensor/kernel_case.h"

#include <float.h>

/* 1 to 17 and around whole vectors; the last three are shared among threads */
static const size_t LENGTHS[] = { 1,  2,  3,  4,  5,  6,  7,   8,    9,     10,    11,   12, 13,
                                  14, 15, 16, 17, 31, 33, 100, 4097, 40000, 70001, 99999 };

enum { LONG = 70001 };

/* every sort of float: signed zeros, denormals, far ends, infinities, NaN */
static inline void fill_extremes(um_real *x, size_t count)
{
    static const float odd[] = {
        0,       -0.0f, 1e-45f, -1e-40f, FLT_MIN, -1e-20f,  1,       -1,    20.5f,
        -30,     87.5f, -87.5f, 89,      -89,     104,      -105,    1e4f,  -1e4f,
        FLT_MAX, 1e30f, -1e30f, NAN,     INFINITY, -INFINITY, -FLT_MAX,
    };
    for (size_t i = 0; i < count; i++) x[i] = odd[i % UM_COUNT(odd)];
}

/* Number by number: both NaN, both the same infinity, or near each other. `floor` is what may be
 * lost of numbers near zero. */
static inline void case_alike(const char *what, size_t count, const um_real *got,
                              const um_real *right, double tolerance, double floor)
{
    for (size_t i = 0; i < count; i++) {
        const double a = got[i], b = right[i];
        if (isnan(a) && isnan(b)) continue;
        if (a == b) continue;
        if (!(fabs(a - b) <= tolerance * fabs(b) + floor) || isinf(b))
            fail_msg("%s: number %zu is %.9g, not %.9g", what, i, a, b);
    }
}

#endif
