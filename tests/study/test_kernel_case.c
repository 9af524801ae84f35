/* SPDX-License-Identifier: MIT */
#include "study/kernel_case.h"

#include "support/check.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *text, const char *ending)
{
    const size_t n = strlen(text), k = strlen(ending);
    return n >= k && strcmp(text + n - k, ending) == 0;
}

static bool has_case(const char *kernel)
{
    for (int i = 0; um_kernel_case_at(i); i++)
        if (strcmp(um_kernel_case_at(i)->work->kernel, kernel) == 0) return true;
    return false;
}

/* Those that only say how much scratch they want do no work. */
static void every_kernel_of_the_list_is_timed(void **state)
{
    (void)state;
    for (int i = 0; um_kernel_name(i); i++)
        if (!ends_with(um_kernel_name(i), "_scratch") && !has_case(um_kernel_name(i)))
            fail_msg("%s: no case in src/study/kernel_case.c", um_kernel_name(i));
}

static void every_case_is_of_a_kernel_in_the_list(void **state)
{
    (void)state;
    for (int i = 0; um_kernel_case_at(i); i++) {
        const char *kernel = um_kernel_case_at(i)->work->kernel;
        int k = 0;
        while (um_kernel_name(k) && strcmp(um_kernel_name(k), kernel) != 0) k++;
        if (!um_kernel_name(k)) fail_msg("%s is no kernel", kernel);
    }
}

/* Numbers in 0 .. 2 without pattern, others for each operand. */
static um_real number(size_t i, int operand)
{
    const uint32_t bits = ((uint32_t)i + 77u * (uint32_t)operand) * 2654435761u >> 8;
    return (um_real)bits / (um_real)(1 << 23);
}

/* Exactly as much memory as the case says, so that a sanitizer sees what goes beyond. */
static um_real *numbers(size_t count, int operand)
{
    um_real *x = aligned_alloc(UM_ALIGN, (count * sizeof *x + UM_ALIGN) / UM_ALIGN * UM_ALIGN);
    assert_non_null(x);
    for (size_t i = 0; i < count; i++) x[i] = number(i, operand);
    return x;
}

/* Something changes, and it stays a number. */
static void check_case(const um_kernels *k, const um_kernel_case *c)
{
    um_kernel_job j = { .k = k, .c = c, .n = 1 };
    const size_t room = um_kernel_case_room(c, j.n);
    bool changed = false, finite = true;
    for (int i = 0; i < UM_JOB_OPERANDS; i++) j.x[i] = numbers(room, i);
    j.scratch = numbers(um_kernel_case_scratch(&j, 1), 0);
    c->work->run(&j);
    for (int i = 0; i < UM_JOB_OPERANDS; i++) {
        for (size_t p = 0; p < room && !changed; p++) changed = j.x[i][p] != number(p, i);
        finite &= k->all_finite(room, j.x[i]);
        free(j.x[i]);
    }
    free(j.scratch);
    if (!changed) fail_msg("%s, %s: does nothing", c->work->kernel, k->isa);
    if (!finite) fail_msg("%s, %s: makes a number that is none", c->work->kernel, k->isa);
}

/* The definitions are slow: only what they do fast. */
static void every_case_does_its_work_on_every_tier(void **state)
{
    (void)state;
    omp_set_num_threads(1);
    for (int tier = 0; um_kernels_tier(tier); tier++)
        for (int i = 0; um_kernel_case_at(i); i++) {
            const um_kernel_case *c = um_kernel_case_at(i);
            if (tier > 0 || um_kernel_case_amount(c, 1) < 2e7)
                check_case(um_kernels_tier(tier), c);
        }
}

static void amounts_and_texts_are_known(void **state)
{
    static const um_kernel_case conv = { &um_work_conv2d, 32, 3, 128, 3, 1 },
                                half = { &um_work_conv2d_dw, 32, 128, 64, 3, 2 },
                                linear = { &um_work_gemm_dx, 8, 512, 256, 1, 1 },
                                add = { &um_work_lincomb, 16, 64, 64, 1, 1 };
    char text[64];
    (void)state;
    assert_true(um_kernel_case_amount(&conv, 2) == 2.0 * 2 * 1024 * 9 * 3 * 128);
    assert_true(um_kernel_case_amount(&half, 1) == 2.0 * 256 * 9 * 128 * 64);
    assert_true(um_kernel_case_amount(&linear, 1) == 2.0 * 64 * 512 * 256);
    assert_true(um_kernel_case_amount(&add, 1) == 3.0 * 256 * 64 * sizeof(um_real));
    um_kernel_case_text(&half, text, sizeof text);
    assert_string_equal(text, "32x32 128>64 3x3 /2");
    um_kernel_case_text(&linear, text, sizeof text);
    assert_string_equal(text, "8x8 512>256 dx");
    um_kernel_case_text(&add, text, sizeof text);
    assert_string_equal(text, "16x16 64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_of_the_list_is_timed),
        cmocka_unit_test(every_case_is_of_a_kernel_in_the_list),
        cmocka_unit_test(every_case_does_its_work_on_every_tier),
        cmocka_unit_test(amounts_and_texts_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
