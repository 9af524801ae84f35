/* SPDX-License-Identifier: MIT
 * conv2d.c - the convolution and its adjoints by their definitions, one sum for each number of the
 * result. */
#include "tensor/kernels/scalar/scalar.h"

/* the channels of pixel (row, col) of image n of an h x w image with c channels, NULL outside */
static const um_real *pixel(const um_real *x, int n, int h, int w, int c, int row, int col)
{
    if (row < 0 || row >= h || col < 0 || col >= w) return NULL;
    return x + (((size_t)n * h + row) * w + col) * c;
}

static double product(const um_conv2d_shape *s, um_real a, um_real b)
{
    return (double)um_operand(s->precision, a) * um_operand(s->precision, b);
}

static double output(const um_conv2d_shape *s, const um_real *x, const um_real *w, int n, int p,
                     int q, int o)
{
    double sum = 0;
    for (int i = 0; i < s->k; i++)
        for (int j = 0; j < s->k; j++) {
            const um_real *in = pixel(x, n, s->h, s->w, s->ci, p * s->stride + i - s->pad,
                                      q * s->stride + j - s->pad);
            const um_real *f = w + (size_t)(i * s->k + j) * s->ci * s->co + o;
            for (int c = 0; in && c < s->ci; c++) sum += product(s, in[c], f[(size_t)c * s->co]);
        }
    return sum;
}

void um_conv2d_scalar(const um_conv2d_shape *s, const um_real *x, const um_real *w,
                      const um_real *bias, um_real *y, um_real *scratch)
{
    (void)scratch;
    const int ho = um_conv2d_out(s, s->h), wo = um_conv2d_out(s, s->w);
    for (int n = 0; n < s->n; n++)
        for (int p = 0; p < ho; p++)
            for (int q = 0; q < wo; q++)
                for (int o = 0; o < s->co; o++)
                    *y++ = (um_real)(output(s, x, w, n, p, q, o) + (bias ? bias[o] : 0.0));
}

/* the place along one axis of the output that tap i makes from input place `at`; -1 where none */
static int made_by(const um_conv2d_shape *s, int at, int i)
{
    const int p = at + s->pad - i;
    return p >= 0 && p % s->stride == 0 ? p / s->stride : -1;
}

static double input_grad(const um_conv2d_shape *s, const um_real *dy, const um_real *w, int n,
                         int row, int col, int c)
{
    const int ho = um_conv2d_out(s, s->h), wo = um_conv2d_out(s, s->w);
    double sum = 0;
    for (int i = 0; i < s->k; i++)
        for (int j = 0; j < s->k; j++) {
            const um_real *out =
                pixel(dy, n, ho, wo, s->co, made_by(s, row, i), made_by(s, col, j));
            const um_real *f = w + ((size_t)(i * s->k + j) * s->ci + c) * s->co;
            for (int o = 0; out && o < s->co; o++) sum += product(s, out[o], f[o]);
        }
    return sum;
}

void um_conv2d_dx_scalar(const um_conv2d_shape *s, const um_real *dy, const um_real *w, um_real *dx,
                         bool add, um_real *scratch)
{
    (void)scratch;
    for (int n = 0; n < s->n; n++)
        for (int row = 0; row < s->h; row++)
            for (int col = 0; col < s->w; col++)
                for (int c = 0; c < s->ci; c++, dx++)
                    *dx = (um_real)(input_grad(s, dy, w, n, row, col, c) + (add ? *dx : 0.0));
}

static double weight_grad(const um_conv2d_shape *s, const um_real *x, const um_real *dy, int i,
                          int j, int c, int o)
{
    const int ho = um_conv2d_out(s, s->h), wo = um_conv2d_out(s, s->w);
    double sum = 0;
    for (int n = 0; n < s->n; n++)
        for (int p = 0; p < ho; p++)
            for (int q = 0; q < wo; q++) {
                const um_real *in = pixel(x, n, s->h, s->w, s->ci, p * s->stride + i - s->pad,
                                          q * s->stride + j - s->pad);
                if (in) sum += product(s, in[c], dy[(((size_t)n * ho + p) * wo + q) * s->co + o]);
            }
    return sum;
}

void um_conv2d_dw_scalar(const um_conv2d_shape *s, const um_real *x, const um_real *dy, um_real *dw,
                         bool add, um_real *scratch)
{
    (void)scratch;
    for (int i = 0; i < s->k; i++)
        for (int j = 0; j < s->k; j++)
            for (int c = 0; c < s->ci; c++)
                for (int o = 0; o < s->co; o++, dw++)
                    *dw = (um_real)(weight_grad(s, x, dy, i, j, c, o) + (add ? *dw : 0.0));
}

size_t um_conv2d_scratch_scalar(const um_conv2d_shape *s, int threads)
{
    (void)s, (void)threads;
    return 0;
}
