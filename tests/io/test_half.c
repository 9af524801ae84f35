/* SPDX-License-Identifier: MIT */
#include "support/check.h"

#include <math.h>

#include "io/half.h"

static void every_f16_comes_back(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const float v = um_f16_to_float((uint16_t)bits);
        if (isnan(v))
            assert_true(isnan(um_f16_to_float(um_f16_from_float(v))));
        else
            assert_int_equal(um_f16_from_float(v), bits);
    }
}

static void every_bf16_comes_back(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const float v = um_bf16_to_float((uint16_t)bits);
        if (isnan(v))
            assert_true(isnan(um_bf16_to_float(um_bf16_from_float(v))));
        else
            assert_int_equal(um_bf16_from_float(v), bits);
    }
}

static void known_values(void **state)
{
    (void)state;
    const struct { float value; uint16_t f16, bf16; const char *why; } cases[] = {
        { 1.0f, 0x3c00, 0x3f80, "one" },
        { -2.0f, 0xc000, 0xc000, "sign" },
        { 65504.0f, 0x7bff, 0x4780, "largest f16; bf16 rounds up" },
        { 65519.0f, 0x7bff, 0x4780, "still rounds down to the largest" },
        { 65520.0f, 0x7c00, 0x4780, "rounds to infinity" },
        { 0x1p-24f, 0x0001, 0x3380, "smallest subnormal" },
        { 0x1p-25f, 0x0000, 0x3300, "a tie goes to even: zero" },
        { 0x1.8p-24f, 0x0002, 0x33c0, "a tie goes to even: up" },
        { 0x1.ff8p-15f, 0x03ff, 0x3880, "largest subnormal" },
        { 0x1.ffcp-15f, 0x0400, 0x3880, "a tie goes to even: into the normal numbers" },
        { 1.0f + 0x1p-11f, 0x3c00, 0x3f80, "tie to even, down" },
        { 1.0f + 0x1.8p-10f, 0x3c02, 0x3f80, "tie to even, up" },
        { 1.0f + 0x1p-8f, 0x3c04, 0x3f80, "bf16 tie, down" },
        { 1.0f + 0x1.8p-7f, 0x3c0c, 0x3f82, "bf16 tie, up" },
        { INFINITY, 0x7c00, 0x7f80, "infinity" },
        { 3.4e38f, 0x7c00, 0x7f80, "bf16 overflows by rounding" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        if (um_f16_from_float(cases[i].value) != cases[i].f16 ||
            um_bf16_from_float(cases[i].value) != cases[i].bf16)
            fail_msg("%s: %04x %04x", cases[i].why, um_f16_from_float(cases[i].value),
                     um_bf16_from_float(cases[i].value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_f16_comes_back),
        cmocka_unit_test(every_bf16_comes_back),
        cmocka_unit_test(known_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
