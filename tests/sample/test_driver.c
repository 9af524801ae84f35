/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "drawing.h"
#include "trajectory.h"

enum { COUNT = 7, SIZE = 3 * 4 * 4 };

static const um_sample_request seven = { .h = 4, .w = 4, .c = 3, .count = COUNT };

static void draw_all(drawing *d, um_sample_request request, float *out)
{
    const um_denoiser model = trajectory_model();
    CHECK_OK(&d->ctx, um_sample_run(&d->ctx, &d->plan, &model, &request, out));
}

static void an_image_depends_on_its_number_alone(void **state)
{
    (void)state;
    static const char *const names[] = { "ddpm", "strided", "ddim" };
    for (size_t i = 0; i < UM_COUNT(names); i++) {
        um_sample_settings settings = drawing_settings(names[i]);
        settings.steps = 12;
        settings.eta = 0.5;
        settings.seed = 77;
        drawing d;
        drawing_open(&d, &settings, 1000);
        float all[COUNT * SIZE], other[COUNT * SIZE];
        draw_all(&d, seven, all);
        um_sample_request r = seven;
        for (r.batch = 1; r.batch <= COUNT + 1; r.batch++) {
            draw_all(&d, r, other);
            assert_memory_equal(all, other, sizeof all);
        }
        d.ctx.threads = 1;
        draw_all(&d, seven, other);
        assert_memory_equal(all, other, sizeof all);
        r = (um_sample_request){ .h = 4, .w = 4, .c = 3, .count = 1, .first_image = 5 };
        draw_all(&d, r, other);
        assert_memory_equal(all + 5 * SIZE, other, SIZE * sizeof *all);
        assert_memory_not_equal(all, other, SIZE * sizeof *all);
        drawing_close(&d);
    }
}

static void ddim_without_eta_gives_the_same_bits_twice_and_draws_once(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("ddim");
    settings.steps = 20;
    drawing d;
    drawing_open(&d, &settings, 1000);
    float a[COUNT * SIZE], b[COUNT * SIZE];
    draw_all(&d, seven, a);
    draw_all(&d, seven, b);
    assert_memory_equal(a, b, sizeof a);
    for (int i = 0; i < d.plan.rows; i++)
        assert_true(d.plan.row[i].next.noise == 0.0 && !d.plan.row[i].draws);
    drawing_close(&d);
}

