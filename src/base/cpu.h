/* SPDX-License-Identifier: MIT
 * cpu.h - what this processor can do. */
#ifndef UM_CPU_H
#define UM_CPU_H

enum {
    UM_CPU_AVX2 = 1 << 0,   /* AVX2 and FMA                     */
    UM_CPU_AVX512 = 1 << 1, /* F, BW, DQ and VL together        */
    UM_CPU_AVX512_BF16 = 1 << 2,
    UM_CPU_AMX_BF16 = 1 << 3, /* tiles and their bf16 products, and the system lets us */
};

/* Set of UM_CPU_ bits that both the processor and the operating system support. */
unsigned um_cpu_features(void);

/* Its name as it gives it, "unknown" where it gives none. Fills at most `size` bytes. */
void um_cpu_name(char *out, unsigned size);

#endif
