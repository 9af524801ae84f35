/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "exact.h"
#include "io/safetensors.h"
#include "trajectory.h"

enum { STEPS_MAX = 40, CALLS_MAX = STEPS_MAX + 9, PIXELS = 2 * 3 * 4 * 4 };

/* diffusers counts down by T / S and has its middles half of that away; 37 steps of 27 make the odd
 * middle differ from where the step to it leads, so pndm-1-37 is not here. */
static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    static const char *const names[] = { "pndm-0-10", "pndm-0-37", "pndm-1-10" };
    for (size_t i = 0; i < UM_COUNT(names); i++) trajectory_check(names[i], STRIDE_LIST, 1e-5);
}

/* The method for one pixel as the paper has it. stride 0: from each timestep of the list to the
 * next, with the middle between them; else as diffusers, `stride` and its half below each. x before
 * each model call goes to trace. */
struct pixel {
    const um_schedule *s;
    double list[STEPS_MAX];
    int steps, stride;
    bool runge_kutta;
    double trace[CALLS_MAX + 1];
    int calls;
};

static double said(struct pixel *p, double x, double t)
{
    p->trace[p->calls++] = x;
    const float out = (float)tanh(0.8 * (double)(float)x + 0.5 * sin(t / 150.0));
    return (double)out;
}

static double bar_at(const struct pixel *p, double t)
{
    return um_schedule_alpha_bar_at(p->s, t < 0.0 ? 0.0 : t); /* set_alpha_to_one = false */
}

/* Eq. 11 as it is printed. */
static double phi(const struct pixel *p, double x, double e, double t, double to)
{
    const double a = bar_at(p, t), b = bar_at(p, to);
    return sqrt(b / a) * x -
           (b - a) * e / (a * sqrt(1.0 - b) + sqrt(a * (1.0 - a) * b));
}

static double runge_kutta(struct pixel *p, double x, double t, double to, double *e)
{
    const int half = p->stride / 2;
    const double middle = p->stride ? to + half : (t + to) / 2.0;
    const double e1 = said(p, x, t);
    const double e2 = said(p, phi(p, x, e1, t, p->stride ? t - half : middle), middle);
    const double e3 = said(p, phi(p, x, e2, t, middle), middle);
    const double e4 = said(p, phi(p, x, e3, t, to), to);
    *e = e1;
    return phi(p, x, (e1 + 2.0 * e2 + 2.0 * e3 + e4) / 6.0, t, to);
}

static double improved_euler(struct pixel *p, double x, double t, double to, double *e)
{
    *e = said(p, x, t);
    const double there = said(p, phi(p, x, *e, t, p->stride ? t - p->stride : to), to);
    return phi(p, x, (*e + there) / 2.0, p->stride ? to + p->stride : t, to);
}

static double multistep(struct pixel *p, double x, double t, double to, const double *e, int n)
{
    const double sum = n == 0   ? e[0]
                       : n == 1 ? (3 * e[0] - e[-1]) / 2
                       : n == 2 ? (23 * e[0] - 16 * e[-1] + 5 * e[-2]) / 12
                                : (55 * e[0] - 59 * e[-1] + 37 * e[-2] - 9 * e[-3]) / 24;
    return phi(p, x, sum, t, p->stride ? t - p->stride : to);
}

static double walk(struct pixel *p, double x)
{
    double e[STEPS_MAX];
    p->calls = 0;
    for (int i = 0; i < p->steps; i++) {
        const bool last = i + 1 == p->steps;
        const double t = p->list[i], to = last ? -1.0 : p->list[i + 1];
        if (p->runge_kutta && i < 3 && !last) {
            x = runge_kutta(p, x, t, to, &e[i]);
        } else if (i == 0 && !last) {
            x = improved_euler(p, x, t, to, &e[i]);
        } else {
            e[i] = said(p, x, t);
            x = multistep(p, x, t, to, &e[i], i);
        }
    }
    return p->trace[p->calls] = x;
}

static void copy_list(struct pixel *p, const drawing *d)
{
    assert_true(d->plan.steps <= STEPS_MAX);
    p->s = &d->schedule;
    p->steps = d->plan.steps;
    for (int i = 0; i < p->steps; i++) p->list[i] = d->plan.level[i].t;
}

