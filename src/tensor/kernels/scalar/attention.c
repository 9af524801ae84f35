/* SPDX-License-Identifier: MIT
 * attention.c - attention and its adjoint by their definitions; each number of S is made where it
 * is used.
 *
 *     P = exp(S - lse),   dP = dO v^T,   dS = P (dP - rowsum(dO O))
 *     dq = scale dS k,    dk = scale dS^T q,    dv = P^T dO */
#include "tensor/kernels/scalar/scalar.h"

#include <math.h>

static double dot(int dim, const um_real *a, const um_real *b)
{
    double sum = 0;
    for (int c = 0; c < dim; c++) sum += (double)a[c] * b[c];
    return sum;
}

static void axpy(int dim, double alpha, const um_real *x, double *sum)
{
    for (int c = 0; c < dim; c++) sum[c] += alpha * x[c];
}

static void clear(int dim, double *sum)
{
    for (int c = 0; c < dim; c++) sum[c] = 0;
}

static void put(int dim, const double *sum, um_real *y, bool add)
{
    for (int c = 0; c < dim; c++) y[c] = (um_real)(add ? y[c] + sum[c] : sum[c]);
}

/* log sum_j exp(scale q . k_j) */
static double log_sum_exp(const um_attention_shape *s, const um_real *q, const um_real *k,
                          size_t row)
{
    double top = -INFINITY, sum = 0;
    for (int j = 0; j < s->tokens; j++) top = fmax(top, s->scale * dot(s->dim, q, k + j * row));
    for (int j = 0; j < s->tokens; j++) sum += exp(s->scale * dot(s->dim, q, k + j * row) - top);
    return top + log(sum);
}

void um_attention_scalar(const um_attention_shape *s, const um_real *q, const um_real *k,
                         const um_real *v, um_real *o, um_real *lse, um_real *scratch)
{
    const size_t row = (size_t)s->heads * s->dim;
    double *sum = (double *)scratch;
    for (int n = 0; n < s->n; n++)
        for (int h = 0; h < s->heads; h++) {
            const size_t at = n * s->tokens * row + (size_t)h * s->dim;
            for (int i = 0; i < s->tokens; i++, lse++) {
                const um_real *qi = q + at + i * row;
                const double top = log_sum_exp(s, qi, k + at, row);
                clear(s->dim, sum);
                for (int j = 0; j < s->tokens; j++)
                    axpy(s->dim, exp(s->scale * dot(s->dim, qi, k + at + j * row) - top),
                         v + at + j * row, sum);
                put(s->dim, sum, o + at + i * row, false);
                *lse = (um_real)top;
            }
        }
}

/* one head of one image, all pointers at its first column, lse at its first row */
typedef struct head {
    const um_attention_shape *s;
    size_t row;
    const um_real *dout, *q, *k, *v, *o, *lse;
} head;

static double weight(const head *a, int i, int j)
{
    const double sij = a->s->scale * dot(a->s->dim, a->q + i * a->row, a->k + j * a->row);
    return exp(sij - a->lse[i]);
}

static double score_grad(const head *a, int i, int j)
{
    const um_real *dout = a->dout + i * a->row;
    const double dp = dot(a->s->dim, dout, a->v + j * a->row);
    return weight(a, i, j) * (dp - dot(a->s->dim, dout, a->o + i * a->row));
}

static void query_grad(const head *a, um_real *dq, bool add, double *sum)
{
    for (int i = 0; i < a->s->tokens; i++) {
        clear(a->s->dim, sum);
        for (int j = 0; j < a->s->tokens; j++)
            axpy(a->s->dim, a->s->scale * score_grad(a, i, j), a->k + j * a->row, sum);
        put(a->s->dim, sum, dq + i * a->row, add);
    }
}

static void key_grad(const head *a, um_real *dk, bool add, double *sum)
{
    for (int j = 0; j < a->s->tokens; j++) {
        clear(a->s->dim, sum);
        for (int i = 0; i < a->s->tokens; i++)
            axpy(a->s->dim, a->s->scale * score_grad(a, i, j), a->q + i * a->row, sum);
        put(a->s->dim, sum, dk + j * a->row, add);
    }
}

static void value_grad(const head *a, um_real *dv, bool add, double *sum)
{
    for (int j = 0; j < a->s->tokens; j++) {
        clear(a->s->dim, sum);
        for (int i = 0; i < a->s->tokens; i++)
            axpy(a->s->dim, weight(a, i, j), a->dout + i * a->row, sum);
        put(a->s->dim, sum, dv + j * a->row, add);
    }
}

void um_attention_vjp_scalar(const um_attention_shape *s, const um_attention_grads *out,
                             const um_real *dout, const um_real *q, const um_real *k,
                             const um_real *v, const um_real *o, const um_real *lse,
                             um_real *scratch)
{
    const size_t row = (size_t)s->heads * s->dim;
    double *sum = (double *)scratch;
    for (int n = 0; n < s->n; n++)
        for (int h = 0; h < s->heads; h++) {
            const size_t at = n * s->tokens * row + (size_t)h * s->dim;
            const head a = {
                s,      row,    dout + at, q + at,
                k + at, v + at, o + at,    lse + ((size_t)n * s->heads + h) * s->tokens
            };
            if (out->dq) query_grad(&a, out->dq + at, out->add_dq, sum);
            if (out->dk) key_grad(&a, out->dk + at, out->add_dk, sum);
            if (out->dv) value_grad(&a, out->dv + at, out->add_dv, sum);
        }
}

size_t um_attention_scratch_scalar(const um_attention_shape *s, int threads)
{
    (void)threads;
    return (size_t)s->dim * sizeof(double) / sizeof(um_real);
}
