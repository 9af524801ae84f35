/* SPDX-License-Identifier: MIT */
#include "sample/multistep.h"

#include "family.h"

enum { TIMESTEPS = 100 };

/* Orders as diffusers has them: the first steps have nothing to look back at, fewer than 15 end
 * with lower ones, and one that leads to the data is of order 1. */
static const struct {
    int steps, most;
    bool lower, euler;
    um_final final;
    const char *orders;
} lists[] = {
    { 6, 3, true, false, UM_FINAL_SIGMA_MIN, "123321" },
    { 6, 3, false, false, UM_FINAL_SIGMA_MIN, "123333" },
    { 6, 3, false, false, UM_FINAL_ZERO, "123331" },
    { 6, 3, false, true, UM_FINAL_SIGMA_MIN, "123331" },
    { 6, 2, true, false, UM_FINAL_ZERO, "122221" },
    { 15, 3, true, false, UM_FINAL_SIGMA_MIN, "123333333333333" },
    { 14, 3, true, false, UM_FINAL_SIGMA_MIN, "12333333333321" },
    { 15, 3, true, true, UM_FINAL_SIGMA_MIN, "123333333333331" },
    { 2, 3, true, false, UM_FINAL_ZERO, "11" },
    { 1, 2, true, false, UM_FINAL_ZERO, "1" },
};

static void steps_are_of_the_order_that_the_settings_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(lists); i++) {
        um_sample_settings s = drawing_settings("dpmpp");
        s.steps = lists[i].steps;
        s.solver_order = lists[i].most;
        s.lower_order_final = lists[i].lower;
        s.euler_at_final = lists[i].euler;
        s.final_sigmas = lists[i].final;
        drawing d;
        drawing_open(&d, &s, 1000);
        for (int k = 0; k < d.plan.rows; k++) {
            int order = 1;
            for (int h = 0; h < UM_HISTORY_MAX; h++) order += d.plan.row[k].next.past[h] != 0.0;
            if (order != lists[i].orders[k] - '0')
                fail_msg("step %d of %d is of order %d, not of %s", k, s.steps, order,
                         lists[i].orders);
        }
        drawing_close(&d);
    }
}

/* A row is the step from its level by the levels behind it, whatever these are. */
static void rows_have_the_coefficients_of_their_levels(void **state)
{
    (void)state;
    um_sample_settings s = drawing_settings("dpmpp");
    s.sigmas = UM_SIGMAS_KARRAS;
    s.solver_order = 3;
    drawing d;
    drawing_open(&d, &s, 1000);
    for (int i = 2; i + 1 < d.plan.rows; i++) {
        const um_level *l = &d.plan.level[i];
        const double bar[] = { l[0].alpha_bar, l[-1].alpha_bar, l[-2].alpha_bar };
        const um_exponential e = um_exponential_step(UM_ALGORITHM_DPMSOLVERPP, UM_SOLVER_MIDPOINT,
                                                     3, bar, l[1].alpha_bar);
        const um_mix *next = &d.plan.row[i].next;
        assert_true(next->x == e.x && next->x0 == e.m[0]);
        assert_true(next->past[0] == e.m[1] && next->past[1] == e.m[2]);
        assert_true(d.plan.row[i].keeps && d.plan.row[i].keep.x0 == 1.0);
    }
    drawing_close(&d);
}

static const struct {
    const char *sampler;
    um_algorithm algorithm;
    um_solver solver;
    bool predict_x0;
} methods[] = {
    { "dpmpp", UM_ALGORITHM_DPMSOLVERPP, UM_SOLVER_MIDPOINT, true },
    { "dpmpp", UM_ALGORITHM_DPMSOLVER, UM_SOLVER_HEUN, true },
    { "dpmpp", UM_ALGORITHM_SDE_DPMSOLVERPP, UM_SOLVER_HEUN, true },
    { "dpmpp_single", UM_ALGORITHM_DPMSOLVERPP, UM_SOLVER_HEUN, true },
    { "dpmpp_single", UM_ALGORITHM_DPMSOLVER, UM_SOLVER_MIDPOINT, true },
    { "dpmpp_single", UM_ALGORITHM_SDE_DPMSOLVERPP, UM_SOLVER_MIDPOINT, true },
    { "unipc", UM_ALGORITHM_DPMSOLVERPP, UM_SOLVER_BH1, true },
    { "unipc", UM_ALGORITHM_DPMSOLVERPP, UM_SOLVER_BH2, false },
    { "deis", UM_ALGORITHM_DEIS, UM_SOLVER_LOGRHO, true },
};

