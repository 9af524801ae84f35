/* SPDX-License-Identifier: MIT
 * What holds of every sampler in the list, whatever the schedule and the settings. */
#include <math.h>
#include <string.h>

#include "drawing.h"

enum { SIZE = 2, COUNT = 2, SHORT = 100, LONG = 1000 };

/* Bounded, and of the timestep too; element by element. */
static um_status bounded(void *user, int n, const float *x, const double *t, const int *labels,
                         float *out)
{
    (void)user, (void)labels;
    for (int k = 0; k < n * SIZE; k++) {
        const double v = 0.8 * (double)x[k] + 0.3 - 0.0005 * t[k / SIZE];
        out[k] = (float)(v / (1.0 + fabs(v)));
    }
    return UM_OK;
}

/* One of the ways to draw: all that is varied. */
struct way {
    const um_sampler *sampler;
    um_schedule_kind kind;
    bool zero_snr;
    um_prediction prediction;
    um_spacing spacing;
    um_sigmas sigmas;
    int steps, clip; /* clip: 0 none, 1 to a range, 2 dynamic */
};

static um_sample_settings settings_of(const struct way *w)
{
    um_sample_settings s = um_sampler_defaults(w->sampler);
    s.prediction = w->prediction;
    s.spacing = w->spacing;
    s.sigmas = w->sigmas;
    s.steps = w->steps;
    s.clip_sample = w->clip == 1;
    s.thresholding = w->clip == 2;
    return s;
}

static void open_schedule(um_ctx *ctx, um_schedule *s, um_schedule_kind kind, bool zero_snr,
                          int timesteps)
{
    um_schedule_settings ss = um_schedule_defaults();
    ss.kind = kind;
    ss.zero_terminal_snr = zero_snr;
    ss.timesteps = timesteps;
    ss.beta_start *= 1000.0 / timesteps;
    ss.beta_end *= 1000.0 / timesteps;
    CHECK_OK(ctx, um_schedule_init(ctx, s, &ss));
}

/* The loop itself refuses what is not finite (UM_NOT_FINITE). */
static void check_finite(um_ctx *ctx, const um_schedule *schedule, const struct way *w)
{
    const um_sample_settings s = settings_of(w);
    const um_denoiser model = { .predict = bounded };
    const um_sample_request r = { .h = 1, .w = SIZE, .c = 1, .count = COUNT };
    float out[COUNT * SIZE] = { 0 };
    um_plan p;
    um_status st = um_plan_init(ctx, &p, &s, schedule);
    if (st == UM_OK) st = um_sample_run(ctx, &p, &model, &r, out);
    um_plan_free(ctx, &p);
    bool finite = true;
    for (int k = 0; k < COUNT * SIZE; k++) finite = finite && isfinite(out[k]);
    if (st != UM_OK || !finite)
        fail_msg("%s, %s%s of %d, prediction %d, spacing %d, sigmas %d, %d steps, clip %d: %s",
                 w->sampler->name, um_choice_name(um_schedule_kinds, (int)w->kind),
                 w->zero_snr ? " with zero SNR" : "", schedule->timesteps, (int)w->prediction,
                 (int)w->spacing, (int)w->sigmas, w->steps, w->clip, ctx->message);
}

/* Every spacing, sigma grid and way to clip. */
static void vary_levels(um_ctx *ctx, const um_schedule *schedule, struct way w)
{
    for (int i = 0; i < 16; i++)
        for (w.clip = 0; w.clip < 3; w.clip++) {
            w.spacing = (um_spacing)(i % 4);
            w.sigmas = (um_sigmas)(i / 4);
            check_finite(ctx, schedule, &w);
        }
}

static void vary_samplers(um_ctx *ctx, const um_schedule *schedule, struct way w)
{
    static const int steps[] = { 1, 2, 3, 10, 50, 0 };
    for (int prediction = w.zero_snr; prediction < 3; prediction++)
        for (size_t k = 0; k < UM_COUNT(steps); k++)
            for (const um_sampler *const *s = um_samplers; *s; s++) {
                w.sampler = *s;
                w.prediction = (um_prediction)prediction;
                w.steps = steps[k] ? steps[k] : schedule->timesteps;
                vary_levels(ctx, schedule, w);
            }
}

/* Let `vary` try every kind of schedule of so many timesteps, of zero SNR too. */
static void vary_schedules(int timesteps,
                           void (*vary)(um_ctx *ctx, const um_schedule *s, struct way w))
{
    um_ctx ctx;
    um_ctx_init(&ctx);
    ctx.threads = 1;
    for (int kind = UM_SCHEDULE_LINEAR; kind <= UM_SCHEDULE_SIGMOID; kind++)
        for (int zero = 0; zero < 2; zero++) {
            um_schedule schedule;
            open_schedule(&ctx, &schedule, (um_schedule_kind)kind, zero, timesteps);
            vary(&ctx, &schedule,
                 (struct way){ .kind = (um_schedule_kind)kind, .zero_snr = zero });
            um_schedule_free(&ctx, &schedule);
        }
}

