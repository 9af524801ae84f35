/* SPDX-License-Identifier: MIT
 * attention_narrow.c - exact attention of heads of few channels, NR queries at a time, which lie in
 * the lanes of the vectors: scores are kept transposed, S^T [token][NR], and are then a panel of
 * the next product.
 *
 *     forward   S^T = scale k q^T,  E = exp(S - max over keys),  o^T = v^T E^T / sum over keys of E
 *     vjp       P = exp(S - lse),  dP^T = v dO^T,  dS = P (dP - rowsum(dO o)),
 *               dq^T = scale k^T dS^T,  dk += scale dS^T q,  dv += P^T dO
 *
 * Maxima and sums over keys are then of whole vectors, and no product is narrower than one. */
#include "tensor/kernels/fast/attention.h"
#include "tensor/kernels/fast/vmath.h"

#include <math.h>
#include <omp.h>

/* Where a thread computes: a head's keys, values and their gradients one token behind the other (in
 * place they would share a few sets of the cache); a block of queries or of their gradients as
 * columns [dim][NR] and as rows [NR][dim in panels]; scores and their gradients [tokens][NR]. */
typedef struct room {
    float *k, *v, *dk, *dv, *query_cols, *dout_cols, *mixed, *rows, *p, *ds;
} room;

static size_t head_floats(const um_attention_shape *s)
{
    return (size_t)round_up(s->tokens * s->dim, 16);
}
static size_t cols_floats(const um_attention_shape *s)
{
    return (size_t)s->dim * NR;
}
static size_t rows_floats(const um_attention_shape *s)
{
    return (size_t)NR * round_up(s->dim, NR);
}
static size_t score_floats(const um_attention_shape *s)
{
    return (size_t)s->tokens * NR;
}
static size_t room_floats(const um_attention_shape *s)
{
    return (4 * head_floats(s) + 3 * cols_floats(s) + rows_floats(s) + 2 * score_floats(s) + 15) /
           16 * 16;
}

static room room_of(const um_attention_shape *s, float *scratch)
{
    room r = { .k = scratch + omp_get_thread_num() * room_floats(s) };
    r.v = r.k + head_floats(s);
    r.dk = r.v + head_floats(s);
    r.dv = r.dk + head_floats(s);
    r.query_cols = r.dv + head_floats(s);
    r.dout_cols = r.query_cols + cols_floats(s);
    r.mixed = r.dout_cols + cols_floats(s);
    r.rows = r.mixed + cols_floats(s);
    r.p = r.rows + rows_floats(s);
    r.ds = r.p + score_floats(s);
    return r;
}

size_t TIER(attention_narrow_scratch)(const um_attention_shape *s, int threads)
{
    return threads * room_floats(s);
}

/* a head's tokens, which lie token_row apart, one behind the other */
static void take_head(const um_attention_shape *s, const float *from, float *to)
{
    for (int j = 0; j < s->tokens; j++, from += token_row(s), to += s->dim)
        memcpy(to, from, sizeof(float) * s->dim);
}

/* and back, or added to what is there; nobody may ask for it */
static void put_head(const um_attention_shape *s, const float *from, float *to, bool add)
{
    if (!to) return;
    for (int j = 0; j < s->tokens; j++, from += s->dim, to += token_row(s))
        for (int d = 0; d < s->dim; d++) to[d] = add ? to[d] + from[d] : from[d];
}

/* Of one vector of queries: scores become exponentials; largest scaled score and sum are given. */
static void exponentials(int tokens, float scale, float *scores, float *most, float *sum)
{
    vf top = vset(0) - INFINITY, total = { 0 };
    for (int j = 0; j < tokens; j++) {
        const vf v = ld(scores + j * NR) * scale;
        top = vmax(top, v);
        st(scores + j * NR, v);
    }
    for (int j = 0; j < tokens; j++) {
        const vf e = vexp_normal(ld(scores + j * NR) - top);
        total += e;
        st(scores + j * NR, e);
    }
    st(most, top);
    st(sum, total);
}

/* rows t of `to` (+)= columns t of `from` [dim][NR] / by[t] */
static void put_columns(int m, int dim, const float *from, const float *by, float *to,
                        ptrdiff_t to_row, bool add)
{
    for (int t = 0; t < m; t++, to += to_row)
        for (int d = 0; d < dim; d++) {
            const float v = by ? from[d * NR + t] / by[t] : from[d * NR + t];
            to[d] = add ? to[d] + v : v;
        }
}

/* m queries from q on of the head whose keys and values are in the room */
static void attend(const um_attention_shape *s, int m, const float *q, float *o, float *lse,
                   const room *r)
{
    const ptrdiff_t row = token_row(s);
    float most[NR], sum[NR];
    pack_cols(s->dim, m, q, row, r->query_cols);
    gemm_rows(s->tokens, NR, s->dim, r->k, s->dim, r->query_cols, NULL, r->p, NR, false);
    for (int c = 0; c < NR; c += VW)
        exponentials(s->tokens, (float)s->scale, r->p + c, most + c, sum + c);
    gemm_cols(s->dim, NR, s->tokens, r->v, s->dim, r->p, NULL, r->mixed, NR, false);
    put_columns(m, s->dim, r->mixed, sum, o, row, false);
    for (int t = 0; t < m; t++) lse[t] = most[t] + logf(sum[t]);
}

