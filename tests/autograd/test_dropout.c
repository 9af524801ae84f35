/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

#include <math.h>
#include <string.h>

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    const double *rate = arg;
    return um_dropout(t, in[0], *rate);
}

static void dropout_vjp_matches_differences(void **state)
{
    (void)state;
    check_vjp("odd sizes", apply, (double[]){ 0.3 }, &(given){ .shape = { 2, 3, 5, 7 } }, 1);
    check_vjp("one number", apply, (double[]){ 0.1 }, &(given){ .shape = { 1, 1, 1, 1 } }, 1);
    check_vjp("most dropped", apply, (double[]){ 0.9 }, &(given){ .shape = { 4, 4, 4, 4 } }, 1);
}

static void nothing_is_dropped_outside_of_training(void **state)
{
    (void)state;
    const double in[] = { 1, 2, 3, 4, 5, 6 };
    check_values(apply, (double[]){ 0.5 }, &(um_shape){ 1, 1, 1, 6 }, 1, in, in);
    check_values(apply, (double[]){ 0 }, &(um_shape){ 1, 1, 1, 6 }, 1, in, in);
}

enum { COUNT = 20000 };

typedef struct trial {
    um_ctx ctx;
    um_tape *t;
    um_var y[2];
} trial;

/* Two dropouts of ones, side by side. */
static void open_trial(trial *a, double rate)
{
    um_ctx_init(&a->ctx);
    CHECK_OK(&a->ctx, um_kernels_choose(&a->ctx, "scalar"));
    CHECK_OK(&a->ctx, um_tape_open(&a->t, &a->ctx));
    const um_var x = um_tape_input(a->t, "x", (um_shape){ 1, 1, 1, COUNT });
    for (int i = 0; i < 2; i++) {
        a->y[i] = um_dropout(a->t, x, rate);
        um_tape_output(a->t, a->y[i]);
    }
    CHECK_OK(&a->ctx, um_tape_plan(a->t, (um_var){ 0 }));
    CHECK_OK(&a->ctx, um_tape_commit(a->t));
    for (int i = 0; i < COUNT; i++) um_data(a->t, x)[i] = 1;
}

static int zeros(trial *a, int which)
{
    int n = 0;
    for (int i = 0; i < COUNT; i++) n += um_data(a->t, a->y[which])[i] == 0;
    return n;
}

static void what_is_not_dropped_is_scaled_so_that_the_mean_stays(void **state)
{
    (void)state;
    const double rates[] = { 0.1, 0.5, 0.75 };
    for (size_t k = 0; k < UM_COUNT(rates); k++) {
        trial a = { 0 };
        open_trial(&a, rates[k]);
        um_tape_training(a.t, true, 3, 0);
        CHECK_OK(&a.ctx, um_tape_forward(a.t));
        const double spread = sqrt(rates[k] * (1 - rates[k]) / COUNT);
        CHECK_NEAR(zeros(&a, 0) / (double)COUNT, rates[k], 4 * spread);
        for (int i = 0; i < COUNT; i++) {
            const double y = um_data(a.t, a.y[0])[i];
            if (y != 0) CHECK_NEAR(y, 1 / (1 - rates[k]), 1e-12);
        }
        um_tape_close(&a.t);
    }
}

/* How many elements one drops and the other does not, of COUNT. */
static int differences(const um_real *a, const um_real *b)
{
    int n = 0;
    for (int i = 0; i < COUNT; i++) n += (a[i] == 0) != (b[i] == 0);
    return n;
}

static void masks_depend_on_seed_step_and_place_alone(void **state)
{
    (void)state;
    static um_real first[COUNT];
    trial a = { 0 };
    open_trial(&a, 0.5);
    um_tape_training(a.t, true, 3, 7);
    CHECK_OK(&a.ctx, um_tape_forward(a.t));
    memcpy(first, um_data(a.t, a.y[0]), sizeof first);
    assert_true(differences(first, um_data(a.t, a.y[1])) > COUNT / 3);

    const struct {
        uint64_t seed, step;
        bool same;
    } runs[] = { { 3, 7, true }, { 3, 8, false }, { 4, 7, false }, { 3, 7, true } };
    for (size_t k = 0; k < UM_COUNT(runs); k++) {
        um_tape_training(a.t, true, runs[k].seed, runs[k].step);
        CHECK_OK(&a.ctx, um_tape_forward(a.t));
        const int n = differences(first, um_data(a.t, a.y[0]));
        assert_true(runs[k].same ? n == 0 : n > COUNT / 3);
    }
    um_tape_close(&a.t);
}

static void impossible_rates_are_refused(void **state)
{
    (void)state;
    const double bad[] = { -0.1, 1, 2, NAN };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, &bad[i], &(um_shape){ 1, 1, 1, 6 }, 1, UM_BAD_ARG, "0 <= rate < 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropout_vjp_matches_differences),
        cmocka_unit_test(nothing_is_dropped_outside_of_training),
        cmocka_unit_test(what_is_not_dropped_is_scaled_so_that_the_mean_stays),
        cmocka_unit_test(masks_depend_on_seed_step_and_place_alone),
        cmocka_unit_test(impossible_rates_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
