/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <jansson.h>

#include "io/unet_file.h"
#include "support/check.h"
#include "support/golden.h"
#include "support/scratch.h"

/* Every key away from its default. */
static const char every_key[] =
    "{ \"_class_name\": \"UNet2DModel\", \"_diffusers_version\": \"0.42.1\", \"act_fn\": "
    "\"mish\",\n"
    "  \"add_attention\": false, \"attention_head_dim\": 4, \"attn_norm_num_groups\": 2,\n"
    "  \"block_out_channels\": [8, 16, 24], \"center_input_sample\": true,\n"
    "  \"class_embed_type\": \"identity\",\n"
    "  \"down_block_types\": [\"AttnDownBlock2D\", \"DownBlock2D\", \"AttnDownBlock2D\"],\n"
    "  \"downsample_padding\": 0, \"downsample_type\": \"resnet\", \"dropout\": 0.25,\n"
    "  \"flip_sin_to_cos\": false, \"freq_shift\": 1, \"in_channels\": 4, \"layers_per_block\": "
    "3,\n"
    "  \"mid_block_scale_factor\": 1.5, \"mid_block_type\": null, \"norm_eps\": 0.002,\n"
    "  \"norm_num_groups\": 8, \"num_class_embeds\": 7, \"num_train_timesteps\": 500,\n"
    "  \"out_channels\": 5, \"resnet_time_scale_shift\": \"scale_shift\", \"sample_size\": [24, "
    "40],\n"
    "  \"time_embedding_dim\": 48, \"time_embedding_type\": \"learned\",\n"
    "  \"up_block_types\": [\"UpBlock2D\", \"AttnUpBlock2D\", \"UpBlock2D\"],\n"
    "  \"upsample_type\": \"resnet\" }\n";

static const char *const models[] = { "ddpm_like",   "gray_heads",      "class_cond",
                                      "scale_shift", "resample_resnet", "odd_size" };

/* Read the config at path, write it, and find in it what was there. */
static void check_comes_back(scratch *s, const char *path)
{
    um_unet_config c;
    json_error_t e;
    CHECK_OK(&s->ctx, um_unet_file_read_config(&s->ctx, &c, path));
    const char *out = scratch_path(s, "written.json");
    CHECK_OK(&s->ctx, um_unet_file_write_config(&s->ctx, &c, out));
    json_t *a = json_load_file(path, 0, &e), *b = json_load_file(out, 0, &e);
    assert_true(a && b);
    if (!json_equal(a, b)) fail_msg("%s does not come back: %s", path, json_dumps(b, 0));
    json_decref(a);
    json_decref(b);
}

static void configurations_come_back_as_diffusers_wrote_them(void **state)
{
    scratch *s = *state;
    char name[64];
    for (size_t i = 0; i < UM_COUNT(models); i++) {
        snprintf(name, sizeof name, "unet/%s/config.json", models[i]);
        check_comes_back(s, golden_path(name));
    }
    check_comes_back(s, scratch_write(s, "every.json", every_key, strlen(every_key)));
}

/* Written only where it is so: a file of diffusers says nothing of it. */
static void a_null_class_comes_back(void **state)
{
    scratch *s = *state;
    static const char none[] = "{ \"num_class_embeds\": 11, \"_null_class\": true }";
    um_unet_config c, again;
    CHECK_OK(&s->ctx,
             um_unet_file_read_config(&s->ctx, &c, scratch_write(s, "c", none, strlen(none))));
    assert_true(c.null_class && c.num_class_embeds == 11);
    const char *out = scratch_path(s, "written.json");
    CHECK_OK(&s->ctx, um_unet_file_write_config(&s->ctx, &c, out));
    CHECK_OK(&s->ctx, um_unet_file_read_config(&s->ctx, &again, out));
    assert_true(again.null_class && again.num_class_embeds == 11);
}

static void a_classifier_comes_back(void **state)
{
    scratch *s = *state;
    static const char ours[] = "{ \"_class_name\": \"UnmistClassifier\", \"num_classes\": 7 }";
    um_unet_config c, again;
    CHECK_OK(&s->ctx,
             um_unet_file_read_config(&s->ctx, &c, scratch_write(s, "c", ours, strlen(ours))));
    assert_int_equal(c.logits, 7);
    const char *out = scratch_path(s, "written.json");
    CHECK_OK(&s->ctx, um_unet_file_write_config(&s->ctx, &c, out));
    CHECK_OK(&s->ctx, um_unet_file_read_config(&s->ctx, &again, out));
    assert_int_equal(again.logits, 7);
}

