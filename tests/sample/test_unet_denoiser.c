/* SPDX-License-Identifier: MIT */
#include "sample/unet_denoiser.h"

#include "base/random.h"
#include "support/check.h"
#include "tensor/kernels/kernels.h"

#include <string.h>

enum { SIDE = 64, IMAGE = SIDE * SIDE };

/* Its activations are large beside its weights, so that batches are soon computed in parts. */
static um_unet *open_network(um_ctx *ctx)
{
    um_unet_config c;
    um_unet *unet;
    um_unet_config_default(&c);
    c.in_channels = c.out_channels = 1;
    c.levels = 1;
    c.channels[0] = 16;
    c.down_attention[0] = c.up_attention[0] = c.add_attention = false;
    c.norm_num_groups = 4;
    CHECK_OK(ctx, um_unet_open(&unet, ctx, &c));
    um_params_initialise(um_unet_params(unet), 3);
    um_real *last = um_params_find(um_unet_params(unet), "conv_out.weight")->value; /* zeros yet */
    for (int i = 0; i < 9 * 16; i++) last[i] = (um_real)(0.01 * (i % 7 - 3));
    return unet;
}

static void an_image_does_not_depend_on_the_part_it_is_in(void **state)
{
    (void)state;
    um_ctx ctx;
    um_unet_denoiser d;
    int most;
    um_ctx_init(&ctx);
    ctx.threads = 2;
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "auto"));
    um_unet *unet = open_network(&ctx);
    CHECK_OK(&ctx, um_unet_part(unet, SIDE, SIDE, &most));
    assert_true(most > 1);
    const int n = 3 * most - 1; /* three parts, of which the last is not full */
    float *x = test_calloc((size_t)n * IMAGE, sizeof *x);
    float *all = test_calloc((size_t)n * IMAGE, sizeof *all);
    float *one = test_calloc(IMAGE, sizeof *one);
    double *t = test_calloc((size_t)n, sizeof *t);
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, 0 }, x, (size_t)n * IMAGE);
    for (int i = 0; i < n; i++) t[i] = 37 * i % 1000;
    um_unet_denoiser_init(&d, &ctx, unet, SIDE, SIDE);
    CHECK_OK(&ctx, um_unet_denoiser_run(&d, n, x, t, NULL, all));
    assert_int_equal(d.part, most);
    const int some[] = { 0, most - 1, most, 2 * most, n - 1 };
    for (size_t k = 0; k < UM_COUNT(some); k++) {
        const size_t at = (size_t)some[k] * IMAGE;
        CHECK_OK(&ctx, um_unet_denoiser_run(&d, 1, x + at, t + some[k], NULL, one));
        assert_memory_equal(one, all + at, IMAGE * sizeof *one);
    }
    um_unet_denoiser_free(&d);
    um_unet_close(&unet);
    test_free(x);
    test_free(all);
    test_free(one);
    test_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_does_not_depend_on_the_part_it_is_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
