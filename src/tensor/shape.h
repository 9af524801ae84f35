/* SPDX-License-Identifier: MIT
 * shape.h - four sizes, row-major: [n, h, w, c]. Fewer dimensions have ones in front, so a matrix
 * is [1, 1, rows, columns], a vector [1, 1, 1, c], and a convolution's weights [kh, kw, ci, co]. */
#ifndef UM_SHAPE_H
#define UM_SHAPE_H

#include "base/base.h"

typedef struct um_shape {
    int n, h, w, c;
} um_shape;

/* Number of elements; 0 for the zero shape. Shapes that um_shape_check passed do not overflow. */
static inline size_t um_shape_count(um_shape s)
{
    return (size_t)s.n * (size_t)s.h * (size_t)s.w * (size_t)s.c;
}

static inline bool um_shape_same(um_shape a, um_shape b)
{
    return a.n == b.n && a.h == b.h && a.w == b.w && a.c == b.c;
}

/* UM_BAD_SHAPE unless every size is at least 1, n h w is at most 2^30 (so that rows and pixels are
 * counted in int) and the whole has at most 2^40 elements. */
um_status um_shape_check(um_ctx *ctx, um_shape s, const char *what);

#endif