void TIER(attention_narrow)(const um_attention_shape *s, const float *q, const float *k,
                            const float *v, float *o, float *lse, float *scratch)
{
    const int blocks = ceil_div(s->tokens, NR), items = s->n * s->heads * blocks;
#pragma omp parallel if (worth_sharing(attention_multiply_adds(s)))
    {
        const room r = room_of(s, scratch);
        int taken = -1;
#pragma omp for schedule(static)
        for (int item = 0; item < items; item++) {
            const int head = item / blocks, i = item % blocks * NR;
            const size_t at = head_at(s, head), from = at + (size_t)i * token_row(s);
            if (taken != head) {
                take_head(s, k + at, r.k);
                take_head(s, v + at, r.v);
                taken = head;
            }
            attend(s, UM_MIN(NR, s->tokens - i), q + from, o + from,
                   lse + (size_t)head * s->tokens + i, &r);
        }
    }
}

/* One head of the vjp: its operands, each at its first token. */
typedef struct head {
    const float *dout, *q, *o, *lse;
    um_attention_grads out;
} head;

/* S^T in p becomes P^T; dP^T in ds becomes scale * dS^T; mean: rowsum(dO o) of each query */
static void score_grads(const um_attention_shape *s, const float *lse, const float *mean,
                        const room *r, bool need_ds)
{
    const float scale = (float)s->scale;
    for (int c = 0; c < NR; c += VW) {
        const vf log_sum = ld(lse + c), away = ld(mean + c);
        for (int j = 0; j < s->tokens; j++) {
            float *p = r->p + j * NR + c, *ds = r->ds + j * NR + c;
            const vf e = vexp_normal(ld(p) * scale - log_sum);
            st(p, e);
            if (need_ds) st(ds, e * (ld(ds) - away) * scale);
        }
    }
}

/* mean[t] = sum over channels of dO o of query i + t; lanes behind m as if there were zeros */
static void load_queries(const um_attention_shape *s, const head *h, int i, int m, float *lse,
                         float *mean)
{
    const ptrdiff_t row = token_row(s);
    for (int t = 0; t < NR; t++) {
        float sum = 0;
        for (int d = 0; t < m && d < s->dim; d++)
            sum += h->dout[(i + t) * row + d] * h->o[(i + t) * row + d];
        mean[t] = sum;
        lse[t] = t < m ? h->lse[i + t] : 0;
    }
}

/* grad of keys or values [tokens][dim] (+)= scores^T [token][m of NR] times m rows */
static void add_rows(const um_attention_shape *s, int m, const float *scores, const float *rows,
                     float *panel, float *grad, bool add)
{
    for (int d = 0; d < s->dim; d += NR) {
        const int n = UM_MIN(NR, s->dim - d);
        pack_rows(m, n, rows + d, token_row(s), panel);
        gemm_rows(s->tokens, n, m, scores, NR, panel, NULL, grad + d, s->dim, add);
    }
}

/* what queries i .. i + m - 1 give; dk and dv gather in the room over the blocks, in order */
static void differentiate(const um_attention_shape *s, const head *h, int i, int m, const room *r)
{
    const ptrdiff_t row = token_row(s);
    const um_attention_grads *g = &h->out;
    const float *q = h->q + i * row, *dout = h->dout + i * row;
    const bool need_ds = g->dq || g->dk;
    float lse[NR], mean[NR];
    load_queries(s, h, i, m, lse, mean);
    pack_cols(s->dim, m, q, row, r->query_cols);
    gemm_rows(s->tokens, NR, s->dim, r->k, s->dim, r->query_cols, NULL, r->p, NR, false);
    if (need_ds) {
        pack_cols(s->dim, m, dout, row, r->dout_cols);
        gemm_rows(s->tokens, NR, s->dim, r->v, s->dim, r->dout_cols, NULL, r->ds, NR, false);
    }
    score_grads(s, lse, mean, r, need_ds);
    if (g->dq) {
        gemm_cols(s->dim, NR, s->tokens, r->k, s->dim, r->ds, NULL, r->mixed, NR, false);
        put_columns(m, s->dim, r->mixed, NULL, g->dq + i * row, row, g->add_dq);
    }
    if (g->dk) add_rows(s, m, r->ds, q, r->rows, r->dk, i > 0);
    if (g->dv) add_rows(s, m, r->p, dout, r->rows, r->dv, i > 0);
}

void TIER(attention_narrow_vjp)(const um_attention_shape *s, const um_attention_grads *out,
                                const float *dout, const float *q, const float *k, const float *v,
                                const float *o, const float *lse, float *scratch)
{
    const int heads = s->n * s->heads;
#pragma omp parallel for schedule(static) if (worth_sharing(attention_multiply_adds(s)))
    for (int number = 0; number < heads; number++) {
        const room r = room_of(s, scratch);
        const size_t at = head_at(s, number);
        const head h = {
            .dout = dout + at, .q = q + at, .o = o + at, .lse = lse + (size_t)number * s->tokens,
            .out = { out->dq ? out->dq + at : NULL, out->dk ? out->dk + at : NULL,
                     out->dv ? out->dv + at : NULL, out->add_dq, out->add_dk, out->add_dv },
        };
        take_head(s, k + at, r.k);
        take_head(s, v + at, r.v);
        for (int i = 0; i < s->tokens; i += NR)
            differentiate(s, &h, i, UM_MIN(NR, s->tokens - i), &r);
        put_head(s, r.dk, h.out.dk, out->add_dk);
        put_head(s, r.dv, h.out.dv, out->add_dv);
    }
}