static void every_key_is_understood(void **state)
{
    scratch *s = *state;
    um_unet_config c;
    CHECK_OK(&s->ctx, um_unet_file_read_config(
                          &s->ctx, &c, scratch_write(s, "c", every_key, strlen(every_key))));
    assert_true(c.act_fn == UM_MISH && !c.add_attention && c.attention_head_dim == 4);
    assert_true(c.attn_norm_num_groups == 2 && c.levels == 3 && c.channels[2] == 24);
    assert_true(c.center_input_sample && c.class_embed_type == UM_CLASS_IDENTITY);
    assert_true(c.down_attention[0] && !c.down_attention[1] && c.down_attention[2]);
    assert_true(!c.up_attention[0] && c.up_attention[1] && !c.up_attention[2]);
    assert_true(c.downsample_padding == 0 && c.downsample_resnet && c.upsample_resnet);
    assert_true(c.dropout == 0.25 && !c.flip_sin_to_cos && c.freq_shift == 1.0);
    assert_true(c.in_channels == 4 && c.out_channels == 5 && c.layers_per_block == 3);
    assert_true(c.mid_block_scale_factor == 1.5 && !c.mid_block && c.norm_eps == 0.002);
    assert_true(c.norm_num_groups == 8 && c.num_class_embeds == 7 && c.num_train_timesteps == 500);
    assert_true(c.time_scale_shift && c.sample_h == 24 && c.sample_w == 40);
    assert_true(c.time_embedding_dim == 48 && c.time_embedding_type == UM_TIME_LEARNED);
}

/* Python's None is as good as False. What EMAModel.save_pretrained adds, and notes, say nothing of
 * the network. */
static void switches_may_be_null_and_notes_say_nothing(void **state)
{
    scratch *s = *state;
    static const char json[] =
        "{ \"add_attention\": null, \"flip_sin_to_cos\": null, \"center_input_sample\": null,\n"
        "  \"decay\": 0.9999, \"inv_gamma\": 1.0, \"min_decay\": 0.0,\n"
        "  \"optimization_step\": 7, \"power\": 0.75, \"update_after_step\": 0,\n"
        "  \"use_ema_warmup\": true,\n"
        "  \"_name_or_path\": \"a/b\", \"_commit_hash\": null, \"_use_default_values\": [] }";
    um_unet_config c;
    CHECK_OK(&s->ctx,
             um_unet_file_read_config(&s->ctx, &c, scratch_write(s, "c", json, strlen(json))));
    assert_true(!c.add_attention && !c.flip_sin_to_cos && !c.center_input_sample);
}

static void keys_that_are_not_there_have_diffusers_defaults(void **state)
{
    scratch *s = *state;
    um_unet_config c, d;
    memset(&c, 0, sizeof c);
    memset(&d, 0, sizeof d);
    um_unet_config_default(&d);
    CHECK_OK(&s->ctx, um_unet_file_read_config(&s->ctx, &c, scratch_write(s, "c", "{}", 2)));
    assert_memory_equal(c.channels, d.channels, sizeof d.channels);
    assert_true(c.attention_head_dim == 8 && c.levels == 4 && c.mid_block && c.up_attention[0]);
    assert_true(c.norm_eps == 1e-5 && c.downsample_padding == 1 && c.flip_sin_to_cos);
    assert_true(c.class_embed_type == UM_CLASS_NONE && c.num_class_embeds == 0);
}

