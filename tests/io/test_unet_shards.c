/* SPDX-License-Identifier: MIT */
#include "io/unet_shards.h"

#include <stdio.h>
#include <string.h>

#include "io/file.h"
#include "io/folder.h"
#include "io/model_folder.h"
#include "io/unet_file.h"
#include "support/check.h"
#include "support/failing.h"
#include "support/golden.h"
#include "support/scratch.h"

/* The golden network in a folder that tools/make-folder-golden had diffusers write. */
static um_unet *network_in(um_ctx *ctx, const char *name, bool raw)
{
    char path[64];
    um_model_folder folder;
    um_unet *unet;
    snprintf(path, sizeof path, "folders/%s", name);
    CHECK_OK(ctx, um_model_folder_find(ctx, &folder, golden_path(path), raw));
    CHECK_OK(ctx, um_unet_file_load(&unet, ctx, folder.unet));
    um_model_folder_free(ctx, &folder);
    return unet;
}

static void every_layout_of_diffusers_holds_the_same_network(void **state)
{
    scratch *s = *state;
    static const struct {
        const char *name;
        bool raw;
        float part;
    } layouts[] = {
        { "variant", false, 1 },
        { "variant/unet", false, 1 },
        { "older", false, 1 },
        { "script", false, 1 }, /* the average in its newest checkpoint */
        { "script/checkpoint-2", false, 1 },
        { "script/checkpoint-2/unet_ema", false, 1 },
        { "script/checkpoint-2", true, 0.5f },
        { "script/checkpoint-2/unet", false, 0.5f },
    };
    um_unet *plain = network_in(&s->ctx, "plain", false);
    const um_params *a = um_unet_params(plain);
    for (size_t k = 0; k < UM_COUNT(layouts); k++) {
        um_unet *unet = network_in(&s->ctx, layouts[k].name, layouts[k].raw);
        const um_params *b = um_unet_params(unet);
        assert_int_equal(a->padded, b->padded);
        for (size_t i = 0; i < a->padded; i++)
            if (b->values[i] != layouts[k].part * a->values[i])
                fail_msg("%s: number %zu is %g, not %g", layouts[k].name, i, b->values[i],
                         layouts[k].part * a->values[i]);
        um_unet_close(&unet);
    }
    um_unet_close(&plain);
}

/* A weight file as diffusers wrote it, under another name. */
static void put(scratch *s, const char *name)
{
    um_bytes bytes;
    const char *from = golden_path("folders/plain/" UM_WEIGHTS_NAME);
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, from, 1 << 20, &bytes));
    scratch_write(s, name, bytes.data, bytes.size);
    um_free(&s->ctx, bytes.data);
}

/* Open the folder "w": the file's name, NULL where nothing is opened. */
static void check_chosen(scratch *s, const char *name)
{
    um_unet_shards shards;
    const um_status status = um_unet_shards_open(&shards, &s->ctx, scratch_path(s, "w"));
    assert_int_equal(status, name ? UM_OK : UM_BAD_FILE);
    assert_int_equal(shards.count, name != NULL);
    if (name) assert_non_null(strstr(shards.files[0].path, name));
    um_unet_shards_close(&shards);
}

static void a_variant_counts_where_it_stands_alone(void **state)
{
    scratch *s = *state;
    put(s, "w/diffusion_pytorch_model-00001-of-00002.safetensors");
    put(s, "w/diffusion_pytorch_model.fp16-00001-of-00002.safetensors");
    put(s, "w/other.fp16.safetensors");
    check_chosen(s, NULL); /* shards without an index */
    CHECK_TOLD(&s->ctx, "w: no " UM_WEIGHTS_NAME " here");
    put(s, "w/diffusion_pytorch_model.fp16.safetensors");
    check_chosen(s, "model.fp16.safetensors");
    put(s, "w/diffusion_pytorch_model.non_ema.safetensors");
    check_chosen(s, NULL);
    CHECK_TOLD(&s->ctx, "w: holds diffusion_pytorch_model.fp16.safetensors and "
                        "diffusion_pytorch_model.non_ema.safetensors (one of them alone");
    put(s, "w/" UM_WEIGHTS_NAME);
    check_chosen(s, UM_WEIGHTS_NAME);
}

static void indices_of_variants_have_newer_and_older_names(void **state)
{
    scratch *s = *state;
    static const char *const names[] = { "diffusion_pytorch_model.safetensors.index.fp16.json",
                                         "diffusion_pytorch_model.safetensors.fp16.index.json" };
    static const char index[] = "{\"weight_map\": {\"conv_in.bias\": \"shard.safetensors\"}}";
    put(s, "w/shard.safetensors");
    for (size_t i = 0; i < UM_COUNT(names); i++) {
        char path[128];
        snprintf(path, sizeof path, "w/%s", names[i]);
        scratch_write(s, path, index, strlen(index));
        check_chosen(s, "w/shard.safetensors");
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, path)));
    }
}

static um_status open_it(um_ctx *ctx, void *arg)
{
    um_unet_shards shards;
    const um_status status = um_unet_shards_open(&shards, ctx, arg);
    um_unet_shards_close(&shards);
    return status;
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", golden_path("folders/variant/unet"));
    check_every_allocation(open_it, folder);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_layout_of_diffusers_holds_the_same_network),
        TEST(a_variant_counts_where_it_stands_alone),
        TEST(indices_of_variants_have_newer_and_older_names),
        TEST(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
