/* SPDX-License-Identifier: MIT */
#include "sample/timesteps.h"

#include <math.h>
#include <string.h>

#include "sample/sampler.h"
#include "support/golden.h"

static const um_level_rule closed;

static um_sample_settings settings_of(um_spacing spacing, int steps, int offset)
{
    return (um_sample_settings){ .spacing = spacing, .steps = steps, .steps_offset = offset };
}

/* Strictly decreasing within 0 .. 999: the lists that a sampler can walk. */
static bool is_sound(json_t *list)
{
    double before = 1000.0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const double t = json_number_value(json_array_get(list, i));
        if (!(t < before && t >= 0.0)) return false;
        before = t;
    }
    return json_is_array(list);
}

static const um_level_rule *rule_of(um_ctx *ctx, const char *name)
{
    const um_sampler *sampler;
    CHECK_OK(ctx, um_sampler_find(ctx, name, &sampler));
    return &sampler->levels;
}

/* Where diffusers' list is unsound ours is sound, or refused. */
static void check_list(um_ctx *ctx, const char *key, json_t *want, const um_sample_settings *s,
                       const um_level_rule *rule)
{
    double *list;
    int count;
    const um_status st = um_timesteps_list(ctx, s, rule, 1000, &list, &count);
    if (!is_sound(want)) {
        if (st == UM_BAD_ARG) return;
        CHECK_OK(ctx, st);
        CHECK_OK(ctx, um_timesteps_check(ctx, list, count, 1000));
        um_free(ctx, list);
        return;
    }
    CHECK_OK(ctx, st);
    assert_int_equal(count, json_array_size(want));
    for (int i = 0; i < count; i++) /* within what float32 holds */
        if (!(fabs(list[i] - json_number_value(json_array_get(want, (size_t)i))) < 1e-4))
            fail_msg("%s: the list's %d is %g", key, i, list[i]);
    um_free(ctx, list);
}

static void the_sound_lists_of_diffusers_are_reproduced_and_no_other_is_unsound(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    json_t *file = golden_json("timesteps.json"), *list;
    const char *key;
    int seen = 0;
    json_object_foreach(file, key, list) {
        char sampler[16], spacing[16];
        um_sample_settings s = { 0 };
        assert_int_equal(sscanf(key, "%15[^/]/%15[^/]/%d/%d", sampler, spacing, &s.steps,
                                &s.steps_offset), 4);
        CHECK_OK(&ctx, um_choice_parse(&ctx, um_spacings, "spacing", spacing, &s.spacing));
        check_list(&ctx, key, list, &s, rule_of(&ctx, sampler));
        seen++;
    }
    assert_int_equal(seen, 5 * 3 * 7 * 2);
    json_decref(file);
}

/* floor(linspace(0, sqrt(0.8 T), S)^2) worked by hand for S = 5: 0, 50, 200, 450, 800. */
static void quadratic_spacing_is_dense_near_the_data(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_sample_settings s = settings_of(UM_SPACING_QUADRATIC, 5, 0);
    double *list;
    int count;
    CHECK_OK(&ctx, um_timesteps_list(&ctx, &s, &closed, 1000, &list, &count));
    static const double want[] = { 800, 450, 200, 50, 0 };
    assert_int_equal(count, 5);
    assert_memory_equal(list, want, sizeof want);
    um_free(&ctx, list);
}

/* With S = 100 of T = 100 neighbours near the data fall on the same timestep. */
static void quadratic_spacing_drops_repeats(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_sample_settings s = settings_of(UM_SPACING_QUADRATIC, 100, 0);
    double *list;
    int count, seen[100] = { 0 }, distinct = 0;
    CHECK_OK(&ctx, um_timesteps_list(&ctx, &s, &closed, 100, &list, &count));
    for (int i = 0; i < 100; i++) distinct += !seen[80 * i * i / (99 * 99)]++;
    assert_int_equal(count, distinct);
    assert_true(count < 100);
    CHECK_OK(&ctx, um_timesteps_check(&ctx, list, count, 100));
    um_free(&ctx, list);
}

