/* SPDX-License-Identifier: MIT */
#include "io/unet_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "io/safetensors_write.h"
#include "support/check.h"
#include "support/failing.h"
#include "support/golden.h"
#include "support/scratch.h"

/* A network small enough to be written often, with attention and classes. */
static const char small_json[] =
    "{ \"_class_name\": \"UNet2DModel\", \"block_out_channels\": [8, 12], \"layers_per_block\": "
    "1,\n"
    "  \"down_block_types\": [\"DownBlock2D\", \"AttnDownBlock2D\"],\n"
    "  \"up_block_types\": [\"AttnUpBlock2D\", \"UpBlock2D\"],\n"
    "  \"norm_num_groups\": 4, \"attention_head_dim\": null, \"num_class_embeds\": 3 }\n";

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

/* The small network with values, in the folder "net". */
static um_unet *small_net(scratch *s)
{
    um_unet *unet;
    um_unet_config c;
    const char *path = scratch_write(s, "net/config.json", small_json, strlen(small_json));
    CHECK_OK(&s->ctx, um_unet_file_read_config(&s->ctx, &c, path));
    CHECK_OK(&s->ctx, um_unet_open(&unet, &s->ctx, &c));
    um_params *params = um_unet_params(unet);
    um_params_initialise(params, 3);
    um_params_find(params, "conv_out.bias")->value[1] = 0.125f;
    return unet;
}

static const char net_weights[] = "net/diffusion_pytorch_model.safetensors";

/* Write some of the network's tensors under a name that `rename` may change (NULL: leave it out).
 */
static void write_tensors(scratch *s, um_unet *unet, const char *file,
                          const char *(*rename)(const char *name, char *room))
{
    um_params *params = um_unet_params(unet);
    um_tensors_out out;
    float *values;
    CHECK_OK(&s->ctx, um_alloc(&s->ctx, &values, params->numbers, sizeof *values, "values"));
    float *at = values;
    um_tensors_begin(&out, &s->ctx);
    for (int i = 0; i < params->count; i++) {
        const um_param *p = params->list[i];
        int64_t shape[4];
        char room[256];
        const char *name = rename(p->name, room);
        if (!name) continue;
        um_param_to_file(p, p->value, at);
        um_tensors_floats(&out, name, UM_STORED_F32, um_param_file_shape(p, shape), shape, at);
        at += um_shape_count(p->shape);
    }
    CHECK_OK(&s->ctx, um_tensors_commit(&out, scratch_path(s, file)));
    um_free(&s->ctx, values);
}

static void check_same_values(scratch *s, um_unet *unet)
{
    um_unet *loaded;
    const um_params *a = um_unet_params(unet);
    CHECK_OK(&s->ctx, um_unet_file_load(&loaded, &s->ctx, scratch_path(s, "net")));
    const um_params *b = um_unet_params(loaded);
    assert_int_equal(a->padded, b->padded);
    assert_memory_equal(a->values, b->values, a->padded * sizeof *a->values);
    um_unet_close(&loaded);
}

static void what_is_saved_is_loaded_bit_for_bit(void **state)
{
    scratch *s = *state;
    um_unet *unet = small_net(s);
    CHECK_OK(&s->ctx,
             um_unet_file_write_weights(&s->ctx, unet, NULL, "F32", scratch_path(s, "net")));
    check_same_values(s, unet);
    um_unet_close(&unet);
}

static void other_values_than_the_networks_can_be_saved(void **state)
{
    scratch *s = *state;
    um_unet *unet = small_net(s);
    um_params *params = um_unet_params(unet);
    um_real *average;
    CHECK_OK(&s->ctx, um_alloc(&s->ctx, &average, params->padded, sizeof *average, "average"));
    memcpy(average, params->values, params->padded * sizeof *average);
    um_params_initialise(params, 4);
    CHECK_OK(&s->ctx,
             um_unet_file_write_weights(&s->ctx, unet, average, "f32", scratch_path(s, "net")));
    memcpy(params->values, average, params->padded * sizeof *average);
    check_same_values(s, unet);
    um_free(&s->ctx, average);
    um_unet_close(&unet);
}

