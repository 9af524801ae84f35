/* SPDX-License-Identifier: MIT */
#include "autograd/ops.h"
#include "support/check.h"
#include "tensor/kernels/kernels.h"

#include <stdlib.h>
#include <string.h>

static const um_shape two = { 1, 1, 1, 2 };

typedef struct desk {
    um_ctx ctx;
    um_tape *t;
} desk;

static void open_desk(desk *d)
{
    *d = (desk){ 0 };
    um_ctx_init(&d->ctx);
    CHECK_OK(&d->ctx, um_kernels_choose(&d->ctx, "auto"));
    CHECK_OK(&d->ctx, um_tape_open(&d->t, &d->ctx));
}

static void make_ready(desk *d, um_var loss)
{
    CHECK_OK(&d->ctx, um_tape_plan(d->t, loss));
    CHECK_OK(&d->ctx, um_tape_commit(d->t));
}

static void set(desk *d, um_var x, double first, double second)
{
    um_data(d->t, x)[0] = (um_real)first;
    um_data(d->t, x)[1] = (um_real)second;
}

static void walk(desk *d, bool accumulate)
{
    CHECK_OK(&d->ctx, um_tape_forward(d->t));
    CHECK_OK(&d->ctx, um_tape_backward(d->t, NULL, accumulate));
}

static void check_pair(const um_real *x, double first, double second)
{
    assert_non_null(x);
    CHECK_NEAR(x[0], first, 1e-6);
    CHECK_NEAR(x[1], second, 1e-6);
}

/* ---- failing ---- */

static void the_first_failure_is_kept_with_its_place(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", two);
    um_tape_enter(d.t, "down_blocks.%d", 2);
    um_tape_enter(d.t, "conv1");
    const um_var y = um_slice(d.t, x, 1, 7);
    assert_int_equal(y.id, 0);
    um_tape_leave(d.t);
    const um_var z = um_dropout(d.t, um_add(d.t, y, x), 5);
    assert_int_equal(um_shape_of(d.t, x).c, 0);
    assert_int_equal(um_tape_plan(d.t, z), UM_BAD_SHAPE);
    assert_int_equal(um_tape_commit(d.t), UM_BAD_SHAPE);
    assert_string_equal(d.ctx.message, "down_blocks.2.conv1: slice: 7 channels from 1 on, of 2");
    um_tape_close(&d.t);
    assert_null(d.t);
}

static void impossible_sizes_are_refused_with_their_place(void **state)
{
    (void)state;
    const um_shape bad[] = { { 0, 1, 1, 1 }, { 1, 1, -1, 1 }, { 1 << 20, 1 << 20, 1, 1 },
                             { 1, 1, 1 << 30, 1 << 30 } };
    for (size_t i = 0; i < UM_COUNT(bad); i++) {
        desk d;
        open_desk(&d);
        um_tape_enter(d.t, "here");
        um_tape_input(d.t, "picture", bad[i]);
        assert_int_equal(um_tape_plan(d.t, (um_var){ 0 }), UM_BAD_SHAPE);
        assert_non_null(strstr(d.ctx.message, "here: picture: shape ["));
        um_tape_close(&d.t);
    }
}

static void places_may_be_deep_and_long(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", two);
    um_tape_enter(d.t, "model");
    for (int i = 0; i < 100; i++) um_tape_enter(d.t, "a part with a name of some length, %d", i);
    um_scale(d.t, 2, x);
    for (int i = 0; i < 100; i++) um_tape_leave(d.t);
    um_slice(d.t, x, 5, 5);
    assert_int_equal(um_tape_plan(d.t, (um_var){ 0 }), UM_BAD_SHAPE);
    assert_string_equal(d.ctx.message, "model: slice: 5 channels from 5 on, of 2");
    um_tape_close(&d.t);
}

static void calls_in_the_wrong_order_are_refused(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", two);
    const um_var y = um_scale(d.t, 2, x);
    um_tape_output(d.t, y);
    assert_int_equal(um_tape_commit(d.t), UM_BAD_ARG);
    assert_int_equal(um_tape_forward(d.t), UM_BAD_ARG);
    make_ready(&d, (um_var){ 0 });
    assert_int_equal(um_tape_plan(d.t, (um_var){ 0 }), UM_BAD_ARG);
    assert_int_equal(um_tape_commit(d.t), UM_BAD_ARG);
    assert_int_equal(um_tape_backward(d.t, NULL, false), UM_BAD_ARG);
    set(&d, x, 3, 4);
    CHECK_OK(&d.ctx, um_tape_forward(d.t));
    check_pair(um_data(d.t, y), 6, 8);
    assert_int_equal(um_scale(d.t, 2, y).id, 0); /* recorded after planning */
    um_tape_close(&d.t);
    um_tape_close(&d.t);
}

