/* SPDX-License-Identifier: MIT
 * trajectory.c - reads a golden trajectory and walks it again. */
#include "trajectory.h"

#include <math.h>
#include <string.h>

#include "io/safetensors.h"
#include "sample/inverse.h"

enum { N = 2, C = 3, H = 4, W = 4, SIZE = C * H * W, ROWS = 96 };

/* One file, in our order of channels. Its rows are model calls; noise_of[i] is the draw that is
 * taken after call i, or -1. */
struct golden {
    int rows, draws, noise_of[ROWS], shown, drawn;
    float x[ROWS + 1][N * SIZE], noise[ROWS][N * SIZE];
    double t[ROWS], largest, worst;
    bool float32; /* alpha_bar is diffusers' */
    const char *name;
};

static um_status synthetic(void *user, int n, const float *x, const double *t, const int *labels,
                           float *out)
{
    (void)user, (void)labels;
    for (int i = 0; i < n * SIZE; i++)
        out[i] = (float)tanh(0.8 * (double)x[i] + 0.5 * sin(t[i / SIZE] / 150.0));
    return UM_OK;
}

um_denoiser trajectory_model(void)
{
    return (um_denoiser){ .predict = synthetic };
}

static double number(json_t *config, const char *key, double otherwise)
{
    json_t *v = json_object_get(config, key);
    return v ? json_number_value(v) : otherwise;
}

static bool truth(json_t *config, const char *key, bool otherwise)
{
    json_t *v = json_object_get(config, key);
    return v ? json_is_true(v) : otherwise;
}

static void choose(um_ctx *ctx, json_t *config, const char *key, const um_choice *table,
                   void *value)
{
    json_t *v = json_object_get(config, key);
    if (v) CHECK_OK(ctx, um_choice_parse(ctx, table, key, json_string_value(v), value));
}

um_schedule_settings trajectory_schedule(um_ctx *ctx, json_t *config)
{
    um_schedule_settings s = um_schedule_defaults();
    s.beta_start = number(config, "beta_start", s.beta_start);
    s.beta_end = number(config, "beta_end", s.beta_end);
    s.timesteps = (int)number(config, "num_train_timesteps", s.timesteps);
    choose(ctx, config, "beta_schedule", um_schedule_kinds, &s.kind);
    return s;
}

/* The sampler that does what diffusers' class does. */
static const um_sampler *sampler_of(const char *class)
{
    if (strcmp(um_sampler_ddim_inverse.class_name, class) == 0) return &um_sampler_ddim_inverse;
    for (const um_sampler *const *s = um_samplers; *s; s++)
        if ((*s)->class_name && strcmp((*s)->class_name, class) == 0) return *s;
    fail_msg("no sampler is diffusers' %s", class);
    return NULL;
}

/* disable_corrector is a list of steps. */
static void read_ints(json_t *config, const char *key, um_ints *out)
{
    json_t *list = json_object_get(config, key);
    for (size_t i = 0; i < json_array_size(list); i++)
        out->v[out->n++] = (int)json_integer_value(json_array_get(list, i));
}

static um_sigmas sigmas_of(json_t *config)
{
    return truth(config, "use_karras_sigmas", false)        ? UM_SIGMAS_KARRAS
           : truth(config, "use_exponential_sigmas", false) ? UM_SIGMAS_EXPONENTIAL
           : truth(config, "use_lu_lambdas", false)         ? UM_SIGMAS_LU_LAMBDAS
                                                            : UM_SIGMAS_TRAINING;
}

/* The options of solvers. */
static void solver_settings(um_ctx *ctx, json_t *config, json_t *step, um_sample_settings *s)
{
    s->sigmas = sigmas_of(config);
    s->solver_order = (int)number(config, "solver_order", s->solver_order);
    s->lambda_min_clipped = number(config, "lambda_min_clipped", s->lambda_min_clipped);
    s->lower_order_final = truth(config, "lower_order_final", s->lower_order_final);
    s->euler_at_final = truth(config, "euler_at_final", s->euler_at_final);
    s->predict_x0 = truth(config, "predict_x0", s->predict_x0);
    s->skip_prk_steps = truth(config, "skip_prk_steps", s->skip_prk_steps);
    s->s_churn = number(step, "s_churn", s->s_churn);
    s->s_tmin = number(step, "s_tmin", s->s_tmin);
    s->s_tmax = number(step, "s_tmax", s->s_tmax);
    s->s_noise = number(step, "s_noise", s->s_noise);
    read_ints(config, "disable_corrector", &s->disable_corrector);
    choose(ctx, config, "final_sigmas_type", um_finals, &s->final_sigmas);
    choose(ctx, config, "algorithm_type", um_algorithms, &s->algorithm);
    choose(ctx, config, "solver_type", um_solvers, &s->solver);
}

