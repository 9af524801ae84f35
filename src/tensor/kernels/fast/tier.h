/* SPDX-License-Identifier: MIT
 * tier.h - the name of the instruction set that this object is compiled for (UM_TIER, from Meson),
 * and the names of its kernels. Sources in fast/ define their kernels as TIER(name); those of one
 * precision as TIER(name_f32) and TIER(name_bf16). */
#ifndef UM_TIER_H
#define UM_TIER_H

#include "tensor/kernels/kernels.h"

#define UM_JOIN_(a, b) a##_##b
#define UM_JOIN(a, b) UM_JOIN_(a, b)
#define TIER(name) UM_JOIN(um_##name, UM_TIER)

/* A tier that differs in its bf16 kernels alone takes all others from UM_BASE. */
#ifndef UM_BASE
#define UM_BASE UM_TIER
#endif
#define BASE(name) UM_JOIN(um_##name, UM_BASE)

#define MIXED(name) um_##name##_fn TIER(name), TIER(name##_bf16), BASE(name##_f32);
#define FAST(name) um_##name##_fn BASE(name);
#define SKIP(name)
UM_KERNELS(MIXED, FAST, SKIP)
#undef MIXED
#undef FAST
#undef SKIP

#endif
