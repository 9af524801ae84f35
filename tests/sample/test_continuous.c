/* SPDX-License-Identifier: MIT
 * The samplers in continuous time, through the driver: finite whatever is set, and right in mean
 * and covariance on data whose score is known. */
#include <math.h>

#include "drawing.h"
#include "trajectory.h"

static const char *const samplers[] = { "sde_em",   "sde_heun", "ode_euler",
                                        "ode_heun", "ode_rk4",  "pc" };

static um_status draw(um_ctx *ctx, const um_sample_settings *settings, const um_schedule *schedule)
{
    float out[2 * 48];
    um_plan plan;
    UM_TRY(um_plan_init(ctx, &plan, settings, schedule));
    const um_denoiser model = trajectory_model();
    const um_sample_request r = { .h = 4, .w = 4, .c = 3, .count = 2 };
    const um_status status = um_sample_run(ctx, &plan, &model, &r, out);
    um_plan_free(ctx, &plan);
    return status;
}

static void every_combination_is_finite(void **state)
{
    (void)state;
    enum { T = 120 };
    static const int steps[] = { 1, 2, 3, 10, 50, T };
    um_ctx ctx;
    um_ctx_init(&ctx);
    ctx.threads = 1; /* 48 numbers are no work for more */
    for (int kind = UM_SCHEDULE_LINEAR; kind <= UM_SCHEDULE_SIGMOID + 2; kind++) {
        um_schedule_settings ss = um_schedule_defaults();
        um_schedule schedule;
        ss.timesteps = T;
        ss.kind = (um_schedule_kind)(kind % (UM_SCHEDULE_SIGMOID + 1));
        ss.zero_terminal_snr = kind > UM_SCHEDULE_SIGMOID;
        CHECK_OK(&ctx, um_schedule_init(&ctx, &schedule, &ss));
        for (int k = 0; k < (int)(UM_COUNT(samplers) * UM_COUNT(steps) * 3 * 3 * 2 * 3); k++) {
            um_sample_settings s = drawing_settings(samplers[k % 6]);
            s.steps = steps[k / 6 % 6];
            s.prediction = (um_prediction)(k / 36 % 3);
            s.time_grid = (um_time_grid)(k / 108 % 3);
            s.sde = (um_sde_kind)(k / 324 % 2);
            s.thresholding = k / 648 == 1;
            s.clip_sample = k / 648 == 2;
            s.denoise = k % 5 != 0;
            const um_status want = ss.zero_terminal_snr && s.sde == UM_SDE_DISCRETE &&
                                           s.prediction == UM_PREDICTION_EPSILON
                                       ? UM_BAD_ARG : UM_OK;
            if (draw(&ctx, &s, &schedule) != want)
                fail_msg("%s, %d steps, schedule %d, prediction %d, grid %d, sde %d: %s",
                         s.sampler->name, s.steps, kind, (int)s.prediction, (int)s.time_grid,
                         (int)s.sde, ctx.message);
        }
        um_schedule_free(&ctx, &schedule);
    }
}

/* Pairs of channels, N(mean, covariance): along (1, 1) and (1, -1) they do not know each other. */
enum { SIDE = 40, COUNT = 6, PAIRS = COUNT * SIDE * SIDE };

static const double data_mean[2] = { 0.25, -0.45 }, data_variance[2] = { 0.4, 0.1 };

static void turn(double a, double b, double out[2])
{
    out[0] = (a + b) * M_SQRT1_2, out[1] = (a - b) * M_SQRT1_2;
}

static um_status exact(void *user, int n, const float *x, const double *t, const int *labels,
                       float *out)
{
    const um_sde *sde = user;
    (void)labels;
    for (int i = 0; i < n * SIDE * SIDE; i++) {
        const double time = um_sde_time(sde, t[i / (SIDE * SIDE)]);
        const double bar = exp(um_sde_log_alpha_bar(sde, time)), a = sqrt(bar);
        double u[2], eps[2];
        turn(x[2 * i], x[2 * i + 1], u);
        for (int k = 0; k < 2; k++)
            eps[k] = sqrt(1 - bar) * (u[k] - a * data_mean[k]) / (bar * data_variance[k] + 1 - bar);
        turn(eps[0], eps[1], u);
        out[2 * i] = (float)u[0], out[2 * i + 1] = (float)u[1];
    }
    return UM_OK;
}

