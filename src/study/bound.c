/* SPDX-License-Identifier: MIT
 * bound.c - pairs of an image and a timestep, as many at a time as the batch holds. */
#include "study/bound.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "sample/clip.h"
#include "sample/posterior.h"

enum { TERM_BITS = 24, CHOICE = (1 << TERM_BITS) - 1 }; /* item numbers: timesteps lie below */

/* The images of one call, and the pairs at work. */
struct run {
    um_ctx *ctx;
    const um_bound *bound;
    const uint64_t *image;
    const float *x0;
    const int *labels;
    int per_image; /* pairs of each image, the first at t = 0 */
    float *noise, *xt, *out; /* [batch, size] */
    double *t, *guess, *sorted;
    int *class;
    um_bound_parts *parts;
    um_bound_term *term;
};

static um_status take_memory(struct run *r, um_arena *arena)
{
    const size_t batch = (size_t)r->bound->batch, size = r->bound->size;
    const size_t answer = r->bound->model->learns_variance ? 2 * size : size;
    r->out = um_arena_take(arena, batch * answer * sizeof *r->out);
    float **const floats[] = { &r->noise, &r->xt };
    for (size_t i = 0; i < UM_COUNT(floats); i++)
        *floats[i] = um_arena_take(arena, batch * size * sizeof(float));
    r->t = um_arena_take(arena, batch * sizeof *r->t);
    r->class = um_arena_take(arena, batch * sizeof *r->class);
    r->guess = um_arena_take(arena, size * sizeof *r->guess);
    r->sorted = um_arena_take(arena, size * sizeof *r->sorted);
    return arena->status;
}

/* The k-th timestep of an image: 0, then all, or one from each of the equal parts of 1 .. T-1. */
static int timestep(const struct run *r, uint64_t image, int k)
{
    const int others = r->bound->schedule->timesteps - 1, parts = r->per_image - 1;
    if (k == 0 || parts == others) return k;
    const um_random random = { r->bound->seed, UM_STREAM_BOUND, image << TERM_BITS | CHOICE };
    const double u = um_random_uniform(&random, (uint32_t)k);
    return 1 + UM_MIN((int)((k - 1 + u) / parts * others), others - 1);
}

/* Upper tail of the standard normal distribution. */
static double tail(double z) { return 0.5 * erfc(z * M_SQRT1_2); }

double um_bound_decoder(double x, double mean, double deviation)
{
    const double half = 1.0 / 255, side = x < mean ? -1.0 : 1.0; /* tails are exact above 0 */
    const double centre = fabs(x - mean);
    const bool open_up = side * x > 0.999, open_down = side * x < -0.999;
    const double above = open_up ? 0 : tail((centre + half) / deviation);
    const double below = open_down ? 1 : tail((centre - half) / deviation);
    return log(fmax(below - above, 1e-300));
}

/* KL(N(sqrt(bar) x0, 1 - bar) || N(0, 1)) over the elements. */
static double prior(const um_bound *b, const float *x0)
{
    const double bar = b->schedule->alpha_bar[b->schedule->timesteps - 1];
    double squares = 0;
    for (size_t k = 0; k < b->size; k++) squares += (double)x0[k] * (double)x0[k];
    return 0.5 * (bar * squares - (double)b->size * (bar + log(1 - bar)));
}

/* Log of the model's variance, of element k where it says v; at t = 0, where the posterior has
 * none, that of t = 1, as in Ho et al.'s code. */
static double log_variance(const um_bound *b, int t, const float *v, size_t k)
{
    const um_variance kind = b->sample->variance;
    const double small = b->schedule->log_variance[t], beta = b->schedule->beta[t];
    if (um_variance_is_learned(kind))
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): given if learned */
        return um_learned_log_variance(kind, (double)v[k], small, log(beta));
    return kind == UM_VARIANCE_FIXED_LARGE && t > 0 ? log(beta) : small;
}

/* Both distributions are normal with the same mean but for mean_x0 (x0 - guess). */
static double between(const um_bound *b, int t, const float *x0, const double *guess,
                      const float *v)
{
    const double scale = b->schedule->mean_x0[t];
    double sum = 0;
    for (size_t k = 0; k < b->size; k++) {
        const double variance = exp(log_variance(b, t, v, k));
        const double ratio = b->schedule->variance[t] / variance;
        const double d = scale * ((double)x0[k] - guess[k]);
        sum += d * d / variance + ratio - 1 - log(ratio);
    }
    return 0.5 * sum;
}

static double decoder(const um_bound *b, const float *x0, const double *guess, const float *v)
{
    double sum = 0;
    for (size_t k = 0; k < b->size; k++)
        sum -= um_bound_decoder((double)x0[k], guess[k], exp(0.5 * log_variance(b, 0, v, k)));
    return sum;
}

