/* SPDX-License-Identifier: MIT
 * tier.c - the table of one instruction set. */
#include "tensor/kernels/fast/tier.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

#define DECLARE(name) um_##name##_fn um_##name##_scalar;
#define SKIP(name)
UM_KERNELS(SKIP, SKIP, DECLARE)

extern const um_kernels TIER(kernels);
const um_kernels TIER(kernels) = {
    .isa = TEXT(UM_TIER),
#define MIXED(name) .name = TIER(name),
#define FAST(name) .name = BASE(name),
#define SCALAR(name) .name = um_##name##_scalar,
    UM_KERNELS(MIXED, FAST, SCALAR)
};
