/* SPDX-License-Identifier: MIT */
#include "sample/noise.h"

#include "support/check.h"

static void philox_noise_belongs_to_image_and_row(void **state)
{
    (void)state;
    um_noise_philox p = { .seed = 5, .size = 6 };
    const um_noise source = um_noise_from_philox(&p);
    assert_false(source.sequential);
    float together[18], alone[6], other[6];
    source.draw(source.user, 3, 10, 3, together);
    source.draw(source.user, 3, 12, 1, alone);
    assert_memory_equal(together + 12, alone, sizeof alone);
    source.draw(source.user, 4, 12, 1, other);
    assert_memory_not_equal(alone, other, sizeof alone);
    source.draw(source.user, UM_NOISE_START, 12, 1, other);
    assert_memory_not_equal(alone, other, sizeof alone);
    source.draw(source.user, 4, 11, 1, other); /* image + row is the same */
    assert_memory_not_equal(alone, other, sizeof alone);
    p.seed = 6;
    source.draw(source.user, 3, 12, 1, other);
    assert_memory_not_equal(alone, other, sizeof alone);
}

/* Two images of 2 x 3 pixels and 3 channels: torch fills image, channel, row, column. */
static void torch_noise_is_one_draw_in_its_own_order(void **state)
{
    (void)state;
    enum { N = 2, H = 2, W = 3, C = 3, ALL = N * H * W * C };
    float scratch[ALL], got[ALL], want[ALL];
    um_noise_torch p = { .h = H, .w = W, .c = C, .scratch = scratch };
    um_torch_random g;
    um_torch_random_init(&g, 11);
    um_torch_random_init(&p.generator, 11);
    const um_noise source = um_noise_from_torch(&p);
    assert_true(source.sequential);
    for (int draw = 0; draw < 2; draw++) {
        um_torch_randn(&g, want, ALL);
        source.draw(source.user, draw, 0, N, got);
        for (int i = 0; i < N; i++)
            for (int c = 0; c < C; c++)
                for (int k = 0; k < H * W; k++)
                    assert_true(got[(i * H * W + k) * C + c] == want[(i * C + c) * H * W + k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_noise_belongs_to_image_and_row),
        cmocka_unit_test(torch_noise_is_one_draw_in_its_own_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
