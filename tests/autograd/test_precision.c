/* SPDX-License-Identifier: MIT */
#include "autograd/ops.h"
#include "base/random.h"
#include "support/check.h"
#include "tensor/kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { INPUTS = 2, NUMBERS = 4096 };

/* A product of two inputs, and what comes of it: the result, and the gradients of both. */
typedef struct product {
    const char *name;
    um_shape in[INPUTS];
    um_var (*apply)(um_tape *t, const um_var *in);
} product;

static um_var linear(um_tape *t, const um_var *in)
{
    return um_linear(t, in[0], in[1], (um_var){ 0 });
}
static um_var same_size(um_tape *t, const um_var *in)
{
    return um_conv2d(t, in[0], in[1], (um_var){ 0 }, 1, 1, 1);
}
static um_var half_size(um_tape *t, const um_var *in)
{
    return um_conv2d(t, in[0], in[1], (um_var){ 0 }, 2, 1, 1);
}
static um_var pixelwise(um_tape *t, const um_var *in)
{
    return um_conv2d(t, in[0], in[1], (um_var){ 0 }, 1, 0, 0);
}
static um_var matmul(um_tape *t, const um_var *in)
{
    return um_matmul(t, in[0], in[1]);
}

static const product products[] = {
    { "linear", { { 2, 3, 5, 17 }, { 1, 1, 17, 33 } }, linear },
    { "conv2d 3x3", { { 2, 6, 5, 16 }, { 3, 3, 16, 18 } }, same_size },
    { "conv2d 3x3, stride 2", { { 2, 6, 5, 17 }, { 3, 3, 17, 19 } }, half_size },
    { "conv2d 1x1", { { 2, 3, 5, 17 }, { 1, 1, 17, 33 } }, pixelwise },
    { "matmul", { { 2, 3, 5, 17 }, { 2, 3, 17, 9 } }, matmul },
};

typedef struct results {
    size_t count[1 + INPUTS];
    float numbers[1 + INPUTS][NUMBERS];
} results;

static void keep(results *r, int i, const um_tape *t, um_var v, const um_real *numbers)
{
    r->count[i] = um_shape_count(um_shape_of(t, v));
    assert_true(r->count[i] <= NUMBERS);
    memcpy(r->numbers[i], numbers, r->count[i] * sizeof *numbers);
}

/* `after`: the precision is chosen when the product is on the tape already */
static void run(const um_kernels *kernels, const product *p, um_precision precision, bool after,
                results *out)
{
    um_ctx ctx;
    um_tape *t;
    um_var in[INPUTS];
    um_ctx_init(&ctx);
    ctx.kernels = kernels;
    CHECK_OK(&ctx, um_tape_open(&t, &ctx));
    for (int i = 0; i < INPUTS; i++) {
        in[i] = um_tape_input(t, "input", p->in[i]);
        um_tape_want_grad(t, in[i]);
    }
    if (!after) um_tape_precision(t, precision);
    const um_var y = p->apply(t, in);
    um_tape_output(t, y);
    if (after) um_tape_precision(t, precision);
    const um_var u = um_tape_input(t, "u", um_shape_of(t, y));
    CHECK_OK(&ctx, um_tape_plan(t, um_dot(t, y, u)));
    CHECK_OK(&ctx, um_tape_commit(t));
    const um_var filled[] = { in[0], in[1], u };
    for (size_t i = 0; i < UM_COUNT(filled); i++)
        um_random_normal(&(um_random){ 3, UM_STREAM_TEST, i }, um_data(t, filled[i]),
                         um_shape_count(um_shape_of(t, filled[i])));
    CHECK_OK(&ctx, um_tape_forward(t));
    CHECK_OK(&ctx, um_tape_backward(t, NULL, false));
    keep(out, 0, t, y, um_data(t, y));
    for (int i = 0; i < INPUTS; i++) keep(out, 1 + i, t, in[i], um_grad(t, in[i]));
    um_tape_close(&t);
}

/* rms of the difference over rms */
static double distance(const results *a, const results *b, int i)
{
    double d = 0, all = 0;
    for (size_t k = 0; k < a->count[i]; k++) {
        d += pow((double)a->numbers[i][k] - b->numbers[i][k], 2);
        all += pow(b->numbers[i][k], 2);
    }
    return sqrt(d / all);
}

/* Two factors, each off by up to 2^-9 of itself: 2^-9 sqrt(2 / 3) on average over many products;
 * three times that where a tile is transformed before it is rounded. */
static void products_and_their_gradients_in_bf16_are_near_those_in_f32(void **state)
{
    (void)state;
    static results exact, rounded;
    for (int tier = 0; um_kernels_tier(tier); tier++)
        for (size_t k = 0; k < UM_COUNT(products); k++) {
            run(um_kernels_tier(tier), &products[k], UM_F32, false, &exact);
            run(um_kernels_tier(tier), &products[k], UM_BF16, false, &rounded);
            for (int i = 0; i <= INPUTS; i++) {
                const double d = distance(&rounded, &exact, i);
                if (!(d > 2e-4 && d < 6e-3))
                    fail_msg("%s, %s, %s %d: %.2g", um_kernels_tier(tier)->isa, products[k].name,
                             i ? "gradient" : "value", i, d);
            }
        }
}

static void what_was_recorded_before_keeps_its_precision(void **state)
{
    (void)state;
    static results before, after;
    for (size_t k = 0; k < UM_COUNT(products); k++) {
        run(um_kernels_tier(1), &products[k], UM_F32, false, &before);
        run(um_kernels_tier(1), &products[k], UM_BF16, true, &after);
        for (int i = 0; i <= INPUTS; i++)
            assert_memory_equal(before.numbers[i], after.numbers[i],
                                before.count[i] * sizeof(float));
    }
}

static void narrow_convolutions_stay_in_f32(void **state)
{
    (void)state;
    static const product narrow[] = {
        { "first", { { 2, 6, 5, 3 }, { 3, 3, 3, 32 } }, same_size },
        { "last", { { 2, 6, 5, 32 }, { 3, 3, 32, 12 } }, same_size },
    };
    static results f32, bf16;
    for (size_t k = 0; k < UM_COUNT(narrow); k++) {
        run(um_kernels_tier(1), &narrow[k], UM_F32, false, &f32);
        run(um_kernels_tier(1), &narrow[k], UM_BF16, false, &bf16);
        for (int i = 0; i <= INPUTS; i++)
            assert_memory_equal(f32.numbers[i], bf16.numbers[i], f32.count[i] * sizeof(float));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_and_their_gradients_in_bf16_are_near_those_in_f32),
        cmocka_unit_test(narrow_convolutions_stay_in_f32),
        cmocka_unit_test(what_was_recorded_before_keeps_its_precision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
