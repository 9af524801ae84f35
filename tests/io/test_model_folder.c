/* SPDX-License-Identifier: MIT */
#include "io/model_folder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "io/folder.h"
#include "io/safetensors.h"
#include "io/unet_file.h"
#include "support/check.h"
#include "support/failing.h"
#include "support/scratch.h"

/* An empty file, and the folders above it. */
static void touch(scratch *s, const char *name)
{
    scratch_write(s, name, "{}", 2);
}

/* Look for a model at `at`; the parts must be these names in the scratch folder, NULL for none. */
static void check_found(scratch *s, const char *at, bool want_state, const char *unet,
                        const char *scheduler, const char *state_folder)
{
    um_model_folder m;
    CHECK_OK(&s->ctx, um_model_folder_find(&s->ctx, &m, scratch_path(s, at), want_state));
    assert_string_equal(m.unet, scratch_path(s, unet));
    if (scheduler)
        assert_string_equal(m.scheduler, scratch_path(s, scheduler));
    else
        assert_null(m.scheduler);
    if (state_folder)
        assert_string_equal(m.state, scratch_path(s, state_folder));
    else
        assert_null(m.state);
    um_model_folder_free(&s->ctx, &m);
    assert_null(m.unet);
}

static void pipelines_and_lone_networks_are_found(void **state)
{
    scratch *s = *state;
    touch(s, "pipe/unet/config.json");
    touch(s, "pipe/scheduler/scheduler_config.json");
    check_found(s, "pipe", false, "pipe/unet", "pipe/scheduler/scheduler_config.json", NULL);
    touch(s, "lone/config.json");
    check_found(s, "lone", false, "lone", NULL, NULL);
    touch(s, "flat/config.json");
    touch(s, "flat/scheduler_config.json");
    check_found(s, "flat", false, "flat", "flat/scheduler_config.json", NULL);
}

static void a_part_of_a_pipeline_has_its_scheduler(void **state)
{
    scratch *s = *state;
    touch(s, "whole/unet/config.json");
    touch(s, "whole/scheduler/scheduler_config.json");
    check_found(s, "whole/unet", false, "whole/unet", NULL, NULL); /* nobody says it is one */
    touch(s, "whole/model_index.json");
    check_found(s, "whole/unet", false, "whole/unet",
                "whole/unet/../scheduler/scheduler_config.json", NULL);
}

/* Output folder, checkpoint-N, unet and unet_ema of diffusers' training scripts. */
static void a_checkpoint_of_a_script_gives_its_average(void **state)
{
    scratch *s = *state;
    um_model_folder m;
    touch(s, "script/checkpoint-900/unet/config.json");
    touch(s, "script/checkpoint-1000/unet/config.json");
    touch(s, "script/checkpoint-1000/unet_ema/config.json");
    touch(s, "script/checkpoint-1000/random_states_0.pkl");
    const char *newest = "script/checkpoint-1000", *average = "script/checkpoint-1000/unet_ema";
    check_found(s, "script", false, average, NULL, NULL);
    check_found(s, newest, false, average, NULL, NULL);
    check_found(s, newest, true, "script/checkpoint-1000/unet", NULL, NULL);
    CHECK_OK(&s->ctx, um_model_folder_find(&s->ctx, &m, scratch_path(s, newest), true));
    assert_true(m.has_raw);
    um_model_folder_free(&s->ctx, &m);
    touch(s, "script/model_index.json");
    touch(s, "script/unet/config.json");
    touch(s, "script/scheduler/scheduler_config.json");
    check_found(s, "script", false, "script/unet", "script/scheduler/scheduler_config.json", NULL);
    check_found(s, newest, false, average,
                "script/checkpoint-1000/../scheduler/scheduler_config.json", NULL);
}

