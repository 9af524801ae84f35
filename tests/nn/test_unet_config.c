/* SPDX-License-Identifier: MIT */
#include "nn/unet_config.h"

#include <math.h>
#include <string.h>

#include "support/check.h"

static void defaults_are_diffusers_and_make_a_network(void **state)
{
    (void)state;
    um_ctx ctx;
    um_unet_config c;
    um_ctx_init(&ctx);
    um_unet_config_default(&c);
    CHECK_OK(&ctx, um_unet_config_check(&ctx, &c));
    assert_int_equal(c.channels[3], 896);
    assert_int_equal(um_unet_embedding_width(&c), 896);
    assert_int_equal(um_unet_label_width(&c), 0);
    c.time_embedding_dim = 100;
    c.class_embed_type = UM_CLASS_IDENTITY;
    assert_int_equal(um_unet_label_width(&c), 100);
}

static void the_null_class_is_no_class_of_images(void **state)
{
    (void)state;
    um_unet_config c;
    um_unet_config_default(&c);
    assert_int_equal(um_unet_classes(&c), 0);
    c.num_class_embeds = 11;
    c.class_embed_type = UM_CLASS_TABLE;
    assert_int_equal(um_unet_classes(&c), 11);
    c.null_class = true;
    assert_int_equal(um_unet_classes(&c), 10);
    c.class_embed_type = UM_CLASS_TIMESTEP;
    c.null_class = false;
    assert_int_equal(um_unet_classes(&c), 0);
}

/* One change to the defaults each. */
#define SPOIL(name, ...)                                                                           \
    static void name(um_unet_config *c)                                                            \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
SPOIL(no_input, c->in_channels = 0)
SPOIL(no_output, c->out_channels = -1)
SPOIL(no_level, c->levels = 0)
SPOIL(nine_levels, c->levels = 9)
SPOIL(no_layer, c->layers_per_block = 0)
SPOIL(padding, c->downsample_padding = 2)
SPOIL(groups, c->norm_num_groups = 48)
SPOIL(middle_groups, c->attn_norm_num_groups = 5)
SPOIL(channels, c->channels[2] = 0)
SPOIL(eps, c->norm_eps = 0)
SPOIL(not_a_number, c->norm_eps = NAN)
SPOIL(scale, c->mid_block_scale_factor = 0)
SPOIL(dropout, c->dropout = 1)
SPOIL(shift, c->freq_shift = 112)
SPOIL(learned, c->time_embedding_type = UM_TIME_LEARNED)
SPOIL(classes, c->class_embed_type = UM_CLASS_TABLE)
SPOIL(none_of_none, c->null_class = true)
SPOIL(none_alone, c->class_embed_type = UM_CLASS_TABLE, c->num_class_embeds = 1,
      c->null_class = true)
SPOIL(size, c->sample_h = 32, c->sample_w = 36)

static void what_makes_no_network_is_named(void **state)
{
    (void)state;
    const struct {
        void (*spoil)(um_unet_config *c);
        const char *told;
    } cases[] = {
        { no_input, "in_channels is 0 (1 to" },
        { no_output, "out_channels is -1" },
        { no_level, "block_out_channels: entries is 0 (1 to 8)" },
        { nine_levels, "block_out_channels: entries is 9 (1 to 8)" },
        { no_layer, "layers_per_block is 0" },
        { padding, "downsample_padding is 2 (0 to 1)" },
        { groups, "norm_num_groups is 48 (a divisor of block_out_channels' 224)" },
        { middle_groups, "attn_norm_num_groups is 5 (a divisor of the last level's 896)" },
        { channels, "block_out_channels has 0" },
        { eps, "norm_eps is 0" },
        { not_a_number, "norm_eps is nan" },
        { scale, "mid_block_scale_factor is 0" },
        { dropout, "dropout is 1" },
        { shift, "freq_shift is 112 (not 112" },
        { learned, "num_train_timesteps is missing" },
        { classes, "num_class_embeds is 0" },
        { none_of_none, "_null_class is true (false, or num_class_embeds" },
        { none_alone, "_null_class is true (false, or num_class_embeds" },
        { size, "sample_size: images of 32 x 36 do not pass through 4 levels (multiples of 8)" },
    };
    um_ctx ctx;
    um_ctx_init(&ctx);
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_unet_config c;
        um_unet_config_default(&c);
        cases[i].spoil(&c);
        const um_status status = um_unet_config_check(&ctx, &c);
        if (status != UM_BAD_ARG)
            fail_msg("\"%s\" gives %s", cases[i].told, um_status_text(status));
        if (!strstr(ctx.message, cases[i].told))
            fail_msg("\"%s\", not \"%s\"", ctx.message, cases[i].told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_diffusers_and_make_a_network),
        cmocka_unit_test(the_null_class_is_no_class_of_images),
        cmocka_unit_test(what_makes_no_network_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
