/* SPDX-License-Identifier: MIT */
#include "support/check.h"

#include <math.h>

#include "io/picture.h"

static um_ctx ctx;

static void values_are_clamped_and_rounded(void **state)
{
    (void)state;
    const struct { float x; uint8_t byte; } cases[] = {
        { -1, 0 }, { 1, 255 }, { 0, 128 }, { -1.5f, 0 }, { 7, 255 }, { NAN, 0 }, { INFINITY, 255 },
        { -INFINITY, 0 }, { 2.0f / 255 * 10 - 1, 10 }, { 2.0f / 255 * 10.4f - 1, 10 },
        { 2.0f / 255 * 10.6f - 1, 11 },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        uint8_t byte;
        um_picture_bytes(&cases[i].x, 1, &byte);
        assert_int_equal(byte, cases[i].byte);
    }
}

static void every_byte_survives_the_way_in_and_out(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        const float x = (float)i / 127.5f - 1.0f;
        uint8_t byte;
        um_picture_bytes(&x, 1, &byte);
        assert_int_equal(byte, i);
    }
}

static void images_stand_in_rows_with_two_pixels_between(void **state)
{
    (void)state;
    float x[5 * 3 * 4];
    um_image out;
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 12; k++) x[i * 12 + k] = (float)(i + 1) * 0.1f;
    CHECK_OK(&ctx, um_picture_grid(&ctx, x, 5, 3, 4, 1, 2, &out));
    assert_true(out.h == 3 * 5 + 2 && out.w == 2 * 6 + 2 && out.c == 1);
    for (int y = 0; y < out.h; y++)
        for (int w = 0; w < out.w; w++) {
            const int row = y / 5, col = w / 6, image = row * 2 + col;
            const bool inside = y % 5 >= 2 && w % 6 >= 2 && image < 5 && col < 2 && row < 3;
            uint8_t want = 0;
            if (inside) um_picture_bytes(&x[image * 12], 1, &want);
            assert_int_equal(out.pixels[y * out.w + w], want);
        }
    um_image_free(&ctx, &out);
}

static void a_picture_has_one_or_three_channels(void **state)
{
    (void)state;
    const int cases[][2] = { { 1, 1 }, { 2, 1 }, { 3, 3 }, { 4, 3 }, { 9, 3 } };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const int c = cases[i][0];
        float x[4 * 9];
        um_image out;
        for (int k = 0; k < 4 * c; k++) x[k] = (float)k / 18.0f - 1.0f;
        CHECK_OK(&ctx, um_picture_grid(&ctx, x, 1, 2, 2, c, 0, &out));
        assert_true(out.h == 2 && out.w == 2 && out.c == cases[i][1]); /* one image stands alone */
        for (int p = 0; p < 4; p++)
            for (int k = 0; k < out.c; k++) {
                uint8_t want;
                um_picture_bytes(&x[p * c + k], 1, &want);
                assert_int_equal(out.pixels[p * out.c + k], want);
            }
        um_image_free(&ctx, &out);
    }
}

static void columns_are_as_square_as_can_be_unless_given(void **state)
{
    (void)state;
    const struct { int n, columns, w, h; } cases[] = {
        { 16, 0, 4, 4 }, { 10, 0, 4, 3 }, { 2, 0, 2, 1 }, { 3, 8, 3, 1 }, { 9, 2, 2, 5 },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        static const float x[16];
        um_image out;
        CHECK_OK(&ctx, um_picture_grid(&ctx, x, cases[i].n, 1, 1, 1, cases[i].columns, &out));
        assert_int_equal(out.w, cases[i].w * 3 + 2);
        assert_int_equal(out.h, cases[i].h * 3 + 2);
        um_image_free(&ctx, &out);
    }
}

static void what_cannot_be_a_picture_is_refused(void **state)
{
    (void)state;
    const float x = 0;
    um_image out;
    assert_int_equal(um_picture_grid(&ctx, &x, 0, 1, 1, 1, 0, &out), UM_BAD_ARG);
    assert_int_equal(um_picture_grid(&ctx, &x, 1, 0, 1, 1, 0, &out), UM_BAD_ARG);
    assert_int_equal(um_picture_grid(&ctx, &x, 1, 1, 1, 1, -1, &out), UM_BAD_ARG);
    assert_int_equal(um_picture_grid(&ctx, &x, 1, 1, 1, 0, 0, &out), UM_BAD_ARG);
    assert_int_equal(um_picture_grid(&ctx, &x, 1000, 32, 32, 3, 1, &out), UM_BAD_ARG);
    assert_int_equal(um_picture_check(&ctx, 1000, 32, 32, 1), UM_BAD_ARG);
    assert_int_equal(um_picture_check(&ctx, 1000, 32, 32, 1000), UM_BAD_ARG);
    assert_int_equal(um_picture_check(&ctx, 1, 1, 0, 0), UM_BAD_ARG);
    assert_int_equal(um_picture_check(&ctx, 1, 16385, 1, 0), UM_BAD_ARG);
    assert_int_equal(um_picture_check(&ctx, 1, 1, 16385, 0), UM_BAD_ARG);
    CHECK_OK(&ctx, um_picture_check(&ctx, 1000, 32, 32, 0));
    assert_null(out.pixels);
}

int main(void)
{
    um_ctx_init(&ctx);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_clamped_and_rounded),
        cmocka_unit_test(every_byte_survives_the_way_in_and_out),
        cmocka_unit_test(images_stand_in_rows_with_two_pixels_between),
        cmocka_unit_test(a_picture_has_one_or_three_channels),
        cmocka_unit_test(columns_are_as_square_as_can_be_unless_given),
        cmocka_unit_test(what_cannot_be_a_picture_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
