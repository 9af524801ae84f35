/* SPDX-License-Identifier: MIT
 * attention.c - exact attention, QUERIES rows of S at a time.
 *
 *     forward   S = scale q k^T,  E = exp(S - rowmax),  o = E v / rowsum(E),  lse = rowmax + log
 * rowsum(E) vjp       P = exp(S - lse),  dP = dO v^T,  dS = P (dP - rowsum(dO o)) dq = scale dS k,
 * dk = scale dS^T q,  dv = P^T dO
 *
 * A thread takes some blocks of queries (vjp: whole heads) in order, and packs the keys and values
 * of a head when it comes to it. */
#include "tensor/kernels/fast/attention.h"
#include "tensor/kernels/fast/vmath.h"

#include <math.h>
#include <omp.h>

enum { QUERIES = 8 * MR };

/* c (m x n) (+)= a (m x k, by rows) times packed panels, or times a^T where a lies by columns */
typedef void panel_fn(int m, int n, int k, const float *a, ptrdiff_t a_stride, const float *panel,
                      const float *bias, float *c, ptrdiff_t c_row, bool add);

static void multiply(panel_fn *by, int m, int n, int k, const float *a, ptrdiff_t a_stride,
                     const float *panels, float *c, ptrdiff_t c_row, bool add)
{
    for (int j = 0; j < n; j += NR)
        by(m, UM_MIN(NR, n - j), k, a, a_stride, panels + (size_t)j * k, NULL, c + j, c_row, add);
}

/* all panels of a right operand of k rows and n columns, lying by rows or by columns `stride` apart
 */
static void pack_all_rows(int k, int n, const float *b, ptrdiff_t stride, float *panels)
{
    for (int j = 0; j < n; j += NR)
        pack_rows(k, UM_MIN(NR, n - j), b + j, stride, panels + (size_t)j * k);
}
static void pack_all_cols(int k, int n, const float *b, ptrdiff_t stride, float *panels)
{
    for (int j = 0; j < n; j += NR)
        pack_cols(k, UM_MIN(NR, n - j), b + j * stride, stride, panels + (size_t)j * k);
}

/* floats between rows of S: not a power of two */
static ptrdiff_t score_row(const um_attention_shape *s)
{
    return round_up(s->tokens, 16) + 16;
}
/* Floats of scratch: packed keys or values as columns (dim x tokens) and as rows (tokens x dim), a
 * block of queries as rows, a block of scores. */
static size_t as_cols(const um_attention_shape *s)
{
    return (size_t)s->dim * round_up(s->tokens, NR);
}
static size_t as_rows(const um_attention_shape *s)
{
    return (size_t)round_up(s->tokens * round_up(s->dim, NR), 16);
}
static size_t query_rows(const um_attention_shape *s)
{
    return (size_t)QUERIES * round_up(s->dim, NR);
}
static size_t scores(const um_attention_shape *s)
{
    return (size_t)QUERIES * score_row(s);
}
static size_t thread_floats(const um_attention_shape *s)
{
    return 2 * as_cols(s) + as_rows(s) + 2 * query_rows(s) + 2 * scores(s);
}

static bool is_narrow(const um_attention_shape *s)
{
    return s->dim <= NR;
}

size_t TIER(attention_scratch)(const um_attention_shape *s, int threads)
{
    return is_narrow(s) ? TIER(attention_narrow_scratch)(s, threads) : threads * thread_floats(s);
}

/* v with lanes left .. VW - 1 at minus infinity */
INLINE vf only(vf v, int left)
{
    vi lane;
    for (int i = 0; i < VW; i++) lane[i] = i;
    return vselect(lane < left, v, vset(0) - INFINITY);
}

/* row <- exp(scale row - max), its sum in *sum; the largest scaled score is returned */
static float exponentials(int count, float scale, float *row, float *sum)
{
    vf most = vset(0) - INFINITY, total = { 0 };
    for (int j = 0; j < count; j += VW) {
        const vf v = only(ld(row + j) * scale, count - j);
        most = vmax(most, v);
        st(row + j, v);
    }
    float top = most[0];
    for (int i = 1; i < VW; i++) top = most[i] > top ? most[i] : top;
    for (int j = 0; j < count; j += VW) {
        const vf e = vexp_normal(ld(row + j) - top);
        total += e;
        st(row + j, e);
    }
    *sum = vsum(total);
    return top;
}

static void divide(int count, float *row, float by)
{
    for (int c = 0; c < count; c += VW) stn(row + c, ldn(row + c, count - c) / by, count - c);
}

/* queries i .. i + m - 1 of a head whose keys and values are packed */
static void attend(const um_attention_shape *s, int i, int m, const float *q, const float *keys,
                   const float *values, float *scores, float *o, float *lse)
{
    const ptrdiff_t row = token_row(s), pitch = score_row(s);
    float sum[QUERIES];
    multiply(gemm_rows, m, s->tokens, s->dim, q + i * row, row, keys, scores, pitch, false);
    for (int t = 0; t < m; t++) {
        const float top = exponentials(s->tokens, (float)s->scale, scores + t * pitch, &sum[t]);
        lse[i + t] = top + logf(sum[t]);
    }
    multiply(gemm_rows, m, s->dim, s->tokens, scores, pitch, values, o + i * row, row, false);
    for (int t = 0; t < m; t++) divide(s->dim, o + (i + t) * row, sum[t]);
}