/* The same noise for the same image and row, so the images agree, not only their distribution. */
static void ddim_with_eta_1_draws_what_ddpm_draws(void **state)
{
    (void)state;
    static const struct { bool clip, again; um_spacing spacing; const char *why; } cases[] = {
        { false, false, UM_SPACING_LINSPACE, "no clipping" },
        { true, true, UM_SPACING_TRAILING, "the noise is recomputed from the clipped image" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        float images[2][COUNT * SIZE];
        for (int k = 0; k < 2; k++) {
            um_sample_settings settings = drawing_settings(k ? "ddpm" : "ddim");
            settings.steps = 40;
            settings.eta = 1.0;
            settings.spacing = cases[i].spacing;
            settings.clip_sample = cases[i].clip;
            settings.use_clipped_model_output = cases[i].again;
            drawing d;
            drawing_open(&d, &settings, 1000);
            draw_all(&d, seven, images[k]);
            drawing_close(&d);
        }
        double largest = 0.0;
        for (int k = 0; k < COUNT * SIZE; k++) largest = fmax(largest, fabs(images[0][k]));
        for (int k = 0; k < COUNT * SIZE; k++)
            CHECK_NEAR(images[0][k], images[1][k], 1e-5 * largest);
    }
}

static void torch_noise_is_drawn_as_a_pipeline_draws(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("ddpm");
    settings.steps = 10;
    settings.rng = UM_RNG_TORCH;
    settings.seed = 3;
    drawing d;
    drawing_open(&d, &settings, 1000);
    um_sample_request r = seven;
    r.count = 4;
    r.batch = 2;
    float got[4 * SIZE], want[4 * SIZE], scratch[2 * SIZE];
    draw_all(&d, r, got);
    /* By hand: one generator; per batch the start, then a draw at each step with t > 0. */
    um_noise_torch torch = { .h = 4, .w = 4, .c = 3, .scratch = scratch };
    um_torch_random_init(&torch.generator, 3);
    const um_noise by_hand = um_noise_from_torch(&torch);
    for (int b = 0; b < 2; b++) {
        float x[2 * SIZE], z[2 * SIZE], eps[2 * SIZE];
        by_hand.draw(by_hand.user, 0, 0, 2, x);
        for (int i = 0; i < 10; i++) {
            const um_row *row = &d.plan.row[i];
            const um_denoiser model = trajectory_model();
            const double t[] = { row->t, row->t };
            CHECK_OK(&d.ctx, model.predict(model.user, 2, x, t, NULL, eps));
            if (row->t > 0.0) by_hand.draw(by_hand.user, 0, 0, 2, z);
            for (int k = 0; k < 2 * SIZE; k++) {
                double x0 = x[k] - sqrt(1.0 - row->alpha_bar) * eps[k];
                x0 = fmin(fmax(x0 / sqrt(row->alpha_bar), -1.0), 1.0);
                const double noise = row->t > 0.0 ? row->next.noise * z[k] : 0.0;
                x[k] = (float)(row->next.x * x[k] + row->next.x0 * x0 + noise);
            }
        }
        memcpy(want + b * 2 * SIZE, x, sizeof x);
    }
    for (int k = 0; k < 4 * SIZE; k++) CHECK_NEAR(got[k], want[k], 1e-5);
    r.first_image = 1;
    const um_denoiser model = trajectory_model();
    assert_int_equal(um_sample_run(&d.ctx, &d.plan, &model, &r, got), UM_BAD_ARG);
    drawing_close(&d);
}

/* A model that keeps an account of its calls, and misbehaves when told to. */
struct account {
    int calls, bad_call, cancel_after, progress, shown;
    int labels[COUNT], sizes[16];
    double t[16];
};

static um_status counted(void *user, int n, const float *x, const double *t, const int *labels,
                         float *out)
{
    struct account *a = user;
    if (a->calls < 16) a->sizes[a->calls] = n, a->t[a->calls] = t[n - 1];
    if (labels) memcpy(a->labels + (a->calls >= 10 ? 4 : 0), labels, (size_t)n * sizeof *labels);
    memcpy(out, x, (size_t)n * SIZE * sizeof *out);
    if (++a->calls == a->bad_call) out[(n - 1) * SIZE + 2] = NAN;
    return UM_OK;
}

static bool cancelled(void *user)
{
    const struct account *a = user;
    return a->cancel_after > 0 && a->calls >= a->cancel_after;
}

static void count_progress(void *user, int row, int rows, int batch, int batches)
{
    struct account *a = user;
    assert_int_equal(row, a->progress % rows + 1);
    assert_int_equal(batch, a->progress / rows);
    assert_int_equal(batches, 2);
    a->progress++;
}

static void count_view(void *user, const um_sample_view *view)
{
    struct account *a = user;
    assert_int_equal(view->n, view->first ? 3 : 4);
    assert_true(view->index % 4 == 0 || view->index == 9);
    for (int k = 0; k < view->n * SIZE; k++) /* the model says x, so x_0 follows from eq. 4 */
        CHECK_NEAR(view->x0[k], fmin(fmax(view->x[k] * (1.0 - sqrt(1.0 - view->row->alpha_bar)) /
                                          sqrt(view->row->alpha_bar), -1.0), 1.0), 1e-5);
    a->shown++;
}

static void open_ten(drawing *d)
{
    um_sample_settings settings = drawing_settings("ddim");
    settings.steps = 10;
    drawing_open(d, &settings, 1000);
}

static void batches_labels_progress_and_trajectory_are_told(void **state)
{
    (void)state;
    drawing d;
    open_ten(&d);
    struct account a = { 0 };
    const int labels[COUNT] = { 3, 1, 4, 1, 5, 9, 2 };
    um_sample_request r = seven;
    r.batch = 4;
    r.labels = labels;
    r.progress = count_progress, r.progress_user = &a;
    r.trajectory = count_view, r.trajectory_user = &a, r.trajectory_every = 4;
    float out[COUNT * SIZE];
    CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &(um_denoiser){ counted, &a }, &r, out));
    assert_int_equal(a.calls, 20);
    assert_int_equal(a.progress, 20);
    assert_int_equal(a.shown, 2 * 4); /* rows 0, 4, 8 and the last */
    assert_memory_equal(a.labels, labels, sizeof labels);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(a.sizes[i], i < 10 ? 4 : 3);
        assert_true(a.t[i] == 900.0 - 100.0 * (i % 10));
    }
    drawing_close(&d);
}

