/* SPDX-License-Identifier: MIT */
#include "tensor/kernel_case.h"

#include <stdio.h>

static void scalar_and_portable_are_on_every_machine(void **state)
{
    (void)state;
    assert_string_equal(um_kernels_tier(0)->isa, "scalar");
    assert_string_equal(um_kernels_tier(1)->isa, "portable");
    assert_null(um_kernels_tier(-1));
    assert_null(um_kernels_tier(100));
}

static void the_fastest_tier_is_made_for_the_processor(void **state)
{
    (void)state;
    int last = 1;
    while (um_kernels_tier(last + 1)) last++;
    const char *isa = um_kernels_tier(last)->isa;
#if defined UM_TIERS_ARM
    assert_string_equal(isa, "neon");
#elif defined UM_TIERS_X86
    __builtin_cpu_init();
    assert_int_equal(strcmp(isa, "portable") != 0,
                     __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
#else
    assert_string_equal(isa, "portable");
#endif
}

static void no_tier_lacks_a_kernel(void **state)
{
    (void)state;
    for (int i = 0; um_kernels_tier(i); i++) {
        const um_kernels *k = um_kernels_tier(i);
#define PRESENT(name) assert_true(k->name != NULL);
        UM_KERNELS(PRESENT, PRESENT, PRESENT)
#undef PRESENT
    }
}

static void every_kernel_has_its_name_once(void **state)
{
    (void)state;
    int count = 0;
    for (; um_kernel_name(count); count++)
        for (int i = 0; i < count; i++)
            assert_string_not_equal(um_kernel_name(i), um_kernel_name(count));
    assert_int_equal(count, (sizeof(um_kernels) - sizeof(char *)) / sizeof(void (*)(void)));
    assert_null(um_kernel_name(-1));
}

static void a_tier_is_chosen_by_its_name(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_kernels *k = NULL;
    for (int i = 0; um_kernels_tier(i); i++) {
        k = um_kernels_tier(i);
        CHECK_OK(&ctx, um_kernels_choose(&ctx, k->isa));
        assert_ptr_equal(ctx.kernels, k);
    }
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "auto"));
    assert_ptr_equal(ctx.kernels, k); /* the last one is the fastest */
}

static void an_unknown_tier_is_told_what_there_is(void **state)
{
    (void)state;
    static const char *const wrong[] = { "foo", "", "AVX2", "scala", "scalar " };
    um_ctx ctx;
    um_ctx_init(&ctx);
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "scalar"));
    for (size_t i = 0; i < UM_COUNT(wrong); i++) {
        char start[128];
        snprintf(start, sizeof start,
                 "run.isa = %s: not on this machine (it has auto, scalar, portable", wrong[i]);
        assert_int_equal(um_kernels_choose(&ctx, wrong[i]), UM_BAD_ARG);
        assert_memory_equal(ctx.message, start, strlen(start));
        assert_ptr_equal(ctx.kernels, um_kernels_tier(0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalar_and_portable_are_on_every_machine),
        cmocka_unit_test(the_fastest_tier_is_made_for_the_processor),
        cmocka_unit_test(no_tier_lacks_a_kernel),
        cmocka_unit_test(every_kernel_has_its_name_once),
        cmocka_unit_test(a_tier_is_chosen_by_its_name),
        cmocka_unit_test(an_unknown_tier_is_told_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