um_sample_settings trajectory_settings(um_ctx *ctx, const char *class, json_t *config, json_t *step,
                                       int steps)
{
    um_sample_settings s = um_sampler_defaults(sampler_of(class));
    s.steps = steps;
    s.steps_offset = (int)number(config, "steps_offset", s.steps_offset);
    s.clip_sample = truth(config, "clip_sample", s.clip_sample);
    s.thresholding = truth(config, "thresholding", s.thresholding);
    s.set_alpha_to_one = truth(config, "set_alpha_to_one", s.set_alpha_to_one);
    s.eta = number(step, "eta", s.eta);
    s.use_clipped_model_output = truth(step, "use_clipped_model_output", false);
    solver_settings(ctx, config, step, &s);
    choose(ctx, config, "timestep_spacing", um_spacings, &s.spacing);
    choose(ctx, config, "variance_type", um_variances, &s.variance);
    choose(ctx, config, "prediction_type", um_predictions, &s.prediction);
    return s;
}

/* [rows, N, C, H, W] of the file to our [rows][N, H, W, C]. */
static int read_rows(um_ctx *ctx, const um_safetensors *st, const char *name,
                     float out[][N * SIZE], int room)
{
    const um_stored *s = um_safetensors_find(st, name);
    if (!s) return 0;
    const int rows = (int)s->shape[0];
    assert_true(rows <= room && s->count == (size_t)rows * N * SIZE);
    static float raw[(ROWS + 1) * N * SIZE];
    CHECK_OK(ctx, um_stored_floats(ctx, s, raw, s->count));
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < N; i++)
            for (int c = 0; c < C; c++)
                for (int k = 0; k < H * W; k++)
                    out[r][(i * H * W + k) * C + c] = raw[((r * N + i) * C + c) * H * W + k];
    return rows;
}

static json_t *metadata(const um_safetensors *st, const char *key)
{
    const char *text = um_safetensors_metadata(st, key);
    assert_non_null(text);
    json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(j);
    return j;
}

/* Row i of noise_draws_per_step is 1: the row takes the next of the recorded draws. */
static void read_draws(struct golden *g, const um_safetensors *st)
{
    json_t *per_step = metadata(st, "noise_draws_per_step");
    int next = 0;
    for (int i = 0; i < g->rows; i++)
        g->noise_of[i] = json_integer_value(json_array_get(per_step, (size_t)i)) ? next++ : -1;
    assert_int_equal(next, g->draws);
    json_decref(per_step);
}

static void give_noise(void *user, int row, uint64_t first, int n, float *out)
{
    struct golden *g = user;
    (void)row;
    assert_int_equal(first, 0);
    assert_int_equal(n, N);
    const int call = g->shown - 1;
    if (g->noise_of[call] < 0) fail_msg("%s: diffusers draws nothing after call %d", g->name, call);
    memcpy(out, g->noise[g->noise_of[call]], sizeof g->noise[0]);
    g->drawn++;
}

/* x is `scale` times the state that the file has. */
static void compare(struct golden *g, int call, const float *x, double scale)
{
    for (int k = 0; k < N * SIZE; k++)
        g->worst = fmax(g->worst, fabs((double)x[k] / scale - (double)g->x[call][k]));
}

/* Whole timesteps are the list's. Others are read off log sigma, where diffusers' float32 tells
 * (see round_to_float32): by up to 6e-3 of a timestep, of which 3e-4 are the logarithms' own. */
static void see(void *user, const um_sample_view *view)
{
    struct golden *g = user;
    const double t = g->t[g->shown];
    compare(g, g->shown, view->x, view->row->scale);
    CHECK_NEAR(view->row->t, t, t == rint(t) ? 2e-4 : g->float32 ? 5e-4 : 1e-2);
    g->shown++;
}

/* diffusers multiplies alpha_bar up in float32, so 1 - alpha_bar_0 = 1e-4 is off by 1e-4 of
 * itself, and with it the least sigma, where sigma grids end. */
static void round_to_float32(um_schedule *s)
{
    float bar = 1.0f;
    for (int t = 0; t < s->timesteps; t++) {
        bar *= 1.0f - (float)s->beta[t];
        s->alpha_bar[t] = (double)bar;
    }
}