static void a_loss_that_depends_on_nothing_asked_for_is_refused(void **state)
{
    (void)state;
    desk d;
    um_real w[2] = { 1, 2 };
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", two);
    const um_var frozen = um_tape_param(d.t, "w", two, w, NULL);
    const um_var loss = um_dot(d.t, x, frozen);
    assert_int_equal(um_tape_plan(d.t, loss), UM_BAD_ARG);
    assert_int_equal(um_tape_commit(d.t), UM_BAD_ARG);
    um_tape_close(&d.t);
}

/* ---- gradients ---- */

static void inputs_have_gradients_where_asked_for(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", two), y = um_tape_input(d.t, "y", two);
    um_tape_want_grad(d.t, x);
    make_ready(&d, um_dot(d.t, x, y));
    set(&d, x, 3, 4);
    set(&d, y, 5, 6);
    walk(&d, false);
    check_pair(um_grad(d.t, x), 5, 6);
    assert_null(um_grad(d.t, y));
    check_pair(um_data(d.t, x), 3, 4); /* inputs stay */
    check_pair(um_data(d.t, y), 5, 6);
    um_tape_close(&d.t);
}

static void parameters_store_or_accumulate(void **state)
{
    (void)state;
    desk d;
    um_real w[2] = { 1, 1 }, dw[2] = { 100, 100 };
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", two);
    const um_var p = um_tape_param(d.t, "w", two, w, dw);
    const um_var twice = um_add(d.t, um_multiply(d.t, x, p), p); /* dw = x + 1 */
    make_ready(&d, um_mean(d.t, twice));
    set(&d, x, 3, 5);
    walk(&d, false);
    check_pair(dw, 2, 3);
    walk(&d, true);
    check_pair(dw, 4, 6);
    walk(&d, false);
    check_pair(dw, 2, 3);
    assert_ptr_equal(um_grad(d.t, p), dw);
    um_tape_close(&d.t);
}

static void what_the_loss_does_not_depend_on_has_a_gradient_of_zero(void **state)
{
    (void)state;
    desk d;
    um_real w[2] = { 1, 1 }, dw[2] = { 7, 7 };
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", two), idle = um_tape_input(d.t, "idle", two);
    um_tape_want_grad(d.t, x);
    um_tape_want_grad(d.t, idle);
    const um_var p = um_tape_param(d.t, "w", two, w, dw);
    const um_var aside = um_multiply(d.t, idle, p); /* leads nowhere */
    um_tape_output(d.t, aside);
    make_ready(&d, um_mean(d.t, x));
    walk(&d, true);
    check_pair(dw, 7, 7);
    walk(&d, false);
    check_pair(dw, 0, 0);
    check_pair(um_grad(d.t, idle), 0, 0);
    check_pair(um_grad(d.t, x), 0.5, 0.5);
    um_tape_close(&d.t);
}

static void a_tensor_that_is_used_twice_gets_the_sum(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", two);
    um_tape_want_grad(d.t, x);
    const um_var square = um_multiply(d.t, x, x);
    const um_var cube = um_multiply(d.t, square, x);
    make_ready(&d, um_dot(d.t, um_add(d.t, cube, square), x)); /* x^4 + x^3 */
    set(&d, x, 1, 2);
    walk(&d, false);
    check_pair(um_grad(d.t, x), 4 + 3, 32 + 12);
    um_tape_close(&d.t);
}

static void the_gradient_of_the_loss_may_be_given(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", two);
    um_tape_want_grad(d.t, x);
    const um_var y = um_multiply(d.t, x, x);
    make_ready(&d, y);
    set(&d, x, 3, 4);
    CHECK_OK(&d.ctx, um_tape_forward(d.t));
    CHECK_OK(&d.ctx, um_tape_backward(d.t, (um_real[]){ 10, 0.5 }, false));
    check_pair(um_grad(d.t, x), 60, 4);
    check_pair(um_data(d.t, y), 9, 16);
    um_tape_close(&d.t);
}

static void an_input_may_be_the_loss(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", two);
    um_tape_want_grad(d.t, x);
    make_ready(&d, x);
    walk(&d, false);
    check_pair(um_grad(d.t, x), 1, 1);
    um_tape_close(&d.t);
}

