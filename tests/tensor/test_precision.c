/* SPDX-License-Identifier: MIT */
#include "tensor/precision.h"

#include "support/check.h"

#include <math.h>

static const struct rounding {
    float x, bf16;
    const char *why;
} roundings[] = {
    { 0.0f, 0.0f, "zero" },
    { -0.0f, -0.0f, "its sign" },
    { 1.0f, 1.0f, "what bf16 has" },
    { 0x1.fep-126f, 0x1.fep-126f, "all eight bits" },
    { 0x1.00fp0f, 0x1p0f, "below the middle" },
    { 0x1.01p0f, 0x1p0f, "a tie goes to the even one below" },
    { 0x1.03p0f, 0x1.04p0f, "a tie goes to the even one above" },
    { 0x1.010002p0f, 0x1.02p0f, "above the middle" },
    { -0x1.ffp3f, -0x1p4f, "into the next power of two" },
    { 0x1.fffffep127f, INFINITY, "above the largest" },
    { -INFINITY, -INFINITY, "infinity" },
};

static void operands_are_rounded_to_nearest_even(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(roundings); i++) {
        const float got = um_operand(UM_BF16, roundings[i].x);
        if (got != roundings[i].bf16 || !signbit(got) != !signbit(roundings[i].bf16))
            fail_msg("%s: %a", roundings[i].why, (double)got);
        assert_true(um_operand(UM_F32, roundings[i].x) == roundings[i].x);
    }
    static const uint32_t nans[] = { 0x7fffffff, 0xffffffff, 0x7f800001 };
    for (size_t i = 0; i < UM_COUNT(nans); i++) {
        float nan;
        memcpy(&nan, &nans[i], sizeof nan);
        assert_true(isnan(um_operand(UM_BF16, nan)));
    }
}

static void precisions_have_names(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_precision p = UM_F32;
    CHECK_OK(&ctx, um_choice_parse(&ctx, um_precisions, "train.precision", "bf16", &p));
    assert_int_equal(p, UM_BF16);
    CHECK_OK(&ctx, um_choice_parse(&ctx, um_precisions, "train.precision", "f32", &p));
    assert_int_equal(p, UM_F32);
    assert_int_equal(um_choice_parse(&ctx, um_precisions, "train.precision", "f16", &p),
                     UM_BAD_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_are_rounded_to_nearest_even),
        cmocka_unit_test(precisions_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
