/* SPDX-License-Identifier: MIT
 * embedding.h - rows of a table by number
 *
 *     y[i][:] = table[ids[i]][:]            adjoint: dtable[ids[i]][:] += dy[i][:], in order of i
 *
 * ids hold whole numbers in 0 .. rows - 1 (callers check) as reals. The adjoint stores zeros first
 * unless `add`. */
#ifndef UM_KERNEL_EMBEDDING_H
#define UM_KERNEL_EMBEDDING_H

#include "base/base.h"

typedef void um_embedding_fn(int n, int c, const um_real *table, const um_real *ids, um_real *y);
typedef void um_embedding_vjp_fn(int n, int rows, int c, const um_real *dy, const um_real *ids,
                                 um_real *dtable, bool add);

#endif
