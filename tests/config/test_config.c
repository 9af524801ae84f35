/* SPDX-License-Identifier: MIT */
#include "config/files.h"

static void defaults_are_those_of_the_table(void **state)
{
    files *f = *state;
    const um_config *c = &f->cfg;
    assert_int_equal(c->train_batch, 64);
    assert_true(c->train_lr == 2e-4);
    assert_int_equal(c->model_channels.n, 3);
    assert_int_equal(c->model_channels.v[2], 128);
    assert_int_equal(c->model_attention.n, 1);
    assert_int_equal(c->model_attention.v[0], 16);
    assert_int_equal(c->model_head_dim, 8);
    assert_true(c->model_norm_eps == 1e-5);
    assert_true(c->model_flip_sin_to_cos);
    assert_int_equal(c->diffusion_timesteps, 1000);
    assert_string_equal(c->diffusion_schedule, "linear");
    assert_true(c->diffusion_beta_start == 1e-4 && c->diffusion_beta_end == 0.02);
    assert_true(c->diffusion_cosine_s == 0.008 && c->diffusion_max_beta == 0.999);
    assert_string_equal(c->sample_timestep_spacing, "auto");
    assert_string_equal(c->sample_clip_sample, "auto");
    assert_string_equal(c->sample_set_alpha_to_one, "auto");
    assert_string_equal(c->run_out, "runs");
    assert_string_equal(c->train_init, "");
    assert_int_equal(um_config_origin(c, "train.lr")->source, UM_FROM_DEFAULT);
    CHECK_OK(&f->ctx, um_config_check(&f->ctx, c));
}

static void a_command_sets_one_value(void **state)
{
    files *f = *state;
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "train.lr=3e-4"));
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "run.seed=18446744073709551615"));
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "data.path=a=b"));
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "train.max_time=30m"));
    assert_true(f->cfg.train_lr == 3e-4);
    assert_true(f->cfg.run_seed == UINT64_MAX);
    assert_string_equal(f->cfg.data_path, "a=b");
    CHECK_NEAR(f->cfg.train_max_time, 1800, 0);
    assert_int_equal(um_config_origin(&f->cfg, "train.lr")->source, UM_FROM_COMMAND);
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "train.lr=4e-4"));
    assert_true(f->cfg.train_lr == 4e-4);
}

static void names_of_diffusers_are_understood(void **state)
{
    files *f = *state;
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "diffusion.beta_schedule=squaredcos_cap_v2"));
    assert_string_equal(f->cfg.diffusion_schedule, "cosine");
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "diffusion.schedule=scaled_linear"));
    assert_string_equal(f->cfg.diffusion_schedule, "quadratic");
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "model.block_out_channels=32,64"));
    assert_int_equal(f->cfg.model_channels.n, 2);
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "model.time_scale_shift=true"));
    assert_string_equal(f->cfg.model_time_scale_shift, "scale_shift");
}

