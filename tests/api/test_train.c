/* SPDX-License-Identifier: MIT */
#include <sys/file.h>
#include <fcntl.h>

#include "api/tiny_run.h"
#include "support/failing.h"

static void a_run_leaves_its_folder(void **state)
{
    subject *x = open_subject(*state);
    set(x, "train.sample_every=%s", "2");
    CHECK_OK(x->ctx, go(x, false));
    static const char *const parts[] = {
        "config.ini", "log.csv", "samples/step-0000002.png", "samples/step-0000004.png",
        "checkpoints/step-0000002/training_state.json", "model/model_index.json",
        "checkpoints/step-0000004/training_state.safetensors", "model/unet/config.json",
        "model/scheduler/scheduler_config.json",
        "model/unet/diffusion_pytorch_model.safetensors",
    };
    for (size_t i = 0; i < UM_COUNT(parts); i++)
        if (!holds(x, parts[i])) fail_msg("no %s", parts[i]);
    assert_false(holds(x, "model/training_state.json"));
    const um_training_result *r = &x->result;
    assert_true(r->finished && r->step == 4 && r->images == 8 && r->started_at == 0);
    assert_true(r->validation > 0 && r->images_per_second > 0 && r->tape_mib > 0);
    assert_string_equal(r->run, x->out);
    assert_true(x->begun == 1 && x->told == 4);
    close_subject(x);
}

static void the_run_s_name_is_its_folder(void **state)
{
    scratch *s = *state;
    subject *x = open_subject(s);
    um_training_result r;
    set(x, "run.out=%s", scratch_path(s, "runs"));
    CHECK_OK(x->ctx, um_settings_set(x->settings, "run.name=mine"));
    CHECK_OK(x->ctx, um_train_run(x->settings, NULL, false, NULL, &r));
    assert_string_equal(r.run, scratch_path(s, "runs/mine"));
    assert_true(um_path_is_folder(scratch_path(s, "runs/mine/model")));
    close_subject(x);
}

static void a_folder_with_a_run_wants_resume(void **state)
{
    subject *x = open_subject(*state);
    begin_and_stop(x);
    again(x);
    set(x, "train.lr=%s", "0.5");
    assert_int_equal(go(x, false), UM_BAD_ARG);
    CHECK_TOLD(x->ctx, "--resume");
    assert_string_equal(x->result.run, x->out);
    assert_false(x->result.finished);
    again(x);
    CHECK_OK(x->ctx, go(x, true));
    assert_true(x->result.finished && x->result.step == 4 && x->result.started_at == 0);
    assert_int_equal(go(x, false), UM_BAD_ARG);
    close_subject(x);
}

static void resume_without_a_checkpoint_begins(void **state)
{
    scratch *s = *state;
    static const char *const left[] = { NULL, "run/note", "run/config.ini",
                                        "run/checkpoints/.step-0000002.unmist-1-1/config.ini" };
    for (size_t i = 0; i < UM_COUNT(left); i++) {
        subject *x = open_subject(s);
        if (left[i]) scratch_write(s, left[i], "[train]\nlr = 0.5\n", 17);
        CHECK_OK(x->ctx, go(x, true));
        assert_true(x->result.finished && x->result.started_at == 0 && x->told == 4);
        CHECK_OK(x->ctx, um_folder_remove(x->ctx, x->out));
        close_subject(x);
    }
}

static void a_finished_run_resumes_to_nothing(void **state)
{
    subject *x = open_subject(*state);
    CHECK_OK(x->ctx, go(x, false));
    um_bytes before, after;
    char path[SCRATCH_PATH + 16];
    snprintf(path, sizeof path, "%s/log.csv", x->out);
    CHECK_OK(x->ctx, um_file_read(x->ctx, path, 1 << 20, &before));
    CHECK_OK(x->ctx, go(x, true));
    CHECK_OK(x->ctx, um_file_read(x->ctx, path, 1 << 20, &after));
    assert_string_equal((const char *)before.data, (const char *)after.data);
    um_free(x->ctx, before.data);
    um_free(x->ctx, after.data);
    const um_training_result *r = &x->result;
    assert_true(r->finished && r->step == 4 && r->started_at == 4 && r->images == 8);
    assert_int_equal(x->told, 0);
    close_subject(x);
}

