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