/* Let the rows lead a fixed stride below t if asked. Says if that is where the list leads. */
static bool fix_stride(um_ctx *ctx, um_plan *plan, const um_schedule *s, trajectory_stride stride)
{
    const int below = s->timesteps / plan->steps;
    bool same = true;
    for (int i = 0; i < plan->rows; i++) {
        um_row *row = &plan->row[i];
        const int prev = (int)row->t - below;
        same = same && (prev == (int)row->t_prev || (prev < 0 && row->t_prev < 0));
        if (stride == STRIDE_LIST) continue;
        row->t_prev = prev < 0 ? -1 : prev;
        row->alpha_bar_prev = prev < 0 ? 1.0 : s->alpha_bar[prev];
    }
    if (stride == STRIDE_FIXED)
        CHECK_OK(ctx, plan->settings.sampler->plan(ctx, plan, s));
    return same;
}

static void read_timesteps(struct golden *g, const um_safetensors *st)
{
    json_t *list = metadata(st, "timesteps");
    g->rows = (int)json_array_size(list);
    assert_true(g->rows <= ROWS);
    for (int i = 0; i < g->rows; i++)
        g->t[i] = json_number_value(json_array_get(list, (size_t)i));
    json_decref(list);
}

static void plan_like(um_ctx *ctx, const um_safetensors *st, um_plan *plan, um_schedule *schedule,
                      bool float32)
{
    json_t *config = metadata(st, "config"), *step = metadata(st, "step");
    const um_schedule_settings ss = trajectory_schedule(ctx, config);
    const um_sample_settings settings = trajectory_settings(
        ctx, um_safetensors_metadata(st, "scheduler"), config, step,
        atoi(um_safetensors_metadata(st, "steps")));
    CHECK_OK(ctx, um_schedule_init(ctx, schedule, &ss));
    if (float32) round_to_float32(schedule);
    CHECK_OK(ctx, um_plan_init(ctx, plan, &settings, schedule));
    json_decref(config);
    json_decref(step);
}

static void walk(um_ctx *ctx, struct golden *g, const um_plan *plan)
{
    const um_denoiser model = trajectory_model();
    const um_noise noise = { .draw = give_noise, .user = g, .sequential = true };
    float start[N * SIZE], out[N * SIZE];
    const um_sample_request request = {
        .h = H, .w = W, .c = C, .count = N, .start = start, .noise = &noise,
        .trajectory = see, .trajectory_user = g, .trajectory_every = 1,
    };
    for (int k = 0; k < N * SIZE; k++) start[k] = (float)((double)g->x[0][k] / plan->init_scale);
    CHECK_OK(ctx, um_sample_run(ctx, plan, &model, &request, out));
    compare(g, g->rows, out, 1.0);
    assert_int_equal(g->shown, g->rows);
    assert_int_equal(g->drawn, g->draws);
}

/* What of diffusers' own is put into the plan before the walk. */
struct faults {
    trajectory_stride stride;
    bool float32;
    void (*alter)(um_plan *plan);
};

static bool check(const char *name, struct faults faults, double tolerance)
{
    um_ctx ctx;
    um_ctx_init(&ctx);
    char path[64];
    snprintf(path, sizeof path, "samplers/%s.safetensors", name);
    um_safetensors st;
    CHECK_OK(&ctx, um_safetensors_open(&st, &ctx, golden_path(path)));
    um_schedule schedule;
    um_plan plan;
    plan_like(&ctx, &st, &plan, &schedule, faults.float32);

    static struct golden g;
    g = (struct golden){ .name = name, .float32 = faults.float32 };
    read_timesteps(&g, &st);
    assert_int_equal(read_rows(&ctx, &st, "x", g.x, ROWS + 1), g.rows + 1);
    g.draws = read_rows(&ctx, &st, "noise", g.noise, ROWS);
    read_draws(&g, &st);
    for (int r = 0; r <= g.rows; r++)
        for (int k = 0; k < N * SIZE; k++)
            g.largest = fmax(g.largest, fabs((double)g.x[r][k]));

    const bool same = fix_stride(&ctx, &plan, &schedule, faults.stride);
    if (faults.alter) faults.alter(&plan);
    walk(&ctx, &g, &plan);
    if (!(g.worst <= tolerance * g.largest))
        fail_msg("%s leaves diffusers' trajectory by %.3g of its largest value", name,
                 g.worst / g.largest);
    um_plan_free(&ctx, &plan);
    um_schedule_free(&ctx, &schedule);
    um_safetensors_close(&st);
    return same;
}

bool trajectory_check(const char *name, trajectory_stride stride, double tolerance)
{
    return check(name, (struct faults){ .stride = stride }, tolerance);
}

void trajectory_check_float32(const char *name, double tolerance)
{
    check(name, (struct faults){ .float32 = true }, tolerance);
}

void trajectory_check_altered(const char *name, void (*alter)(um_plan *plan), double tolerance)
{
    check(name, (struct faults){ .alter = alter }, tolerance);
}