static void resume_may_change_what_is_shown_and_kept(void **state)
{
    static const char *const free_ones[] = {
        "run.threads=2", "run.check_nan=true", "train.log_every=2", "train.validate_every=0",
        "train.validation_images=1", "train.sample_every=2", "train.sample_count=1",
        "train.checkpoint_every=1", "train.keep=1", "train.max_time=1h", "sample.sampler=ddpm",
        "sample.steps=3", "sample.seed=9", "sample.clip_sample=false", "run.name=other",
    };
    subject *x = open_subject(*state);
    begin_and_stop(x);
    again(x);
    for (size_t i = 0; i < UM_COUNT(free_ones); i++) set(x, "%s", free_ones[i]);
    CHECK_OK(x->ctx, go(x, true));
    assert_true(x->result.finished && x->result.started_at == 0);
    close_subject(x);
}

static void resume_refuses_any_other_change_by_name(void **state)
{
    scratch *s = *state;
    static const char *const fixed[] = {
        "train.lr=0.01", "train.steps=5", "train.batch=3", "train.optimizer=adam",
        "train.ema_decay=0.5", "model.channels=8,8", "model.dropout=0.1", "data.flip=true",
        "data.limit=8", "data.validation=0.4", "run.seed=1", "diffusion.schedule=cosine",
        "diffusion.timesteps=30", "diffusion.prediction_type=sample", "train.accumulate=2",
    };
    subject *x = open_subject(s);
    begin_and_stop(x);
    for (size_t i = 0; i < UM_COUNT(fixed); i++) {
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)strcspn(fixed[i], "="), fixed[i]);
        again(x);
        set(x, "%s", fixed[i]);
        assert_int_equal(go(x, true), UM_BAD_ARG);
        CHECK_TOLD(x->ctx, key);
        assert_false(holds(x, "model"));
    }
    close_subject(x);
}

static void one_training_at_a_time(void **state)
{
    subject *x = open_subject(*state);
    CHECK_OK(x->ctx, um_folder_make(x->ctx, x->out));
    const int lock = open(x->out, O_RDONLY | O_DIRECTORY);
    assert_true(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0);
    assert_int_equal(go(x, false), UM_IO);
    CHECK_TOLD(x->ctx, "another training");
    assert_false(holds(x, "config.ini"));
    assert_string_equal(x->result.run, x->out);
    close(lock); /* as a killed process leaves it */
    CHECK_OK(x->ctx, go(x, false));
    close_subject(x);
}

/* Each is told before the first step, and stays. */
static void what_stands_in_the_way_is_told_at_once(void **state)
{
    scratch *s = *state;
    static const char *const files[] = { "run", "run/checkpoints", "run/samples", "run/model",
                                         "run/log.csv/x", "run/config.ini/x" };
    for (size_t i = 0; i < UM_COUNT(files); i++) {
        subject *x = open_subject(s);
        char path[SCRATCH_PATH];
        snprintf(path, sizeof path, "%s", scratch_write(s, files[i], "mine", 4));
        for (int resume = 0; resume < 2; resume++) {
            assert_int_equal(go(x, resume), UM_IO);
            CHECK_TOLD(x->ctx, x->out);
            assert_true(um_path_is_file(path));
            assert_int_equal(x->told, 0);
            assert_int_equal(x->result.step, 0);
        }
        CHECK_OK(x->ctx, um_folder_remove(x->ctx, x->out));
        close_subject(x);
    }
}

static void someone_else_s_log_stays(void **state)
{
    scratch *s = *state;
    subject *x = open_subject(s);
    const char *log = scratch_write(s, "run/log.csv", "a,b\n", 4);
    assert_int_equal(go(x, false), UM_BAD_FILE);
    CHECK_TOLD(x->ctx, log);
    close_subject(x);
}

static void half_written_folders_of_a_killed_run_go(void **state)
{
    scratch *s = *state;
    subject *x = open_subject(s);
    begin_and_stop(x);
    scratch_write(s, "run/checkpoints/.step-0000002.unmist-1-1/unet/x", "x", 1);
    scratch_write(s, "run/.model.unmist-1-2/unet/x", "x", 1);
    scratch_write(s, "run/samples/.step-0000002.png.unmist-1-3", "x", 1);
    CHECK_OK(x->ctx, go(x, true));
    assert_false(holds(x, ".model.unmist-1-2"));
    assert_false(holds(x, "checkpoints/.step-0000002.unmist-1-1"));
    assert_false(holds(x, "samples/.step-0000002.png.unmist-1-3"));
    close_subject(x);
}

