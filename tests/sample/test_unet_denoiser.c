/* SPDX-License-Identifier: MIT */
#include "sample/unet_denoiser.h"

#include "base/random.h"
#include "support/check.h"
#include "tensor/kernels/kernels.h"

#include <string.h>

enum { SIDE = 64, IMAGE = SIDE * SIDE };

/* Its activations are large beside its weights, so that batches are soon computed in parts. */
static um_unet *open_network(um_ctx *ctx, int in, int out)
{
    um_unet_config c;
    um_unet *unet;
    um_unet_config_default(&c);
    c.in_channels = in;
    c.out_channels = out;
    c.levels = 1;
    c.channels[0] = 16;
    c.down_attention[0] = c.up_attention[0] = c.add_attention = false;
    c.norm_num_groups = 4;
    CHECK_OK(ctx, um_unet_open(&unet, ctx, &c));
    um_params_initialise(um_unet_params(unet), 3);
    um_real *last = um_params_find(um_unet_params(unet), "conv_out.weight")->value; /* zeros yet */
    for (int i = 0; i < 9 * 16 * out; i++) last[i] = (um_real)(0.01 * (i % 7 - 3));
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
    um_unet *unet = open_network(&ctx, 1, 1);
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

/* The network's own answer about one image, halves of each pixel side by side. */
static void record_one(um_ctx *ctx, um_unet *unet, const float *x, double t, float *out)
{
    um_tape *tape;
    CHECK_OK(ctx, um_tape_open(&tape, ctx));
    const um_var in = um_tape_input(tape, "x", (um_shape){ 1, SIDE, SIDE, 2 });
    const um_var when = um_tape_input(tape, "t", (um_shape){ 1, 1, 1, 1 });
    const um_var y = um_unet_apply(tape, unet, in, when, (um_var){ 0 }, false);
    um_tape_output(tape, y);
    CHECK_OK(ctx, um_tape_plan(tape, (um_var){ 0 }));
    CHECK_OK(ctx, um_tape_commit(tape));
    memcpy(um_data(tape, in), x, 2 * IMAGE * sizeof *x);
    um_data(tape, when)[0] = (um_real)t;
    CHECK_OK(ctx, um_tape_forward(tape));
    memcpy(out, um_data(tape, y), 4 * IMAGE * sizeof *out);
    um_tape_close(&tape);
}

static void a_variance_stands_behind_the_predictions(void **state)
{
    (void)state;
    um_ctx ctx;
    int most;
    um_ctx_init(&ctx);
    ctx.threads = 1;
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "auto"));
    um_unet *unet = open_network(&ctx, 2, 4);
    CHECK_OK(&ctx, um_unet_part(unet, SIDE, SIDE, &most));
    const size_t n = (size_t)most + 1, size = 2 * IMAGE; /* two parts */
    float *x = test_calloc(n * size, sizeof *x), *one = test_calloc(2 * size, sizeof *one);
    float *both = test_calloc(2 * n * size, sizeof *both);
    float *first = test_calloc(n * size, sizeof *first);
    double *t = test_calloc(n, sizeof *t);
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, 0 }, x, n * size);
    for (size_t i = 0; i < n; i++) t[i] = (double)(37 * i % 1000);
    for (int differentiable = 0; differentiable < 2; differentiable++) {
        um_unet_denoiser d;
        um_unet_denoiser_init(&d, &ctx, unet, SIDE, SIDE);
        d.differentiable = differentiable;
        const um_denoiser model = um_denoiser_from_unet(&d);
        assert_int_equal(model.learns_variance, !differentiable);
        CHECK_OK(&ctx, model.predict(model.user, (int)n, x, t, NULL,
                                     differentiable ? first : both));
        um_unet_denoiser_free(&d);
    }
    for (size_t i = 0; i < n; i++) {
        record_one(&ctx, unet, x + i * size, t[i], one);
        for (size_t k = 0; k < size; k++) {
            const size_t pixel = k / 2, c = k % 2;
            assert_true(both[i * size + k] == one[4 * pixel + c]);
            assert_true(both[(n + i) * size + k] == one[4 * pixel + 2 + c]);
        }
    }
    assert_memory_equal(first, both, n * size * sizeof *both);
    um_unet_close(&unet);
    test_free(x);
    test_free(one);
    test_free(both);
    test_free(first);
    test_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_does_not_depend_on_the_part_it_is_in),
        cmocka_unit_test(a_variance_stands_behind_the_predictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
