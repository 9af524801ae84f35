/* SPDX-License-Identifier: MIT */
#include "study/bench.h"

#include "support/failing.h"
#include "train/tiny.h"

enum { REPS = 4, AROUND = 5 }; /* steps before and behind the timed ones */

typedef struct subject {
    um_ctx ctx;
    tiny t;
    um_bench_options options;
    um_bench_request request;
    um_bench_result result;
    int told, last, total;
    int asked, cancel_at;
} subject;

static void progress(void *user, int done, int total)
{
    subject *s = user;
    s->told++;
    s->last = done;
    s->total = total;
}

static bool cancelled(void *user)
{
    subject *s = user;
    return ++s->asked == s->cancel_at;
}

static um_status begin(subject *s, um_ctx *ctx, bool train)
{
    ctx->threads = 1;
    UM_TRY(tiny_begin(&s->t, ctx));
    UM_TRY(tiny_network(&s->t, 4));
    s->t.settings.ema_decay = 0;
    s->options = (um_bench_options){ REPS, progress, s };
    s->request = (um_bench_request){
        .unet = s->t.unet, .h = TINY_SIDE, .w = TINY_SIDE, .batch = s->t.settings.batch,
        .train = train ? &s->t.settings : NULL, .schedule = &s->t.schedule,
        .options = &s->options,
    };
    return UM_OK;
}

static void open(subject *s, bool train)
{
    *s = (subject){ .told = 0 };
    um_ctx_init(&s->ctx);
    CHECK_OK(&s->ctx, begin(s, &s->ctx, train));
}

static um_status run(subject *s) { return um_bench_run(&s->ctx, &s->request, &s->result); }

static double sum_of_weights(const subject *s)
{
    const um_params *p = um_unet_params(s->t.unet);
    double sum = 0;
    for (size_t i = 0; i < p->padded; i++) sum += (double)p->values[i];
    return sum;
}

static double shares(const um_bench_result *r, bool backward)
{
    double sum = 0;
    for (int i = 0; i < r->operations; i++)
        sum += backward ? r->share[i].backward : r->share[i].forward + r->share[i].recompute;
    return sum;
}

static void check_result(const subject *s)
{
    const um_bench_result *r = &s->result;
    assert_true(r->least_seconds > 0 && r->least_seconds <= r->median_seconds);
    assert_true(r->median_seconds <= r->most_seconds);
    CHECK_NEAR(r->images_per_second * r->median_seconds, s->request.batch, 1e-9);
    CHECK_NEAR(shares(r, false) + shares(r, true) + r->optimizer + r->rest, 1, 1e-9);
    assert_true(r->peak_rss_mib > r->tape_mib && r->tape_mib > 0);
    assert_int_equal(s->told, REPS + AROUND);
    assert_int_equal(s->last, REPS + AROUND);
    assert_int_equal(s->total, REPS + AROUND);
}

static void a_training_step_changes_the_weights(void **state)
{
    (void)state;
    subject s;
    open(&s, true);
    const double before = sum_of_weights(&s);
    CHECK_OK(&s.ctx, run(&s));
    assert_true(sum_of_weights(&s) != before);
    check_result(&s);
    assert_true(shares(&s.result, true) > 0 && s.result.optimizer > 0);
    tiny_end(&s.t);
}

static void a_model_call_does_not(void **state)
{
    (void)state;
    subject s;
    open(&s, false);
    const double before = sum_of_weights(&s);
    CHECK_OK(&s.ctx, run(&s));
    assert_true(sum_of_weights(&s) == before);
    check_result(&s);
    assert_true(shares(&s.result, true) == 0 && s.result.optimizer == 0);
    tiny_end(&s.t);
}

static void it_stops_between_steps(void **state)
{
    (void)state;
    for (int train = 0; train < 2; train++) {
        subject s;
        open(&s, train);
        s.cancel_at = 4;
        s.ctx.cancelled = cancelled;
        s.ctx.cancel_user = &s;
        assert_int_equal(run(&s), UM_CANCELLED);
        assert_int_equal(s.told, 3);
        tiny_end(&s.t);
    }
}

static void no_step_is_nothing_to_measure(void **state)
{
    (void)state;
    subject s;
    open(&s, true);
    s.options.reps = 0;
    assert_int_equal(run(&s), UM_BAD_ARG);
    assert_int_equal(s.told, 0);
    tiny_end(&s.t);
}

static um_status measure(um_ctx *ctx, void *train)
{
    subject s = { .told = 0 };
    um_status status = begin(&s, ctx, train != NULL);
    if (status == UM_OK) status = um_bench_run(ctx, &s.request, &s.result);
    tiny_end(&s.t);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    check_every_allocation(measure, NULL);
    check_every_allocation(measure, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_training_step_changes_the_weights),
        cmocka_unit_test(a_model_call_does_not),
        cmocka_unit_test(it_stops_between_steps),
        cmocka_unit_test(no_step_is_nothing_to_measure),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
