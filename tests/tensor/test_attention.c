/* SPDX-License-Identifier: MIT */
#include "tensor/kernel_case.h"

static const struct heads {
    um_attention_shape s; /* n, tokens, heads, dim, scale */
    const char *why;
} cases[] = {
    { { 1, 1, 1, 1, 1.0 }, "the smallest" },
    { { 2, 1, 2, 8, 0.35 }, "one token" },
    { { 2, 35, 3, 3, 0.6 }, "odd sizes" },
    { { 3, 16, 1, 64, 0.125 }, "whole vectors" },
    { { 1, 49, 2, 33, 0.17 }, "a panel and one more" },
    { { 5, 64, 4, 8, 0.35 }, "narrow heads" },
    { { 1, 256, 1, 40, 0.16 }, "several blocks of queries" },
    { { 1, 117, 2, 16, 4.0 }, "sharp" },
    { { 1, 60, 1, 5, -0.5 }, "a negative scale" },
};

typedef struct operands {
    const um_real *q, *k, *v, *dout, *dq, *dk,
        *dv; /* the last three: what gradients are added to */
    size_t count, rows;
} operands;

typedef struct pass {
    um_real *o, *lse, *dq, *dk, *dv;
} pass;

static operands make(kernel_case *c, const um_attention_shape *s)
{
    operands o = { .rows = (size_t)s->n * s->tokens * s->heads };
    o.count = o.rows * s->dim;
    const um_real **all[] = { &o.q, &o.k, &o.v, &o.dout, &o.dq, &o.dk, &o.dv };
    for (size_t i = 0; i < UM_COUNT(all); i++) *all[i] = case_random(c, o.count, UNALIGNED);
    return o;
}

static um_real *start(kernel_case *c, size_t count, const um_real *before, bool add)
{
    return add ? case_copy(c, count, before, UNALIGNED) : case_empty(c, count, UNALIGNED);
}

/* `asked`: bits for dq, dk, dv */
static pass run(kernel_case *c, const um_kernels *k, const um_attention_shape *s, const operands *a,
                int asked, bool add)
{
    const size_t scratch = k->attention_scratch(s, omp_get_max_threads());
    pass p = { .o = case_empty(c, a->count, UNALIGNED), .lse = case_empty(c, a->rows, UNALIGNED) };
    k->attention(s, a->q, a->k, a->v, p.o, p.lse, case_empty(c, scratch, ALIGNED));
    p.dq = asked & 1 ? start(c, a->count, a->dq, add) : NULL;
    p.dk = asked & 2 ? start(c, a->count, a->dk, add) : NULL;
    p.dv = asked & 4 ? start(c, a->count, a->dv, add) : NULL;
    const um_attention_grads out = { p.dq, p.dk, p.dv, add, add, add };
    k->attention_vjp(s, &out, a->dout, a->q, a->k, a->v, p.o, p.lse,
                     case_empty(c, scratch, ALIGNED));
    return p;
}

static void each_case(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        for (int asked = 1; asked < 8; asked++) {
            const um_attention_shape *s = &cases[i].s;
            const char *why = cases[i].why;
            kernel_case c = { 0 };
            const operands a = make(&c, s);
            /* of one token P is 1: dq and dk are rounding alone, and need something to be small
             * against */
            const bool add = asked & 1 || s->tokens == 1;
            const pass got = run(&c, fast, s, &a, asked, add),
                       right = run(&c, scalar, s, &a, asked, add);
            case_near(why, a.count, got.o, right.o, 2e-6);
            case_near(why, a.rows, got.lse, right.lse, 1e-6);
            if (got.dq) case_near(why, a.count, got.dq, right.dq, 1e-5);
            if (got.dk) case_near(why, a.count, got.dk, right.dk, 1e-5);
            if (got.dv) case_near(why, a.count, got.dv, right.dv, 1e-5);
            case_end(&c);
        }
}

static void attention_and_its_vjp_agree_with_their_definitions(void **state)
{
    (void)state;
    for_each_tier(each_case);
}

static void same(const char *why, const operands *a, const pass *p, const pass *q)
{
    case_same_bits(why, a->count, p->o, q->o);
    case_same_bits(why, a->rows, p->lse, q->lse);
    case_same_bits(why, a->count, p->dq, q->dq);
    case_same_bits(why, a->count, p->dk, q->dk);
    case_same_bits(why, a->count, p->dv, q->dv);
}

static void on_1_2_and_3_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        kernel_case c = { 0 };
        const operands a = make(&c, &cases[i].s);
        pass once = { 0 };
        FOR_THREADS(threads, {
            const pass p = run(&c, fast, &cases[i].s, &a, 7, true);
            if (threads > 1) same(cases[i].why, &a, &once, &p);
            once = p;
        });
        case_end(&c);
    }
}

static void their_bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    for_each_tier(on_1_2_and_3_threads);
}

/* the last image of five alone */
static void in_a_batch_and_alone(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_attention_shape s = cases[i].s;
        s.n = 5;
        kernel_case c = { 0 };
        operands a = make(&c, &s);
        pass all = run(&c, fast, &s, &a, 7, false);
        a.count /= 5, a.rows /= 5, s.n = 1;
        const size_t at = 4 * a.count;
        a.q += at, a.k += at, a.v += at, a.dout += at;
        const pass one = run(&c, fast, &s, &a, 7, false);
        all.o += at, all.dq += at, all.dk += at, all.dv += at, all.lse += 4 * a.rows;
        same(cases[i].why, &a, &all, &one);
        case_end(&c);
    }
}

static void an_image_does_not_depend_on_its_batch(void **state)
{
    (void)state;
    for_each_tier(in_a_batch_and_alone);
}

static void spoil_a_query(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    const um_attention_shape s = { 1, 20, 1, 8, 1.0 };
    kernel_case c = { 0 };
    operands a = make(&c, &s);
    um_real *q = case_copy(&c, a.count, a.q, ALIGNED);
    q[3 * s.dim] = (um_real)NAN;
    a.q = q;
    const pass p = run(&c, fast, &s, &a, 7, false);
    for (int t = 0; t < s.tokens; t++) {
        assert_int_equal(isnan(p.lse[t]) != 0, t == 3);
        assert_int_equal(isnan(p.o[t * s.dim]) != 0, t == 3);
    }
    case_end(&c);
}

static void a_query_that_is_not_a_number_shows_in_its_row_alone(void **state)
{
    (void)state;
    for_each_tier(spoil_a_query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_and_its_vjp_agree_with_their_definitions),
        cmocka_unit_test(their_bits_do_not_depend_on_threads),
        cmocka_unit_test(an_image_does_not_depend_on_its_batch),
        cmocka_unit_test(a_query_that_is_not_a_number_shows_in_its_row_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
