/* SPDX-License-Identifier: MIT
 * elementwise.c - the definition of sums and products, whole and for each channel. */
#include "tensor/kernels/kernels.h"
#include "tensor/kernels/scalar/put.h"

um_lincomb_fn um_lincomb_scalar;
um_multiply_fn um_multiply_scalar;
um_scale_shift_fn um_scale_shift_scalar;
um_scale_shift_vjp_fn um_scale_shift_vjp_scalar;
um_copy_columns_fn um_copy_columns_scalar;

void um_lincomb_scalar(size_t count, um_real alpha, const um_real *a, um_real beta,
                       const um_real *b, um_real *y)
{
    for (size_t i = 0; i < count; i++) {
        const double u = alpha != 0 ? (double)alpha * a[i] : 0;
        y[i] = (um_real)(b ? u + (double)beta * b[i] : u);
    }
}

void um_multiply_scalar(size_t count, const um_real *a, const um_real *b, um_real *y, bool add)
{
    for (size_t i = 0; i < count; i++) put(&y[i], (double)a[i] * b[i], add);
}

void um_scale_shift_scalar(int n, int hw, int c, const um_real *x, const um_real *s, um_real *y)
{
    for (int i = 0; i < n; i++, s += 2 * (size_t)c)
        for (int p = 0; p < hw; p++, x += c, y += c)
            for (int k = 0; k < c; k++) y[k] = (um_real)(x[k] * (1.0 + s[k]) + s[c + k]);
}

void um_scale_shift_vjp_scalar(int n, int hw, int c, const um_real *dy, const um_real *x,
                               const um_real *s, um_real *dx, bool add_dx, um_real *ds, bool add_ds)
{
    const size_t image = (size_t)hw * c;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < c; k++) {
            const size_t at = i * image + k, channel = 2 * (size_t)i * c + k;
            const double scale = 1.0 + s[channel];
            double dscale = 0, dshift = 0;
            for (size_t p = 0; p < image; p += c) {
                const double d = dy[at + p];
                dscale += d * x[at + p];
                dshift += d;
                if (dx) put(&dx[at + p], d * scale, add_dx);
            }
            if (!ds) continue;
            put(&ds[channel], dscale, add_ds);
            put(&ds[channel + c], dshift, add_ds);
        }
}

void um_copy_columns_scalar(size_t rows, int c, const um_real *x, int x_c, int x_at, um_real *y,
                            int y_c, int y_at, bool add)
{
    for (size_t i = 0; i < rows; i++)
        for (int j = 0; j < c; j++) put(&y[i * y_c + y_at + j], x[i * x_c + x_at + j], add);
}
