/* SPDX-License-Identifier: MIT */
#include "study/op_clock.h"

#include "autograd/ops.h"
#include "support/check.h"
#include "tensor/kernels/kernels.h"

#include <string.h>

/* mean(w silu(w x)) with the two layers in a segment or not. */
typedef struct subject {
    um_ctx ctx;
    um_tape *tape;
    um_real w[16], dw[16], v[16], dv[16];
    um_op_clock clock;
} subject;

static void record(subject *s, bool recompute)
{
    const um_shape square = { 1, 1, 4, 4 };
    um_ctx_init(&s->ctx);
    CHECK_OK(&s->ctx, um_kernels_choose(&s->ctx, "auto"));
    CHECK_OK(&s->ctx, um_tape_open(&s->tape, &s->ctx));
    um_tape *t = s->tape;
    const um_var x = um_tape_input(t, "x", (um_shape){ 8, 8, 8, 4 });
    const um_var w = um_tape_param(t, "w", square, s->w, s->dw);
    const um_var v = um_tape_param(t, "v", square, s->v, s->dv);
    if (recompute) um_tape_segment_begin(t);
    um_var y = um_linear(t, x, w, (um_var){ 0 });
    y = um_activate(t, y, UM_SILU);
    y = um_linear(t, y, v, (um_var){ 0 });
    if (recompute) um_tape_segment_end(t);
    CHECK_OK(&s->ctx, um_tape_plan(t, um_mean(t, y)));
    CHECK_OK(&s->ctx, um_tape_commit(t));
    um_tape_observe(t, um_op_clock_observer(&s->clock));
}

static void walk(subject *s)
{
    CHECK_OK(&s->ctx, um_tape_forward(s->tape));
    CHECK_OK(&s->ctx, um_tape_backward(s->tape, NULL, false));
}

static const um_op_time *row(const subject *s, const char *operation)
{
    for (int i = 0; i < s->clock.count; i++)
        if (strcmp(s->clock.op[i].operation, operation) == 0) return &s->clock.op[i];
    fail_msg("no row of %s", operation);
    return NULL;
}

static void each_operation_has_one_row_and_its_directions(void **state)
{
    (void)state;
    subject s = { .tape = NULL };
    record(&s, false);
    const double start = um_seconds();
    walk(&s);
    const double whole = um_seconds() - start;
    assert_int_equal(s.clock.count, 3);
    for (int i = 0; i < 3; i++) {
        const um_op_time *op = row(&s, (const char *const[]){ "linear", "activate", "mean" }[i]);
        assert_true(op->seconds[UM_FORWARD] > 0 && op->seconds[UM_VJP] > 0);
        assert_true(op->seconds[UM_RECOMPUTE] == 0);
    }
    assert_true(um_op_clock_total(&s.clock) <= whole);
    assert_true(s.clock.ended >= s.clock.began && s.clock.began >= start);
    um_tape_close(&s.tape);
}

static void what_is_computed_again_is_told_apart(void **state)
{
    (void)state;
    subject s = { .tape = NULL };
    record(&s, true);
    walk(&s);
    assert_true(row(&s, "linear")->seconds[UM_RECOMPUTE] > 0);
    assert_true(row(&s, "mean")->seconds[UM_RECOMPUTE] == 0);
    um_tape_close(&s.tape);
}

static void seconds_add_up_over_walks(void **state)
{
    (void)state;
    subject s = { .tape = NULL };
    record(&s, false);
    walk(&s);
    const double once = um_op_time_total(row(&s, "linear"));
    walk(&s);
    assert_true(um_op_time_total(row(&s, "linear")) > once);
    um_tape_close(&s.tape);
}

static void the_longest_comes_first(void **state)
{
    (void)state;
    um_op_clock c = { .count = 3, .op = { { "a", { 1, 0, 0 } },
                                          { "b", { 1, 1, 1 } },
                                          { "c", { 0, 0, 2 } } } };
    um_op_clock_sort(&c);
    assert_string_equal(c.op[0].operation, "b");
    assert_string_equal(c.op[1].operation, "c");
    assert_string_equal(c.op[2].operation, "a");
    assert_true(um_op_clock_total(&c) == 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_has_one_row_and_its_directions),
        cmocka_unit_test(what_is_computed_again_is_told_apart),
        cmocka_unit_test(seconds_add_up_over_walks),
        cmocka_unit_test(the_longest_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