/* The key of a configuration that else is sound, and what must be told. */
static void what_is_not_supported_is_refused_by_name(void **state)
{
    scratch *s = *state;
    const struct {
        const char *json, *told;
    } cases[] = {
        { "{\"cross_attention_dim\": 768}", "key 'cross_attention_dim' is none of UNet2DModel's" },
        { "{\"_class_name\": \"UNet2DConditionModel\"}",
          "key '_class_name' is 'UNet2DConditionModel'" },
        { "{\"act_fn\": \"tanh\"}",
          "key 'act_fn' is 'tanh' (supported: silu, swish, mish, gelu, relu)" },
        { "{\"time_embedding_type\": \"x\"}", "key 'time_embedding_type' is 'x'" },
        { "{\"time_embedding_type\": null}", "key 'time_embedding_type' is null" },
        { "{\"time_embedding_type\": \"learned\"}", "num_train_timesteps is missing" },
        { "{\"class_embed_type\": \"projection\"}", "(supported: timestep, identity)" },
        { "{\"resnet_time_scale_shift\": \"spatial\"}", "(supported: default, scale_shift)" },
        { "{\"downsample_type\": \"fir\"}", "key 'downsample_type' is 'fir'" },
        { "{\"mid_block_type\": \"UNetMidBlock2DCrossAttn\"}", "(supported: UNetMidBlock2D)" },
        { "{\"down_block_types\": [\"DownBlock2D\", \"SkipDownBlock2D\", \"DownBlock2D\", "
          "\"DownBlock2D\"]}",
          "key 'down_block_types' is 'SkipDownBlock2D'" },
        { "{\"up_block_types\": [\"UpBlock2D\"]}",
          "key 'up_block_types' has 1 entries (4, as many as" },
        { "{\"block_out_channels\": [32, 64]}", "key 'down_block_types' is missing (2 levels)" },
        { "{\"block_out_channels\": [1, 1, 1, 1, 1, 1, 1, 1, 1]}", "has 9 entries (at most 8" },
        { "{\"block_out_channels\": \"x\"}", "key 'block_out_channels' should be an array" },
        { "{\"norm_num_groups\": 9}", "norm_num_groups is 9 (a divisor of" },
        { "{\"attention_head_dim\": 0}", "key 'attention_head_dim' is 0" },
        { "{\"_null_class\": true}", "_null_class is true (false, or num_class_embeds" },
        { "{\"num_classes\": 7}", "key 'num_classes' is none of UNet2DModel's" },
        { "{\"_class_name\": \"UnmistClassifier\"}", "key 'num_classes' is missing" },
        { "{\"_null_class\": 1}", "key '_null_class' should be true or false" },
        { "{\"num_class_embeds\": 0}", "key 'num_class_embeds' is 0" },
        { "{\"in_channels\": -1}", "key 'in_channels' is -1" },
        { "{\"in_channels\": 1.5}", "key 'in_channels' should be a whole number" },
        { "{\"in_channels\": 99999999999}", "key 'in_channels' is 99999999999" },
        { "{\"layers_per_block\": 1000}", "layers_per_block is 1000 (1 to 32)" },
        { "{\"downsample_padding\": 2}", "downsample_padding is 2 (0 to 1)" },
        { "{\"sample_size\": [32]}", "key 'sample_size' should be a size or [height, width]" },
        { "{\"sample_size\": 0}", "key 'sample_size' is 0" },
        { "{\"sample_size\": [24, 20]}",
          "sample_size: images of 24 x 20 do not pass through 4 levels" },
        { "{\"dropout\": 1.0}", "dropout is 1" },
        { "{\"norm_eps\": \"1e-5\"}", "key 'norm_eps' should be a number" },
        { "{\"add_attention\": 1}", "key 'add_attention' should be true or false" },
        { "[]", "should be one JSON object" },
        { "{\"dropout\": 0, \"dropout\": 0}", "c:1: duplicate" },
        { "{", "c:1: " },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_unet_config c = { .levels = 77 };
        const char *path = scratch_write(s, "c", cases[i].json, strlen(cases[i].json));
        const um_status status = um_unet_file_read_config(&s->ctx, &c, path);
        if (status != UM_BAD_FILE) fail_msg("%s gives %s", cases[i].json, um_status_text(status));
        CHECK_TOLD(&s->ctx, path);
        CHECK_TOLD(&s->ctx, cases[i].told);
        assert_int_equal(c.levels, 77);
    }
}

/* diffusers knows no head wider than its channels: one head everywhere is null. */
static void one_wide_head_is_written_as_null(void **state)
{
    scratch *s = *state;
    um_unet_config c;
    um_unet_config_default(&c);
    c.attention_head_dim = 2000;
    CHECK_OK(&s->ctx, um_unet_file_write_config(&s->ctx, &c, scratch_path(s, "c")));
    CHECK_OK(&s->ctx, um_unet_file_read_config(&s->ctx, &c, scratch_path(s, "c")));
    assert_int_equal(c.attention_head_dim, 0);
    c.attention_head_dim = 448;
    CHECK_OK(&s->ctx, um_unet_file_write_config(&s->ctx, &c, scratch_path(s, "c")));
    CHECK_OK(&s->ctx, um_unet_file_read_config(&s->ctx, &c, scratch_path(s, "c")));
    assert_int_equal(c.attention_head_dim, 448);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_come_back_as_diffusers_wrote_them),
        cmocka_unit_test(a_null_class_comes_back),
        cmocka_unit_test(a_classifier_comes_back),
        cmocka_unit_test(every_key_is_understood),
        cmocka_unit_test(switches_may_be_null_and_notes_say_nothing),
        cmocka_unit_test(keys_that_are_not_there_have_diffusers_defaults),
        cmocka_unit_test(what_is_not_supported_is_refused_by_name),
        cmocka_unit_test(one_wide_head_is_written_as_null),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
