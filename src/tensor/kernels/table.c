/* SPDX-License-Identifier: MIT
 * table.c - tiers in order of speed, and the choice among them. */
#include "tensor/kernels/kernels.h"

#include "base/cpu.h"

#include <stdio.h>
#include <string.h>

#define DECLARE(name) um_##name##_fn um_##name##_scalar;
UM_KERNELS(DECLARE, DECLARE, DECLARE)
#undef DECLARE

static const um_kernels scalar = {
    .isa = "scalar",
#define ENTRY(name) .name = um_##name##_scalar,
    UM_KERNELS(ENTRY, ENTRY, ENTRY)
#undef ENTRY
};

/* Each tier is a whole table, defined in fast/tier.c by the objects of its instruction set. */
extern const um_kernels um_kernels_portable, um_kernels_avx2, um_kernels_avx512,
    um_kernels_avx512bf16, um_kernels_amx, um_kernels_neon;

static const struct tier {
    const um_kernels *kernels;
    unsigned needs;
} tiers[] = {
    { &scalar, 0 },
#ifndef UM_DOUBLE
    { &um_kernels_portable, 0 },
#ifdef UM_TIERS_X86
    { &um_kernels_avx2, UM_CPU_AVX2 },
    { &um_kernels_avx512, UM_CPU_AVX512 },
    { &um_kernels_avx512bf16, UM_CPU_AVX512_BF16 },
    { &um_kernels_amx, UM_CPU_AMX_BF16 },
#endif
#ifdef UM_TIERS_ARM
    { &um_kernels_neon, 0 }, /* every 64-bit Arm has it */
#endif
#endif
};

const um_kernels *um_kernels_tier(int i)
{
    const unsigned cpu = um_cpu_features();
    for (size_t k = 0; k < UM_COUNT(tiers); k++)
        if ((cpu & tiers[k].needs) == tiers[k].needs && i-- == 0) return tiers[k].kernels;
    return NULL;
}

um_status um_kernels_choose(um_ctx *ctx, const char *isa)
{
    const um_kernels *best = NULL;
    char names[128] = "auto";
    for (int i = 0; um_kernels_tier(i); i++) {
        const um_kernels *k = um_kernels_tier(i);
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, ", %s", k->isa);
        if (strcmp(isa, "auto") == 0 || strcmp(isa, k->isa) == 0) best = k;
    }
    if (!best)
        return um_fail(ctx, UM_BAD_ARG, "run.isa = %s: not on this machine (it has %s)", isa,
                       names);
    ctx->kernels = best;
    return UM_OK;
}

const char *um_kernel_name(int i)
{
    static const char *const names[] = {
#define NAME(name) #name,
        UM_KERNELS(NAME, NAME, NAME)
#undef NAME
    };
    return i >= 0 && (size_t)i < UM_COUNT(names) ? names[i] : NULL;
}
