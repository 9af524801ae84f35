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

/* What models/digits says of itself is true: its settings lead to its log. */
static void the_shipped_model_can_be_trained_again(void **state)
{
    const char *root = getenv("UM_SOURCE_ROOT");
    int asked = 0;
    um_ctx *ctx;
    um_settings *s;
    um_training_result result;
    char config[4096], log[4096];
    const char *out = scratch_path(*state, "run"), *again = scratch_path(*state, "run/log.csv");
    snprintf(config, sizeof config, "%s/models/digits/config.ini", root);
    snprintf(log, sizeof log, "%s/models/digits/log.csv", root);

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_shipped_model_can_be_trained_again, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