static void bad_settings_leave_no_folder(void **state)
{
    scratch *s = *state;
    static const struct {
        const char *settings[3];
        um_status status;
        const char *told;
    } cases[] = {
        { { "data.path=" }, UM_BAD_ARG, "data.path" },
        { { "data.path=/nowhere/at/all" }, UM_BAD_FILE, "/nowhere/at/all" },
        { { "train.accumulate=3" }, UM_BAD_ARG, "train.accumulate" },
        { { "train.init=/nowhere/at/all" }, UM_BAD_FILE, "/nowhere/at/all" },
        { { "model.channels=4,4,4,4,4" }, UM_BAD_ARG, "5 levels" },
        { { "model.class_conditional=true", "sample.classes=3", "train.sample_every=1" },
          UM_BAD_ARG, "sample.classes" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        subject *x = open_subject(s);
        for (int k = 0; k < 3 && cases[i].settings[k]; k++) set(x, "%s", cases[i].settings[k]);
        assert_int_equal(go(x, false), cases[i].status);
        CHECK_TOLD(x->ctx, cases[i].told);
        assert_false(um_path_exists(x->out));
        assert_true(x->result.step == 0 && !x->result.finished && x->result.seconds == 0);
        close_subject(x);
    }
}

/* Weights and shape are those of the other model; its noise too, where no one says otherwise. */
static void another_model_may_be_the_start(void **state)
{
    scratch *s = *state;
    static char first[1 << 16], second[1 << 16];
    static const char weights[] = "model/unet/diffusion_pytorch_model.safetensors";
    char start[SCRATCH_PATH];
    subject *x = open_subject(s);
    set(x, "model.channels=%s", "6,8");
    set(x, "diffusion.schedule=%s", "cosine");
    set(x, "diffusion.cosine_s=%s", "0.02");
    set(x, "diffusion.prediction_type=%s", "v_prediction");
    CHECK_OK(x->ctx, go(x, false));
    memcpy(start, x->out, sizeof start);
    the_text_of(x, start, weights, first, sizeof first);
    snprintf(x->out, sizeof x->out, "%s", scratch_path(s, "fine"));
    again(x);
    set(x, "train.init=%s", start);
    set(x, "train.steps=%s", "0");
    CHECK_OK(x->ctx, go(x, false));
    the_text_of(x, x->out, weights, second, sizeof second);
    assert_memory_equal(first, second, sizeof first);
    the_text_of(x, x->out, "model/scheduler/scheduler_config.json", second, sizeof second);
    assert_non_null(strstr(second, "squaredcos_cap_v2"));
    assert_non_null(strstr(second, "\"cosine_s\": 0.02"));
    assert_non_null(strstr(second, "v_prediction"));
    assert_non_null(strstr(second, "\"num_train_timesteps\": 20")); /* as the command says */
    snprintf(x->out, sizeof x->out, "%s", scratch_path(s, "other"));
    set(x, "diffusion.schedule=%s", "linear");
    CHECK_OK(x->ctx, go(x, false));
    the_text_of(x, x->out, "model/scheduler/scheduler_config.json", second, sizeof second);
    assert_non_null(strstr(second, "\"linear\""));
    close_subject(x);
}

/* Through the public door with all that a run does; jansson and its like have their own memory. */
static um_status train_once(um_ctx *ctx, void *arg)
{
    const subject *x = arg;
    um_settings *settings = NULL;
    um_training_result result;
    um_ctx plain;
    um_ctx_init(&plain);
    um_status status = open_tiny(&settings, ctx, x->data);
    static const char *const more[] = { "train.steps=1", "train.sample_every=1",
                                        "train.sample_count=1", "train.validate_every=1",
                                        "model.class_conditional=true" };
    for (size_t i = 0; i < UM_COUNT(more) && status == UM_OK; i++)
        status = um_settings_set(settings, more[i]);
    if (status == UM_OK) status = um_train_run(settings, x->out, true, NULL, &result);
    um_settings_close(&settings);
    CHECK_OK(&plain, um_folder_remove(&plain, x->out));
    return status;
}

static void want_of_memory_is_said_and_leaves_nothing(void **state)
{
    subject *x = open_subject(*state);
    check_every_allocation(train_once, x);
    close_subject(x);
}

int main(void)
{
    if (um_path_is_folder("/dev/shm")) /* hundreds of flushes, which cost nothing there */
        setenv("TMPDIR", "/dev/shm", 0);
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_run_leaves_its_folder),
        TEST(the_run_s_name_is_its_folder),
        TEST(a_folder_with_a_run_wants_resume),
        TEST(resume_without_a_checkpoint_begins),
        TEST(a_finished_run_resumes_to_nothing),
        TEST(resume_may_change_what_is_shown_and_kept),
        TEST(resume_refuses_any_other_change_by_name),
        TEST(one_training_at_a_time),
        TEST(what_stands_in_the_way_is_told_at_once),
        TEST(someone_else_s_log_stays),
        TEST(half_written_folders_of_a_killed_run_go),
        TEST(bad_settings_leave_no_folder),
        TEST(another_model_may_be_the_start),
        TEST(want_of_memory_is_said_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
