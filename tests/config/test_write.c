/* SPDX-License-Identifier: MIT */
#include "config/files.h"

/* One setting of each type away from its default, and texts that need quotes. */
static const char *const changes[] = {
    "run.name=a ; b # c \"d\" \\",
    "run.seed=18446744073709551615",
    "run.out=deep/../here;#",
    "data.path=/x/with \n and \x01",
    "data.image_size=24x40",
    "data.flip=true",
    "model.channels=8,16,24,32,40,48,56,64,72,80,88,96,104,112,120,128",
    "model.attention=none",
    "diffusion.schedule=sigmoid",
    "diffusion.beta_end=0.019999999999999997",
    "train.lr=1.2345678901234567e-5",
    "train.max_time=90s",
    "sample.classes=0,9",
    "sample.variance_type=fixed_large_log",
};

static void change(files *f, um_config *cfg)
{
    for (size_t i = 0; i < UM_COUNT(changes); i++)
        CHECK_OK(&f->ctx, um_config_set(&f->ctx, cfg, changes[i]));
}

/* The settings written to path, as a text of the caller's. */
static um_text written(files *f, const um_config *cfg, const char *path)
{
    um_text out = { .ctx = &f->ctx };
    CHECK_OK(&f->ctx, um_config_write(&f->ctx, cfg, &out));
    put(path, out.data);
    return out;
}

static void what_is_written_reads_back_to_the_same(void **state)
{
    files *f = *state;
    change(f, &f->cfg);
    assert_int_equal(mkdir("run", 0700), 0);
    um_text first = written(f, &f->cfg, "run/config.ini");
    um_config again;
    CHECK_OK(&f->ctx, um_config_init(&f->ctx, &again));
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &again, "run/config.ini"));
    const um_setting *s = um_config_difference(&f->cfg, &again, NULL);
    if (s) fail_msg("%s.%s differs", s->section, s->key);
    um_text second = written(f, &again, "second.ini");
    assert_string_equal(first.data, second.data);
    assert_true(again.train_lr == f->cfg.train_lr);
    assert_true(again.diffusion_beta_end == f->cfg.diffusion_beta_end);
    assert_string_equal(again.data_path, "/x/with \n and \x01");
    assert_string_equal(again.run_name, f->cfg.run_name);
    for (int i = 0; i < UM_CONFIG_COUNT; i++)
        assert_int_equal(again.origin[i].source, UM_FROM_FILE);
    um_text_free(&first);
    um_text_free(&second);
    um_config_free(&again);
}

static void every_key_is_written_with_paths_in_full(void **state)
{
    files *f = *state;
    char home[4096], line[4200];
    um_text out = written(f, &f->cfg, "config.ini");
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        char key[80];
        snprintf(key, sizeof key, "\n%s = ", um_config_settings[i].key);
        if (!strstr(out.data, key)) fail_msg("no %s", key + 1);
    }
    assert_non_null(getcwd(home, sizeof home));
    snprintf(line, sizeof line, "\nout = %s/runs\n", home);
    assert_non_null(strstr(out.data, line));
    assert_non_null(strstr(out.data, "\n[data]\npath = \n"));
    um_text_free(&out);
}

static void each_difference_is_named_once(void **state)
{
    files *f = *state;
    um_config other;
    CHECK_OK(&f->ctx, um_config_init(&f->ctx, &other));
    assert_null(um_config_difference(&f->cfg, &other, NULL));
    change(f, &other);
    size_t n = 0;
    for (const um_setting *s = NULL; (s = um_config_difference(&f->cfg, &other, s)); n++)
        assert_int_equal(strncmp(changes[n], s->section, strlen(s->section)), 0);
    assert_int_equal(n, UM_COUNT(changes));
    um_config_free(&other);
}

static void a_resume_may_change_what_is_shown_and_nothing_that_is_learnt(void **state)
{
    files *f = *state;
    static const char *const may[] = {
        "run.threads=3", "run.isa=scalar", "run.out=elsewhere", "run.name=x", "run.check_nan=true",
        "train.log_every=7", "train.sample_every=7", "train.max_time=1h", "train.keep=9",
        "sample.sampler=ddpm", "sample.seed=5", "sample.count=1",
    };
    static const struct {
        const char *set, *message;
    } must_not[] = {
        { "train.lr=1e-3", "train.lr = 0.001, but the run to resume has 0.0002 "
                           "(the same, or another run.name)" },
        { "train.steps=5", "train.steps = 5, but the run to resume has 100000 "
                           "(the same, or another run.name)" },
        { "run.seed=1", "run.seed = 1, but the run to resume has 0 "
                        "(the same, or another run.name)" },
        { "data.path=/x", "data.path = /x, but the run to resume has  "
                          "(the same, or another run.name)" },
        { "model.channels=32", "model.channels = 32, but the run to resume has 64,128,128 "
                               "(the same, or another run.name)" },
        { "diffusion.schedule=cosine", "diffusion.schedule = cosine, but the run to resume has "
                                       "linear (the same, or another run.name)" },
    };
    um_config now;
    CHECK_OK(&f->ctx, um_config_init(&f->ctx, &now));
    for (size_t i = 0; i < UM_COUNT(may); i++)
        CHECK_OK(&f->ctx, um_config_set(&f->ctx, &now, may[i]));
    CHECK_OK(&f->ctx, um_config_check_resume(&f->ctx, &f->cfg, &now));
    um_config_free(&now);
    for (size_t i = 0; i < UM_COUNT(must_not); i++) {
        CHECK_OK(&f->ctx, um_config_init(&f->ctx, &now));
        CHECK_OK(&f->ctx, um_config_set(&f->ctx, &now, must_not[i].set));
        CHECK_FAILS(&f->ctx, um_config_check_resume(&f->ctx, &f->cfg, &now), UM_BAD_ARG,
                    must_not[i].message);
        um_config_free(&now);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, files_setup, files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_written_reads_back_to_the_same),
        CASE(every_key_is_written_with_paths_in_full),
        CASE(each_difference_is_named_once),
        CASE(a_resume_may_change_what_is_shown_and_nothing_that_is_learnt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
