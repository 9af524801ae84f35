/* SPDX-License-Identifier: MIT
 * The table against what stands around it: the recipes, and the words that the floors know. */
#include "config/files.h"

#include "diffusion/loss.h"
#include "diffusion/schedule.h"
#include "io/dataset.h"
#include "sample/sampler.h"
#include "train/settings.h"

#include <dirent.h>

static void every_recipe_is_right(void **state)
{
    (void)state;
    char folder[4096], path[5000];
    snprintf(folder, sizeof folder, "%s/configs", getenv("UM_SOURCE_ROOT"));
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    um_ctx ctx;
    um_ctx_init(&ctx);
    int recipes = 0;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        const size_t n = strlen(e->d_name);
        if (n < 4 || strcmp(e->d_name + n - 4, ".ini") != 0) continue;
        um_config cfg;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        CHECK_OK(&ctx, um_config_init(&ctx, &cfg));
        CHECK_OK(&ctx, um_config_read(&ctx, &cfg, path));
        CHECK_OK(&ctx, um_config_check(&ctx, &cfg));
        assert_int_equal(strncmp(cfg.run_name, e->d_name, n - 4), 0);
        assert_true(*cfg.data_path == '/');
        CHECK_OK(&ctx, um_config_set(&ctx, &cfg, "diffusion.timesteps=10")); /* and nothing else */
        CHECK_OK(&ctx, um_config_check(&ctx, &cfg));
        um_config_free(&cfg);
        recipes++;
    }
    closedir(dir);
    assert_true(recipes >= 3);
}

static void the_paper_s_recipe_is_the_paper_s(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_config c;
    char path[5000];
    snprintf(path, sizeof path, "%s/configs/cifar10-ddpm.ini", getenv("UM_SOURCE_ROOT"));
    CHECK_OK(&ctx, um_config_init(&ctx, &c));
    CHECK_OK(&ctx, um_config_read(&ctx, &c, path));
    assert_int_equal(c.model_channels.n, 4);
    assert_int_equal(c.model_channels.v[0], 128);
    assert_int_equal(c.model_channels.v[3], 256);
    assert_int_equal(c.model_layers, 2);
    assert_true(c.model_dropout == 0.1 && c.model_norm_eps == 1e-6 && c.model_freq_shift == 1);
    assert_true(!c.model_flip_sin_to_cos && c.model_mid_attention);
    assert_int_equal(c.model_downsample_padding, 0);
    assert_int_equal(c.model_head_dim, 0);
    assert_int_equal(c.train_steps, 800000);
    assert_int_equal(c.train_batch, 128);
    assert_true(c.train_lr == 2e-4 && c.train_ema_decay == 0.9999 && !c.train_ema_warmup);
    um_config_free(&c);
}

/* Every word that a floor's table has is a word of the setting, and the setting's names are among
 * the table's. */
static void check_words(um_ctx *ctx, int key, const um_choice *table, const char *extra)
{
    const um_setting *s = &um_config_settings[key];
    um_word word;
    for (const um_choice *c = table; c->name; c++)
        CHECK_OK(ctx, um_setting_read(ctx, s, c->name, NULL, word));
    for (const char *p = s->choices; *p;) {
        char name[UM_WORD_MAX];
        int value;
        const size_t n = strcspn(p, "|=");
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        if (!extra || strcmp(name, extra) != 0)
            CHECK_OK(ctx, um_choice_parse(ctx, table, s->key, name, &value));
        p += n;
        p += strcspn(p, "|");
        p += *p == '|';
    }
}

static void the_words_are_those_that_the_floors_know(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    check_words(&ctx, UM_KEY_diffusion_schedule, um_schedule_kinds, NULL);
    check_words(&ctx, UM_KEY_diffusion_prediction_type, um_predictions, NULL);
    check_words(&ctx, UM_KEY_diffusion_variance, um_variance_models, NULL);
    check_words(&ctx, UM_KEY_diffusion_loss, um_loss_kinds, NULL);
    check_words(&ctx, UM_KEY_train_loss_weighting, um_weighting_kinds, NULL);
    check_words(&ctx, UM_KEY_train_timestep_sampling, um_timestep_samplings, NULL);
    check_words(&ctx, UM_KEY_train_optimizer, um_optimizers, NULL);
    check_words(&ctx, UM_KEY_train_lr_schedule, um_lr_schedules, NULL);
    check_words(&ctx, UM_KEY_sample_timestep_spacing, um_spacings, "auto");
    check_words(&ctx, UM_KEY_sample_final_sigmas_type, um_finals, "auto");
    check_words(&ctx, UM_KEY_sample_algorithm_type, um_algorithms, NULL);
    check_words(&ctx, UM_KEY_sample_solver_type, um_solvers, "auto");
    check_words(&ctx, UM_KEY_sample_variance_type, um_variances, "auto");
    check_words(&ctx, UM_KEY_sample_strided_rule, um_strided_rules, NULL);
    check_words(&ctx, UM_KEY_sample_sde, um_sde_kinds, NULL);
    check_words(&ctx, UM_KEY_sample_time_grid, um_time_grids, NULL);
    check_words(&ctx, UM_KEY_sample_rng, um_rngs, NULL);
    um_word word;
    for (int i = 0; i < um_dataset_format_count; i++) {
        const um_setting *s = &um_config_settings[UM_KEY_data_format];
        CHECK_OK(&ctx, um_setting_read(&ctx, s, um_dataset_formats[i].name, NULL, word));
    }
    for (int i = 0; um_samplers[i]; i++) {
        const um_setting *s = &um_config_settings[UM_KEY_sample_sampler];
        CHECK_OK(&ctx, um_setting_read(&ctx, s, um_samplers[i]->name, NULL, word));
    }
}

static void the_schedule_s_defaults_are_the_same(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_config c;
    CHECK_OK(&ctx, um_config_init(&ctx, &c));
    const um_schedule_settings s = um_schedule_defaults();
    assert_int_equal(c.diffusion_timesteps, s.timesteps);
    assert_string_equal(c.diffusion_schedule, um_choice_name(um_schedule_kinds, (int)s.kind));
    assert_true(c.diffusion_beta_start == s.beta_start && c.diffusion_beta_end == s.beta_end);
    assert_true(c.diffusion_cosine_s == s.cosine_s && c.diffusion_max_beta == s.max_beta);
    um_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recipe_is_right),
        cmocka_unit_test(the_paper_s_recipe_is_the_paper_s),
        cmocka_unit_test(the_words_are_those_that_the_floors_know),
        cmocka_unit_test(the_schedule_s_defaults_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
