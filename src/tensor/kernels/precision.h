/* SPDX-License-Identifier: MIT
 * precision.h - what the operands of a product are rounded to before they are multiplied.
 *
 * bf16 is the upper half of a float: its exponent and 8 of its 24 bits, rounded to nearest, ties to
 * even. A product of two is exact in float; sums, and all that is not an operand of a product, stay
 * float. Numbers below 2^-126 may count as zero. */
#ifndef UM_KERNEL_PRECISION_H
#define UM_KERNEL_PRECISION_H

#include "base/base.h"

#include <string.h>

typedef enum um_precision { UM_F32, UM_BF16 } um_precision;

/* x as it enters a product */
static inline um_real um_operand(um_precision precision, um_real x)
{
    float f = (float)x;
    uint32_t bits;
    if (precision == UM_F32 || f != f) return x;
    memcpy(&bits, &f, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    memcpy(&f, &bits, sizeof f);
    return f;
}

#endif
