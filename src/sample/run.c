/* SPDX-License-Identifier: MIT
 * run.c - asking the model, and what stands around it. */
#include "sample/run.h"

#include <math.h>

#include "sample/clip.h"

enum { DOUBLES = 3, FLOATS = 4 }; /* arrays of a batch, but for the variance */

size_t um_run_bytes(size_t size, int most, bool learns_variance)
{
    const size_t floats = FLOATS + (learns_variance ? 1 : 0);
    const size_t each = size * (DOUBLES * sizeof(double) + floats * sizeof(float)) +
                        sizeof(double) + sizeof(int) + sizeof(um_asked);
    return (size_t)most * each + size * sizeof(double);
}

static void take_memory(um_run *run, um_arena *arena, int most)
{
    const size_t n = (size_t)most * run->size;
    double **const doubles[DOUBLES] = { &run->x, &run->x0, &run->eps };
    for (size_t i = 0; i < UM_COUNT(doubles); i++)
        *doubles[i] = um_arena_take(arena, n * sizeof(double));
    run->t = um_arena_take(arena, (size_t)most * sizeof *run->t);
    run->labels = um_arena_take(arena, (size_t)most * sizeof *run->labels);
    run->asked = um_arena_take(arena, (size_t)most * sizeof *run->asked);
    run->sorted = um_arena_take(arena, run->size * sizeof(double));
    const size_t answer = run->model->learns_variance ? 2 * n : n;
    run->answer = um_arena_take(arena, answer * sizeof(float));
    float **const floats[FLOATS - 1] = { &run->shown, &run->drawn, &run->torch.scratch };
    for (size_t i = 0; i < UM_COUNT(floats); i++)
        *floats[i] = um_arena_take(arena, n * sizeof(float));
}

static void choose_noise(um_run *run)
{
    const um_sample_settings *s = &run->plan->settings;
    const um_sample_request *r = run->request;
    if (r->noise) {
        run->noise = *r->noise;
    } else if (s->rng == UM_RNG_TORCH) {
        um_torch_random_init(&run->torch.generator, s->seed);
        run->torch.h = r->h, run->torch.w = r->w, run->torch.c = r->c;
        run->noise = um_noise_from_torch(&run->torch);
    } else {
        run->philox = (um_noise_philox){ .seed = s->seed, .size = run->size };
        run->noise = um_noise_from_philox(&run->philox);
    }
}

um_status um_run_open(um_run *run, um_arena *arena, int most)
{
    take_memory(run, arena, most);
    choose_noise(run);
    return arena->status;
}

void um_run_draw(um_run *run, int row)
{
    const uint64_t image = run->request->first_image + (uint64_t)run->first;
    run->noise.draw(run->noise.user, row, image, run->n, run->drawn);
}

void um_run_start(um_run *run)
{
    const float *from = run->drawn;
    if (run->request->start) from = run->request->start + (size_t)run->first * run->size;
    else um_run_draw(run, UM_NOISE_START);
    for (size_t k = 0; k < (size_t)run->n * run->size; k++)
        run->x[k] = run->plan->init_scale * (double)from[k];
}

um_status um_run_check(const um_run *run, const float *v, int n, const um_asked *who,
                       const char *what)
{
    const unsigned long long first = run->request->first_image + (uint64_t)run->first;
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < run->size; k++)
            if (!isfinite(v[(size_t)i * run->size + k]))
                return um_fail(run->ctx, UM_NOT_FINITE,
                               "%s is not finite in image %llu at timestep %g (%s, step %d)", what,
                               first + (unsigned long long)who[i].image, who[i].level.t,
                               run->plan->settings.sampler->name, who[i].step);
    return UM_OK;
}

/* x0 and eps of one image in place i, from x as the batch has it and the model's answer. */
static void read_answer(um_run *run, int i, double alpha_bar, double scale, const double *x)
{
    const um_sample_settings *s = &run->plan->settings;
    const size_t at = (size_t)i * run->size;
    const um_prediction_rule rule = um_prediction_rule_at(s->prediction, alpha_bar);
    for (size_t k = 0; k < run->size; k++) {
        const double in = scale * x[k], out = (double)run->answer[at + k];
        run->x0[at + k] = rule.x0_x * in + rule.x0_out * out;
        run->eps[at + k] = rule.eps_x * in + rule.eps_out * out;
    }
    if (!um_clip_is_on(s)) return;
    um_clip_x0(s, 1, run->size, run->x0 + at, run->sorted);
    if (!s->use_clipped_model_output) return;
    const um_prediction_rule again = um_prediction_rule_at(UM_PREDICTION_SAMPLE, alpha_bar);
    for (size_t k = 0; k < run->size; k++)
        run->eps[at + k] = again.eps_x * (scale * x[k]) + again.eps_out * run->x0[at + k];
}

um_status um_run_ask(um_run *run, int n, const um_asked *who, double scale, const double *x)
{
    const int *labels = run->request->labels ? run->request->labels + run->first : NULL;
    for (int i = 0; i < n; i++) {
        const double *from = x + (size_t)who[i].image * run->size;
        float *to = run->shown + (size_t)i * run->size;
        for (size_t k = 0; k < run->size; k++) to[k] = (float)(scale * from[k]);
        run->t[i] = who[i].level.t;
        if (labels) run->labels[i] = labels[who[i].image];
    }
    UM_TRY(run->model->predict(run->model->user, n, run->shown, run->t,
                               labels ? run->labels : NULL, run->answer));
    UM_TRY(um_run_check(run, run->answer, n, who, "the model's answer"));
    run->v = run->model->learns_variance ? run->answer + (size_t)n * run->size : NULL;
    if (run->v) UM_TRY(um_run_check(run, run->v, n, who, "the model's variance"));
    for (int i = 0; i < n; i++)
        read_answer(run, i, who[i].level.alpha_bar, scale, x + (size_t)who[i].image * run->size);
    return UM_OK;
}

bool um_run_shows(const um_run *run, int index)
{
    const um_sample_request *r = run->request;
    if (!r->trajectory || r->trajectory_every < 1) return false;
    return index % r->trajectory_every == 0 || index == run->plan->rows - 1;
}

/* The trajectory is told what the model saw; its answer's place holds x0 meanwhile. */
void um_run_show(um_run *run, const um_row *row, int index, int i, int first, int n)
{
    const size_t at = (size_t)i * run->size;
    for (size_t k = at; k < at + (size_t)n * run->size; k++) run->answer[k] = (float)run->x0[k];
    run->request->trajectory(run->request->trajectory_user, &(um_sample_view){
        .row = row, .index = index, .first = run->first + first, .n = n,
        .x = run->shown + at, .x0 = run->answer + at });
}
