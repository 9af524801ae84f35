/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <jansson.h>

#include "io/model_folder.h"
#include "support/check.h"
#include "support/failing.h"
#include "support/scratch.h"

static const char text[] =
    "{ \"_class_name\": \"DDIMScheduler\", \"_diffusers_version\": \"0.1\", "
    "\"num_train_timesteps\": 1000,\n"
    "  \"beta_start\": 0.0001, \"beta_end\": 0.02, \"beta_schedule\": \"scaled_linear\",\n"
    "  \"clip_sample\": true, \"set_alpha_to_one\": false, \"trained_betas\": null, "
    "\"steps_offset\": 1,\n"
    "  \"disable_corrector\": [0, 1, 2.5], \"thresholds\": [], \"word\": \"a,b\" }";

static void check_text(const um_scheduler_json *s, const char *name, const char *value)
{
    const char *is = um_scheduler_json_get(s, name);
    if (!is) fail_msg("no %s", name);
    assert_string_equal(is, value);
}

static void keys_are_read_as_texts(void **state)
{
    scratch *s = *state;
    um_scheduler_json j;
    CHECK_OK(&s->ctx,
             um_scheduler_json_read(&s->ctx, &j, scratch_write(s, "j", text, strlen(text))));
    assert_string_equal(j.class_name, "DDIMScheduler");
    assert_int_equal(j.count, 10);
    check_text(&j, "num_train_timesteps", "1000");
    check_text(&j, "beta_start", "0.0001");
    check_text(&j, "beta_end", "0.02");
    check_text(&j, "beta_schedule", "scaled_linear");
    check_text(&j, "clip_sample", "true");
    check_text(&j, "set_alpha_to_one", "false");
    check_text(&j, "disable_corrector", "0,1,2.5");
    check_text(&j, "thresholds", "");
    assert_null(um_scheduler_json_get(&j, "trained_betas"));
    assert_null(um_scheduler_json_get(&j, "_diffusers_version"));
    um_scheduler_json_free(&j);
    assert_null(j.class_name);
}

static void what_is_written_has_its_types(void **state)
{
    scratch *s = *state;
    const char *const set[][2] = {
        { "num_train_timesteps", "1" },        { "beta_start", "1e-4" },
        { "beta_schedule", "linear" },         { "clip_sample", "true" },
        { "thresholding", "false" },           { "trained_betas", "0.1,0.25" },
        { "prediction_type", "v_prediction" }, { "num_train_timesteps", "250" }
    };
    um_scheduler_json j;
    json_error_t e;
    CHECK_OK(&s->ctx, um_scheduler_json_begin(&s->ctx, &j, "DDPMScheduler"));
    for (size_t i = 0; i < UM_COUNT(set); i++)
        CHECK_OK(&s->ctx, um_scheduler_json_set(&s->ctx, &j, set[i][0], set[i][1]));
    CHECK_OK(&s->ctx, um_scheduler_json_write(&s->ctx, &j, scratch_path(s, "j")));
    um_scheduler_json_free(&j);
    json_t *is = json_load_file(scratch_path(s, "j"), 0, &e);
    json_t *wanted =
        json_pack("{s:s, s:s, s:i, s:f, s:s, s:b, s:b, s:[f,f], s:s}", "_class_name",
                  "DDPMScheduler", "_diffusers_version", "0.42.1", "num_train_timesteps", 250,
                  "beta_start", 1e-4, "beta_schedule", "linear", "clip_sample", 1, "thresholding",
                  0, "trained_betas", 0.1, 0.25, "prediction_type", "v_prediction");
    assert_true(json_equal(is, wanted));
    json_decref(is);
    json_decref(wanted);
}

/* For diffusers a list of one is a list, and an empty one no text. */
static void what_is_read_is_written_as_it_was(void **state)
{
    scratch *s = *state;
    static const char odd[] = "{\n  \"_class_name\": \"X\",\n  \"a\": [\n    1\n  ],\n"
                              "  \"b\": [],\n  \"c\": -Infinity,\n  \"d\": null,\n"
                              "  \"e\": 1.0,\n  \"f\": \"1,2: \\\"NaN\\\"\",\n"
                              "  \"g\": \"true\"\n}\n";
    um_scheduler_json j;
    um_bytes bytes;
    CHECK_OK(&s->ctx, um_scheduler_json_read(&s->ctx, &j, scratch_write(s, "j", odd, strlen(odd))));
    CHECK_OK(&s->ctx, um_scheduler_json_write(&s->ctx, &j, scratch_path(s, "k")));
    um_scheduler_json_free(&j);
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, scratch_path(s, "k"), 1000, &bytes));
    assert_string_equal((const char *)bytes.data, odd);
    um_free(&s->ctx, bytes.data);
}

