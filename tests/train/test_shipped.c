/* SPDX-License-Identifier: MIT */
#include "unmist.h"

#include "support/check.h"
#include "support/scratch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 20, ROWS_MAX = 64 };

typedef struct row {
    long long step;
    double loss, grad_norm, lr;
} row;

/* The rows of a log.csv up to STEPS. */
static int read_log(const char *path, row rows[ROWS_MAX])
{
    char line[512];
    int n = 0;
    FILE *f = fopen(path, "r");
    if (!f) fail_msg("%s is missing", path);
    while (fgets(line, sizeof line, f) && n < ROWS_MAX) {
        row r;
        if (sscanf(line, "%lld,%*[^,],%lf,%lf,%lf", &r.step, &r.loss, &r.grad_norm, &r.lr) == 4 &&
            r.step <= STEPS)
            rows[n++] = r;
    }
    fclose(f);
    return n;
}

/* The training asks before each step whether to stop. */
static bool stop_after_steps(void *user)
{
    int *asked = user;
    return (*asked)++ == STEPS;
}

/* What a model says of itself is true: its settings lead to its log. */
static void train_again(scratch *place, const char *model)
{
    const char *root = getenv("UM_SOURCE_ROOT");
    int asked = 0;
    um_ctx *ctx;
    um_settings *s;
    um_training_result result;
    char config[4096], log[4096];
    char out[SCRATCH_PATH], again[SCRATCH_PATH + 16];
    snprintf(out, sizeof out, "%s", scratch_path(place, model));
    snprintf(again, sizeof again, "%s/log.csv", out);
    snprintf(config, sizeof config, "%s/models/%s/config.ini", root, model);
    snprintf(log, sizeof log, "%s/models/%s/log.csv", root, model);

    assert_int_equal(
        um_open(&ctx, &(um_options){ .cancelled = stop_after_steps, .cancel_user = &asked }),
        UM_OK);
    CHECK_OK(ctx, um_settings_open(&s, ctx));
    CHECK_OK(ctx, um_settings_read(s, config));
    assert_int_equal(um_train_run(s, out, false, NULL, &result), UM_CANCELLED);
    assert_int_equal(result.step, STEPS);

    row shipped[ROWS_MAX], ours[ROWS_MAX];
    const int n = read_log(log, shipped);
    assert_int_equal(read_log(again, ours), n);
    assert_true(n >= 2);
    for (int i = 0; i < n; i++) {
        assert_int_equal(ours[i].step, shipped[i].step);
        CHECK_NEAR(ours[i].loss, shipped[i].loss, 1e-4 * shipped[i].loss);
        CHECK_NEAR(ours[i].grad_norm, shipped[i].grad_norm, 1e-3 * shipped[i].grad_norm);
        CHECK_NEAR(ours[i].lr, shipped[i].lr, 1e-9);
    }
    um_settings_close(&s);
    um_close(&ctx);
}

static void the_shipped_models_can_be_trained_again(void **state)
{
    train_again(*state, "digits");
    train_again(*state, "digits-classes");
    train_again(*state, "digits-classifier");
}

/* Two images each of 3 and of 8 from the same noise, guided or not; the digits differ by class and
 * stay in range. */
static void digits_are_drawn_by_class_and_guided(void **state)
{
    (void)state;
    static const char *const guidance[] = { "sample.guidance=1", "sample.guidance=3" };
    char path[4096];
    um_ctx *ctx;
    float first[4 * 784];
    snprintf(path, sizeof path, "%s/models/digits-classes", getenv("UM_SOURCE_ROOT"));
    assert_int_equal(um_open(&ctx, NULL), UM_OK);
    for (int k = 0; k < 2; k++) {
        static const char *const more[] = { "sample.classes=3,8", "sample.count=4",
                                            "sample.steps=3" };
        um_settings *s;
        um_model *m;
        um_images *images;
        um_model_facts facts;
        int n, h, w, c;
        CHECK_OK(ctx, um_settings_open(&s, ctx));
        for (size_t i = 0; i < UM_COUNT(more); i++) CHECK_OK(ctx, um_settings_set(s, more[i]));
        CHECK_OK(ctx, um_settings_set(s, guidance[k]));
        CHECK_OK(ctx, um_model_open(&m, ctx, path, s));
        um_model_describe(m, &facts);
        assert_true(facts.classes == 10 && facts.null_class);
        CHECK_OK(ctx, um_sample(m, s, NULL, &images));
        const float *x = um_images_data(images, &n, &h, &w, &c);
        assert_true(n == 4 && h == 28 && w == 28 && c == 1);
        for (int i = 0; i < 4 * 784; i++) assert_true(fabsf(x[i]) < 1.5f);
        assert_memory_not_equal(x, x + 784, 784 * sizeof *x);
        if (k) assert_memory_not_equal(x, first, sizeof first);
        memcpy(first, x, sizeof first);
        um_images_close(&images);
        um_model_close(&m);
        um_settings_close(&s);
    }
    um_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_shipped_models_can_be_trained_again, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(digits_are_drawn_by_class_and_guided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
