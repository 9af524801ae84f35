/* SPDX-License-Identifier: MIT
 * resample.c - the definition of spreading a pixel over four and of gathering four into one. */
#include "tensor/kernels/kernels.h"
#include "tensor/kernels/scalar/put.h"

um_spread2x_fn um_spread2x_scalar;
um_gather2x_fn um_gather2x_scalar;

/* Where pixel (p, q) of the small image i lies in the large one: its top left of four. */
static size_t corner(int i, int h, int w, int c, int p, int q)
{
    return (((size_t)i * 2 * h + 2 * p) * 2 * w + 2 * q) * c;
}

void um_spread2x_scalar(int n, int h, int w, int c, um_real weight, const um_real *small,
                        um_real *large, bool add)
{
    const size_t right = (size_t)c, below = 2 * (size_t)w * c;
    for (int i = 0; i < n; i++)
        for (int p = 0; p < h; p++)
            for (int q = 0; q < w; q++)
                for (int k = 0; k < c; k++) {
                    um_real *to = large + corner(i, h, w, c, p, q) + k;
                    const double v = (double)weight * *small++;
                    put(to, v, add);
                    put(to + right, v, add);
                    put(to + below, v, add);
                    put(to + below + right, v, add);
                }
}

void um_gather2x_scalar(int n, int h, int w, int c, um_real weight, const um_real *large,
                        um_real *small, bool add)
{
    const size_t right = (size_t)c, below = 2 * (size_t)w * c;
    for (int i = 0; i < n; i++)
        for (int p = 0; p < h; p++)
            for (int q = 0; q < w; q++)
                for (int k = 0; k < c; k++) {
                    const um_real *from = large + corner(i, h, w, c, p, q) + k;
                    const double sum =
                        (double)from[0] + from[right] + from[below] + from[below + right];
                    put(small++, weight * sum, add);
                }
}