/* The file's own trajectory, once with diffusers' stride of 27 and 13, once with its list. */
static void an_odd_stride_makes_diffusers_miss_the_middle(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_safetensors st;
    CHECK_OK(&ctx, um_safetensors_open(&st, &ctx, golden_path("samplers/pndm-1-37.safetensors")));
    const um_stored *stored = um_safetensors_find(&st, "x");
    static float x[(CALLS_MAX + 1) * PIXELS];
    assert_true(stored && stored->count <= UM_COUNT(x));
    CHECK_OK(&ctx, um_stored_floats(&ctx, stored, x, stored->count));
    um_sample_settings settings = drawing_settings("pndm");
    settings.steps = 37;
    drawing d;
    drawing_open(&d, &settings, 1000);
    double largest = 0.0, worst[2] = { 0.0, 0.0 };
    for (int list = 0; list < 2; list++)
        for (int k = 0; k < PIXELS; k++) {
            struct pixel p = { .stride = list ? 0 : 1000 / 37, .runge_kutta = true };
            copy_list(&p, &d);
            walk(&p, (double)x[k]);
            assert_int_equal((p.calls + 1) * PIXELS, stored->count);
            for (int i = 0; i <= p.calls; i++) {
                const double is = (double)x[i * PIXELS + k];
                worst[list] = fmax(worst[list], fabs(p.trace[i] - is));
                largest = fmax(largest, fabs(is));
            }
        }
    assert_true(worst[0] < 1e-5 * largest && worst[1] > 1e-4 * largest);
    drawing_close(&d);
    um_safetensors_close(&st);
}

static const struct list_case {
    um_spacing spacing;
    int steps;
    bool skip, strange; /* would diffusers' stride lead elsewhere? */
} list_cases[] = {
    { UM_SPACING_LEADING, 10, false, false },  { UM_SPACING_LEADING, 10, true, false },
    { UM_SPACING_LEADING, 37, false, true },   { UM_SPACING_LEADING, 37, true, false },
    { UM_SPACING_TRAILING, 37, false, true },  { UM_SPACING_TRAILING, 37, true, true },
    { UM_SPACING_LINSPACE, 10, false, true },  { UM_SPACING_LINSPACE, 37, true, true },
    { UM_SPACING_QUADRATIC, 10, false, true }, { UM_SPACING_TRAILING, 4, false, false },
    { UM_SPACING_TRAILING, 3, false, true },   { UM_SPACING_TRAILING, 2, false, false },
    { UM_SPACING_TRAILING, 2, true, false },   { UM_SPACING_TRAILING, 1, false, false },
    { UM_SPACING_LEADING, 1, true, false },
};

/* Also with a list of fewer than four, where diffusers has nothing to say. */
static void every_level_is_the_list_s(void **state)
{
    (void)state;
    for (size_t c = 0; c < UM_COUNT(list_cases); c++) {
        um_sample_settings settings = drawing_settings("pndm");
        settings.spacing = list_cases[c].spacing;
        settings.steps = list_cases[c].steps;
        settings.skip_prk_steps = list_cases[c].skip;
        drawing d;
        drawing_open(&d, &settings, 1000);
        float start[3 * 4 * 4], out[3 * 4 * 4];
        for (int k = 0; k < 3 * 4 * 4; k++) start[k] = (float)(0.1 * k - 2.4);
        const um_denoiser model = trajectory_model();
        const um_sample_request r = { .h = 4, .w = 4, .c = 3, .count = 1, .start = start };
        CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &model, &r, out));
        double largest = 0.0, away = 0.0;
        for (int k = 0; k < 3 * 4 * 4; k++) {
            struct pixel p = { .runge_kutta = !list_cases[c].skip };
            copy_list(&p, &d);
            const double want = walk(&p, (double)start[k]);
            assert_int_equal(p.calls, d.plan.rows);
            CHECK_NEAR(out[k], want, 2e-6 * (1.0 + fabs(want)));
            p.stride = 1000 / p.steps;
            largest = fmax(largest, fabs(want));
            away = fmax(away, fabs(walk(&p, (double)start[k]) - want));
        }
        if (list_cases[c].strange != (away > 1e-4 * largest))
            fail_msg("case %zu: diffusers' stride is %g of %g away", c, away, largest);
        drawing_close(&d);
    }
}

