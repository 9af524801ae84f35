/* SPDX-License-Identifier: MIT
 * peak.h - as many multiply-adds as a core can do
 *
 *     x[i] = a x[i] + b,   `rounds` times, i < UM_PEAK_NUMBERS
 *
 * The numbers stay in registers, in enough chains that none waits for another. Nobody wants the
 * result: it is what the speed of the other kernels is held against (study/kernel_bench.h). One
 * thread. */
#ifndef UM_KERNEL_PEAK_H
#define UM_KERNEL_PEAK_H

#include "base/base.h"

enum { UM_PEAK_NUMBERS = 192 };

typedef void um_peak_fn(size_t rounds, um_real a, um_real b, um_real *x);

#endif