static void images_are_finite_in_every_way_of_drawing(void **state)
{
    (void)state;
    vary_schedules(SHORT, vary_samplers);
}

/* Every step, with the sampler's own spacing and each sigma grid. */
static void take_every_step(um_ctx *ctx, const um_schedule *schedule, struct way w)
{
    w.steps = schedule->timesteps;
    for (const um_sampler *const *s = um_samplers; *s; s++)
        for (int i = 0; i < 4; i++) {
            w.sampler = *s;
            w.prediction = (um_prediction)(w.zero_snr ? 1 + i % 2 : i % 3);
            w.spacing = um_sampler_defaults(*s).spacing;
            w.sigmas = (um_sigmas)i;
            w.clip = i % 3;
            check_finite(ctx, schedule, &w);
        }
}

static void images_are_finite_with_a_thousand_steps(void **state)
{
    (void)state;
    vary_schedules(LONG, take_every_step);
}

static void an_image_has_the_same_bits_in_any_batch(void **state)
{
    (void)state;
    enum { MANY = 5 };
    const um_denoiser model = { .predict = bounded };
    for (const um_sampler *const *s = um_samplers; *s; s++)
        for (int clip = 0; clip < 3; clip++) {
            const struct way w = { .sampler = *s, .prediction = (um_prediction)((clip + 2) % 3),
                                   .spacing = UM_SPACING_TRAILING, .steps = 12, .clip = clip };
            um_sample_settings settings = settings_of(&w);
            settings.eta = 0.7;
            settings.s_churn = 3.0;
            settings.seed = 11;
            drawing d;
            drawing_open(&d, &settings, SHORT);
            float all[MANY * SIZE], other[MANY * SIZE];
            um_sample_request r = { .h = 1, .w = SIZE, .c = 1, .count = MANY };
            CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &model, &r, all));
            for (r.batch = 1; r.batch < MANY; r.batch++) {
                CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &model, &r, other));
                assert_memory_equal(all, other, sizeof all);
            }
            r = (um_sample_request){ .h = 1, .w = SIZE, .c = 1, .count = 1, .first_image = 3 };
            CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &model, &r, other));
            assert_memory_equal(all + 3 * SIZE, other, SIZE * sizeof *all);
            assert_memory_not_equal(all, other, SIZE * sizeof *all);
            drawing_close(&d);
        }
}

/* The best x_0 for pixels of N(0.2, 0.3^2), said as noise, v or x_0. */
struct exact { const um_schedule *schedule; um_prediction says; };

static um_status exact_predict(void *user, int n, const float *x, const double *t,
                               const int *labels, float *out)
{
    const struct exact *e = user;
    (void)labels;
    for (int k = 0; k < n * SIZE; k++) {
        const double bar = um_schedule_alpha_bar_at(e->schedule, t[k / SIZE]);
        const double a = sqrt(bar), s = sqrt(1.0 - bar);
        const double gain = a * 0.09 / (bar * 0.09 + 1.0 - bar);
        const double x0 = 0.2 + gain * ((double)x[k] - a * 0.2);
        const double eps = ((double)x[k] - a * x0) / s;
        const double says[] = { eps, a * eps - s * x0, x0 };
        out[k] = (float)says[e->says];
    }
    return UM_OK;
}

/* What the model is asked for is another way to say the same: between timesteps too, which lie so
 * close here that they do not matter. */
static void predictions_that_agree_draw_the_same_images(void **state)
{
    (void)state;
    for (const um_sampler *const *s = um_samplers; *s; s++) {
        float images[3][COUNT * SIZE];
        for (int says = 0; says < 3; says++) {
            um_sample_settings settings = um_sampler_defaults(*s);
            settings.prediction = (um_prediction)says;
            settings.steps = 10;
            settings.clip_sample = false;
            drawing d;
            drawing_open(&d, &settings, 100000);
            struct exact e = { &d.schedule, (um_prediction)says };
            const um_denoiser model = { exact_predict, &e };
            const um_sample_request r = { .h = 1, .w = SIZE, .c = 1, .count = COUNT };
            CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &model, &r, images[says]));
            drawing_close(&d);
        }
        for (int k = 0; k < COUNT * SIZE; k++)
            for (int says = 1; says < 3; says++)
                if (!(fabs((double)images[says][k] - (double)images[0][k]) <= 1e-3))
                    fail_msg("%s: %g as noise, %g as %s", (*s)->name, (double)images[0][k],
                             (double)images[says][k], says == 1 ? "v" : "x_0");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_finite_in_every_way_of_drawing),
        cmocka_unit_test(images_are_finite_with_a_thousand_steps),
        cmocka_unit_test(an_image_has_the_same_bits_in_any_batch),
        cmocka_unit_test(predictions_that_agree_draw_the_same_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
