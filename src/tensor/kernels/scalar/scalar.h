/* SPDX-License-Identifier: MIT
 * scalar.h - the names of the readable definitions, um_name_scalar. They have double accumulators,
 * one thread and no cleverness: what they compute is what the contracts mean. */
#ifndef UM_SCALAR_H
#define UM_SCALAR_H

#include "tensor/kernels/kernels.h"

#define DECLARE(name) um_##name##_fn um_##name##_scalar;
UM_KERNELS(DECLARE, DECLARE, DECLARE)
#undef DECLARE

#endif
