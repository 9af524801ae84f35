/* SPDX-License-Identifier: MIT */
#include "nn/classifier.h"

#include <math.h>
#include <string.h>

#include "nn/unet.h"
#include "support/check.h"
#include "tensor/kernels/kernels.h"

enum { SIDE = 4, CLASSES = 3 };

static um_unet_config config(void)
{
    um_unet_config c;
    um_unet_config_default(&c);
    c.in_channels = c.out_channels = 1;
    c.levels = 2;
    for (int i = 0; i < c.levels; i++) {
        c.channels[i] = 4;
        c.down_attention[i] = c.up_attention[i] = false;
    }
    c.layers_per_block = 1;
    c.norm_num_groups = 2;
    c.logits = CLASSES;
    return c;
}

static um_unet *open_network(um_ctx *ctx)
{
    um_unet *unet;
    const um_unet_config c = config();
    um_ctx_init(ctx);
    CHECK_OK(ctx, um_kernels_choose(ctx, "auto"));
    CHECK_OK(ctx, um_unet_open(&unet, ctx, &c));
    return unet;
}

/* No up block, no conv_out; the rest has the names of the U-Net. */
static void it_is_the_encoder_half_and_a_head(void **state)
{
    (void)state;
    um_ctx ctx;
    um_unet *unet = open_network(&ctx), *whole;
    const um_params *p = um_unet_params(unet);
    um_unet_config c = config();
    c.logits = 0;
    CHECK_OK(&ctx, um_unet_open(&whole, &ctx, &c));
    int own = 0;
    for (int i = 0; i < p->count; i++) {
        assert_null(strstr(p->list[i]->name, "up_blocks"));
        assert_null(strstr(p->list[i]->name, "conv_out"));
        own += !um_params_find(um_unet_params(whole), p->list[i]->name);
    }
    assert_int_equal(own, 4);
    assert_non_null(um_params_find(um_unet_params(unet), "mid_block.resnets.1.conv2.bias"));
    assert_int_equal(um_params_find(um_unet_params(unet), "head_scores.weight")->shape.c, CLASSES);
    um_unet_close(&unet);
    um_unet_close(&whole);
}

/* Scores of each image, whatever its size; at first all 0, and then what head_scores makes of the
 * mean of the normalised pixels: mean 0, so the bias, unless the activation bends them. */
static void every_image_has_scores_of_its_own(void **state)
{
    (void)state;
    um_ctx ctx;
    um_unet *unet = open_network(&ctx);
    um_params_initialise(um_unet_params(unet), 3);
    for (int trained = 0; trained < 2; trained++) {
        um_tape *t;
        if (trained)
            for (int k = 0; k < CLASSES; k++)
                um_params_find(um_unet_params(unet), "head_scores.bias")->value[k] = (um_real)k;
        CHECK_OK(&ctx, um_tape_open(&t, &ctx));
        const um_var x = um_tape_input(t, "x", (um_shape){ 2, SIDE, 2 * SIDE, 1 });
        const um_var when = um_tape_input(t, "t", (um_shape){ 2, 1, 1, 1 });
        const um_var y = um_unet_apply(t, unet, x, when, (um_var){ 0 }, false);
        assert_true(um_shape_same(um_shape_of(t, y), (um_shape){ 2, 1, 1, CLASSES }));
        um_tape_output(t, y);
        CHECK_OK(&ctx, um_tape_plan(t, (um_var){ 0 }));
        CHECK_OK(&ctx, um_tape_commit(t));
        for (int i = 0; i < 4 * SIDE * SIDE; i++) um_data(t, x)[i] = (um_real)sin(i);
        um_data(t, when)[0] = um_data(t, when)[1] = 7;
        CHECK_OK(&ctx, um_tape_forward(t));
        for (int i = 0; i < 2 * CLASSES; i++)
            CHECK_NEAR(um_data(t, y)[i], trained ? i % CLASSES : 0, 0);
        um_tape_close(&t);
    }
    um_unet_close(&unet);
}

static void classes_beside_scores_are_refused(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_unet_config c = config();
    CHECK_OK(&ctx, um_unet_config_check(&ctx, &c));
    c.class_embed_type = UM_CLASS_TABLE;
    c.num_class_embeds = CLASSES;
    assert_int_equal(um_unet_config_check(&ctx, &c), UM_BAD_ARG);
    assert_non_null(strstr(ctx.message, "a classifier with an embedding of classes (null)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_encoder_half_and_a_head),
        cmocka_unit_test(every_image_has_scores_of_its_own),
        cmocka_unit_test(classes_beside_scores_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