static void lists_of_numbers_are_read(void **state)
{
    scratch *s = *state;
    static const char lists[] = "{\"a\": [0.5, 1], \"b\": null, \"c\": [], \"d\": [\"1\"], "
                                "\"e\": 0.5}";
    static const char *const bad[] = { "c", "d", "e" };
    um_arena arena = { .ctx = &s->ctx };
    um_scheduler_json j;
    const double *v;
    int n;
    CHECK_OK(&s->ctx,
             um_scheduler_json_read(&s->ctx, &j, scratch_write(s, "j", lists, strlen(lists))));
    assert_true(um_scheduler_json_is_null(&j, "b") && !um_scheduler_json_is_null(&j, "x"));
    CHECK_OK(&s->ctx, um_scheduler_json_reals(&s->ctx, &j, "a", &arena, &v, &n));
    assert_true(n == 2 && v[0] == 0.5 && v[1] == 1.0);
    CHECK_OK(&s->ctx, um_scheduler_json_reals(&s->ctx, &j, "b", &arena, &v, &n));
    assert_true(n == 0 && !v);
    for (size_t i = 0; i < UM_COUNT(bad); i++) {
        const um_status status = um_scheduler_json_reals(&s->ctx, &j, bad[i], &arena, &v, &n);
        assert_int_equal(status, UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, "should be a list of numbers");
    }
    um_scheduler_json_free(&j);
    um_arena_free(&arena);
}

static void what_is_malformed_is_refused_by_name(void **state)
{
    scratch *s = *state;
    const struct {
        const char *json, *told;
    } cases[] = {
        { "{\"a\": {}}", "key 'a' should be a text, a number" },
        { "{\"a\": [[1]]}", "key 'a' should be a text, a number" },
        { "{\"_class_name\": 3}", "key '_class_name' should be a text" },
        { "[1]", "should be one JSON object" },
        { "{\"a\": 1, \"a\": 2}", "duplicate" },
    };
    um_scheduler_json j;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const char *path = scratch_write(s, "j", cases[i].json, strlen(cases[i].json));
        assert_int_equal(um_scheduler_json_read(&s->ctx, &j, path), UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, cases[i].told);
        assert_null(j.class_name);
        assert_int_equal(j.count, 0);
    }
    assert_int_equal(um_scheduler_json_read(&s->ctx, &j, scratch_path(s, "none")), UM_BAD_FILE);
}

/* json.dumps of Python writes what JSON has no word for. */
static void python_s_odd_numbers_are_values_of_keys_and_nothing_else(void **state)
{
    scratch *s = *state;
    static const char good[] = "{\"a\": -Infinity, \"b\" :Infinity,\n \"c\":\tNaN , \"d\": "
                               "\": NaN\", \"e\\\": NaN\": \"\\\\\", \"f\": -Infinity}";
    um_scheduler_json j;
    CHECK_OK(&s->ctx,
             um_scheduler_json_read(&s->ctx, &j, scratch_write(s, "j", good, strlen(good))));
    check_text(&j, "a", "-Infinity");
    check_text(&j, "b", "Infinity");
    check_text(&j, "c", "NaN");
    check_text(&j, "d", ": NaN");
    check_text(&j, "e\": NaN", "\\");
    check_text(&j, "f", "-Infinity");
    um_scheduler_json_free(&j);
    static const char *const bad[] = {
        "{\"a\": [NaN]}", "{NaN: 1}", "{\"a\": NaNa}", "{\"a\": -NaN}", "{\"a\": +Infinity}",
        "{\"a\": infinity}", "{\"a\": NaN NaN}", "NaN", "{\"a\": -Infinity", "{\"a\": \"NaN}",
        "{\"a\": \"\\", "{\"a\": {\"b\": NaN}}", "{\"a\": Infinity1}", "{\"a\":NaN:NaN}",
    };
    for (size_t i = 0; i < UM_COUNT(bad); i++) {
        const char *path = scratch_write(s, "j", bad[i], strlen(bad[i]));
        if (um_scheduler_json_read(&s->ctx, &j, path) != UM_BAD_FILE)
            fail_msg("%s was read", bad[i]);
    }
}

static void too_many_keys_are_refused(void **state)
{
    scratch *s = *state;
    um_scheduler_json j;
    char name[16];
    json_t *root = json_object();
    for (int i = 0; i <= UM_SCHEDULER_KEYS_MAX; i++) {
        snprintf(name, sizeof name, "k%d", i);
        json_object_set_new(root, name, json_integer(i));
    }
    assert_int_equal(json_dump_file(root, scratch_path(s, "j"), 0), 0);
    json_decref(root);
    assert_int_equal(um_scheduler_json_read(&s->ctx, &j, scratch_path(s, "j")), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "one too many (at most 64)");
}

static um_status read_it(um_ctx *ctx, void *arg)
{
    um_scheduler_json j;
    UM_TRY(um_scheduler_json_read(ctx, &j, arg));
    const um_status status = um_scheduler_json_write(ctx, &j, arg);
    um_scheduler_json_free(&j);
    return status;
}

static void every_failing_allocation_is_survived(void **state)
{
    scratch *s = *state;
    char path[SCRATCH_PATH];
    snprintf(path, sizeof path, "%s", scratch_write(s, "j", text, strlen(text)));
    check_every_allocation(read_it, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_read_as_texts),
        cmocka_unit_test(what_is_written_has_its_types),
        cmocka_unit_test(what_is_read_is_written_as_it_was),
        cmocka_unit_test(lists_of_numbers_are_read),
        cmocka_unit_test(what_is_malformed_is_refused_by_name),
        cmocka_unit_test(python_s_odd_numbers_are_values_of_keys_and_nothing_else),
        cmocka_unit_test(too_many_keys_are_refused),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