void TIER(attention)(const um_attention_shape *s, const float *q, const float *k, const float *v,
                     float *o, float *lse, float *scratch)
{
    if (is_narrow(s)) {
        TIER(attention_narrow)(s, q, k, v, o, lse, scratch);
        return;
    }
    const int blocks = ceil_div(s->tokens, QUERIES), items = s->n * s->heads * blocks;
#pragma omp parallel if (worth_sharing(attention_multiply_adds(s)))
    {
        float *keys = scratch + omp_get_thread_num() * thread_floats(s),
              *values = keys + as_cols(s);
        float *block = values + as_rows(s);
        int packed = -1;
#pragma omp for schedule(static)
        for (int item = 0; item < items; item++) {
            const int head = item / blocks, i = item % blocks * QUERIES;
            const size_t at = head_at(s, head);
            if (packed != head) {
                pack_all_cols(s->dim, s->tokens, k + at, token_row(s), keys);
                pack_all_rows(s->tokens, s->dim, v + at, token_row(s), values);
                packed = head;
            }
            attend(s, i, UM_MIN(QUERIES, s->tokens - i), q + at, keys, values, block, o + at,
                   lse + (size_t)head * s->tokens);
        }
    }
}

/* one head of the vjp: its operands, and what a thread has packed and computes in */
typedef struct head {
    const float *dout, *q, *k, *v, *o, *lse;
    um_attention_grads out;
    float *key_cols, *value_cols, *key_rows, *query_block, *dout_block, *p, *ds;
} head;

static void carve(const um_attention_shape *s, float *scratch, head *h)
{
    h->key_cols = scratch;
    h->value_cols = h->key_cols + as_cols(s);
    h->key_rows = h->value_cols + as_cols(s);
    h->query_block = h->key_rows + as_rows(s);
    h->dout_block = h->query_block + query_rows(s);
    h->p = h->dout_block + query_rows(s);
    h->ds = h->p + scores(s);
}

static void aim(const um_attention_shape *s, int number, head *h)
{
    const size_t at = head_at(s, number);
    h->dout += at, h->q += at, h->k += at, h->v += at, h->o += at;
    h->lse += (size_t)number * s->tokens;
    if (h->out.dq) h->out.dq += at;
    if (h->out.dk) h->out.dk += at;
    if (h->out.dv) h->out.dv += at;
}

static float dot(int count, const float *a, const float *b)
{
    vf sum = { 0 };
    for (int c = 0; c < count; c += VW) sum += ldn(a + c, count - c) * ldn(b + c, count - c);
    return vsum(sum);
}

/* S in p becomes P; dP in ds becomes scale * dS */
static void score_grads(const um_attention_shape *s, const head *h, int i, int m, bool need_ds)
{
    const ptrdiff_t row = token_row(s), pitch = score_row(s);
    const float scale = (float)s->scale;
    for (int t = 0; t < m; t++) {
        float *p = h->p + t * pitch, *ds = h->ds + t * pitch;
        const float lse = h->lse[i + t];
        for (int j = 0; j < s->tokens; j += VW) st(p + j, vexp_normal(ld(p + j) * scale - lse));
        if (!need_ds) continue;
        const float mean = dot(s->dim, h->dout + (i + t) * row, h->o + (i + t) * row);
        for (int j = 0; j < s->tokens; j += VW) st(ds + j, ld(p + j) * (ld(ds + j) - mean) * scale);
    }
}

/* what queries i .. i + m - 1 give; dk and dv gather over the blocks in order */
static void differentiate(const um_attention_shape *s, const head *h, int i, int m)
{
    const ptrdiff_t row = token_row(s), pitch = score_row(s);
    const um_attention_grads *g = &h->out;
    const bool need_ds = g->dq || g->dk;
    multiply(gemm_rows, m, s->tokens, s->dim, h->q + i * row, row, h->key_cols, h->p, pitch, false);
    if (need_ds)
        multiply(gemm_rows, m, s->tokens, s->dim, h->dout + i * row, row, h->value_cols, h->ds,
                 pitch, false);
    score_grads(s, h, i, m, need_ds);
    if (g->dq)
        multiply(gemm_rows, m, s->dim, s->tokens, h->ds, pitch, h->key_rows, g->dq + i * row, row,
                 g->add_dq);
    if (g->dk) {
        pack_all_rows(m, s->dim, h->q + i * row, row, h->query_block);
        multiply(gemm_cols, s->tokens, s->dim, m, h->ds, pitch, h->query_block, g->dk, row,
                 g->add_dk || i > 0);
    }
    if (g->dv) {
        pack_all_rows(m, s->dim, h->dout + i * row, row, h->dout_block);
        multiply(gemm_cols, s->tokens, s->dim, m, h->p, pitch, h->dout_block, g->dv, row,
                 g->add_dv || i > 0);
    }
}

void TIER(attention_vjp)(const um_attention_shape *s, const um_attention_grads *out,
                         const float *dout, const float *q, const float *k, const float *v,
                         const float *o, const float *lse, float *scratch)
{
    if (is_narrow(s)) {
        TIER(attention_narrow_vjp)(s, out, dout, q, k, v, o, lse, scratch);
        return;
    }
    const int heads = s->n * s->heads;
#pragma omp parallel for if (worth_sharing(attention_multiply_adds(s)))
    for (int number = 0; number < heads; number++) {
        head h = { .dout = dout, .q = q, .k = k, .v = v, .o = o, .lse = lse, .out = *out };
        carve(s, scratch + omp_get_thread_num() * thread_floats(s), &h);
        aim(s, number, &h);
        pack_all_cols(s->dim, s->tokens, h.k, token_row(s), h.key_cols);
        pack_all_cols(s->dim, s->tokens, h.v, token_row(s), h.value_cols);
        pack_all_rows(s->tokens, s->dim, h.k, token_row(s), h.key_rows);
        for (int i = 0; i < s->tokens; i += QUERIES)
            differentiate(s, &h, i, UM_MIN(QUERIES, s->tokens - i));
    }
}
