/* SPDX-License-Identifier: MIT
 * ops.h - every operation of the tape; one file each in ops/. All record on t and give a new
 * tensor. Shapes are [n, h, w, c] (tensor/shape.h); a wrong one is UM_BAD_SHAPE. "none" is the
 * zeroed um_var. */
#ifndef UM_OPS_H
#define UM_OPS_H

#include "autograd/tape.h"
#include "tensor/kernels/activation.h"
#include "tensor/kernels/loss.h"

/* x [n, h, w, ci], w [k, k, ci, co], bias [1, 1, 1, co] or none -> [n, ho, wo, co]
 * (kernels/conv2d.h). */
um_var um_conv2d(um_tape *t, um_var x, um_var w, um_var bias, int stride, int pad, int pad_end);

/* x [n, h, w, ci], w [1, 1, ci, co], bias [1, 1, 1, co] or none -> [n, h, w, co] = x w + bias. */
um_var um_linear(um_tape *t, um_var x, um_var w, um_var bias);

/* a [n, h, r, k] times b [n, h, k, c] -> [n, h, r, c], one product for each (n, h). */
um_var um_matmul(um_tape *t, um_var a, um_var b);

/* x [n, h, w, c]; gamma, beta [1, 1, 1, c]; offset [n, 1, 1, c], added to x at each pixel before,
 * or none (kernels/group_norm.h); silu: SiLU behind it. All fused. */
um_var um_group_norm(um_tape *t, um_var x, um_var gamma, um_var beta, um_var offset, int groups,
                     double eps, bool silu);

um_var um_activate(um_tape *t, um_var x, um_activation kind);

/* Over c. */
um_var um_softmax(um_tape *t, um_var x);

/* q, k, v [n, h, w, heads * dim], h * w tokens; scale 1 / sqrt(dim) (kernels/attention.h). */
um_var um_attention(um_tape *t, um_var q, um_var k, um_var v, int heads);

/* Nearest, [n, h, w, c] -> [n, 2h, 2w, c]. */
um_var um_upsample2x(um_tape *t, um_var x);

/* Mean of 2x2, [n, h, w, c] -> [n, h/2, w/2, c]; h and w even. */
um_var um_avg_pool2x(um_tape *t, um_var x);

/* Mean of all pixels, [n, h, w, c] -> [n, 1, 1, c]. */
um_var um_global_pool(um_tape *t, um_var x);

/* Along c: [n, h, w, ca] and [n, h, w, cb] -> [n, h, w, ca + cb]. */
um_var um_concat(um_tape *t, um_var a, um_var b);

/* Columns from .. from + count - 1 of c. */
um_var um_slice(um_tape *t, um_var x, int from, int count);

/* The same numbers in another shape. */
um_var um_reshape(um_tape *t, um_var x, um_shape shape);

/* alpha * a + beta * b, same shapes. */
um_var um_lincomb(um_tape *t, double alpha, um_var a, double beta, um_var b);
um_var um_add(um_tape *t, um_var a, um_var b);
um_var um_scale(um_tape *t, double alpha, um_var a);

/* a * b, elementwise, same shapes. */
um_var um_multiply(um_tape *t, um_var a, um_var b);

/* x [n, h, w, c] / v [n, 1, 1, 1] for each image. No gradient for v. */
um_var um_divide(um_tape *t, um_var x, um_var v);

/* x [n, h, w, c] * (1 + s[:c]) + s[c:], s [n, 1, 1, 2c]. */
um_var um_scale_shift(um_tape *t, um_var x, um_var s);

/* While training: each element zero with probability `rate`, else scaled by 1 / (1 - rate). rate 0
 * gives x. */
um_var um_dropout(um_tape *t, um_var x, double rate);

/* Rows of table [1, 1, rows, c] by ids [n, 1, 1, 1], whole numbers in 0 .. rows - 1 -> [n, 1, 1,
 * c]; a number outside takes the nearest row. */
um_var um_embedding(um_tape *t, um_var table, um_var ids);

/* Sinusoids of timesteps [n, 1, 1, 1] -> [n, 1, 1, dim] (DDPM, after Vaswani et al. 3.5), as
 * diffusers' Timesteps: exponent -log(10000) i / (dim/2 - shift); sin before cos, or cos before sin
 * where `flip`; an odd dim ends in zero. No gradient. */
um_var um_timestep_embedding(um_tape *t, um_var timestep, int dim, bool flip, double shift);

/* Sinusoids of log(timestep) * w * 2 pi, w [1, 1, 1, half] -> [n, 1, 1, 2 half] (Tancik et al.;
 * score SDE), as diffusers' GaussianFourierProjection with log; flip as above. No gradient. */
um_var um_fourier_embedding(um_tape *t, um_var timestep, um_var w, bool flip);

/* Mean loss of each image, [n, h, w, c] twice -> [n, 1, 1, 1] (kernels/loss.h). */
um_var um_loss(um_tape *t, um_loss_kind kind, double delta, um_var prediction, um_var target);

/* -log softmax(logits [n, 1, 1, classes]) at labels [n, 1, 1, 1] -> [n, 1, 1, 1]; a label outside
 * takes the nearest class. */
um_var um_cross_entropy(um_tape *t, um_var logits, um_var labels);

/* Mean of each image's term of the variational bound, bits a dimension -> [n, 1, 1, 1]. answer
 * [n, h, w, 2c]: what gives the mean, and v, which lies between the variances' logarithms; x0 and
 * xt [n, h, w, c]; rows [n, 1, 1, UM_VARIATIONAL_ROW]: a, b with x0 = a xt + b answer; the weight
 * of x0 in the posterior's mean; log beta; log of the posterior's variance; 1 at t = 0, else 0. The
 * gradient goes to v alone. */
enum { UM_VARIATIONAL_ROW = 6 };
um_var um_variational(um_tape *t, um_var answer, um_var x0, um_var xt, um_var rows);

/* Mean of all elements -> [1, 1, 1, 1]; sum with weights: sum_i w_i x_i, same shapes. */
um_var um_mean(um_tape *t, um_var x);
um_var um_dot(um_tape *t, um_var x, um_var w);

#endif
