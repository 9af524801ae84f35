/* SPDX-License-Identifier: MIT
 * guidance.c - one doubled batch or two passes, then the mix of both answers. */
#include "sample/guidance.h"

#include <math.h>
#include <string.h>

bool um_guidance_is_on(const um_guidance_settings *s) { return s->scale != 1.0; }

/* w at timestep t: only a middle interval profits (Kynkaanniemi et al. 2024). */
static double weight(const um_guidance_settings *s, int timesteps, double t)
{
    const double way = timesteps > 1 ? 1.0 - t / (timesteps - 1) : 0.0;
    const double at = fmin(fmax(way, 0.0), 1.0);
    return at >= s->start && at <= s->end ? s->scale : 1.0;
}

static bool needs_both(double w) { return w != 0.0 && w != 1.0; }

int um_guidance_calls(const um_guidance_settings *s, int timesteps, double t)
{
    return needs_both(weight(s, timesteps, t)) ? 2 : 1;
}

int um_guidance_at_once(const um_guidance_settings *s, int n)
{
    return needs_both(s->scale) && !s->passes ? 2 * n : n;
}

size_t um_guidance_bytes(const um_guidance_settings *s, size_t size, int n, bool learns_variance)
{
    const size_t batches = (s->passes ? 0 : 2) + (learns_variance ? 4 : 2);
    const size_t each = sizeof(double) + sizeof(int);
    return um_guidance_is_on(s) ? (size_t)n * (batches * size * sizeof(float) + 2 * each) : 0;
}

void um_guidance_init(um_guidance *g, um_ctx *ctx, const um_denoiser *model,
                      const um_guidance_settings *settings, int null_class, int timesteps,
                      size_t size)
{
    *g = (um_guidance){ .ctx = ctx, .model = *model, .settings = *settings,
                        .null_class = null_class, .timesteps = timesteps, .size = size };
}

void um_guidance_free(um_guidance *g)
{
    um_free(g->ctx, g->x);
    um_free(g->ctx, g->y);
    um_free(g->ctx, g->t);
    um_free(g->ctx, g->labels);
    g->x = g->y = NULL;
    g->t = NULL;
    g->labels = NULL;
    g->room = 0;
}

static um_status make_room(um_guidance *g, int n)
{
    if (n <= g->room) return UM_OK;
    const size_t twice = 2 * (size_t)n, shown = g->settings.passes ? 0 : twice * g->size;
    const size_t answers = g->model.learns_variance ? 2 : 1;
    um_guidance_free(g);
    UM_TRY(um_alloc(g->ctx, &g->x, shown, sizeof *g->x, "guidance"));
    UM_TRY(um_alloc(g->ctx, &g->y, answers * twice * g->size, sizeof *g->y, "guidance"));
    UM_TRY(um_alloc(g->ctx, &g->t, twice, sizeof *g->t, "guidance"));
    UM_TRY(um_alloc(g->ctx, &g->labels, twice, sizeof *g->labels, "guidance"));
    g->room = n;
    return UM_OK;
}

/* How many batches behind the predictions for the classes those for none stand: of two passes each
 * has its variance behind it, of a doubled batch all variances are behind all predictions. */
static size_t apart(const um_guidance *g)
{
    return g->settings.passes && g->model.learns_variance ? 2 : 1;
}

/* Answers of n images for their classes and for none into y. */
static um_status ask_both(um_guidance *g, int n, const float *x, const double *t,
                          const int *labels)
{
    const um_denoiser *m = &g->model;
    const size_t values = (size_t)n * g->size;
    for (int i = 0; i < n; i++) {
        g->labels[i] = labels[i];
        g->labels[n + i] = g->null_class;
        g->t[i] = g->t[n + i] = t[i];
    }
    if (g->settings.passes) {
        UM_TRY(m->predict(m->user, n, x, t, g->labels, g->y));
        return m->predict(m->user, n, x, t, g->labels + n, g->y + apart(g) * values);
    }
    memcpy(g->x, x, values * sizeof *x);
    memcpy(g->x + values, x, values * sizeof *x);
    return m->predict(m->user, 2 * n, g->x, g->t, g->labels, g->y);
}

static double deviation(const float *v, size_t n)
{
    double mean = 0.0, squares = 0.0;
    for (size_t k = 0; k < n; k++) mean += (double)v[k];
    mean /= (double)n;
    for (size_t k = 0; k < n; k++) squares += ((double)v[k] - mean) * ((double)v[k] - mean);
    return sqrt(squares / (double)n);
}

/* Lin et al. (2305.08891), eq. 15 and 16: a large w spreads an answer too far; phi of the way the
 * image is given the deviation back that the answer for its class has. */
static void rescale(const um_guidance *g, const float *c, float *out)
{
    const double phi = g->settings.rescale, is = deviation(out, g->size);
    if (phi == 0.0 || is == 0.0) return;
    const double factor = phi * deviation(c, g->size) / is + 1.0 - phi;
    for (size_t k = 0; k < g->size; k++) out[k] = (float)(factor * (double)out[k]);
}

static void mix(const um_guidance *g, double w, const float *c, const float *u, float *out)
{
    if (!needs_both(w)) {
        memcpy(out, w == 0.0 ? u : c, g->size * sizeof *out);
        return;
    }
    for (size_t k = 0; k < g->size; k++)
        out[k] = (float)((double)u[k] + w * ((double)c[k] - (double)u[k]));
    rescale(g, c, out);
}

static um_status predict(void *user, int n, const float *x, const double *t, const int *labels,
                         float *out)
{
    um_guidance *g = user;
    const size_t values = (size_t)n * g->size;
    bool both = false;
    if (!labels)
        return um_fail(g->ctx, UM_BAD_ARG, "guidance without classes (give the model classes)");
    UM_TRY(make_room(g, n));
    for (int i = 0; i < n; i++) {
        const double w = weight(&g->settings, g->timesteps, t[i]);
        g->labels[i] = w == 0.0 ? g->null_class : labels[i];
        both |= needs_both(w);
    }
    if (!both) return g->model.predict(g->model.user, n, x, t, g->labels, out);
    UM_TRY(ask_both(g, n, x, t, labels));
    const float *none = g->y + apart(g) * values, *variance = g->y + (3 - apart(g)) * values;
#pragma omp parallel for
    for (int i = 0; i < n; i++) {
        const size_t at = (size_t)i * g->size;
        mix(g, weight(&g->settings, g->timesteps, t[i]), g->y + at,
            none + at, out + at);
    }
    if (g->model.learns_variance) memcpy(out + values, variance, values * sizeof *out);
    return UM_OK;
}

um_denoiser um_denoiser_from_guidance(um_guidance *g)
{
    return (um_denoiser){ predict, g, g->model.learns_variance };
}
