/* SPDX-License-Identifier: MIT
 * shape.c - the one check of sizes. */
#include "tensor/shape.h"

um_status um_shape_check(um_ctx *ctx, um_shape s, const char *what)
{
    const double rows = (double)s.n * s.h * s.w;
    if (s.n < 1 || s.h < 1 || s.w < 1 || s.c < 1 || rows > 0x1p30 || rows * s.c > 0x1p40)
        return um_fail(
            ctx, UM_BAD_SHAPE,
            "%s: shape [%d, %d, %d, %d] (sizes of at least 1, the first three at most 2^30 "
            "in all, all at most 2^40)",
            what, s.n, s.h, s.w, s.c);
    return UM_OK;
}