static void cancelling_leaves_finished_batches_and_zeros(void **state)
{
    (void)state;
    drawing d;
    open_ten(&d);
    struct account a = { .cancel_after = 13 };
    d.ctx.cancelled = cancelled;
    d.ctx.cancel_user = &a;
    um_sample_request r = seven;
    r.batch = 4;
    float out[COUNT * SIZE];
    assert_int_equal(um_sample_run(&d.ctx, &d.plan, &(um_denoiser){ counted, &a }, &r, out),
                     UM_CANCELLED);
    assert_int_equal(a.calls, 13);
    assert_true(out[0] != 0.0f);
    for (int k = 4 * SIZE; k < COUNT * SIZE; k++) assert_true(out[k] == 0.0f);
    drawing_close(&d);
}

static void a_number_gone_bad_names_image_and_timestep(void **state)
{
    (void)state;
    drawing d;
    open_ten(&d);
    struct account a = { .bad_call = 13 };
    um_sample_request r = seven;
    r.batch = 4;
    r.first_image = 100;
    float out[COUNT * SIZE];
    assert_int_equal(um_sample_run(&d.ctx, &d.plan, &(um_denoiser){ counted, &a }, &r, out),
                     UM_NOT_FINITE);
    assert_string_equal(d.ctx.message, "the model's answer is not finite in image 106 at timestep "
                                       "700 (ddim, step 2)");
    drawing_close(&d);
}

static void a_given_start_is_where_the_loop_starts(void **state)
{
    (void)state;
    drawing d;
    open_ten(&d);
    float start[COUNT * SIZE], a[COUNT * SIZE], b[COUNT * SIZE];
    um_noise_philox philox = { .seed = 0, .size = SIZE };
    const um_noise source = um_noise_from_philox(&philox);
    source.draw(source.user, UM_NOISE_START, 0, COUNT, start);
    draw_all(&d, seven, a);
    um_sample_request r = seven;
    r.start = start;
    r.batch = 3;
    draw_all(&d, r, b);
    assert_memory_equal(a, b, sizeof a);
    drawing_close(&d);
}

/* Heun's method on the probability flow dy = eps dsigma, y = x / sqrt(bar),
 * sigma = sqrt(1 / bar - 1): what later samplers need of the loop. Two calls a step,
 * where the second stage takes back half of the first one's answer (rows that keep), a state that
 * is shown scaled, and before step 2 a row that asks nothing and adds noise. */
enum { HEUN_STEPS = 8 };
static const double churn = 0.3;

static double sigma_of(const um_plan *p, int step)
{
    return sqrt(1.0 / p->level[step].alpha_bar - 1.0);
}

static um_row heun_row(const um_plan *p, int step, int at)
{
    const um_level *level = &p->level[at];
    return (um_row){ .step = step, .t = level->t, .alpha_bar = level->alpha_bar, .asks = true,
                     .scale = sqrt(level->alpha_bar) };
}

