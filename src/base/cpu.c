/* SPDX-License-Identifier: MIT
 * cpu.c - asked once, of the compiler's runtime, which also asks whether the system saves the
 * registers. */
#include "base/cpu.h"

#include <stdio.h>
#include <string.h>

#if defined __x86_64__
#include <cpuid.h>

unsigned um_cpu_features(void)
{
    unsigned set = 0;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) set |= UM_CPU_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        set |= UM_CPU_AVX512;
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
