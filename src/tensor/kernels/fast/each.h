/* SPDX-License-Identifier: MIT
 * each.h - the loops that elementwise kernels share: blocks over the threads, vectors in a block,
 * and one vector of the rest with the same code. */
#ifndef UM_EACH_H
#define UM_EACH_H

#include "tensor/kernels/fast/vec.h"

#include "base/base.h"

/* What a thread takes at a time, and the smallest work that is worth waking the others for. */
enum { BLOCK = 1 << 12, WORTH = 1 << 15 };

/* Run the statement for i = 0, VW, 2 VW ... < n with `lanes` of them alive; whole vectors see the
 * constant VW, so that ldn and stn become plain loads and stores. */
#define EACH_VECTOR(i, lanes, n, ...)                       \
    do {                                                    \
        ptrdiff_t i = 0;                                    \
        for (; i + VW <= (n); i += VW) {                    \
            enum { lanes = VW };                            \
            __VA_ARGS__;                                    \
        }                                                   \
        if (i < (n)) {                                      \
            const ptrdiff_t lanes = (n) - i;                \
            __VA_ARGS__;                                    \
        }                                                   \
    } while (0)

/* store v, or add it to what is there */
INLINE void putn(float *p, vf v, ptrdiff_t n, bool add)
{
    stn(p, add ? ldn(p, n) + v : v, n);
}

#endif
