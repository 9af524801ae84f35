/* SPDX-License-Identifier: MIT */
#include "tensor/elementwise_case.h"

static um_adam adam_at(int step, bool decoupled, double weight_decay)
{
    return (um_adam){
        .lr = 0.1,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .eps = 1e-8,
        .weight_decay = weight_decay,
        .bias1 = 1 - pow(0.9, step),
        .bias2 = 1 - pow(0.999, step),
        .grad_scale = 0.5,
        .ema_decay = 0.99,
        .decoupled = decoupled,
    };
}

/* Two steps of arXiv 1412.6980, algorithm 1, from p = 1 with gradients 4 and 2 (halved by
 * grad_scale): m = 0.2, 0.28;  v = 0.004, 0.004996;  p falls by lr, then by lr * 0.28 / 0.19 /
 * sqrt(0.004996 / 0.001999) */
static void the_definition_follows_the_paper(void **state)
{
    (void)state;
    const double second = 0.1 * (0.28 / 0.19) / sqrt(0.004996 / 0.001999);
    for (int decoupled = 0; decoupled < 2; decoupled++) {
        um_real p = 1, m = 0, v = 0, ema = 1, grad = 4;
        um_adam a = adam_at(1, decoupled, 0);
        um_kernels_tier(0)->adam_step(&a, 1, &grad, &p, &m, &v, &ema);
        CHECK_NEAR(p, 0.9, 1e-6);
        CHECK_NEAR(ema, 0.999, 1e-6);
        grad = 2;
        a = adam_at(2, decoupled, 0);
        um_kernels_tier(0)->adam_step(&a, 1, &grad, &p, &m, &v, &ema);
        CHECK_NEAR(m, 0.28, 1e-6);
        CHECK_NEAR(v, 0.004996, 1e-8);
        CHECK_NEAR(p, 0.9 - second, 1e-6);
        CHECK_NEAR(ema, 0.99 * 0.999 + 0.01 * (0.9 - second), 1e-6);
    }
}

/* Decay alone, without a gradient: AdamW shrinks p by lr * decay, Adam sees it as a gradient. */
static void decay_is_decoupled_in_adamw_alone(void **state)
{
    (void)state;
    um_real grad = 0;
    for (int decoupled = 0; decoupled < 2; decoupled++) {
        um_real p = 2, m = 0, v = 0;
        const um_adam a = adam_at(1, decoupled, 0.5);
        um_kernels_tier(0)->adam_step(&a, 1, &grad, &p, &m, &v, NULL);
        CHECK_NEAR(p, decoupled ? 2 * (1 - 0.1 * 0.5) : 2 - 0.1, 1e-6);
        CHECK_NEAR(m, decoupled ? 0 : 0.1, 1e-7);
    }
}

/* parameters so small that a step is most of them */
static void compare(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < 4 * UM_COUNT(LENGTHS); i++) {
        const size_t n = LENGTHS[i / 4];
        kernel_case c = { 0 };
        um_real *p = case_random(&c, n, UNALIGNED);
        for (size_t j = 0; j < n; j++) p[j] *= 0.1f;
        um_real *m = case_random(&c, n, UNALIGNED), *v = case_random(&c, n, UNALIGNED);
        for (size_t j = 0; j < n; j++) v[j] *= v[j];
        um_real *ema = i & 1 ? case_random(&c, n, UNALIGNED) : NULL;
        um_real *p_right = case_copy(&c, n, p, ALIGNED), *m_right = case_copy(&c, n, m, ALIGNED);
        um_real *v_right = case_copy(&c, n, v, ALIGNED);
        um_real *ema_right = ema ? case_copy(&c, n, ema, ALIGNED) : NULL;
        for (int step = 1; step <= 3; step++) {
            const um_real *grad = case_random(&c, n, UNALIGNED);
            const um_adam a = adam_at(step, i & 2, 0.01);
            fast->adam_step(&a, n, grad, p, m, v, ema);
            scalar->adam_step(&a, n, grad, p_right, m_right, v_right, ema_right);
        }
        case_near("m", n, m, m_right, 1e-6);
        case_near("v", n, v, v_right, 1e-6);
        case_near("p", n, p, p_right, 1e-6);
        if (ema) case_near("ema", n, ema, ema_right, 1e-6);
        case_end(&c);
    }
}

static void every_length_agrees_with_its_definition(void **state)
{
    (void)state;
    for_each_tier(compare);
}

