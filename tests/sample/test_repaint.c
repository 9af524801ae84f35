/* SPDX-License-Identifier: MIT
 * On pairs of pixels N(m, V), V = v (1 r; r 1), whose best denoiser is known: the first pixel is
 * given. The mean of the second follows from a recursion written down from the paper, and with
 * enough resamplings it is the conditional mean. */
#include "sample/repaint.h"

#include <math.h>
#include <string.h>

#include "drawing.h"

enum { COUNT = 2000, STEPS = 100 };

static const double m0 = 0.2, m1 = -0.1, v = 0.25, r = 0.8, given = 0.7;

/* E[x_0 | x] = m + a V (a^2 V + s^2 I)^-1 (x - a m), along the axes (1, 1) and (1, -1). */
static void denoise(double bar, const double x[2], double x0[2])
{
    const double a = sqrt(bar), d0 = x[0] - a * m0, d1 = x[1] - a * m1;
    const double along = v * (1.0 + r), across = v * (1.0 - r);
    const double p = a * along / (bar * along + 1.0 - bar) * (d0 + d1) / 2.0;
    const double q = a * across / (bar * across + 1.0 - bar) * (d0 - d1) / 2.0;
    x0[0] = m0 + p + q;
    x0[1] = m1 + p - q;
}

static um_status predict(void *user, int n, const float *x, const double *t, const int *labels,
                         float *out)
{
    const um_schedule *s = user;
    (void)labels;
    for (int i = 0; i < n; i++) {
        const double bar = um_schedule_alpha_bar_at(s, t[i]);
        const double at[2] = { (double)x[2 * i], (double)x[2 * i + 1] };
        double x0[2];
        denoise(bar, at, x0);
        for (int k = 0; k < 2; k++)
            out[2 * i + k] = (float)((at[k] - sqrt(bar) * x0[k]) / sqrt(1.0 - bar));
    }
    return UM_OK;
}

struct pair { um_sample_request request; float known[2 * COUNT]; bool redraw[2 * COUNT]; };

static struct pair *pairs(int count)
{
    static struct pair p;
    p.request = (um_sample_request){ .h = 1, .w = 2, .c = 1, .count = count, .known = p.known,
                                     .redraw = p.redraw };
    for (int i = 0; i < count; i++) {
        p.known[2 * i] = (float)given, p.known[2 * i + 1] = -9.0f;
        p.redraw[2 * i] = false, p.redraw[2 * i + 1] = true;
    }
    return &p;
}

/* The mean of both pixels through a step of ddpm (Ho et al. 2020, eq. 7), with the known one put
 * in behind it. */
static void step_mean(const um_level *from, const um_level *to, double mean[2])
{
    const double alpha = from->alpha_bar / to->alpha_bar, beta = 1.0 - alpha;
    double x0[2];
    denoise(from->alpha_bar, mean, x0);
    for (int k = 0; k < 2; k++)
        mean[k] = (sqrt(to->alpha_bar) * beta * x0[k] +
                   sqrt(alpha) * (1.0 - to->alpha_bar) * mean[k]) / (1.0 - from->alpha_bar);
    mean[0] = sqrt(to->alpha_bar) * given;
}

/* Down the levels as the authors' get_schedule_jump walks: at t = 0, j, 2j .. below T - j it goes
 * up j levels, r - 1 times. t counts from the least noise; T - t is a level's number, less one. */
static double mean_of_algorithm(const um_plan *p, int j, int resamples)
{
    int jumps[STEPS] = { 0 };
    double mean[2] = { 0.0, 0.0 };
    for (int t = 0; t < STEPS - j; t += j) jumps[t] = resamples - 1;
    for (int t = STEPS - 1; t >= 0; t--) {
        const int at = STEPS - 1 - t;
        if (jumps[t] > 0) {
            jumps[t]--;
            const double up = sqrt(p->level[at - j].alpha_bar / p->level[at].alpha_bar);
            mean[0] *= up, mean[1] *= up;
            t += j + 1; /* and down again from there */
            continue;
        }
        step_mean(&p->level[at], &p->level[at + 1], mean);
    }
    return mean[1];
}

static void the_mean_is_that_of_the_algorithm_and_nears_the_conditional_one(void **state)
{
    (void)state;
    static float out[2 * COUNT];
    static const int cases[][2] = { { 10, 3 }, { 7, 4 }, { 1, 1 }, { 1, 2 }, { 1, 20 } };
    const double wanted = m1 + r * (given - m0);
    double bias = HUGE_VAL;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_sample_settings settings = drawing_settings("ddpm");
        settings.steps = STEPS;
        settings.clip_sample = false;
        drawing d;
        um_plan plan;
        drawing_open(&d, &settings, 1000);
        CHECK_OK(&d.ctx, um_repaint_plan(&d.ctx, &plan, &settings, &d.schedule, cases[i][0],
                                         cases[i][1]));
        const um_denoiser model = { predict, &d.schedule };
        CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &plan, &model, &pairs(COUNT)->request, out));
        double sum = 0.0, squares = 0.0;
        for (int k = 0; k < COUNT; k++) {
            sum += (double)out[2 * k + 1];
            squares += (double)out[2 * k + 1] * (double)out[2 * k + 1];
        }
        const double mean = sum / COUNT, error = sqrt((squares / COUNT - mean * mean) / COUNT);
        const double theory = mean_of_algorithm(&d.plan, cases[i][0], cases[i][1]);
        CHECK_NEAR(mean, theory, 4.0 * error);
        if (cases[i][0] == 1) {
            assert_true(fabs(theory - wanted) < bias);
            bias = fabs(theory - wanted);
        }
        if (cases[i][1] == 20) CHECK_NEAR(mean, wanted, 4.0 * error);
        um_plan_free(&d.ctx, &plan);
        drawing_close(&d);
    }
}

