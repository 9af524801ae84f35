/* SPDX-License-Identifier: MIT */
#include "train/optimizer.h"

#include "support/failing.h"
#include "train/schedules.h"
#include "train/tiny.h"

#include <math.h>

enum { STEPS = 5 };

/* A network whose gradients we make up, and its optimiser in double precision. */
typedef struct subject {
    um_ctx ctx;
    tiny t;
    um_params *params;
    um_optimizer_state o;
    double *p, *m, *v, *ema;
} subject;

static double *doubles(size_t n, const um_real *from)
{
    double *out = test_calloc(n, sizeof *out);
    for (size_t i = 0; from && i < n; i++) out[i] = (double)from[i];
    return out;
}

/* `t.settings` may be changed until start. */
static subject *prepare(void)
{
    subject *s = test_calloc(1, sizeof *s);
    um_ctx_init(&s->ctx);
    s->ctx.threads = 1;
    CHECK_OK(&s->ctx, tiny_begin(&s->t, &s->ctx));
    CHECK_OK(&s->ctx, tiny_network(&s->t, 4));
    s->params = um_unet_params(s->t.unet);
    CHECK_OK(&s->ctx, um_params_want_grads(s->params));
    return s;
}

static void start(subject *s)
{
    const size_t n = s->params->padded;
    CHECK_OK(&s->ctx, um_optimizer_init(&s->o, s->params, &s->t.settings));
    s->p = doubles(n, s->params->values);
    s->ema = doubles(n, s->params->values);
    s->m = doubles(n, NULL);
    s->v = doubles(n, NULL);
}

static void finish(subject *s)
{
    um_optimizer_free(&s->o);
    tiny_end(&s->t);
    test_free(s->p);
    test_free(s->m);
    test_free(s->v);
    test_free(s->ema);
    test_free(s);
}

static bool frozen_at(const subject *s, size_t i)
{
    for (int k = 0; k < s->params->count; k++) {
        const um_param *p = s->params->list[k];
        const size_t at = um_params_offset(s->params, p);
        if (i >= at && i < at + um_shape_count(p->shape)) return p->frozen;
    }
    return false;
}

/* Normal numbers, `size` large, in the place of gradients; gaps stay zero. */
static void fill_gradients(subject *s, int step, double size)
{
    for (int k = 0; k < s->params->count; k++) {
        const um_param *p = s->params->list[k];
        const um_random r = { 1, UM_STREAM_TEST, (uint64_t)(1000 * step + k) };
        const size_t n = um_shape_count(p->shape);
        um_random_normal(&r, p->grad, n);
        for (size_t i = 0; i < n; i++) p->grad[i] *= (um_real)size;
    }
}

/* One step of arXiv 1412.6980, algorithm 1, or of arXiv 1711.05101, algorithm 2. */
static void reference_step(subject *s, int step)
{
    const um_train_settings *k = &s->t.settings;
    const double lr = um_lr_at(k, step - 1), decay = um_ema_decay_at(k, step);
    double squares = 0;
    for (size_t i = 0; i < s->params->padded; i++)
        squares += (double)s->params->grads[i] * (double)s->params->grads[i];
    const double norm = sqrt(squares);
    const double scale = k->clip_norm > 0 && norm > k->clip_norm ? k->clip_norm / norm : 1;
    for (size_t i = 0; i < s->params->padded; i++) {
        if (frozen_at(s, i)) continue;
        double g = scale * (double)s->params->grads[i];
        if (k->optimizer == UM_ADAM) g += k->weight_decay * s->p[i];
        s->m[i] = k->beta1 * s->m[i] + (1 - k->beta1) * g;
        s->v[i] = k->beta2 * s->v[i] + (1 - k->beta2) * g * g;
        const double m = s->m[i] / (1 - pow(k->beta1, step));
        const double v = s->v[i] / (1 - pow(k->beta2, step));
        if (k->optimizer == UM_ADAMW) s->p[i] -= lr * k->weight_decay * s->p[i];
        s->p[i] -= lr * m / (sqrt(v) + k->eps);
        s->ema[i] = decay * s->ema[i] + (1 - decay) * s->p[i];
    }
}

static um_status take_step(subject *s, um_step_report *report)
{
    return um_optimizer_step(&s->o, um_optimizer_norm(&s->o), report);
}

static void check_block(const char *what, const um_real *ours, const double *expected, size_t n,
                        double tolerance)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)ours[i] - expected[i]) <= tolerance))
            fail_msg("%s[%zu] = %.9g should be %.9g", what, i, (double)ours[i], expected[i]);
}

static void check_against_reference(subject *s, double gradient)
{
    const size_t n = s->params->padded;
    start(s);
    for (int step = 1; step <= STEPS; step++) {
        um_step_report report;
        fill_gradients(s, step, gradient);
        CHECK_OK(&s->ctx, take_step(s, &report));
        reference_step(s, step);
        assert_true(report.lr == um_lr_at(&s->t.settings, step - 1));
        assert_true(report.ema_decay == um_ema_decay_at(&s->t.settings, step));
    }
    assert_int_equal(s->o.step, STEPS);
    check_block("weight", s->params->values, s->p, n, 1e-6);
    check_block("m", s->o.m, s->m, n, 1e-6 * gradient);
    check_block("v", s->o.v, s->v, n, 1e-6 * gradient * gradient);
    if (s->o.ema) check_block("ema", s->o.ema, s->ema, n, 1e-6);
}

