/* SPDX-License-Identifier: MIT
 * test_unet.c - what the network is made of, and that recomputing and threads change nothing. */
#include "nn/unet_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing.h"
#include "support/golden.h"
#include "tensor/kernels/kernels.h"

/* google/ddpm-cifar10-32 */
static um_unet_config ddpm_cifar10(void)
{
    um_unet_config c;
    um_unet_config_default(&c);
    c.sample_h = c.sample_w = 32;
    c.freq_shift = 1;
    c.flip_sin_to_cos = false;
    c.downsample_padding = 0;
    c.attention_head_dim = 0;
    c.norm_eps = 1e-6;
    for (int i = 0; i < 4; i++) {
        c.channels[i] = i ? 256 : 128;
        c.down_attention[i] = i == 1;
        c.up_attention[i] = i == 2;
    }
    return c;
}

/* A small one with class labels. */
static um_unet_config small_config(void)
{
    um_unet_config c;
    um_unet_config_default(&c);
    c.levels = 2;
    c.channels[0] = 8;
    c.channels[1] = 16;
    c.layers_per_block = 1;
    c.norm_num_groups = 4;
    c.class_embed_type = UM_CLASS_TABLE;
    c.num_class_embeds = 3;
    return c;
}

/* Parts of a batch: large for ddpm-cifar10-32, whose weights are many; few large images. */
static void parts_follow_network_and_size_alone(void **state)
{
    (void)state;
    um_ctx ctx;
    um_unet *large, *small;
    int at_32, at_64, on_many, few;
    um_ctx_init(&ctx);
    ctx.threads = 1;
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "auto"));
    const um_unet_config l = ddpm_cifar10(), s = small_config();
    CHECK_OK(&ctx, um_unet_open(&large, &ctx, &l));
    CHECK_OK(&ctx, um_unet_open(&small, &ctx, &s));
    CHECK_OK(&ctx, um_unet_part(large, 32, 32, &at_32));
    CHECK_OK(&ctx, um_unet_part(large, 64, 64, &at_64));
    ctx.threads = 64;
    CHECK_OK(&ctx, um_unet_part(large, 32, 32, &on_many));
    CHECK_OK(&ctx, um_unet_part(small, 512, 512, &few));
    assert_true(at_32 >= 16 && at_64 >= at_32 / 5 && at_64 <= at_32 / 3);
    assert_int_equal(on_many, at_32);
    assert_int_equal(few, 1);
    um_unet_close(&large);
    um_unet_close(&small);
}

static void ddpm_cifar10_has_diffusers_tensors(void **state)
{
    (void)state;
    um_ctx ctx;
    um_unet *unet;
    char line[256], ours[256];
    int lines = 0;
    um_ctx_init(&ctx);
    const um_unet_config config = ddpm_cifar10();
    CHECK_OK(&ctx, um_unet_open(&unet, &ctx, &config));
    const um_params *params = um_unet_params(unet);
    assert_int_equal(params->numbers, 35746307);
    assert_int_equal(params->count, 328);
    FILE *f = fopen(golden_path("unet-ddpm-cifar10-32.txt"), "r");
    assert_non_null(f);
    for (; fgets(line, sizeof line, f); lines++) {
        int64_t shape[4];
        line[strcspn(line, "\n")] = 0;
        char *rest = strchr(line, ' ');
        assert_non_null(rest);
        *rest++ = 0;
        const um_param *p = um_params_find(params, line);
        if (!p) fail_msg("no parameter %s", line);
        const int rank = um_param_file_shape(p, shape);
        size_t used = 0;
        for (int i = 0; i < rank; i++)
            used += (size_t)snprintf(ours + used, sizeof ours - used, "%s%d", i ? ", " : "[",
                                     (int)shape[i]);
        snprintf(ours + used, sizeof ours - used, "]");
        assert_string_equal(rest, ours);
    }
    fclose(f);
    assert_int_equal(lines, 328);
    um_unet_close(&unet);
    assert_null(unet);
}

/* All gradients and the output of one run. */
typedef struct result {
    float *grads, *output;
    size_t n_grads, n_output, bytes;
} result;

static result run_one(const char *model, int threads, bool recompute)
{
    um_ctx ctx;
    unet_run r;
    um_ctx_init(&ctx);
    ctx.threads = threads;
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "auto"));
    unet_run_start(&r, &ctx, model, recompute);
    const um_params *params = um_unet_params(r.unet);
    result out = { .n_grads = params->padded,
                   .bytes = um_tape_bytes(r.tape),
                   .n_output = um_shape_count(um_shape_of(r.tape, r.output)) };
    out.grads = malloc(out.n_grads * sizeof(float));
    out.output = malloc(out.n_output * sizeof(float));
    assert_true(out.grads && out.output);
    memcpy(out.grads, params->grads, out.n_grads * sizeof(float));
    memcpy(out.output, um_data(r.tape, r.output), out.n_output * sizeof(float));
    unet_run_stop(&r);
    return out;
}

static void check_same_bits(const result *a, const result *b)
{
    assert_int_equal(a->n_grads, b->n_grads);
    assert_memory_equal(a->output, b->output, a->n_output * sizeof(float));
    assert_memory_equal(a->grads, b->grads, a->n_grads * sizeof(float));
}

static void release(result *r)
{
    free(r->grads);
    free(r->output);
}

