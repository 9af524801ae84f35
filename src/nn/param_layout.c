/* SPDX-License-Identifier: MIT
 * param_layout.c - parameters in the order that files keep.
 *
 * Ours is [kh, kw, ci, co], a file's [co, ci, kh, kw]: a matrix of (co) x (ci, kh, kw) against one
 * of (kh, kw, ci) x (co). A linear layer is the case kh = kw = 1; vectors and tables are as they
 * are. */
#include "nn/param.h"

int um_param_file_shape(const um_param *p, int64_t shape[4])
{
    const um_shape s = p->shape;
    switch (p->layout) {
    case UM_LAYOUT_VECTOR:
        shape[0] = s.c;
        return 1;
    case UM_LAYOUT_LINEAR:
        shape[0] = s.c;
        shape[1] = s.w;
        return 2;
    case UM_LAYOUT_TABLE:
        shape[0] = s.w;
        shape[1] = s.c;
        return 2;
    case UM_LAYOUT_CONV:
        break;
    }
    shape[0] = s.c;
    shape[1] = s.w;
    shape[2] = s.n;
    shape[3] = s.h;
    return 4;
}

static bool is_permuted(const um_param *p)
{
    return p->layout == UM_LAYOUT_LINEAR || p->layout == UM_LAYOUT_CONV;
}

void um_param_to_file(const um_param *p, const um_real *ours, float *file)
{
    const size_t n = um_shape_count(p->shape);
    const size_t pixels = (size_t)p->shape.n * p->shape.h, ci = p->shape.w, co = p->shape.c;
    if (!is_permuted(p)) {
        for (size_t i = 0; i < n; i++) file[i] = (float)ours[i];
        return;
    }
    for (size_t o = 0; o < co; o++)
        for (size_t i = 0; i < ci; i++)
            for (size_t k = 0; k < pixels; k++)
                file[(o * ci + i) * pixels + k] = (float)ours[(k * ci + i) * co + o];
}

void um_param_from_file(const um_param *p, const float *file, um_real *ours)
{
    const size_t n = um_shape_count(p->shape);
    const size_t pixels = (size_t)p->shape.n * p->shape.h, ci = p->shape.w, co = p->shape.c;
    if (!is_permuted(p)) {
        for (size_t i = 0; i < n; i++) ours[i] = file[i];
        return;
    }
    for (size_t k = 0; k < pixels; k++)
        for (size_t i = 0; i < ci; i++)
            for (size_t o = 0; o < co; o++)
                ours[(k * ci + i) * co + o] = file[(o * ci + i) * pixels + k];
}