static void known_pixels_come_out_bit_for_bit_with_every_sampler(void **state)
{
    (void)state;
    enum { FEW = 5 };
    float out[2 * FEW];
    for (const um_sampler *const *s = um_samplers; *s; s++)
        for (int one = 0; one < 2; one++) {
            um_sample_settings settings = um_sampler_defaults(*s);
            settings.steps = 12;
            settings.set_alpha_to_one = one;
            drawing d;
            um_plan plan;
            drawing_open(&d, &settings, 1000);
            const um_status laid =
                um_repaint_plan(&d.ctx, &plan, &settings, &d.schedule, 3, 2);
            if ((*s)->integrate) { /* no levels at which known pixels could be put in */
                assert_int_equal(laid, UM_BAD_ARG);
                drawing_close(&d);
                continue;
            }
            CHECK_OK(&d.ctx, laid);
            const um_denoiser model = { predict, &d.schedule };
            CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &plan, &model, &pairs(FEW)->request, out));
            for (int k = 0; k < FEW; k++) {
                assert_true(out[2 * k] == (float)given);
                assert_true(isfinite(out[2 * k + 1]) && out[2 * k + 1] != -9.0f);
            }
            um_plan_free(&d.ctx, &plan);
            drawing_close(&d);
        }
}

/* Steps that are walked: at the ends of the way once, between as often as asked. */
static void steps_are_walked_as_often_as_asked(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("ddim");
    settings.steps = STEPS;
    drawing d;
    um_plan plan;
    drawing_open(&d, &settings, 1000);
    CHECK_OK(&d.ctx, um_repaint_plan(&d.ctx, &plan, &settings, &d.schedule, 10, 4));
    int asks = 0, jumps = 0;
    for (int i = 0; i < plan.rows; i++) {
        const um_row *row = &plan.row[i];
        asks += row->asks;
        jumps += !row->asks;
        if (!row->asks) assert_true(row->alpha_bar_prev < row->alpha_bar && row->draws);
        if (i) assert_true(row->alpha_bar == plan.row[i - 1].alpha_bar_prev);
        if (!row->asks) CHECK_NEAR(row->next.x * row->next.x + row->next.noise * row->next.noise,
                                   1.0, 1e-12);
    }
    assert_int_equal(jumps, 9 * 3); /* from t = 0, 10 .. 80 of 0 .. 99 */
    assert_int_equal(asks, STEPS + 9 * 3 * 10);
    um_plan_free(&d.ctx, &plan);
    CHECK_OK(&d.ctx, um_repaint_plan(&d.ctx, &plan, &settings, &d.schedule, STEPS, 4));
    assert_int_equal(plan.rows, STEPS); /* no jump fits */
    um_plan_free(&d.ctx, &plan);
    drawing_close(&d);
}

static void a_history_begins_anew_behind_a_jump(void **state)
{
    (void)state;
    for (const um_sampler *const *s = um_samplers; *s; s++) {
        if ((*s)->integrate) continue; /* they have no rows */
        um_sample_settings settings = um_sampler_defaults(*s);
        settings.steps = 12;
        drawing d;
        um_plan plan;
        drawing_open(&d, &settings, 1000);
        CHECK_OK(&d.ctx, um_repaint_plan(&d.ctx, &plan, &settings, &d.schedule, 4, 2));
        int jumps = 0;
        for (int i = 1; i < plan.rows; i++) {
            const um_row *before = &plan.row[i - 1];
            if (before->asks || before->alpha_bar_prev >= before->alpha_bar) continue;
            jumps++;
            for (int h = 0; h < UM_HISTORY_MAX; h++)
                assert_true(plan.row[i].next.past[h] == 0.0);
        }
        assert_int_equal(jumps, (plan.steps - 1) / 4); /* 12 steps, or a last one to denoise */
        um_plan_free(&d.ctx, &plan);
        drawing_close(&d);
    }
}

static um_status one_row(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx, (void)s;
    p->rows = 1; /* all the way at once, whatever the levels */
    return UM_OK;
}

static void what_cannot_be_walked_is_refused(void **state)
{
    (void)state;
    static const um_sampler leaps = {
        .name = "leaps", .help = "one row for all steps", .model_calls = 1,
        .defaults = { UM_SAMPLE_COMMON, .steps = 5 }, .plan = one_row, .step = um_step_linear,
    };
    um_sample_settings settings = um_sampler_defaults(&leaps);
    drawing d;
    um_plan plan;
    drawing_open(&d, &settings, 1000);
    assert_int_equal(um_repaint_plan(&d.ctx, &plan, &settings, &d.schedule, 1, 2), UM_BAD_ARG);
    assert_non_null(strstr(d.ctx.message, "sample.sampler = leaps"));
    settings = drawing_settings("ddim");
    assert_int_equal(um_repaint_plan(&d.ctx, &plan, &settings, &d.schedule, 0, 2), UM_BAD_ARG);
    assert_int_equal(um_repaint_plan(&d.ctx, &plan, &settings, &d.schedule, 1, 0), UM_BAD_ARG);
    assert_null(plan.row);
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_is_that_of_the_algorithm_and_nears_the_conditional_one),
        cmocka_unit_test(known_pixels_come_out_bit_for_bit_with_every_sampler),
        cmocka_unit_test(steps_are_walked_as_often_as_asked),
        cmocka_unit_test(a_history_begins_anew_behind_a_jump),
        cmocka_unit_test(what_cannot_be_walked_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