static void recomputing_gives_the_same_bits_in_less_memory(void **state)
{
    (void)state;
    for (int m = 0; unet_run_models[m]; m++) {
        result kept = run_one(unet_run_models[m], 2, false),
               again = run_one(unet_run_models[m], 2, true);
        check_same_bits(&kept, &again);
        if (again.bytes >= kept.bytes)
            fail_msg("%s: %zu bytes, recomputed %zu", unet_run_models[m], kept.bytes, again.bytes);
        release(&kept);
        release(&again);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (int m = 0; unet_run_models[m]; m++) {
        result one = run_one(unet_run_models[m], 1, false),
               three = run_one(unet_run_models[m], 3, false);
        check_same_bits(&one, &three);
        release(&one);
        release(&three);
    }
}

/* Record the small network on inputs of these shapes (n = 0: none) and plan. */
static um_status record(um_ctx *ctx, const um_unet_config *c, um_shape x, um_shape time,
                        um_shape labels)
{
    um_unet *unet;
    um_tape *t;
    um_var label = { 0 };
    UM_TRY(um_unet_open(&unet, ctx, c));
    um_status status = um_tape_open(&t, ctx);
    if (status == UM_OK) {
        const um_var images = um_tape_input(t, "x", x), times = um_tape_input(t, "time", time);
        if (labels.n) label = um_tape_input(t, "labels", labels);
        const um_var y = um_unet_apply(t, unet, images, times, label, false);
        um_tape_output(t, y);
        status = um_tape_plan(t, (um_var){ 0 });
    }
    um_tape_close(&t);
    um_unet_close(&unet);
    return status;
}

static void wrong_inputs_are_named(void **state)
{
    (void)state;
    const um_shape one = { 2, 1, 1, 1 }, none = { 0 }, good = { 2, 8, 8, 3 };
    const struct {
        um_class_embedding classes;
        um_shape x, time, labels;
        const char *told;
    } cases[] = {
        { UM_CLASS_TABLE, good, one, one, NULL },
        { UM_CLASS_NONE, good, one, none, NULL },
        { UM_CLASS_IDENTITY, good, one, { 2, 1, 1, 32 }, NULL },
        { UM_CLASS_IDENTITY, good, one, one,
          "2 class labels of width 1 for 2 images (one of width 32" },
        { UM_CLASS_TABLE, { 2, 8, 8, 4 }, one, one, "images of 4 channels (in_channels is 3)" },
        { UM_CLASS_TABLE,
          { 2, 8, 7, 3 },
          one,
          one,
          "images of 8 x 7 do not pass through 2 levels" },
        { UM_CLASS_TABLE, good, { 1, 1, 1, 1 }, one, "1 timesteps of width 1 for 2 images" },
        { UM_CLASS_TABLE, good, one, none, "no class labels (the model is class-conditional)" },
        { UM_CLASS_NONE, good, one, one, "class labels for a model without classes" },
        { UM_CLASS_TABLE, good, one, { 3, 1, 1, 1 }, "3 class labels of width 1 for 2 images" },
    };
    um_ctx ctx;
    um_ctx_init(&ctx);
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "auto"));
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_unet_config c = small_config();
        c.class_embed_type = cases[i].classes;
        const um_status status = record(&ctx, &c, cases[i].x, cases[i].time, cases[i].labels);
        if (!cases[i].told) {
            CHECK_OK(&ctx, status);
            continue;
        }
        if (status == UM_OK) fail_msg("case %zu passes (%s)", i, cases[i].told);
        if (!strstr(ctx.message, cases[i].told)) fail_msg("case %zu: %s", i, ctx.message);
    }
}

/* Which operation of the network a message names. */
static void places_bear_diffusers_names(void **state)
{
    (void)state;
    um_ctx ctx;
    um_unet *unet;
    um_tape *t;
    um_ctx_init(&ctx);
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "auto"));
    const um_unet_config c = small_config();
    CHECK_OK(&ctx, um_unet_open(&unet, &ctx, &c));
    um_params_initialise(um_unet_params(unet), 1);
    um_params_find(um_unet_params(unet), "down_blocks.1.resnets.0.conv2.bias")->value[3] = NAN;
    CHECK_OK(&ctx, um_tape_open(&t, &ctx));
    const um_var x = um_tape_input(t, "x", (um_shape){ 1, 4, 4, 3 });
    const um_var time = um_tape_input(t, "time", (um_shape){ 1, 1, 1, 1 });
    const um_var label = um_tape_input(t, "label", (um_shape){ 1, 1, 1, 1 });
    um_unet_apply(t, unet, x, time, label, false);
    CHECK_OK(&ctx, um_tape_plan(t, (um_var){ 0 }));
    CHECK_OK(&ctx, um_tape_commit(t));
    um_tape_observe(t, um_observer_check_nan());
    assert_int_equal(um_tape_forward(t), UM_NOT_FINITE);
    if (!strstr(ctx.message, "down_blocks.1.resnets.0.conv2")) fail_msg("%s", ctx.message);
    um_tape_close(&t);
    um_unet_close(&unet);
}

static um_status build(um_ctx *ctx, void *arg)
{
    UM_TRY(um_kernels_choose(ctx, "scalar"));
    return record(ctx, arg, (um_shape){ 1, 4, 4, 3 }, (um_shape){ 1, 1, 1, 1 },
                  (um_shape){ 1, 1, 1, 1 });
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    um_unet_config c = small_config();
    c.center_input_sample = true;
    check_every_allocation(build, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_follow_network_and_size_alone),
        cmocka_unit_test(ddpm_cifar10_has_diffusers_tensors),
        cmocka_unit_test(recomputing_gives_the_same_bits_in_less_memory),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(wrong_inputs_are_named),
        cmocka_unit_test(places_bear_diffusers_names),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