static void a_wrong_command_names_what_is_right(void **state)
{
    files *f = *state;
    static const struct {
        const char *assignment, *message;
    } cases[] = {
        { "train.lr", "train.lr: no value (SECTION.KEY=VALUE)" },
        { "lr=3", "lr=3: no section (SECTION.KEY=VALUE)" },
        { "", ": no value (SECTION.KEY=VALUE)" },
        { "trian.lr=3", "no section [trian] (did you mean [train]?)" },
        { "xyz.lr=3", "no section [xyz] (there are [run] [data] [model] [diffusion] [train] "
                      "[sample] [edit] [evaluate])" },
        { "TRAIN.lr=3", "no section [TRAIN] (did you mean [train]?)" },
        { "train.lrr=3", "no setting train.lrr (did you mean train.lr?)" },
        { "train.LR=3", "no setting train.LR (did you mean train.lr?)" },
        { "train.stpes=3", "no setting train.stpes (did you mean train.steps?)" },
        { "train.sampler=ddim", "no setting train.sampler (did you mean sample.sampler?)" },
        { "train.batch_size=3", "no setting train.batch_size (did you mean train.batch?)" },
        { "model.norm_num_group=3",
          "no setting model.norm_num_group (did you mean model.groups?)" },
        { "train.qwerty=3", "no setting train.qwerty (unmist config train lists them)" },
        { "train.=3", "no setting train. (unmist config train lists them)" },
        { "train.batch=0", "train.batch = 0 is out of range (a whole number from 1 to 65536)" },
        { "train.lr=", "train.lr = is empty (a number from 0 to 1)" },
        { "sample.eta=1.5", "sample.eta = 1.5 is out of range (a number from 0 to 1)" },
        { "sample.rng=mersenne", "sample.rng = mersenne is not understood (one of philox, torch)" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        CHECK_FAILS(&f->ctx, um_config_set(&f->ctx, &f->cfg, cases[i].assignment), UM_BAD_ARG,
                    cases[i].message);
    char name[300];
    memset(name, 'a', sizeof name);
    strcpy(name + 200, ".b=3");
    assert_int_equal(um_config_set(&f->ctx, &f->cfg, name), UM_BAD_ARG);
    assert_int_equal(um_config_origin(&f->cfg, "train.batch")->source, UM_FROM_DEFAULT);
    assert_int_equal(f->cfg.train_batch, 64);
}

static um_status offer(files *f, um_source source, const char *value)
{
    const um_origin origin = { source, "somewhere", 7 };
    return um_config_offer(&f->ctx, &f->cfg, "sample", "steps", value, &origin);
}

static void the_stronger_source_wins_in_any_order(void **state)
{
    files *f = *state;
    CHECK_OK(&f->ctx, offer(f, UM_FROM_FILE, "20"));
    CHECK_OK(&f->ctx, offer(f, UM_FROM_MODEL, "10"));
    assert_int_equal(f->cfg.sample_steps, 20);
    assert_int_equal(um_config_origin(&f->cfg, "sample.steps")->source, UM_FROM_FILE);
    assert_string_equal(um_config_origin(&f->cfg, "sample.steps")->file, "somewhere");
    assert_int_equal(um_config_origin(&f->cfg, "sample.steps")->line, 7);
    CHECK_OK(&f->ctx, offer(f, UM_FROM_COMMAND, "30"));
    CHECK_OK(&f->ctx, offer(f, UM_FROM_FILE, "20"));
    assert_int_equal(f->cfg.sample_steps, 30);
    CHECK_OK(&f->ctx, offer(f, UM_FROM_TRAINING, "40"));
    CHECK_OK(&f->ctx, offer(f, UM_FROM_COMMAND, "30"));
    assert_int_equal(f->cfg.sample_steps, 40);
    assert_int_equal(offer(f, UM_FROM_MODEL, "-1"), UM_BAD_ARG);
    assert_null(um_config_origin(&f->cfg, "sample.nothing"));
    assert_null(um_config_origin(&f->cfg, "samplesteps"));
}

static void a_value_can_be_asked_for_by_name(void **state)
{
    files *f = *state;
    um_text out = { .ctx = &f->ctx };
    CHECK_OK(&f->ctx, um_config_get(&f->ctx, &f->cfg, "model.channels", &out));
    assert_string_equal(out.data, "64,128,128");
    assert_int_equal(um_config_get(&f->ctx, &f->cfg, "model", &out), UM_BAD_ARG);
    assert_int_equal(um_config_get(&f->ctx, &f->cfg, "model.chanels", &out), UM_BAD_ARG);
    um_text_free(&out);
}

static int countdown;
static size_t taken;

static void *scarce(void *user, size_t bytes)
{
    (void)user;
    if (countdown-- == 0) return NULL;
    taken++;
    return calloc(1, bytes);
}

static void give_back(void *user, void *p)
{
    (void)user;
    taken--;
    free(p);
}

static void running_out_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    ctx.allocator = (um_allocator){ scarce, give_back, NULL };
    put("memory.ini", "[run]\nname = x\n[data]\npath = y\n");
    um_status status = UM_NO_MEMORY;
    int n = 0;
    for (; status != UM_OK; n++) {
        um_config cfg = { 0 };
        um_text text = { .ctx = &ctx };
        countdown = n;
        status = um_config_init(&ctx, &cfg);
        if (status == UM_OK) status = um_config_read(&ctx, &cfg, "memory.ini");
        if (status == UM_OK) status = um_config_write(&ctx, &cfg, &text);
        if (status != UM_OK) assert_int_equal(status, UM_NO_MEMORY);
        um_text_free(&text);
        um_config_free(&cfg);
        assert_int_equal(taken, 0);
    }
    assert_true(n > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_are_those_of_the_table, files_setup,
                                        files_teardown),
        cmocka_unit_test_setup_teardown(a_command_sets_one_value, files_setup, files_teardown),
        cmocka_unit_test_setup_teardown(names_of_diffusers_are_understood, files_setup,
                                        files_teardown),
        cmocka_unit_test_setup_teardown(a_wrong_command_names_what_is_right, files_setup,
                                        files_teardown),
        cmocka_unit_test_setup_teardown(the_stronger_source_wins_in_any_order, files_setup,
                                        files_teardown),
        cmocka_unit_test_setup_teardown(a_value_can_be_asked_for_by_name, files_setup,
                                        files_teardown),
        cmocka_unit_test_setup_teardown(running_out_of_memory_leaves_nothing_behind, files_setup,
                                        files_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
