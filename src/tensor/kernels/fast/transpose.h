/* SPDX-License-Identifier: MIT
 * transpose.h - VW x VW numbers in VW registers. */
#ifndef UM_TRANSPOSE_H
#define UM_TRANSPOSE_H

#include "tensor/kernels/fast/vec.h"

/* a[0] b[0] a[1] b[1] ..: the first and the second half of two vectors interleaved */
INLINE vf interleave_low(vf a, vf b)
{
#if UM_VW == 16
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif UM_VW == 8
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}
INLINE vf interleave_high(vf a, vf b)
{
#if UM_VW == 16
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                   31);
#elif UM_VW == 8
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

/* r <- r^T. A round moves the top bit of each lane's number to the bottom of its row's number, and
 * that of the row's number to the bottom of the lane's; after log2 VW rounds they have changed
 * places. */
INLINE void transpose(vf r[VW])
{
    UNROLL
    for (int round = 1; round < VW; round *= 2) {
        vf t[VW];
        UNROLL
        for (int i = 0; i < VW / 2; i++) {
            t[2 * i] = interleave_low(r[i], r[i + VW / 2]);
            t[2 * i + 1] = interleave_high(r[i], r[i + VW / 2]);
        }
        UNROLL
        for (int i = 0; i < VW; i++) r[i] = t[i];
    }
}

#endif
