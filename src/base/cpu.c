/* SPDX-License-Identifier: MIT
 * cpu.c - asked once, of the compiler's runtime, which also asks whether the system saves the
 * registers. */
#include "base/cpu.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#if defined __x86_64__
#include <cpuid.h>

#if defined __linux__
#include <sys/syscall.h>
#include <unistd.h>

/* Linux saves the 8 KiB of tile registers only for programs that have asked for them. */
static bool tiles_granted(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
#else
static bool tiles_granted(void)
{
    return false;
}
#endif

unsigned um_cpu_features(void)
{
    unsigned set = 0;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) set |= UM_CPU_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        set |= UM_CPU_AVX512;
    unsigned a, b, c, d;
    if (set & UM_CPU_AVX512 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && a >> 5 & 1)
        set |= UM_CPU_AVX512_BF16;
    const unsigned tiles = 1u << 24 | 1u << 22; /* AMX-TILE and AMX-BF16 */
    if (set & UM_CPU_AVX512_BF16 && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
        (d & tiles) == tiles && tiles_granted())
        set |= UM_CPU_AMX_BF16;
    return set;
}

void um_cpu_name(char *out, unsigned size)
{
    unsigned words[12] = { 0 };
    char name[sizeof words + 1] = "unknown";
    for (unsigned i = 0; i < 3; i++)
        if (__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
                        &words[4 * i + 3]))
            memcpy(name, words, sizeof words);
    name[sizeof words] = 0;
    const char *start = name;
    while (*start == ' ') start++;
    snprintf(out, size, "%s", start);
}
#else
unsigned um_cpu_features(void)
{
    return 0;
}

void um_cpu_name(char *out, unsigned size)
{
    snprintf(out, size, "unknown");
}
#endif