static void outputs_may_be_read_after_both_walks(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", two);
    um_tape_want_grad(d.t, x);
    um_tape_segment_begin(d.t);
    const um_var early = um_scale(d.t, 3, x);
    um_tape_output(d.t, early);
    um_var h = early;
    for (int i = 0; i < 8; i++) h = um_activate(d.t, h, UM_RELU);
    um_tape_segment_end(d.t);
    make_ready(&d, um_mean(d.t, h));
    set(&d, x, 2, -3);
    walk(&d, false);
    check_pair(um_data(d.t, early), 6, -9);
    check_pair(um_grad(d.t, x), 1.5, 0);
    um_tape_close(&d.t);
}

/* ---- memory ---- */

/* An allocator that fails at the n-th call and counts what is not given back. */
typedef struct purse {
    int calls, fail_at, out;
} purse;

static void *purse_alloc(void *user, size_t bytes)
{
    purse *p = user;
    if (++p->calls == p->fail_at) return NULL;
    p->out++;
    void *memory = aligned_alloc(UM_ALIGN, (bytes / UM_ALIGN + 1) * UM_ALIGN);
    return memory ? memset(memory, 0, bytes) : NULL;
}

static void purse_free(void *user, void *memory)
{
    purse *p = user;
    p->out--;
    free(memory);
}

/* A few hundred operations, so that all lists grow. */
static um_status record_and_run(um_ctx *ctx)
{
    um_tape *t = NULL;
    UM_TRY(um_tape_open(&t, ctx));
    const um_var x = um_tape_input(t, "x", (um_shape){ 1, 1, 1, 8 });
    um_tape_want_grad(t, x);
    um_var h = x;
    for (int i = 0; i < 300; i++) {
        um_tape_enter(t, "block.%d", i);
        h = um_softmax(t, um_attention(t, h, h, h, 2));
        um_tape_leave(t);
    }
    const um_var loss = um_mean(t, h);
    um_status status = um_tape_plan(t, loss);
    if (status == UM_OK) status = um_tape_commit(t);
    if (status == UM_OK) status = um_tape_forward(t);
    if (status == UM_OK) status = um_tape_backward(t, NULL, false);
    um_tape_close(&t);
    return status;
}

static void running_out_of_memory_anywhere_is_told_and_leaks_nothing(void **state)
{
    (void)state;
    um_status status = UM_NO_MEMORY;
    for (int n = 1; status != UM_OK; n++) {
        desk d;
        purse p = { .fail_at = n };
        um_ctx_init(&d.ctx);
        CHECK_OK(&d.ctx, um_kernels_choose(&d.ctx, "scalar"));
        d.ctx.allocator = (um_allocator){ purse_alloc, purse_free, &p };
        status = record_and_run(&d.ctx);
        assert_int_equal(p.out, 0);
        assert_int_equal(status, p.calls < n ? UM_OK : UM_NO_MEMORY);
        if (status != UM_OK) assert_non_null(strstr(d.ctx.message, "no memory for"));
    }
}

static void walks_allocate_nothing(void **state)
{
    (void)state;
    desk d;
    purse p = { 0 };
    open_desk(&d);
    const um_var x = um_tape_input(d.t, "x", (um_shape){ 2, 8, 8, 8 });
    um_tape_want_grad(d.t, x);
    make_ready(&d, um_mean(d.t, um_attention(d.t, x, x, x, 2)));
    const um_allocator before = d.ctx.allocator;
    d.ctx.allocator = (um_allocator){ purse_alloc, purse_free, &p };
    for (int i = 0; i < 3; i++) walk(&d, i > 0);
    assert_int_equal(p.calls, 0);
    d.ctx.allocator = before;
    um_tape_close(&d.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_is_kept_with_its_place),
        cmocka_unit_test(impossible_sizes_are_refused_with_their_place),
        cmocka_unit_test(places_may_be_deep_and_long),
        cmocka_unit_test(calls_in_the_wrong_order_are_refused),
        cmocka_unit_test(a_loss_that_depends_on_nothing_asked_for_is_refused),
        cmocka_unit_test(inputs_have_gradients_where_asked_for),
        cmocka_unit_test(parameters_store_or_accumulate),
        cmocka_unit_test(what_the_loss_does_not_depend_on_has_a_gradient_of_zero),
        cmocka_unit_test(a_tensor_that_is_used_twice_gets_the_sum),
        cmocka_unit_test(the_gradient_of_the_loss_may_be_given),
        cmocka_unit_test(an_input_may_be_the_loss),
        cmocka_unit_test(outputs_may_be_read_after_both_walks),
        cmocka_unit_test(running_out_of_memory_anywhere_is_told_and_leaks_nothing),
        cmocka_unit_test(walks_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