/* the share that one step takes of many parameters which only decay: 1 - 1e-5 as a float would take
 * 0.14 % too much of each */
static void decay_many(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    kernel_case c = { 0 };
    um_real *p = case_random(&c, LONG, UNALIGNED), *grad = case_empty(&c, LONG, UNALIGNED);
    um_real *m = case_empty(&c, LONG, UNALIGNED), *v = case_empty(&c, LONG, UNALIGNED);
    const um_real *start = case_copy(&c, LONG, p, ALIGNED);
    for (int i = 0; i < LONG; i++) grad[i] = m[i] = v[i] = 0;
    um_adam a = adam_at(1, true, 0.01);
    a.lr = 1e-3;
    fast->adam_step(&a, LONG, grad, p, m, v, NULL);
    double before = 0, taken = 0;
    for (int i = 0; i < LONG; i++) {
        before += fabs((double)start[i]);
        taken += fabs((double)start[i]) - fabs((double)p[i]);
    }
    CHECK_NEAR(taken / before, 1e-5, 3e-9);
    case_end(&c);
}

static void slow_decay_keeps_its_pace(void **state)
{
    (void)state;
    for_each_tier(decay_many);
}

static void meet_extremes(const um_kernels *fast, const um_kernels *scalar)
{
    static const float odd[] = { 0, -0.0f, 1e-45f, -1e-30f, 1e-20f, 1e15f, -1e15f, NAN, INFINITY };
    enum { N = 45 };
    kernel_case c = { 0 };
    um_real *grad = case_empty(&c, N, UNALIGNED), *p = case_random(&c, N, UNALIGNED);
    um_real *m = case_random(&c, N, UNALIGNED), *v = case_empty(&c, N, UNALIGNED);
    for (int i = 0; i < N; i++) grad[i] = odd[i % UM_COUNT(odd)], v[i] = 0;
    um_real *p_right = case_copy(&c, N, p, ALIGNED), *m_right = case_copy(&c, N, m, ALIGNED);
    um_real *v_right = case_copy(&c, N, v, ALIGNED);
    for (int i = 0; i < N; i++) m[i] = m_right[i] = 0;
    const um_adam a = adam_at(1, true, 0.01);
    fast->adam_step(&a, N, grad, p, m, v, NULL);
    scalar->adam_step(&a, N, grad, p_right, m_right, v_right, NULL);
    case_alike("m", N, m, m_right, 1e-6, 1e-44);
    case_alike("v", N, v, v_right, 1e-6, 1e-44);
    case_alike("p", N, p, p_right, 1e-6, 1e-6);
    case_end(&c);
}

static void extremes_give_what_the_definition_gives(void **state)
{
    (void)state;
    for_each_tier(meet_extremes);
}

static void change_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    kernel_case c = { 0 };
    const um_adam a = adam_at(1, true, 0.01);
    const um_real *grad = case_random(&c, LONG, UNALIGNED);
    const um_real *start = case_random(&c, LONG, UNALIGNED);
    um_real *once = NULL;
    FOR_THREADS(threads, {
        um_real *p = case_copy(&c, LONG, start, UNALIGNED);
        um_real *m = case_copy(&c, LONG, start, UNALIGNED);
        um_real *v = case_copy(&c, LONG, start, UNALIGNED);
        for (int i = 0; i < LONG; i++) v[i] *= v[i];
        fast->adam_step(&a, LONG, grad, p, m, v, NULL);
        if (!once) once = p;
        case_same_bits("p", LONG, p, once);
    });
    um_real *p = case_copy(&c, 30, start + 7, ALIGNED), *m = case_copy(&c, 30, p, ALIGNED);
    um_real *v = case_copy(&c, 30, p, ALIGNED);
    for (int i = 0; i < 30; i++) v[i] *= v[i];
    fast->adam_step(&a, 30, grad + 7, p, m, v, NULL);
    case_same_bits("at another place", 30, p, once + 7);
    case_end(&c);
}

static void bits_depend_on_the_parameter_alone(void **state)
{
    (void)state;
    for_each_tier(change_threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_definition_follows_the_paper),
        cmocka_unit_test(decay_is_decoupled_in_adamw_alone),
        cmocka_unit_test(every_length_agrees_with_its_definition),
        cmocka_unit_test(slow_decay_keeps_its_pace),
        cmocka_unit_test(extremes_give_what_the_definition_gives),
        cmocka_unit_test(bits_depend_on_the_parameter_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