/* What is followed is a mean of what the model said: for a constant e all is phi(x, e). */
static void weights_sum_to_one(void **state)
{
    (void)state;
    for (int skip = 0; skip < 2; skip++) {
        um_sample_settings settings = drawing_settings("pndm");
        settings.skip_prk_steps = skip;
        settings.set_alpha_to_one = true;
        drawing d;
        drawing_open(&d, &settings, 1000);
        assert_int_equal(d.plan.rows, skip ? 50 + 1 : 50 + 9);
        const double e = 0.7, first = d.plan.level[0].alpha_bar;
        double x = -1.3, past[UM_HISTORY_MAX] = { 0 };
        const double image = (x - sqrt(1.0 - first) * e) / sqrt(first);
        for (int i = 0; i < d.plan.rows; i++) {
            const um_row *row = &d.plan.row[i];
            const double bar = row->alpha_bar, x0 = (x - sqrt(1.0 - bar) * e) / sqrt(bar);
            double keep = 0.0;
            um_step s = { .row = row, .n = 1, .x = &x, .x0 = &x0, .eps = &e, .out = &x,
                          .keep = row->keeps ? &keep : NULL };
            for (int h = 0; h < UM_HISTORY_MAX; h++) s.past[h] = &past[h];
            um_step_linear(&s);
            if (row->keeps) exact_remember(row, keep, past);
            const double to = row->alpha_bar_prev;
            CHECK_NEAR(x, sqrt(to) * image + sqrt(1.0 - to) * e, 1e-9 * fabs(image));
        }
        CHECK_NEAR(x, image, 1e-9 * fabs(image));
        drawing_close(&d);
    }
}

/* Steps equal in t from sigma 8 to 0.2, on a schedule so fine that it is smooth. */
static double error_of(const drawing *d, int steps)
{
    static um_level level[401];
    static um_row row[4 * 400];
    const double first = um_schedule_timestep_at(&d->schedule, 8.0);
    const double last = um_schedule_timestep_at(&d->schedule, 0.2);
    for (int i = 0; i <= steps; i++) {
        const double t = rint(first + (last - first) * i / steps);
        level[i] = (um_level){ t, um_schedule_alpha_bar_at(&d->schedule, t) };
    }
    um_plan p = { .settings = d->plan.settings, .steps = steps, .level = level, .row = row };
    um_ctx ctx;
    um_ctx_init(&ctx);
    CHECK_OK(&ctx, p.settings.sampler->plan(&ctx, &p, &d->schedule));
    const double y = 3.0, from = um_sigma_of(level[0].alpha_bar);
    double x = y * sqrt(level[0].alpha_bar), past[UM_HISTORY_MAX] = { 0 };
    for (int i = 0; i < p.rows; i++) exact_row(p.settings.sampler, &row[i], &x, past);
    const um_level end = level[steps];
    return fabs(x / sqrt(end.alpha_bar) - exact_flow(y, from, um_sigma_of(end.alpha_bar)));
}

/* Theorem 2 of the paper. */
static void it_is_of_second_order(void **state)
{
    (void)state;
    for (int skip = 0; skip < 2; skip++) {
        um_sample_settings settings = drawing_settings("pndm");
        settings.skip_prk_steps = skip;
        drawing d;
        drawing_open(&d, &settings, 1000000);
        CHECK_NEAR(log2(error_of(&d, 200) / error_of(&d, 400)), 2.0, 0.2);
        drawing_close(&d);
    }
}

static void the_last_step_leads_to_timestep_0_unless_told(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("pndm");
    settings.steps = 7;
    settings.spacing = UM_SPACING_TRAILING;
    assert_false(settings.set_alpha_to_one || settings.clip_sample || settings.skip_prk_steps);
    for (int one = 0; one < 2; one++) {
        settings.set_alpha_to_one = one;
        drawing d;
        drawing_open(&d, &settings, 1000);
        const double end = d.plan.row[d.plan.rows - 1].alpha_bar_prev;
        assert_true(end == (one ? 1.0 : d.schedule.alpha_bar[0]));
        drawing_close(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(an_odd_stride_makes_diffusers_miss_the_middle),
        cmocka_unit_test(every_level_is_the_list_s),
        cmocka_unit_test(weights_sum_to_one),
        cmocka_unit_test(it_is_of_second_order),
        cmocka_unit_test(the_last_step_leads_to_timestep_0_unless_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
