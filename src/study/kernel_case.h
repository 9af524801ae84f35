/* SPDX-License-Identifier: MIT
 * kernel_case.h - the shapes that kernels are timed on: those that U-Nets have. */
#ifndef UM_KERNEL_SHAPES_H
#define UM_KERNEL_SHAPES_H

#include "study/kernel_work.h"

/* The i-th case, NULL behind the last. */
const um_kernel_case *um_kernel_case_at(int i);

/* Reals of each operand, for n images; of scratch. */
size_t um_kernel_case_room(const um_kernel_case *c, int n);
size_t um_kernel_case_scratch(const um_kernel_job *j, int threads);

/* Floating-point operations (a multiply-add is two; direct sums, whatever the kernel does instead)
 * for n images, or bytes read and written. */
double um_kernel_case_amount(const um_kernel_case *c, int n);

/* "32x32 128>256 3x3 /2", as much of it as the case has. */
void um_kernel_case_text(const um_kernel_case *c, char *out, size_t room);

#endif