static const struct step_case {
    um_optimizer optimizer;
    double lr, weight_decay, clip_norm, ema_decay, gradient;
    int64_t warmup;
    const char *why;
} step_cases[] = {
    { UM_ADAMW, 1e-2, 0, 0, 0.9, 1, 0, "AdamW without decay is Adam" },
    { UM_ADAMW, 1e-2, 0.5, 0, 0.9, 1, 0, "decay apart from the gradient" },
    { UM_ADAM, 1e-2, 0.5, 0, 0.9, 1, 0, "decay as a part of the gradient" },
    { UM_ADAMW, 1e-2, 0.1, 1, 0.9, 1, 0, "a norm above the limit is clipped" },
    { UM_ADAMW, 1e-2, 0.1, 1e6, 0.9, 1, 0, "a norm below the limit stays" },
    { UM_ADAM, 1e-2, 0.1, 1, 0.9999, 1, 2, "all of it, with a warm-up" },
    { UM_ADAMW, 1e-2, 0.1, 0, 0, 1, 0, "no average" },
    { UM_ADAMW, 1e-2, 0.1, 0, 0.9, 1e-3, 0, "small gradients" },
};

static void steps_are_those_of_the_papers(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(step_cases); i++) {
        const struct step_case *k = &step_cases[i];
        print_message("%s\n", k->why);
        subject *s = prepare();
        um_train_settings *set = &s->t.settings;
        set->optimizer = k->optimizer;
        set->lr = k->lr;
        set->weight_decay = k->weight_decay;
        set->clip_norm = k->clip_norm;
        set->ema_decay = k->ema_decay;
        set->warmup = k->warmup;
        check_against_reference(s, k->gradient);
        assert_int_equal(s->o.ema != NULL, k->ema_decay > 0);
        finish(s);
    }
}

static void the_norm_that_is_told_is_the_one_before_clipping(void **state)
{
    (void)state;
    subject *s = prepare();
    um_step_report report;
    s->t.settings.clip_norm = 0.5;
    start(s);
    s->params->grads[0] = 3;
    s->params->grads[1] = 4;
    CHECK_OK(&s->ctx, take_step(s, &report));
    CHECK_NEAR(report.grad_norm, 5, 1e-6);
    CHECK_NEAR(s->o.m[0], 0.1 * 3 * 0.1, 1e-6);
    finish(s);
}

/* First, in the middle, two in a row, last: as they were, though they are given gradients here. */
static void frozen_parameters_stay(void **state)
{
    (void)state;
    static const int sets[][3] = { { 0, 0, 0 }, { 3, 7, 7 }, { 5, 6, 9 }, { -1, -1, -1 },
                                   { 0, 1, -1 }, { -2, -2, -2 } };
    for (size_t k = 0; k < UM_COUNT(sets); k++) {
        subject *s = prepare();
        const int count = s->params->count;
        for (int i = 0; i < 3; i++)
            s->params->list[(sets[k][i] + count) % count]->frozen = true;
        check_against_reference(s, 1);
        for (int i = 0; i < count; i++) {
            const um_param *p = s->params->list[i];
            const size_t at = um_params_offset(s->params, p);
            for (size_t j = at; p->frozen && j < at + um_shape_count(p->shape); j++)
                assert_true(s->o.m[j] == 0 && s->o.v[j] == 0 && p->value[j - at] == s->o.ema[j]);
        }
        finish(s);
    }
}

static void a_gradient_that_is_not_finite_changes_nothing(void **state)
{
    (void)state;
    const um_real bad[] = { NAN, INFINITY, -INFINITY };
    subject *s = prepare();
    const size_t bytes = s->params->padded * sizeof(um_real);
    um_real *before[4];
    um_step_report report;
    start(s);
    fill_gradients(s, 1, 1);
    CHECK_OK(&s->ctx, take_step(s, &report));
    um_real *const blocks[] = { s->params->values, s->o.m, s->o.v, s->o.ema };
    for (int k = 0; k < 4; k++) {
        before[k] = test_malloc(bytes);
        memcpy(before[k], blocks[k], bytes);
    }
    for (size_t i = 0; i < UM_COUNT(bad); i++) {
        fill_gradients(s, 2, 1);
        s->params->list[s->params->count - 1]->grad[0] = bad[i];
        assert_int_equal(take_step(s, &report), UM_NOT_FINITE);
        assert_non_null(strstr(s->ctx.message, "the gradient's norm is "));
        assert_int_equal(s->o.step, 1);
        for (int k = 0; k < 4; k++) assert_memory_equal(blocks[k], before[k], bytes);
    }
    for (int k = 0; k < 4; k++) test_free(before[k]);
    finish(s);
}

/* The state alone: the network is another's test. */
static um_status open_state(um_ctx *ctx, void *arg)
{
    const um_train_settings *settings = arg;
    um_params params = { .ctx = ctx, .padded = 64 };
    um_real values[64] = { 1 };
    params.values = params.grads = values;
    um_optimizer_state o;
    const um_status status = um_optimizer_init(&o, &params, settings);
    if (status != UM_OK) assert_null(o.m);
    else assert_true(o.ema[0] == 1);
    um_optimizer_free(&o);
    assert_null(o.ema);
    return status;
}

static void want_of_memory_leaves_nothing(void **state)
{
    (void)state;
    um_train_settings settings = tiny_settings();
    check_every_allocation(open_state, &settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_the_papers),
        cmocka_unit_test(the_norm_that_is_told_is_the_one_before_clipping),
        cmocka_unit_test(frozen_parameters_stay),
        cmocka_unit_test(a_gradient_that_is_not_finite_changes_nothing),
        cmocka_unit_test(want_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