/* Pair number `pair` of the call into place i of the batch. */
static void show(struct run *r, int64_t pair, int i)
{
    const um_bound *b = r->bound;
    const int which = (int)(pair / r->per_image);
    const int t = timestep(r, r->image[which], (int)(pair % r->per_image));
    const double bar = b->schedule->alpha_bar[t], a = sqrt(bar), s = sqrt(1 - bar);
    const float *x0 = r->x0 + (size_t)which * b->size;
    const um_random random = { b->seed, UM_STREAM_BOUND,
                               r->image[which] << TERM_BITS | (uint64_t)t };
    float *noise = r->noise + (size_t)i * b->size, *xt = r->xt + (size_t)i * b->size;
    um_random_normal(&random, noise, b->size);
    for (size_t k = 0; k < b->size; k++) xt[k] = (float)(a * (double)x0[k] + s * (double)noise[k]);
    r->t[i] = t;
    if (r->labels) r->class[i] = r->labels[which];
}

/* What place i of the batch says about its pair, and its v, NULL where the model says none. */
static um_status weigh(struct run *r, int64_t pair, int i, const float *v)
{
    const um_bound *b = r->bound;
    const int which = (int)(pair / r->per_image), t = (int)r->t[i];
    const size_t at = (size_t)i * b->size;
    const float *x0 = r->x0 + (size_t)which * b->size;
    const um_prediction_rule rule =
        um_prediction_rule_at(b->sample->prediction, b->schedule->alpha_bar[t]);
    const bool learned = um_variance_is_learned(b->sample->variance);
    double error = 0, spread = 0;
    for (size_t k = 0; k < b->size; k++) {
        const double x = (double)r->xt[at + k], out = (double)r->out[at + k];
        const double d = rule.eps_x * x + rule.eps_out * out - (double)r->noise[at + k];
        r->guess[k] = rule.x0_x * x + rule.x0_out * out;
        error += d * d;
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): given if learned */
        spread += learned ? (double)v[k] : 0;
    }
    if (!isfinite(error + spread))
        return um_fail(r->ctx, UM_NOT_FINITE, "the model's answer is not finite for image %llu at "
                       "timestep %d", (unsigned long long)r->image[which], t);
    if (um_clip_is_on(b->sample)) um_clip_x0(b->sample, 1, b->size, r->guess, r->sorted);
    const double nats = t ? between(b, t, x0, r->guess, v) : decoder(b, x0, r->guess, v);
    const double share = (double)(b->schedule->timesteps - 1) / (r->per_image - 1);
    if (t) r->parts[which].between += share * nats;
    else r->parts[which].decoder = nats;
    r->term[t].count++;
    r->term[t].nats += nats;
    r->term[t].noise_error += error / (double)b->size;
    return UM_OK;
}

static um_status run(struct run *r, int n)
{
    const um_bound *b = r->bound;
    const int64_t pairs = (int64_t)n * r->per_image;
    for (int i = 0; i < n; i++)
        r->parts[i] = (um_bound_parts){ .prior = prior(b, r->x0 + (size_t)i * b->size) };
    for (int64_t first = 0; first < pairs; first += b->batch) {
        const int here = (int)UM_MIN(b->batch, pairs - first);
        UM_TRY(um_check_cancelled(r->ctx));
        for (int i = 0; i < here; i++) show(r, first + i, i);
        UM_TRY(b->model->predict(b->model->user, here, r->xt, r->t, r->labels ? r->class : NULL,
                                 r->out));
        for (int i = 0; i < here; i++) {
            const size_t at = (size_t)(here + i) * b->size;
            UM_TRY(weigh(r, first + i, i, b->model->learns_variance ? r->out + at : NULL));
        }
        if (b->progress) b->progress(b->progress_user, (double)(first + here) / (double)pairs);
    }
    return UM_OK;
}

um_status um_bound_images(um_ctx *ctx, const um_bound *bound, int n, const uint64_t *image,
                          const float *x0, const int *labels, um_bound_parts *parts,
                          um_bound_term *term)
{
    const um_schedule *s = bound->schedule;
    const int others = s->timesteps - 1;
    um_arena arena = { .ctx = ctx };
    struct run r = { .ctx = ctx, .bound = bound, .image = image, .x0 = x0, .labels = labels,
                     .parts = parts, .term = term };
    r.per_image = 1 + (bound->per_image ? UM_MIN(bound->per_image, others) : others);
    UM_TRY(um_prediction_check(ctx, bound->sample->prediction, s->alpha_bar, s->timesteps));
    if (um_variance_is_learned(bound->sample->variance) && !bound->model->learns_variance)
        return um_fail(ctx, UM_BAD_ARG, "sample.variance_type = %s, but the "
                       "model does not say its variance (fixed_small)",
                       um_choice_name(um_variances, (int)bound->sample->variance));
    um_status status = take_memory(&r, &arena);
    if (status == UM_OK) status = run(&r, n);
    um_arena_free(&arena);
    return status;
}