/* Of both directions. */
struct moments { double mean[2], variance[2]; };

/* x = p x + q + r z */
static void affine(struct moments *m, int k, double p, double q, double r)
{
    m->mean[k] = p * m->mean[k] + q;
    m->variance[k] = p * p * m->variance[k] + r * r;
}

/* The score at a time is (shift - x) / spread. */
struct score { double spread, shift, beta, bar; };

static struct score score_at(const um_sde *sde, double t, int k)
{
    const double bar = exp(um_sde_log_alpha_bar(sde, t));
    return (struct score){ bar * data_variance[k] + 1 - bar, sqrt(bar) * data_mean[k],
                           um_sde_beta(sde, t), bar };
}

typedef void step_fn(struct moments *m, const um_sde *sde, double t, double h);

static void em(struct moments *m, const um_sde *sde, double t, double h)
{
    for (int k = 0; k < 2; k++) {
        const struct score s = score_at(sde, t, k);
        affine(m, k, 1 + h * s.beta * (0.5 - 1 / s.spread), h * s.beta * s.shift / s.spread,
               sqrt(h * s.beta));
    }
}

static void heun(struct moments *m, const um_sde *sde, double t, double h)
{
    for (int k = 0; k < 2; k++) {
        const struct score s = score_at(sde, t, k), n = score_at(sde, t - h, k);
        const double a = s.beta * (0.5 - 1 / s.spread), b = s.beta * s.shift / s.spread;
        const double c = n.beta * (0.5 - 1 / n.spread), d = n.beta * n.shift / n.spread;
        const double g = sqrt(s.beta), to = sqrt(n.beta);
        affine(m, k, 1 + h / 2 * (a + c * (1 + h * a)), h / 2 * (b + d + c * h * b),
               sqrt(h) * (h / 2 * c * g + (g + to) / 2));
    }
}

/* The Langevin step is as long as the mean of its norms says: they hardly vary in 3200 numbers. */
static void pc(struct moments *m, const um_sde *sde, double t, double h)
{
    double norm = 0.0;
    for (int k = 0; k < 2; k++) {
        const struct score s = score_at(sde, t, k), n = score_at(sde, t - h, k);
        const double alpha = s.bar / n.bar, beta = 1 - alpha;
        affine(m, k, 2 - sqrt(alpha) - beta / s.spread, beta * s.shift / s.spread, sqrt(beta));
        const double away = m->mean[k] - n.shift;
        norm += 0.5 * (m->variance[k] + away * away) / (n.spread * n.spread);
    }
    const double now = um_sde_log_alpha_bar(sde, t - h), one = 1.0 / (sde->timesteps - 1);
    const double before = t - h >= one ? um_sde_log_alpha_bar(sde, t - h - one) : 0.0;
    const double e = 2 * exp(now - before) * 0.16 * 0.16 / norm;
    for (int k = 0; k < 2; k++) {
        const struct score n = score_at(sde, t - h, k);
        affine(m, k, 1 - e / n.spread, e * n.shift / n.spread, sqrt(2 * e));
    }
}

/* The flow itself, which keeps the distance from the mean in deviations: what the ode samplers come
 * near to. */
static void flow(struct moments *m, const um_sde *sde, double t, double h)
{
    for (int k = 0; k < 2; k++) {
        const struct score s = score_at(sde, t, k), n = score_at(sde, t - h, k);
        const double p = sqrt(n.spread / s.spread);
        affine(m, k, p, n.shift - p * s.shift, 0.0);
    }
}

