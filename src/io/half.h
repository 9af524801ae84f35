/* SPDX-License-Identifier: MIT
 * half.h - the two 16-bit floats: IEEE binary16 (F16) and bfloat16 (BF16). */
#ifndef UM_HALF_H
#define UM_HALF_H

#include <stdint.h>

/* Exact. */
float um_f16_to_float(uint16_t bits);
float um_bf16_to_float(uint16_t bits);

/* To the nearest, ties to even; too large becomes infinite; not-a-number stays one. */
uint16_t um_f16_from_float(float value);
uint16_t um_bf16_from_float(float value);

#endif