enum { SIZE = 4 * 4 * 3 };

static void give_noise(void *user, int row, uint64_t first, int n, float *out)
{
    (void)user;
    for (int i = 0; i < n * SIZE; i++) out[i] = (float)(1.4 * sin(7.0 * i + row + (double)first));
}

static void draw(um_ctx *ctx, const um_schedule *schedule, const um_sample_settings *s)
{
    um_plan plan;
    float out[SIZE];
    const um_denoiser model = trajectory_model();
    const um_noise noise = { .draw = give_noise };
    const um_sample_request r = { .h = 4, .w = 4, .c = 3, .count = 1, .noise = &noise };
    CHECK_OK(ctx, um_plan_init(ctx, &plan, s, schedule));
    const um_status status = um_sample_run(ctx, &plan, &model, &r, out);
    if (status != UM_OK)
        fail_msg("%s, order %d, %d steps, spacing %d, prediction %d, schedule %d: %s",
                 s->sampler->name, s->solver_order, s->steps, (int)s->spacing, (int)s->prediction,
                 (int)schedule->settings.kind, ctx->message);
    um_plan_free(ctx, &plan);
}

static void draw_all(um_ctx *ctx, const um_schedule *schedule, um_sample_settings s)
{
    static const int steps[] = { 1, 2, 3, 10, 50, TIMESTEPS };
    for (size_t n = 0; n < UM_COUNT(steps); n++)
        for (int grid = UM_SIGMAS_TRAINING; grid <= UM_SIGMAS_LU_LAMBDAS; grid++) {
            s.steps = steps[n];
            s.sigmas = (um_sigmas)grid;
            s.clip_sample = (grid + n) % 3 == 1;
            s.thresholding = (grid + n) % 3 == 2;
            s.solver_order = 1 + (int)n % 3;
            s.final_sigmas = n & 1 ? UM_FINAL_ZERO : UM_FINAL_SIGMA_MIN;
            draw(ctx, schedule, &s);
        }
}

/* Also where diffusers ends in NaN: no lower order at the end, bh1, noise forms with sigma 0; and
 * with zero terminal SNR. */
static void every_combination_ends_finite(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    for (size_t m = 0; m < UM_COUNT(methods); m++)
        for (int kind = UM_SCHEDULE_LINEAR; kind <= UM_SCHEDULE_SIGMOID; kind++)
            for (int spacing = UM_SPACING_LEADING; spacing <= UM_SPACING_QUADRATIC; spacing++)
                for (int says = UM_PREDICTION_EPSILON; says <= UM_PREDICTION_SAMPLE; says++) {
                    um_schedule_settings ss = um_schedule_defaults();
                    um_schedule schedule;
                    ss.timesteps = TIMESTEPS;
                    ss.kind = (um_schedule_kind)kind;
                    ss.zero_terminal_snr = says != UM_PREDICTION_EPSILON && kind % 2 == 0;
                    CHECK_OK(&ctx, um_schedule_init(&ctx, &schedule, &ss));
                    um_sample_settings s = drawing_settings(methods[m].sampler);
                    s.algorithm = methods[m].algorithm;
                    s.solver = methods[m].solver;
                    s.predict_x0 = methods[m].predict_x0;
                    s.lower_order_final = false;
                    s.spacing = (um_spacing)spacing;
                    s.prediction = (um_prediction)says;
                    draw_all(&ctx, &schedule, s);
                    um_schedule_free(&ctx, &schedule);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_of_the_order_that_the_settings_say),
        cmocka_unit_test(rows_have_the_coefficients_of_their_levels),
        cmocka_unit_test(every_combination_ends_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
