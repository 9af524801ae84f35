/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "base/need.h"
#include "support/scratch.h"

static const double mib = 1048576.0;

static um_need example(double more)
{
    um_need need = { .work = "baking", .lower = "a smaller cake" };
    um_need_add(&need, "flour", 2 * mib);
    um_need_add(&need, "sugar", 0.5 * mib);
    um_need_add(&need, "flour", more);
    return need;
}

static void parts_of_one_name_are_one(void **state)
{
    (void)state;
    const um_need need = example(mib);
    assert_int_equal(need.parts, 2);
    assert_true(need.part[0].bytes == 3 * mib);
    assert_true(um_need_bytes(&need) == 3.5 * mib);
}

static void what_fits_exactly_is_let_through(void **state)
{
    um_ctx *ctx = &((scratch *)*state)->ctx;
    um_room room;
    const um_need need = example(0);
    ctx->memory = um_memory_resident() + ((size_t)1 << 30);
    um_memory_left(ctx, &room);
    CHECK_OK(ctx, um_need_check(ctx, &need));
    const um_need whole = example((double)room.bytes - 2.5 * mib - mib);
    CHECK_OK(ctx, um_need_check(ctx, &whole));
    ctx->memory = 0;
    CHECK_OK(ctx, um_need_check(ctx, &need));
}

static void a_refusal_says_all_that_helps(void **state)
{
    um_ctx *ctx = &((scratch *)*state)->ctx;
    const um_need need = example(1e15);
    ctx->memory = um_memory_resident() + ((size_t)1 << 30);
    assert_int_equal(um_need_check(ctx, &need), UM_NO_MEMORY);
    static const char *const pieces[] = {
        "baking needs 953674", "flour 953674", "sugar 0.5 MiB", "run.memory leaves 10",
        "(a smaller cake; or run.memory",
    };
    for (size_t i = 0; i < UM_COUNT(pieces); i++) CHECK_TOLD(ctx, pieces[i]);
    ctx->memory = 0;
    assert_int_equal(um_need_check(ctx, &need), UM_NO_MEMORY);
}

static void hear(void *user, um_log_level level, const char *text)
{
    (void)level;
    snprintf(user, 512, "%s", text);
}

static void the_need_is_logged(void **state)
{
    um_ctx *ctx = &((scratch *)*state)->ctx;
    char heard[512] = "";
    const um_need need = example(0);
    ctx->log = hear;
    ctx->log_user = heard;
    CHECK_OK(ctx, um_need_check(ctx, &need));
    assert_non_null(strstr(heard, "baking needs 2.5 MiB (flour 2.0 MiB, sugar 0.5 MiB), "));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(parts_of_one_name_are_one),
        TEST(what_fits_exactly_is_let_through),
        TEST(a_refusal_says_all_that_helps),
        TEST(the_need_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