static um_status heun_plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx, (void)s;
    p->rows = 0;
    p->init_scale = sigma_of(p, 0);
    for (int i = 0; i < p->steps; i++) {
        const double h = sigma_of(p, i + 1) - sigma_of(p, i);
        if (i == 2)
            p->row[p->rows++] = (um_row){ .step = i, .next = { .x = 1.0, .noise = churn } };
        um_row first = heun_row(p, i, i);
        first.next = (um_mix){ .x = 1.0, .eps = h };
        first.keeps = true;
        first.keep = (um_mix){ .eps = 1.0 };
        p->row[p->rows++] = first;
        if (i + 1 == p->steps) return UM_OK;
        um_row second = heun_row(p, i, i + 1);
        second.next = (um_mix){ .x = 1.0, .eps = h / 2, .past = { -h / 2 } };
        p->row[p->rows++] = second;
    }
    return UM_OK;
}

static const um_sampler heun = {
    .name = "heun of this test", .help = "two calls a step", .model_calls = 3, .history = 1,
    .defaults = { UM_SAMPLE_COMMON, .steps = HEUN_STEPS }, .plan = heun_plan,
    .step = um_step_linear,
};

/* What the test's model says of state y at step i of the list. */
static void ask(const drawing *d, int i, const double *y, float *eps)
{
    const um_level *level = &d->plan.level[i];
    float x[SIZE];
    for (int k = 0; k < SIZE; k++) x[k] = (float)(sqrt(level->alpha_bar) * y[k]);
    const um_denoiser model = trajectory_model();
    model.predict(model.user, 1, x, &level->t, NULL, eps);
}

static void a_method_of_two_calls_with_memory_fits_the_loop(void **state)
{
    (void)state;
    um_sample_settings settings = um_sampler_defaults(&heun);
    settings.clip_sample = false;
    drawing d;
    drawing_open(&d, &settings, 1000);
    assert_int_equal(d.plan.rows, 2 * HEUN_STEPS - 1 + 1);
    const um_denoiser model = trajectory_model();
    const um_sample_request one = { .h = 4, .w = 4, .c = 3, .count = 1 };
    float got[SIZE], z[SIZE], e1[SIZE], e2[SIZE];
    CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &model, &one, got));

    um_noise_philox philox = { .seed = 0, .size = SIZE };
    const um_noise source = um_noise_from_philox(&philox);
    double y[SIZE], guess[SIZE];
    source.draw(source.user, UM_NOISE_START, 0, 1, z);
    for (int k = 0; k < SIZE; k++) y[k] = sigma_of(&d.plan, 0) * z[k];
    for (int i = 0; i < HEUN_STEPS; i++) {
        const double h = sigma_of(&d.plan, i + 1) - sigma_of(&d.plan, i);
        source.draw(source.user, 4, 0, 1, z); /* row 4 is the one before step 2 */
        if (i == 2)
            for (int k = 0; k < SIZE; k++) y[k] += churn * z[k];
        ask(&d, i, y, e1);
        for (int k = 0; k < SIZE; k++) guess[k] = y[k] + h * e1[k];
        if (i + 1 < HEUN_STEPS) ask(&d, i + 1, guess, e2);
        else memcpy(e2, e1, sizeof e2);
        for (int k = 0; k < SIZE; k++) y[k] += h * 0.5 * ((double)e1[k] + (double)e2[k]);
    }
    for (int k = 0; k < SIZE; k++) CHECK_NEAR(got[k], y[k], 1e-6 * (1.0 + fabs(y[k])));
    drawing_close(&d);
}

/* An allocator that fails at the n-th request and counts what is held. */
struct shelf { um_allocator base; int until, held, taken; };

static void *shelf_alloc(void *user, size_t bytes)
{
    struct shelf *s = user;
    if (s->until-- == 0) return NULL;
    s->held++, s->taken++;
    return s->base.alloc(s->base.user, bytes);
}