static void a_run_gives_its_model_or_its_newest_checkpoint(void **state)
{
    scratch *s = *state;
    touch(s, "run/checkpoints/step-0000900/unet/config.json");
    touch(s, "run/checkpoints/step-0001000/unet/config.json");
    touch(s, "run/checkpoints/step-0001000/training_state.json");
    touch(s, "run/checkpoints/step-0001000/scheduler/scheduler_config.json");
    touch(s, "run/checkpoints/step-10000000/half"); /* no model in it */
    touch(s, "run/checkpoints/step-x/unet/config.json");
    touch(s, "run/checkpoints/other-9999999/unet/config.json");
    const char *newest = "run/checkpoints/step-0001000",
               *unet = "run/checkpoints/step-0001000/unet";
    const char *scheduler = "run/checkpoints/step-0001000/scheduler/scheduler_config.json";
    check_found(s, "run", false, unet, scheduler, newest);
    touch(s, "run/checkpoints/step-99999/unet/config.json"); /* higher, though it sorts behind */
    check_found(s, "run", false, "run/checkpoints/step-99999/unet", NULL, NULL);
    CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, "run/checkpoints/step-99999")));
    touch(s, "run/model/unet/config.json");
    check_found(s, "run", false, "run/model/unet", NULL, NULL);
    check_found(s, "run", true, unet, scheduler, newest);
    check_found(s, newest, false, unet, scheduler, newest);
}

static void where_no_model_is_the_message_says_what_was_looked_for(void **state)
{
    scratch *s = *state;
    um_model_folder m;
    touch(s, "nothing/here");
    assert_int_equal(um_model_folder_find(&s->ctx, &m, scratch_path(s, "nothing"), false),
                     UM_BAD_FILE);
    CHECK_TOLD(&s->ctx,
               "nothing: no model here (looked for unet/config.json, config.json, model/unet/");
    assert_null(m.unet);
    assert_int_equal(um_model_folder_find(&s->ctx, &m, scratch_path(s, "nowhere"), true),
                     UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "nowhere: no such folder");
    assert_int_equal(um_model_folder_find(&s->ctx, &m, scratch_path(s, "nothing/here"), false),
                     UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "nothing/here: a file (a model is a folder");
}

static um_unet *tiny(um_ctx *ctx)
{
    um_unet *unet;
    um_unet_config c;
    um_unet_config_default(&c);
    c.levels = 1;
    c.channels[0] = 4;
    c.norm_num_groups = 2;
    c.layers_per_block = 1;
    c.sample_h = c.sample_w = 4;
    return um_unet_open(&unet, ctx, &c) == UM_OK ? unet : NULL;
}

static void a_pipeline_is_written_as_diffusers_reads_it(void **state)
{
    scratch *s = *state;
    um_unet *unet = tiny(&s->ctx), *loaded;
    um_scheduler_json scheduler;
    json_error_t e;
    um_params_initialise(um_unet_params(unet), 1);
    CHECK_OK(&s->ctx, um_scheduler_json_begin(&s->ctx, &scheduler, "DDPMScheduler"));
    CHECK_OK(&s->ctx, um_scheduler_json_set(&s->ctx, &scheduler, "beta_schedule", "linear"));
    CHECK_OK(&s->ctx, um_folder_make(&s->ctx, scratch_path(s, "out")));
    CHECK_OK(&s->ctx,
             um_pipeline_write(&s->ctx, scratch_path(s, "out"), unet, NULL, "f32", &scheduler));
    um_scheduler_json_free(&scheduler);

    json_t *index = json_load_file(scratch_path(s, "out/model_index.json"), 0, &e);
    json_t *wanted = json_pack("{s:s, s:s, s:[s,s], s:[s,s]}", "_class_name", "DDPMPipeline",
                               "_diffusers_version", "0.42.1", "unet", "diffusers", "UNet2DModel",
                               "scheduler", "diffusers", "DDPMScheduler");
    assert_true(json_equal(index, wanted));
    json_decref(index);
    json_decref(wanted);
    check_found(s, "out", false, "out/unet", "out/scheduler/scheduler_config.json", NULL);
    CHECK_OK(&s->ctx, um_unet_file_load(&loaded, &s->ctx, scratch_path(s, "out/unet")));
    const um_params *a = um_unet_params(unet), *b = um_unet_params(loaded);
    assert_memory_equal(a->values, b->values, a->padded * sizeof *a->values);
    um_unet_close(&loaded);
    assert_int_equal(um_pipeline_write(&s->ctx, scratch_path(s, "no/such"), unet, NULL, "f32",
                                       &(um_scheduler_json){ .class_name = "DDPMScheduler" }),
                     UM_IO);
    um_unet_close(&unet);
}