static void narrow_numbers_are_rounded_and_widened(void **state)
{
    scratch *s = *state;
    const struct {
        const char *dtype;
        double part;
    } types[] = { { "f16", 0x1p-11 }, { "BF16", 0x1p-8 } };
    um_unet *unet = small_net(s), *loaded;
    const um_params *a = um_unet_params(unet);
    for (size_t k = 0; k < UM_COUNT(types); k++) {
        CHECK_OK(&s->ctx, um_unet_file_write_weights(&s->ctx, unet, NULL, types[k].dtype,
                                                     scratch_path(s, "net")));
        CHECK_OK(&s->ctx, um_unet_file_load(&loaded, &s->ctx, scratch_path(s, "net")));
        const um_params *b = um_unet_params(loaded);
        for (size_t i = 0; i < a->padded; i++)
            CHECK_NEAR(b->values[i], a->values[i], types[k].part * fabs(a->values[i]) + 1e-7);
        um_unet_close(&loaded);
    }
    assert_int_equal(
        um_unet_file_write_weights(&s->ctx, unet, NULL, "int8", scratch_path(s, "net")),
        UM_BAD_ARG);
    CHECK_TOLD(&s->ctx, "'int8' (f32, f16, bf16)");
    um_unet_close(&unet);
}

/* What AttentionBlock called its layers before diffusers 0.15. */
static const char *older(const char *name, char *room)
{
    static const char *const pairs[][2] = { { ".to_q.", ".query." },
                                            { ".to_k.", ".key." },
                                            { ".to_v.", ".value." },
                                            { ".to_out.0.", ".proj_attn." } };
    for (size_t i = 0; i < UM_COUNT(pairs); i++) {
        const char *at = strstr(name, pairs[i][0]);
        if (!at) continue;
        sprintf(room, "%.*s%s%s", (int)(at - name), name, pairs[i][1], at + strlen(pairs[i][0]));
        return room;
    }
    return name;
}

static void older_attention_names_are_understood(void **state)
{
    scratch *s = *state;
    um_unet *unet = small_net(s);
    write_tensors(s, unet, net_weights, older);
    check_same_values(s, unet);
    um_unet_close(&unet);
}

static const char *first_half(const char *name, char *room)
{
    (void)room;
    return strncmp(name, "up_blocks", 9) < 0 ? name : NULL;
}

static const char *second_half(const char *name, char *room)
{
    return first_half(name, room) ? NULL : name;
}

/* An index with an entry for each parameter. */
static void write_index(scratch *s, um_unet *unet, const char *second)
{
    um_params *params = um_unet_params(unet);
    json_t *map = json_object();
    for (int i = 0; i < params->count; i++) {
        const char *name = params->list[i]->name;
        json_object_set_new(map, name,
                            json_string(first_half(name, NULL) ? "one.safetensors" : second));
    }
    json_t *root = json_pack("{s:o}", "weight_map", map);
    assert_int_equal(
        json_dump_file(root, scratch_path(s, "net/diffusion_pytorch_model.safetensors.index.json"),
                       0),
        0);
    json_decref(root);
}

static void weights_in_shards_are_loaded(void **state)
{
    scratch *s = *state;
    um_unet *unet = small_net(s), *loaded;
    write_tensors(s, unet, "net/one.safetensors", first_half);
    write_tensors(s, unet, "net/two.safetensors", second_half);
    CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, net_weights)));
    write_index(s, unet, "two.safetensors");
    check_same_values(s, unet);
    write_index(s, unet, "../net/two.safetensors");
    assert_int_equal(um_unet_file_load(&loaded, &s->ctx, scratch_path(s, "net")), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "should name a file in the same folder");
    write_index(s, unet, "three.safetensors");
    assert_int_equal(um_unet_file_load(&loaded, &s->ctx, scratch_path(s, "net")), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "net/three.safetensors");
    um_unet_close(&unet);
    CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, "net")));
}

static const char *one_missing(const char *name, char *room)
{
    (void)room;
    return strcmp(name, "up_blocks.0.attentions.1.to_k.bias") ? name : NULL;
}

static const char *one_too_many(const char *name, char *room)
{
    (void)room;
    return strcmp(name, "conv_in.bias") ? name : "conv_in.bios";
}

/* Tensors as `rename` says; loading must fail, tell this, and open nothing. */
static void check_refused(scratch *s, um_unet *unet, const char *(*rename)(const char *, char *),
                          const char *told)
{
    um_unet *loaded = unet;
    if (rename) write_tensors(s, unet, net_weights, rename);
    assert_int_equal(um_unet_file_load(&loaded, &s->ctx, scratch_path(s, "net")), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, told);
    assert_null(loaded);
}