static struct moments recursion(const um_plan *plan, step_fn *step)
{
    struct moments m = { { 0, 0 }, { 1, 1 } };
    const um_sde *sde = &plan->sde;
    const int steps = plan->steps - 1; /* the last one denoises */
    for (int i = 0; i < steps; i++) {
        const double t = um_sde_grid(sde, (double)i / steps);
        step(&m, sde, t, t - um_sde_grid(sde, (i + 1.0) / steps));
    }
    for (int k = 0; k < 2; k++) {
        const struct score s = score_at(sde, sde->end, k);
        const double gain = sqrt(s.bar) * data_variance[k] / s.spread;
        affine(&m, k, gain, data_mean[k] - gain * s.shift, 0.0);
    }
    return m;
}

/* Mean and covariance of the pairs as drawn, in both directions; *across is what these share. */
static struct moments drawn(drawing *d, double *across)
{
    static float x[2 * PAIRS];
    const um_denoiser model = { exact, &d->plan.sde };
    const um_sample_request r = { .h = SIDE, .w = SIDE, .c = 2, .count = COUNT };
    CHECK_OK(&d->ctx, um_sample_run(&d->ctx, &d->plan, &model, &r, x));
    struct moments m = { { 0, 0 }, { 0, 0 } };
    double both = 0.0;
    for (int i = 0; i < PAIRS; i++) {
        double u[2];
        turn(x[2 * i], x[2 * i + 1], u);
        for (int k = 0; k < 2; k++) m.mean[k] += u[k], m.variance[k] += u[k] * u[k];
        both += u[0] * u[1];
    }
    for (int k = 0; k < 2; k++) {
        m.mean[k] /= PAIRS;
        m.variance[k] = m.variance[k] / PAIRS - m.mean[k] * m.mean[k];
    }
    *across = both / PAIRS - m.mean[0] * m.mean[1];
    return m;
}

static void check(const char *what, double got, double recursion, double data, double error)
{
    if (!(fabs(got - recursion) <= 3.5 * error))
        fail_msg("%s: %g is %.1f standard errors from the recursion's %g", what, got,
                 (got - recursion) / error, recursion);
    if (!(fabs(got - data) <= 3.0 * error + fabs(recursion - data)))
        fail_msg("%s: %g is too far from the data's %g", what, got, data);
}

static const struct moments_case {
    const char *sampler;
    step_fn *step;
    int steps;
    double off; /* the most that the method's own mean and variance are from the data's: the flow's
                   are off since the noise it starts from lacks what is left of the data there */
} cases[] = {
    { "sde_em", em, 250, 0.02 },    { "sde_heun", heun, 100, 0.01 }, { "pc", pc, 250, 0.02 },
    { "ode_rk4", flow, 100, 2e-3 }, { "ode_heun", flow, 250, 2e-3 },
    { "ode_euler", flow, 1000, 2e-3 },
};

static void mean_and_covariance_are_the_recursion_s_and_near_the_data_s(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        for (int sde = UM_SDE_DISCRETE; sde <= UM_SDE_VP; sde++) {
            um_sample_settings settings = drawing_settings(cases[i].sampler);
            settings.sde = (um_sde_kind)sde;
            settings.steps = cases[i].steps;
            settings.seed = 11;
            drawing d;
            drawing_open(&d, &settings, 1000);
            d.ctx.threads = 1;
            const struct moments want = recursion(&d.plan, cases[i].step);
            double across;
            const struct moments got = drawn(&d, &across);
            for (int k = 0; k < 2; k++) {
                const double v = want.variance[k];
                check(cases[i].sampler, got.mean[k], want.mean[k], data_mean[k], sqrt(v / PAIRS));
                check(cases[i].sampler, got.variance[k], v, data_variance[k],
                      v * sqrt(2.0 / PAIRS));
                CHECK_NEAR(want.mean[k], data_mean[k], cases[i].off);
                CHECK_NEAR(v, data_variance[k], cases[i].off);
            }
            check(cases[i].sampler, across, 0.0, 0.0,
                  sqrt(want.variance[0] * want.variance[1] / PAIRS));
            drawing_close(&d);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_is_finite),
        cmocka_unit_test(mean_and_covariance_are_the_recursion_s_and_near_the_data_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