/* A number of a stored network that went bad, as another program may have written it. */
static void spoil(scratch *s, const char *name)
{
    const char *path = scratch_path(s, "model/unet/diffusion_pytorch_model.safetensors");
    um_safetensors st;
    CHECK_OK(&s->ctx, um_safetensors_open(&st, &s->ctx, path));
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)um_safetensors_find(&st, name)->begin + 8, SEEK_SET), 0);
    assert_int_equal(fwrite(&(float){ NAN }, sizeof(float), 1, file), 1);
    fclose(file);
    um_safetensors_close(&st);
}

static void what_is_not_finite_is_neither_written_nor_loaded(void **state)
{
    scratch *s = *state;
    static const struct {
        double value;
        const char *dtype;
        um_status status;
    } cases[] = {
        { NAN, "f32", UM_NOT_FINITE },    { -INFINITY, "f32", UM_NOT_FINITE },
        { 3e38, "f32", UM_OK },           { 65519, "f16", UM_OK },
        { -65520, "f16", UM_NOT_FINITE }, { 3.38e38, "bf16", UM_OK },
        { 3.4e38, "bf16", UM_NOT_FINITE },
    };
    static const char name[] = "conv_in.bias";
    um_scheduler_json ddpm;
    char folder[SCRATCH_PATH], network[SCRATCH_PATH];
    snprintf(folder, sizeof folder, "%s", scratch_path(s, "model"));
    snprintf(network, sizeof network, "%s", scratch_path(s, "model/unet"));
    CHECK_OK(&s->ctx, um_folder_make(&s->ctx, folder));
    CHECK_OK(&s->ctx, um_scheduler_json_begin(&s->ctx, &ddpm, "DDPMScheduler"));
    um_unet *unet = tiny(&s->ctx), *loaded;
    um_real *value = &um_params_find(um_unet_params(unet), name)->value[2];
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        *value = 0;
        CHECK_OK(&s->ctx, um_pipeline_write(&s->ctx, folder, unet, NULL, "f32", &ddpm));
        *value = (um_real)cases[i].value;
        assert_int_equal(um_pipeline_write(&s->ctx, folder, unet, NULL, cases[i].dtype, &ddpm),
                         cases[i].status);
        if (cases[i].status != UM_OK) CHECK_TOLD(&s->ctx, "not written: tensor 'conv_in.bias'");
        CHECK_OK(&s->ctx, um_unet_file_load(&loaded, &s->ctx, network));
        assert_int_equal(um_params_find(um_unet_params(loaded), name)->value[2] == 0,
                         cases[i].status != UM_OK);
        um_unet_close(&loaded);
    }
    *value = 0;
    CHECK_OK(&s->ctx, um_pipeline_write(&s->ctx, folder, unet, NULL, "f32", &ddpm));
    spoil(s, name);
    assert_int_equal(um_unet_file_load(&loaded, &s->ctx, network), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "tensor 'conv_in.bias': value 2 is not a number");
    assert_null(loaded);
    um_scheduler_json_free(&ddpm);
    um_unet_close(&unet);
}

static um_status find(um_ctx *ctx, void *arg)
{
    um_model_folder m;
    const um_status status = um_model_folder_find(ctx, &m, arg, true);
    um_model_folder_free(ctx, &m);
    return status;
}

static void every_failing_allocation_is_survived(void **state)
{
    scratch *s = *state;
    char folder[SCRATCH_PATH];
    touch(s, "run2/checkpoints/step-0000001/unet/config.json");
    touch(s, "run2/checkpoints/step-0000002/unet/config.json");
    touch(s, "run2/checkpoints/step-0000002/training_state.json");
    snprintf(folder, sizeof folder, "%s", scratch_path(s, "run2"));
    check_every_allocation(find, folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelines_and_lone_networks_are_found),
        cmocka_unit_test(a_part_of_a_pipeline_has_its_scheduler),
        cmocka_unit_test(a_checkpoint_of_a_script_gives_its_average),
        cmocka_unit_test(a_run_gives_its_model_or_its_newest_checkpoint),
        cmocka_unit_test(where_no_model_is_the_message_says_what_was_looked_for),
        cmocka_unit_test(a_pipeline_is_written_as_diffusers_reads_it),
        cmocka_unit_test(what_is_not_finite_is_neither_written_nor_loaded),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
