/* SPDX-License-Identifier: MIT
 * cpu.h - what this processor can do. */
#ifndef UM_CPU_H
#define UM_CPU_H

enum {
    UM_CPU_AVX2 = 1 << 0,   /* AVX2 and FMA                     */
    UM_CPU_AVX512 = 1 << 1, /* F, BW, DQ and VL together        */
};

/* Set of UM_CPU_ bits that both the processor and the operating system support. */
unsigned um_cpu_features(void);

/* Its name as it gives it, "unknown" where it gives none. Fills at most `size` bytes. */
void um_cpu_name(char *out, unsigned size);

#endif
