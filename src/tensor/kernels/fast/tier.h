/* SPDX-License-Identifier: MIT
 * tier.h - the name of the instruction set that this object is compiled for (UM_TIER, from Meson),
 * and the names of its kernels. Sources in fast/ define their kernels as TIER(name). */
#ifndef UM_TIER_H
#define UM_TIER_H

#include "tensor/kernels/kernels.h"

#define UM_JOIN_(a, b) a##_##b
#define UM_JOIN(a, b) UM_JOIN_(a, b)
#define TIER(name) UM_JOIN(um_##name, UM_TIER)

#define DECLARE(name) um_##name##_fn TIER(name);
#define SKIP(name)
UM_KERNELS(DECLARE, SKIP)
#undef DECLARE
#undef SKIP

#endif
