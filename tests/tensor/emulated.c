/* SPDX-License-Identifier: MIT
 * emulated.c - the tiers made of emulated instruction sets. */
#include "tensor/kernel_case.h"

#include "base/cpu.h"

#ifdef UM_EMULATED
extern const um_kernels um_kernels_emulated_avx512, um_kernels_emulated_avx512bf16,
    um_kernels_emulated_amx;

const um_kernels *emulated_tier(int i)
{
    static const um_kernels *const tiers[] = {
        &um_kernels_emulated_avx512,
        &um_kernels_emulated_avx512bf16,
        &um_kernels_emulated_amx,
    };
    const bool can = um_cpu_features() & UM_CPU_AVX2; /* they are compiled for it */
    return can && i >= 0 && (size_t)i < UM_COUNT(tiers) ? tiers[i] : NULL;
}
#else
const um_kernels *emulated_tier(int i)
{
    (void)i;
    return NULL;
}
#endif
