/* SPDX-License-Identifier: MIT */
#include "autograd/ops.h"
#include "autograd/record.h"
#include "support/check.h"
#include "tensor/kernels/kernels.h"

#include <math.h>
#include <string.h>

typedef struct watched {
    um_ctx ctx;
    um_tape *t;
    um_var x, loss;
    um_real w[4], dw[4];
} watched;

/* Plan, and watch in memory that holds nothing but NaN at first. */
static void watch(watched *a)
{
    CHECK_OK(&a->ctx, um_tape_plan(a->t, a->loss));
    CHECK_OK(&a->ctx, um_tape_commit(a->t));
    um_tape_observe(a->t, um_observer_check_nan());
    memset(a->t->memory, 0xff, a->t->bytes);
    for (int i = 0; i < 4; i++) um_data(a->t, a->x)[i] = 1;
}

static void open_tape(watched *a)
{
    *a = (watched){ .w = { 1, 2, 3, 4 } };
    um_ctx_init(&a->ctx);
    CHECK_OK(&a->ctx, um_kernels_choose(&a->ctx, "auto"));
    CHECK_OK(&a->ctx, um_tape_open(&a->t, &a->ctx));
    a->x = um_tape_input(a->t, "sample", (um_shape){ 1, 1, 1, 4 });
    um_tape_want_grad(a->t, a->x);
}

/* loss = mean of factor[2] * w * (factor[1] * (factor[0] * x)), each step in a part of its own. */
static void open_watched(watched *a, double first, double second, double third)
{
    open_tape(a);
    um_tape_enter(a->t, "down.%d", 0);
    um_var h = um_scale(a->t, first, a->x);
    um_tape_leave(a->t);
    um_tape_enter(a->t, "mid");
    um_tape_enter(a->t, "attention");
    h = um_scale(a->t, second, h);
    um_tape_leave(a->t);
    const um_var w = um_tape_param(a->t, "mid.weight", (um_shape){ 1, 1, 1, 4 }, a->w, a->dw);
    h = um_multiply(a->t, h, w);
    um_tape_leave(a->t);
    um_tape_enter(a->t, "up");
    a->loss = um_mean(a->t, um_scale(a->t, third, h));
    um_tape_leave(a->t);
    watch(a);
}

static void told(watched *a, um_status status, const char *beginning)
{
    assert_int_equal(status, UM_NOT_FINITE);
    if (strncmp(a->ctx.message, beginning, strlen(beginning)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", a->ctx.message, beginning);
    um_tape_close(&a->t);
}

static void sound_numbers_pass(void **state)
{
    (void)state;
    watched a;
    open_watched(&a, 2, 3, 4);
    CHECK_OK(&a.ctx, um_tape_forward(a.t));
    CHECK_OK(&a.ctx, um_tape_backward(a.t, NULL, false));
    assert_true(*um_data(a.t, a.loss) == 60);
    um_tape_close(&a.t);
}

static void gradients_that_nobody_writes_are_not_looked_at(void **state)
{
    (void)state;
    watched a;
    open_tape(&a);
    const um_var level = um_mean(a.t, a.x); /* a divisor has no gradient */
    a.loss = um_mean(a.t, um_divide(a.t, a.x, level));
    watch(&a);
    CHECK_OK(&a.ctx, um_tape_forward(a.t));
    CHECK_OK(&a.ctx, um_tape_backward(a.t, NULL, false));
    assert_true(um_grad(a.t, a.x)[0] == (um_real)0.25);
    um_tape_close(&a.t);
}

static void the_first_operation_that_goes_bad_is_named(void **state)
{
    (void)state;
    watched a;
    open_watched(&a, 1e30, 1e30, 1);
    told(&a, um_tape_forward(a.t),
         "mid.attention: scale: the value of the output is not finite");
}

static void a_bad_input_is_named(void **state)
{
    (void)state;
    watched a;
    open_watched(&a, 1, 1, 1);
    um_data(a.t, a.x)[3] = NAN;
    told(&a, um_tape_forward(a.t), "down.0: scale: the value of sample is not finite");
}

static void a_bad_parameter_is_named(void **state)
{
    (void)state;
    watched a;
    open_watched(&a, 1, 1, 1);
    a.w[2] = -INFINITY;
    told(&a, um_tape_forward(a.t), "mid: multiply: the value of mid.weight is not finite");
}

static void a_bad_gradient_of_a_parameter_is_named(void **state)
{
    (void)state;
    watched a;
    open_watched(&a, 1e20, 1e10, 1e10); /* dw = h * 1e10 / 4 is too large where w makes h small */
    for (int i = 0; i < 4; i++) a.w[i] = (um_real)1e-30;
    CHECK_OK(&a.ctx, um_tape_forward(a.t));
    told(&a, um_tape_backward(a.t, NULL, false),
         "mid: multiply: the gradient of mid.weight is not finite");
}

static void a_bad_gradient_inside_is_named_by_its_operation(void **state)
{
    (void)state;
    watched a;
    open_watched(&a, 1e-20, 1e20, 1e30);
    for (int i = 0; i < 4; i++) a.w[i] = 1;
    for (int i = 0; i < 4; i++) um_data(a.t, a.x)[i] = (um_real)1e-10;
    CHECK_OK(&a.ctx, um_tape_forward(a.t));
    told(&a, um_tape_backward(a.t, NULL, false),
         "mid.attention: scale: the gradient of an input is not finite");
}

static void a_bad_gradient_of_an_input_is_named(void **state)
{
    (void)state;
    watched a;
    open_watched(&a, 1e20, 1, 1e20);
    for (int i = 0; i < 4; i++) um_data(a.t, a.x)[i] = (um_real)1e-20;
    CHECK_OK(&a.ctx, um_tape_forward(a.t));
    told(&a, um_tape_backward(a.t, NULL, false),
         "down.0: scale: the gradient of sample is not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_numbers_pass),
        cmocka_unit_test(gradients_that_nobody_writes_are_not_looked_at),
        cmocka_unit_test(the_first_operation_that_goes_bad_is_named),
        cmocka_unit_test(a_bad_input_is_named),
        cmocka_unit_test(a_bad_parameter_is_named),
        cmocka_unit_test(a_bad_gradient_of_a_parameter_is_named),
        cmocka_unit_test(a_bad_gradient_inside_is_named_by_its_operation),
        cmocka_unit_test(a_bad_gradient_of_an_input_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
