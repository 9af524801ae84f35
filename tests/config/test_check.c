/* SPDX-License-Identifier: MIT */
#include "config/files.h"

static const struct {
    const char *set[3], *message; /* NULL: these settings are right */
} rules[] = {
    { { "model.groups=48" },
      "model.channels has 64, which model.groups = 48 does not divide "
      "(groups that divide every entry)" },
    { { "model.channels=48,64", "model.groups=16" }, NULL },
    { { "model.channels=none" },
      "model.channels = none (one entry a level, as 64,128,128)" },
    { { "model.head_dim=48" },
      "model.head_dim = 48 does not divide the 128 channels of the middle "
      "(a divisor, or 0: one head)" },
    { { "model.head_dim=48", "model.mid_attention=no" }, NULL },
    { { "model.head_dim=0" }, NULL },
    { { "model.head_dim=300" }, NULL },
    { { "model.config=c.json", "model.layers=1" },
      "model.layers does nothing beside model.config = c.json (one of the two)" },
    { { "model.config=c.json" }, NULL },
    { { "data.background=1,2" },
      "data.background has 2 values (1: gray, or 3: red,green,blue)" },
    { { "data.background=255,0,3" }, NULL },
    { { "data.image_size=32x8", "data.pad=4" },
      "data.pad = 4 leaves nothing of data.image_size = 32x8 "
      "(less than half of the smaller side)" },
    { { "data.image_size=32x9", "data.pad=4" }, NULL },
    { { "diffusion.beta_start=0.5" },
      "diffusion.beta_start = 0.5 is above diffusion.beta_end = 0.02 "
      "(noise grows: beta_start <= beta_end)" },
    { { "diffusion.beta_start=0.5", "diffusion.schedule=cosine" }, NULL },
    { { "diffusion.beta_start=0.02" }, NULL },
    { { "diffusion.rescale_betas_zero_snr=true" },
      "diffusion.rescale_betas_zero_snr with diffusion.prediction_type = epsilon: at the last "
      "timestep the noise is all that is seen, and says nothing of the image (v_prediction)" },
    { { "diffusion.rescale_betas_zero_snr=true", "diffusion.prediction_type=v_prediction" },
      NULL },
    { { "diffusion.rescale_betas_zero_snr=true", "diffusion.prediction_type=sample" }, NULL },
    { { "diffusion.rescale_betas_zero_snr=true", "diffusion.prediction_type=v_prediction",
        "diffusion.timesteps=1" },
      "diffusion.rescale_betas_zero_snr with diffusion.timesteps = 1 (2 or more)" },
    { { "train.task=classifier" }, NULL },
    { { "train.task=classifier", "model.class_conditional=true" },
      "train.task = classifier with model.class_conditional = true "
      "(false: the class is what it is asked for)" },
    { { "train.task=classifier", "diffusion.variance=learned_range" },
      "train.task = classifier with diffusion.variance = learned_range (fixed)" },
    { { "train.task=classifier", "train.loss_weighting=min_snr" }, NULL },
    { { "train.task=classifier", "train.label_dropout=0.1" },
      "train.task = classifier with train.label_dropout (0)" },
    { { "train.batch=10", "train.accumulate=4" },
      "train.accumulate = 4 does not divide train.batch = 10 (equal parts)" },
    { { "train.batch=12", "train.accumulate=4" }, NULL },
    { { "train.label_dropout=0.1" },
      "train.label_dropout = 0.1, but the network is shown no classes "
      "(model.class_conditional = true, or 0)" },
    { { "train.label_dropout=0.1", "model.class_conditional=true" }, NULL },
    { { "train.label_dropout=0.1", "model.config=c.json" }, NULL },
    { { "train.label_dropout=0.1", "train.init=m" }, NULL },
    { { "train.warmup=500", "train.steps=10" }, NULL },
    { { "sample.steps=1001" },
      "sample.steps = 1001 is above diffusion.timesteps = 1000 (at most as many)" },
    { { "sample.steps=1000" }, NULL },
    { { "sample.budget=20s", "sample.steps=50" },
      "sample.steps = 50 with sample.budget = 20s, which chooses the steps (one of them)" },
    { { "sample.budget=20s", "sample.sampler=heun" }, NULL },
    { { "sample.guidance_start=0.75", "sample.guidance_end=0.5" },
      "sample.guidance_start = 0.75 is behind sample.guidance_end = 0.5 (before it)" },
    { { "sample.guidance_start=0.5", "sample.guidance_end=0.5" }, NULL },
    { { "run.name=a/b" },
      "run.name = a/b is not the name of a folder (no slash; run.out says where)" },
    { { "run.name=.." },
      "run.name = .. is not the name of a folder (no slash; run.out says where)" },
};

static void rules_that_bind_settings_are_kept(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    for (size_t i = 0; i < UM_COUNT(rules); i++) {
        um_config cfg;
        CHECK_OK(&ctx, um_config_init(&ctx, &cfg));
        for (int k = 0; k < 3 && rules[i].set[k]; k++)
            CHECK_OK(&ctx, um_config_set(&ctx, &cfg, rules[i].set[k]));
        if (rules[i].message)
            CHECK_FAILS(&ctx, um_config_check(&ctx, &cfg), UM_BAD_ARG, rules[i].message);
        else
            CHECK_OK(&ctx, um_config_check(&ctx, &cfg));
        um_config_free(&cfg);
    }
}

/* The line of the file is named where it is to blame, not where the command line is. */
static void a_broken_rule_is_told_with_its_line(void **state)
{
    files *f = *state;
    put("a.ini", "[model]\nchannels = 30,64\n[train]\nbatch = 10\n");
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "a.ini"));
    CHECK_FAILS(&f->ctx, um_config_check(&f->ctx, &f->cfg), UM_BAD_ARG,
                "a.ini:2: model.channels has 30, which model.groups = 32 does not divide "
                "(groups that divide every entry)");
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "model.groups=2"));
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "train.accumulate=4"));
    CHECK_FAILS(&f->ctx, um_config_check(&f->ctx, &f->cfg), UM_BAD_ARG,
                "train.accumulate = 4 does not divide train.batch = 10 (equal parts)");
}

static void an_effective_config_with_a_model_file_is_accepted(void **state)
{
    files *f = *state;
    um_text out = { .ctx = &f->ctx };
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "model.config=c.json"));
    CHECK_OK(&f->ctx, um_config_write(&f->ctx, &f->cfg, &out));
    put("all.ini", out.data);
    um_text_free(&out);
    um_config again;
    CHECK_OK(&f->ctx, um_config_init(&f->ctx, &again));
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &again, "all.ini"));
    CHECK_OK(&f->ctx, um_config_check(&f->ctx, &again));
    um_config_free(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_that_bind_settings_are_kept),
        cmocka_unit_test_setup_teardown(a_broken_rule_is_told_with_its_line, files_setup,
                                        files_teardown),
        cmocka_unit_test_setup_teardown(an_effective_config_with_a_model_file_is_accepted,
                                        files_setup, files_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
