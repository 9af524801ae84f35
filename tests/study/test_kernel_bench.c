/* SPDX-License-Identifier: MIT */
#include "study/kernel_bench.h"

#include "study/kernel_case.h"
#include "support/failing.h"

#include <string.h>

/* What was told. */
typedef struct seen {
    int machines, rows;
    um_bench_machine machine;
    um_bench_kernel row[32];
    int cancel_at, asked;
} seen;

static void see_machine(void *user, const um_bench_machine *m)
{
    seen *s = user;
    s->machines++;
    s->machine = *m;
}

static void see_row(void *user, const um_bench_kernel *row)
{
    seen *s = user;
    assert_int_equal(s->machines, 1);
    assert_true((size_t)s->rows < UM_COUNT(s->row));
    s->row[s->rows++] = *row;
}

static bool cancelled(void *user)
{
    seen *s = user;
    return ++s->asked == s->cancel_at;
}

static um_status measure(um_ctx *ctx, seen *s, const char *isa, const char *kernel)
{
    const um_bench_kernel_hooks hooks = { see_machine, see_row, s };
    const um_kernel_bench_request request = { .isa = isa, .kernel = kernel, .batch = 2,
                                               .reps = 2, .hooks = &hooks };
    ctx->threads = 1;
    ctx->cancelled = cancelled;
    ctx->cancel_user = s;
    return um_kernel_bench_run(ctx, &request);
}

static int tiers(void)
{
    int n = 0;
    while (um_kernels_tier(n)) n++;
    return n;
}

static void each_tier_is_told_with_what_it_reaches(void **state)
{
    (void)state;
    um_ctx ctx;
    seen s = { 0 };
    um_ctx_init(&ctx);
    CHECK_OK(&ctx, measure(&ctx, &s, "auto", "loss"));
    assert_int_equal(s.machines, 1);
    assert_true(s.machine.gflops > 0 && s.machine.gigabytes > 0);
    assert_int_equal(s.rows, tiers());
    for (int i = 0; i < s.rows; i++) {
        const um_bench_kernel *r = &s.row[i];
        const double bytes = 2.0 * r->images * 32 * 32 * 3 * sizeof(um_real);
        assert_string_equal(r->kernel, "loss");
        assert_string_equal(r->isa, um_kernels_tier(i)->isa);
        assert_int_equal(r->images, i == 0 ? 1 : 2);
        assert_false(r->product);
        assert_true(r->seconds > 0 && r->seconds <= r->median_seconds);
        CHECK_NEAR(r->rate * 1e9 * r->seconds / bytes, 1, 1e-9);
        CHECK_NEAR(r->part * s.machine.gigabytes / r->rate, 1, 1e-9);
    }
}

static void one_tier_may_be_asked_alone(void **state)
{
    (void)state;
    um_ctx ctx;
    seen s = { 0 };
    um_ctx_init(&ctx);
    CHECK_OK(&ctx, measure(&ctx, &s, "portable", "peak"));
    assert_int_equal(s.rows, 1);
    assert_string_equal(s.row[0].isa, "portable");
    assert_true(s.row[0].product);
    CHECK_NEAR(s.row[0].part * s.machine.gflops / s.row[0].rate, 1, 1e-9);
}

static void an_unknown_kernel_is_refused_with_the_nearest(void **state)
{
    (void)state;
    um_ctx ctx;
    seen s = { 0 };
    um_ctx_init(&ctx);
    assert_int_equal(measure(&ctx, &s, "auto", "conv2"), UM_BAD_ARG);
    assert_non_null(strstr(ctx.message, "no kernel 'conv2' (did you mean conv2d?)"));
    assert_int_equal(s.machines, 0);
}

static void it_stops_between_cases(void **state)
{
    (void)state;
    um_ctx ctx;
    seen s = { .cancel_at = 2 };
    um_ctx_init(&ctx);
    assert_int_equal(measure(&ctx, &s, "auto", "loss_vjp"), UM_CANCELLED);
    assert_int_equal(s.rows, 1);
}

static um_status act(um_ctx *ctx, void *unused)
{
    seen s = { 0 };
    (void)unused;
    return measure(ctx, &s, "portable", "loss");
}

static void every_allocation_may_fail(void **state) { check_every_allocation(act, *state); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tier_is_told_with_what_it_reaches),
        cmocka_unit_test(one_tier_may_be_asked_alone),
        cmocka_unit_test(an_unknown_kernel_is_refused_with_the_nearest),
        cmocka_unit_test(it_stops_between_cases),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