static void tensors_that_do_not_fit_are_named(void **state)
{
    scratch *s = *state;
    um_unet *unet = small_net(s);
    check_refused(s, unet, one_missing, "tensor 'up_blocks.0.attentions.1.to_k.bias' is missing");
    check_refused(s, unet, one_too_many, "tensor 'conv_in.bias' is missing");
    um_params_find(um_unet_params(unet), "conv_in.weight")->shape.c = 7;
    check_refused(s, unet, older,
                  "tensor 'conv_in.weight' is [7, 3, 3, 3] (the network has [8, 3, 3, 3])");
    um_params_find(um_unet_params(unet), "conv_in.weight")->shape.c = 8;
    const char *name = um_unet_params(unet)->list[0]->name;
    um_unet_params(unet)->list[0]->name = "stranger"; /* of the shape of conv_in.weight */
    write_tensors(s, unet, net_weights, older);
    um_unet_params(unet)->list[0]->name = name;
    check_refused(s, unet, NULL, "tensor 'conv_in.weight' is missing");
    um_unet_close(&unet);
}

static void a_tensor_of_no_layer_is_refused(void **state)
{
    scratch *s = *state;
    um_unet *unet = small_net(s);
    static const char larger[] =
        "{ \"block_out_channels\": [8, 12], \"layers_per_block\": 1, \"norm_num_groups\": 4,"
        "\"down_block_types\": [\"DownBlock2D\", \"AttnDownBlock2D\"], \"num_class_embeds\": 3,"
        "\"up_block_types\": [\"UpBlock2D\", \"UpBlock2D\"], \"attention_head_dim\": null }";
    write_tensors(s, unet, net_weights, older);
    scratch_write(s, "net/config.json", larger, strlen(larger));
    check_refused(s, unet, NULL,
                  "tensor 'up_blocks.0.attentions.0.group_norm.bias' is none of the network's");
    um_unet_close(&unet);
}

static void a_folder_without_weights_says_so(void **state)
{
    scratch *s = *state;
    um_unet *unet = small_net(s);
    CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, net_weights)));
    check_refused(s, unet, NULL, "net: no diffusion_pytorch_model.safetensors here");
    scratch_write(s, "net/diffusion_pytorch_model.bin", "x", 1);
    check_refused(s, unet, NULL, "net/diffusion_pytorch_model.bin: a pickle, which can run code");
    CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, "net")));
    check_refused(s, unet, NULL, "net/config.json");
    um_unet_close(&unet);
}

static um_status load_and_save(um_ctx *ctx, void *arg)
{
    um_unet *unet;
    UM_TRY(um_unet_file_load(&unet, ctx, arg));
    um_status status = um_unet_file_write_weights(ctx, unet, NULL, "f32", arg);
    if (status == UM_OK) status = um_unet_file_write_weights(ctx, unet, NULL, "f16", arg);
    um_unet_close(&unet);
    return status;
}

static void every_failing_allocation_is_survived(void **state)
{
    scratch *s = *state;
    um_unet *unet = small_net(s);
    char folder[SCRATCH_PATH];
    snprintf(folder, sizeof folder, "%s", scratch_path(s, "net"));
    write_tensors(s, unet, net_weights, older);
    um_unet_close(&unet);
    check_every_allocation(load_and_save, folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_come_back_as_diffusers_wrote_them),
        cmocka_unit_test(every_key_is_understood),
        cmocka_unit_test(a_null_class_comes_back),
        cmocka_unit_test(a_classifier_comes_back),
        cmocka_unit_test(keys_that_are_not_there_have_diffusers_defaults),
        cmocka_unit_test(what_is_not_supported_is_refused_by_name),
        cmocka_unit_test(one_wide_head_is_written_as_null),
        cmocka_unit_test(what_is_saved_is_loaded_bit_for_bit),
        cmocka_unit_test(other_values_than_the_networks_can_be_saved),
        cmocka_unit_test(narrow_numbers_are_rounded_and_widened),
        cmocka_unit_test(older_attention_names_are_understood),
        cmocka_unit_test(weights_in_shards_are_loaded),
        cmocka_unit_test(tensors_that_do_not_fit_are_named),
        cmocka_unit_test(a_tensor_of_no_layer_is_refused),
        cmocka_unit_test(a_folder_without_weights_says_so),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
