/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/failing.h"

#include "io/image.h"

static um_ctx ctx;

static void fits(int h, int w, int c, const uint8_t *in, int to_h, int to_w, const uint8_t *want)
{
    um_image out;
    CHECK_OK(&ctx, um_image_fit(&ctx, &(um_image){ h, w, c, (uint8_t *)in }, to_h, to_w, &out));
    assert_true(out.h == to_h && out.w == to_w && out.c == c);
    for (int i = 0; i < to_h * to_w * c; i++)
        if (out.pixels[i] != want[i])
            fail_msg("%dx%d to %dx%d: value %d is %d, not %d", h, w, to_h, to_w, i, out.pixels[i],
                     want[i]);
    um_image_free(&ctx, &out);
}

static void an_image_that_fits_is_left_as_it_is(void **state)
{
    (void)state;
    const uint8_t x[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255 };
    fits(2, 2, 3, x, 2, 2, x);
    fits(3, 4, 1, x, 3, 4, x);
}

static void shrinking_takes_the_mean_over_the_area(void **state)
{
    (void)state;
    fits(2, 2, 1, (uint8_t[]){ 10, 20, 30, 40 }, 1, 1, (uint8_t[]){ 25 });
    fits(4, 4, 1, (uint8_t[]){ 0, 4, 100, 100, 8, 12, 100, 100, 9, 9, 1, 2, 9, 9, 3, 4 }, 2, 2,
         (uint8_t[]){ 6, 100, 9, 2 }); /* 2.5 goes to even */
    /* 3 to 2: each covers one and a half: (0 + 60/2) / 1.5, (60/2 + 90) / 1.5 */
    fits(3, 3, 1, (uint8_t[]){ 0, 60, 90, 0, 60, 90, 0, 60, 90 }, 2, 2,
         (uint8_t[]){ 20, 80, 20, 80 });
    fits(2, 2, 2, (uint8_t[]){ 10, 1, 20, 3, 30, 5, 40, 7 }, 1, 1, (uint8_t[]){ 25, 4 });
}

static void growing_is_bilinear_with_edges_held(void **state)
{
    (void)state;
    fits(1, 1, 3, (uint8_t[]){ 1, 2, 3 }, 2, 2, (uint8_t[]){ 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3 });
    fits(2, 2, 1, (uint8_t[]){ 0, 80, 0, 80 }, 4, 4,
         (uint8_t[]){ 0, 20, 60, 80, 0, 20, 60, 80, 0, 20, 60, 80, 0, 20, 60, 80 });
}

static void the_centre_of_the_right_shape_is_kept(void **state)
{
    (void)state;
    fits(2, 6, 1, (uint8_t[]){ 9, 9, 1, 2, 9, 9, 9, 9, 3, 4, 9, 9 }, 2, 2,
         (uint8_t[]){ 1, 2, 3, 4 });
    fits(4, 2, 1, (uint8_t[]){ 9, 9, 1, 2, 3, 4, 9, 9 }, 2, 2, (uint8_t[]){ 1, 2, 3, 4 });
    /* An odd rest: half a pixel goes on each side. */
    fits(2, 3, 1, (uint8_t[]){ 0, 100, 200, 0, 100, 200 }, 2, 2, (uint8_t[]){ 50, 150, 50, 150 });
    fits(1, 5, 1, (uint8_t[]){ 9, 1, 2, 3, 9 }, 1, 3, (uint8_t[]){ 1, 2, 3 });
}

static void a_constant_stays_constant_at_any_size(void **state)
{
    (void)state;
    static uint8_t in[37 * 23 * 3];
    memset(in, 255, sizeof in);
    for (int h = 1; h < 60; h += 7)
        for (int w = 1; w < 60; w += 9) {
            um_image out;
            CHECK_OK(&ctx, um_image_fit(&ctx, &(um_image){ 37, 23, 3, in }, h, w, &out));
            for (int i = 0; i < h * w * 3; i++) assert_int_equal(out.pixels[i], 255);
            um_image_free(&ctx, &out);
        }
}

static void sizes_out_of_bounds_are_refused(void **state)
{
    (void)state;
    const int cases[][3] = { { 0, 1, 1 }, { 1, -1, 1 }, { 1, 1, 0 }, { 1, 1, 17 }, { 16385, 1, 1 },
                             { 16384, 16384, 1 } };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_image image;
        assert_int_equal(um_image_make(&ctx, &image, cases[i][0], cases[i][1], cases[i][2]),
                         UM_BAD_ARG);
        assert_null(image.pixels);
    }
}

static um_status fit_it(um_ctx *c, void *arg)
{
    um_image out;
    (void)arg;
    UM_TRY(um_image_fit(c, &(um_image){ 2, 2, 1, (uint8_t[]){ 1, 2, 3, 4 } }, 3, 5, &out));
    um_image_free(c, &out);
    return UM_OK;
}

static void no_allocation_that_fails_leaks(void **state)
{
    (void)state;
    check_every_allocation(fit_it, NULL);
}

int main(void)
{
    um_ctx_init(&ctx);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_that_fits_is_left_as_it_is),
        cmocka_unit_test(shrinking_takes_the_mean_over_the_area),
        cmocka_unit_test(growing_is_bilinear_with_edges_held),
        cmocka_unit_test(the_centre_of_the_right_shape_is_kept),
        cmocka_unit_test(a_constant_stays_constant_at_any_size),
        cmocka_unit_test(sizes_out_of_bounds_are_refused),
        cmocka_unit_test(no_allocation_that_fails_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
