/* SPDX-License-Identifier: MIT
 * half.c - 16-bit floats by their bits. */
#include "io/half.h"

#include <math.h>
#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float um_f16_to_float(uint16_t bits)
{
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    const uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 31) return float_of(sign | 0x7f800000 | fraction << 13);
    if (exponent > 0) return float_of(sign | (exponent + 112) << 23 | fraction << 13);
    const float small = ldexpf((float)fraction, -24); /* zero and subnormal numbers */
    return sign ? -small : small;
}

float um_bf16_to_float(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

uint16_t um_f16_from_float(float value)
{
    const uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000;
    const uint32_t rest = bits & 0x7fffffff;
    if (rest > 0x7f800000) return (uint16_t)(sign | 0x7e00);  /* not a number         */
    if (rest >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 and above      */
    if (rest < 0x38800000)                                    /* below 2^-14: subnormal */
        return (uint16_t)(sign | (uint32_t)lrintf(ldexpf(float_of(rest), 24)));
    const uint32_t odd = rest >> 13 & 1;
    return (uint16_t)(sign | ((rest - 0x38000000 + 0xfff + odd) >> 13));
}

uint16_t um_bf16_from_float(float value)
{
    const uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