static void every_spacing_and_count_gives_a_list_that_can_be_walked(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    static const int sizes[] = { 1, 2, 7, 50, 250, 1000 };
    for (size_t k = 0; k < UM_COUNT(sizes); k++)
        for (int spacing = UM_SPACING_LEADING; spacing <= UM_SPACING_QUADRATIC; spacing++)
            for (int steps = 1; steps <= sizes[k]; steps++) {
                const um_sample_settings s = settings_of((um_spacing)spacing, steps, 0);
                double *list;
    int count;
                CHECK_OK(&ctx, um_timesteps_list(&ctx, &s, &closed, sizes[k], &list, &count));
                CHECK_OK(&ctx, um_timesteps_check(&ctx, list, count, sizes[k]));
                if (spacing != UM_SPACING_QUADRATIC) assert_int_equal(count, steps);
                um_free(&ctx, list);
            }
}

static void zero_steps_are_all_of_them(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    for (int spacing = UM_SPACING_LEADING; spacing <= UM_SPACING_LINSPACE; spacing++) {
        const um_sample_settings s = settings_of((um_spacing)spacing, 0, 0);
        double *list;
    int count;
        CHECK_OK(&ctx, um_timesteps_list(&ctx, &s, &closed, 30, &list, &count));
        assert_int_equal(count, 30);
        for (int i = 0; i < 30; i++) assert_true(list[i] == 29 - i);
        um_free(&ctx, list);
    }
}

static void settings_that_give_no_list_are_refused(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    static const struct { int spacing, steps, offset; const char *message; } cases[] = {
        { UM_SPACING_LEADING, 1001, 0,
          "sample.steps = 1001 (1 to 1000, the model's timesteps; 0: all of them)" },
        { UM_SPACING_LEADING, -1, 0,
          "sample.steps = -1 (1 to 1000, the model's timesteps; 0: all of them)" },
        { UM_SPACING_LEADING, 1000, 1,
          "sample.steps_offset = 1 makes 1000 steps start at timestep 1000, and 999 is the last "
          "(steps_offset at most 0, or fewer steps)" },
        { UM_SPACING_LEADING, 10, 1000, "sample.steps_offset = 1000 (0 to 999)" },
        { UM_SPACING_LEADING, 10, -1, "sample.steps_offset = -1 (0 to 999)" },
        { 7, 10, 0, "sample.timestep_spacing = 7 is not known" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const um_sample_settings s =
            settings_of((um_spacing)cases[i].spacing, cases[i].steps, cases[i].offset);
        double *list;
    int count;
        assert_int_equal(um_timesteps_list(&ctx, &s, &closed, 1000, &list, &count), UM_BAD_ARG);
        assert_string_equal(ctx.message, cases[i].message);
        assert_null(list);
    }
}

static void a_list_that_does_not_fall_is_refused(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    static const double lists[][3] = { { 5, 5, 1 }, { 5, 6, 1 }, { 10, 5, 1 }, { 5, 1, -1 } };
    for (size_t i = 0; i < UM_COUNT(lists); i++)
        assert_int_equal(um_timesteps_check(&ctx, lists[i], 3, 10), UM_BAD_ARG);
    assert_int_equal(um_timesteps_check(&ctx, lists[0], 0, 10), UM_BAD_ARG);
    assert_int_equal(um_timesteps_check(&ctx, lists[0], 1, 10), UM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sound_lists_of_diffusers_are_reproduced_and_no_other_is_unsound),
        cmocka_unit_test(quadratic_spacing_is_dense_near_the_data),
        cmocka_unit_test(quadratic_spacing_drops_repeats),
        cmocka_unit_test(every_spacing_and_count_gives_a_list_that_can_be_walked),
        cmocka_unit_test(zero_steps_are_all_of_them),
        cmocka_unit_test(settings_that_give_no_list_are_refused),
        cmocka_unit_test(a_list_that_does_not_fall_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