static void shelf_free(void *user, void *p)
{
    struct shelf *s = user;
    s->held--;
    s->base.free(s->base.user, p);
}

static um_status plan_and_draw(um_ctx *ctx, const um_schedule *schedule, int steps, float *out)
{
    um_sample_settings settings = drawing_settings("ddpm");
    settings.steps = steps;
    um_plan p;
    UM_TRY(um_plan_init(ctx, &p, &settings, schedule));
    const um_denoiser model = trajectory_model();
    const um_status st = um_sample_run(ctx, &p, &model, &seven, out);
    um_plan_free(ctx, &p);
    return st;
}

static void want_of_memory_leaks_nothing_and_the_loop_allocates_nothing(void **state)
{
    (void)state;
    drawing d;
    open_ten(&d);
    float out[COUNT * SIZE];
    um_ctx ctx;
    um_ctx_init(&ctx);
    struct shelf shelf = { .base = ctx.allocator };
    ctx.allocator = (um_allocator){ shelf_alloc, shelf_free, &shelf };
    um_status st = UM_NO_MEMORY;
    int fails = 0;
    for (; st != UM_OK && fails < 100; fails++) {
        shelf.until = fails;
        st = plan_and_draw(&ctx, &d.schedule, 5, out);
        assert_true(st == UM_OK || st == UM_NO_MEMORY);
        assert_int_equal(shelf.held, 0);
    }
    assert_int_equal(st, UM_OK);
    assert_true(fails > 3);
    int taken[2];
    for (int k = 0; k < 2; k++) {
        shelf.taken = 0;
        shelf.until = -1;
        CHECK_OK(&ctx, plan_and_draw(&ctx, &d.schedule, k ? 50 : 5, out));
        taken[k] = shelf.taken;
    }
    assert_int_equal(taken[0], taken[1]);
    drawing_close(&d);
}

static void a_request_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    drawing d;
    open_ten(&d);
    static const struct { um_sample_request r; um_status status; } cases[] = {
        { { .h = 0, .w = 4, .c = 3, .count = 1 }, UM_BAD_SHAPE },
        { { .h = 4, .w = 4, .c = -3, .count = 1 }, UM_BAD_SHAPE },
        { { .h = 4, .w = 4, .c = 3, .count = -1 }, UM_BAD_ARG },
        { { .h = 4, .w = 4, .c = 3, .count = 1, .batch = -1 }, UM_BAD_ARG },
        { { .h = 1 << 30, .w = 1 << 30, .c = 1 << 30, .count = 1 }, UM_NO_MEMORY },
        { { .h = 4, .w = 4, .c = 3, .count = 0 }, UM_OK },
    };
    const um_denoiser model = trajectory_model();
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        float out = 7.0f;
        assert_int_equal(um_sample_run(&d.ctx, &d.plan, &model, &cases[i].r, &out),
                         cases[i].status);
        assert_true(out == 7.0f);
    }
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_depends_on_its_number_alone),
        cmocka_unit_test(ddim_without_eta_gives_the_same_bits_twice_and_draws_once),
        cmocka_unit_test(ddim_with_eta_1_draws_what_ddpm_draws),
        cmocka_unit_test(torch_noise_is_drawn_as_a_pipeline_draws),
        cmocka_unit_test(batches_labels_progress_and_trajectory_are_told),
        cmocka_unit_test(cancelling_leaves_finished_batches_and_zeros),
        cmocka_unit_test(a_number_gone_bad_names_image_and_timestep),
        cmocka_unit_test(a_given_start_is_where_the_loop_starts),
        cmocka_unit_test(a_method_of_two_calls_with_memory_fits_the_loop),
        cmocka_unit_test(want_of_memory_leaks_nothing_and_the_loop_allocates_nothing),
        cmocka_unit_test(a_request_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
