/* SPDX-License-Identifier: MIT
 * evaluate.c - from a model and held-out images to bits per dimension. */
#include "unmist/evaluate.h"

#include <math.h>
#include <string.h>

#include "api/handles.h"
#include "api/output.h"
#include "base/random.h"
#include "io/file.h"
#include "sample/unet_denoiser.h"
#include "study/bound.h"
#include "study/flow.h"
#include "study/unet_tracer.h"

struct um_likelihood {
    um_ctx *ctx;
    um_arena arena; /* everything below */
    um_likelihood_facts facts;
    double *flow; /* nats of each image, dequantised */
    int *calls;
    um_bound_parts *parts;
    um_bound_term *term;
};

/* What one evaluation works with. */
typedef struct work {
    um_ctx *ctx;
    um_model *m;
    const um_config *c;
    const um_evaluate_hooks *hooks;
    um_likelihood *l;
    um_dataset *data;
    um_schedule schedule;
    um_sample_settings sample;
    um_ode_settings ode;
    um_probes probes;
    size_t size;
    int first; /* image of the batch at work, and of which pass */
    const char *pass;
    /* the batch */
    uint64_t *number;
    int *labels;
    float *x0;
    double *x;
} work;

static void progress(void *user, double part)
{
    work *w = user;
    const int n = w->l->facts.images, here = UM_MIN(w->c->evaluate_batch, n - w->first);
    if (w->hooks && w->hooks->progress)
        w->hooks->progress(w->hooks->user, w->pass, (w->first + part * here) / n);
}

static um_status check_fits(work *w)
{
    const um_unet_config *u = um_unet_configuration(w->m->unet);
    const um_dataset *d = w->data;
    UM_TRY(um_denoiser_channels_check(w->ctx, u));
    if (d->c != u->in_channels)
        return um_fail(w->ctx, UM_BAD_ARG, "%s has images of %d channels, the model of %d",
                       w->c->data_path, d->c, u->in_channels);
    if (u->sample_h && (d->h != u->sample_h || d->w != u->sample_w))
        return um_fail(w->ctx, UM_BAD_ARG, "%s has images of %d x %d, the model of %d x %d "
                       "(data.image_size = %dx%d)", w->c->data_path, d->h, d->w, u->sample_h,
                       u->sample_w, u->sample_h, u->sample_w);
    if (u->class_embed_type != UM_CLASS_NONE && d->classes != um_unet_classes(u))
        return um_fail(w->ctx, UM_BAD_ARG, "%s has %d classes, the model %d", w->c->data_path,
                       d->classes, um_unet_classes(u));
    if (d->held < 1)
        return um_fail(w->ctx, UM_BAD_ARG, "%s: no image is held out (data.validation above 0)",
                       w->c->data_path);
    return um_unet_size_check(w->ctx, u, d->h, d->w);
}

static um_status read_settings(work *w)
{
    const um_config *c = w->c;
    UM_TRY(um_schedule_from_config(w->ctx, c, &w->schedule));
    UM_TRY(um_sample_settings_from_config(w->ctx, c, &w->sample));
    w->ode = (um_ode_settings){ .steps = c->evaluate_steps, .rtol = c->evaluate_rtol,
                                .atol = c->evaluate_atol };
    w->probes = (um_probes){ .count = c->evaluate_probes, .seed = c->evaluate_seed };
    UM_TRY(um_choice_parse(w->ctx, um_integrators, "evaluate.integrator", c->evaluate_integrator,
                           &w->ode.integrator));
    UM_TRY(um_choice_parse(w->ctx, um_divergences, "evaluate.divergence", c->evaluate_divergence,
                           &w->probes.kind));
    return um_prediction_check(w->ctx, w->sample.prediction, w->schedule.alpha_bar,
                               w->schedule.timesteps);
}

static void describe(work *w)
{
    const um_config *c = w->c;
    um_arena *a = &w->l->arena;
    const um_dataset *d = w->data;
    const int others = c->diffusion_timesteps - 1, asked = c->evaluate_timesteps;
    w->l->facts = (um_likelihood_facts){
        .images = c->evaluate_count ? UM_MIN(c->evaluate_count, d->held) : d->held,
        .held = d->held, .h = d->h, .w = d->w, .c = d->c,
        .model = um_arena_text(a, "%s", w->m->folder),
        .data = um_arena_text(a, "%s", c->data_path),
        .weights = um_arena_text(a, "%s", c->sample_weights),
        .seed = c->evaluate_seed,
        .has_flow = strcmp(c->evaluate_likelihood, "bound") != 0,
        .integrator = um_arena_text(a, "%s", c->evaluate_integrator),
        .divergence = um_arena_text(a, "%s", c->evaluate_divergence),
        .steps = c->evaluate_steps, .probes = c->evaluate_probes,
        .rtol = c->evaluate_rtol, .atol = c->evaluate_atol,
        .has_bound = strcmp(c->evaluate_likelihood, "flow") != 0,
        .variance = um_arena_text(a, "%s", um_choice_name(um_variances, (int)w->sample.variance)),
        .timesteps = c->diffusion_timesteps,
        .per_image = 1 + (asked ? UM_MIN(asked, others) : others),
    };
}

static um_status take_memory(work *w, um_arena *batch)
{
    um_arena *a = &w->l->arena;
    const size_t n = (size_t)w->l->facts.images;
    const size_t at_once = UM_MIN(n, (size_t)w->c->evaluate_batch);
    w->l->flow = um_arena_take(a, n * sizeof *w->l->flow);
    w->l->calls = um_arena_take(a, n * sizeof *w->l->calls);
    w->l->parts = um_arena_take(a, n * sizeof *w->l->parts);
    w->l->term = um_arena_take(a, (size_t)w->schedule.timesteps * sizeof *w->l->term);
    w->number = um_arena_take(batch, at_once * sizeof *w->number);
    w->labels = um_arena_take(batch, at_once * sizeof *w->labels);
    w->x0 = um_arena_take(batch, at_once * w->size * sizeof *w->x0);
    w->x = um_arena_take(batch, at_once * w->size * sizeof *w->x);
    return a->status != UM_OK ? a->status : batch->status;
}

/* Images first .. first + n - 1 of those that are measured, spread evenly over what is held out. */
static um_status load(work *w, int n)
{
    for (int i = 0; i < n; i++) {
        const int64_t at = (int64_t)(w->first + i) * w->data->held / w->l->facts.images;
        const uint32_t index = (uint32_t)(w->data->count + at);
        w->number[i] = (uint64_t)at;
        UM_TRY(um_dataset_batch(w->data, &index, NULL, 1, w->x0 + (size_t)i * w->size,
                                &w->labels[i]));
    }
    return UM_OK;
}

/* x + u with u uniform over the width 2 / 255 of a byte's bin (Theis et al. 2016, section 3.1). */
static void dequantize(work *w, int n)
{
    for (int i = 0; i < n; i++) {
        const um_random r = { w->c->evaluate_seed, UM_STREAM_DEQUANTIZE, w->number[i] };
        for (size_t k = 0; k < w->size; k++) {
            const size_t at = (size_t)i * w->size + k;
            w->x[at] = (double)w->x0[at] + (um_random_uniform(&r, (uint32_t)k) - 0.5) / 127.5;
        }
    }
}

static const int *labels_of(const work *w)
{
    const um_unet_config *u = um_unet_configuration(w->m->unet);
    return u->class_embed_type == UM_CLASS_NONE ? NULL : w->labels;
}

static um_status measure_flow(work *w)
{
    um_unet_tracer tracer;
    um_unet_tracer_init(&tracer, w->ctx, w->m->unet, w->data->h, w->data->w, &w->probes);
    tracer.denoiser.check_nan = w->m->check_nan;
    tracer.denoiser.precision = w->m->precision;
    const um_traced_model model = um_traced_model_from_unet(&tracer);
    const um_flow flow = { .schedule = &w->schedule, .prediction = w->sample.prediction,
                           .model = &model, .size = w->size, .ode = w->ode,
                           .progress = progress, .progress_user = w };
    um_status status = UM_OK;
    w->pass = "flow";
    const int images = w->l->facts.images;
    for (w->first = 0; w->first < images && status == UM_OK; w->first += w->c->evaluate_batch) {
        const int n = UM_MIN(w->c->evaluate_batch, images - w->first);
        status = load(w, n);
        if (status != UM_OK) break;
        dequantize(w, n);
        status = um_flow_log_density(w->ctx, &flow, n, w->number, w->x, labels_of(w),
                                     w->l->flow + w->first, w->l->calls + w->first);
    }
    um_unet_tracer_free(&tracer);
    return status;
}

static um_status measure_bound(work *w)
{
    um_unet_denoiser d;
    um_unet_denoiser_init(&d, w->ctx, w->m->unet, w->data->h, w->data->w);
    d.check_nan = w->m->check_nan;
    d.precision = w->m->precision;
    const um_denoiser model = um_denoiser_from_unet(&d);
    const um_bound bound = { .schedule = &w->schedule, .sample = &w->sample, .model = &model,
                             .size = w->size, .per_image = w->c->evaluate_timesteps,
                             .batch = w->c->evaluate_batch, .seed = w->c->evaluate_seed,
                             .progress = progress, .progress_user = w };
    um_status status = UM_OK;
    w->pass = "bound";
    const int images = w->l->facts.images;
    for (w->first = 0; w->first < images && status == UM_OK; w->first += w->c->evaluate_batch) {
        const int n = UM_MIN(w->c->evaluate_batch, images - w->first);
        status = load(w, n);
        if (status == UM_OK)
            status = um_bound_images(w->ctx, &bound, n, w->number, w->x0, labels_of(w),
                                     w->l->parts + w->first, w->l->term);
    }
    um_unet_denoiser_free(&d);
    return status;
}

/* Mean and standard error of n numbers, `stride` doubles apart. */
static um_estimate estimate(const double *value, size_t stride, int n, double scale, double offset)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) sum += value[(size_t)i * stride];
    for (int i = 0; i < n; i++) {
        const double d = value[(size_t)i * stride] - sum / n;
        squares += d * d;
    }
    const double error = n > 1 ? sqrt(squares / (n - 1) / n) : 0;
    return (um_estimate){ scale * sum / n + offset, fabs(scale) * error };
}

/* A byte's bin is 2 / 255 wide, so -log2 P(bytes) <= -log2 p(x + u) + D log2(127.5) on average
 * over u: with images in [0, 1] this would be 8 - log2 p / D, less log2(256 / 255). */
static void conclude(um_likelihood *l)
{
    um_likelihood_facts *f = &l->facts;
    const double dimensions = (double)f->h * f->w * f->c, bits = 1 / (dimensions * log(2));
    const size_t stride = sizeof *l->parts / sizeof(double);
    double calls = 0;
    for (int i = 0; i < f->images; i++) calls += l->calls[i];
    if (f->has_flow) f->flow = estimate(l->flow, 1, f->images, -bits, log2(127.5));
    f->calls = calls / f->images;
    if (!f->has_bound) return;
    f->prior = estimate(&l->parts[0].prior, stride, f->images, bits, 0);
    f->between = estimate(&l->parts[0].between, stride, f->images, bits, 0);
    f->decoder = estimate(&l->parts[0].decoder, stride, f->images, bits, 0);
    for (int i = 0; i < f->images; i++) /* no longer needed: the images' totals */
        l->flow[i] = l->parts[i].prior + l->parts[i].between + l->parts[i].decoder;
    f->bound = estimate(l->flow, 1, f->images, bits, 0);
}

static um_status measure(work *w)
{
    um_arena batch = { .ctx = w->ctx };
    UM_TRY(check_fits(w));
    UM_TRY(read_settings(w));
    w->size = (size_t)w->data->h * (size_t)w->data->w * (size_t)w->data->c;
    describe(w);
    um_status status = take_memory(w, &batch);
    const int threads = um_threads_enter(w->ctx);
    if (status == UM_OK && w->l->facts.has_flow) status = measure_flow(w);
    if (status == UM_OK && w->l->facts.has_bound) status = measure_bound(w);
    um_threads_leave(threads);
    um_arena_free(&batch);
    if (status == UM_OK) conclude(w->l);
    return status;
}

um_status um_evaluate_likelihood(um_model *m, um_settings *s, const um_evaluate_hooks *hooks,
                                 um_likelihood **out)
{
    um_config c;
    um_size size;
    *out = NULL;
    work w = { .ctx = m->ctx, .m = m, .c = &c, .hooks = hooks };
    UM_TRY(um_apply_run_settings(m->ctx, &s->config));
    UM_TRY(um_model_adopted(m, s, &c, &size));
    um_config_tell_overruled(m->ctx, &s->config, &c);
    um_status status = um_alloc(m->ctx, &w.l, 1, sizeof *w.l, "a likelihood");
    if (status == UM_OK) {
        w.l->ctx = w.l->arena.ctx = m->ctx;
        status = um_data_open(&w.data, s, NULL);
    }
    if (status == UM_OK) status = measure(&w);
    um_data_close(&w.data);
    um_schedule_free(m->ctx, &w.schedule);
    um_arena_free(&c.texts);
    if (status == UM_OK) *out = w.l;
    else um_likelihood_close(&w.l);
    return status;
}

void um_likelihood_close(um_likelihood **l)
{
    if (!*l) return;
    um_arena_free(&(*l)->arena);
    um_free((*l)->ctx, *l);
    *l = NULL;
}

void um_likelihood_describe(const um_likelihood *l, um_likelihood_facts *out) { *out = l->facts; }

bool um_likelihood_at(const um_likelihood *l, int t, um_likelihood_term *out)
{
    const um_likelihood_facts *f = &l->facts;
    if (!f->has_bound || t < 0 || t >= f->timesteps) return false;
    const um_bound_term *term = &l->term[t];
    const double count = UM_MAX(term->count, 1), dimensions = (double)f->h * f->w * f->c;
    *out = (um_likelihood_term){ term->count, term->nats / count / (dimensions * log(2)),
                                 term->noise_error / count };
    return true;
}

static um_status no_terms(um_ctx *ctx, const char *path)
{
    return um_fail(ctx, UM_BAD_ARG, "%s: there are no terms to write (evaluate.likelihood = bound "
                   "or both)", path);
}

um_status um_likelihood_check(um_settings *s, const char *path)
{
    if (strcmp(s->config.evaluate_likelihood, "flow") == 0) return no_terms(s->ctx, path);
    return um_output_check(s->ctx, path, UM_OUTPUT_FILE);
}

um_status um_likelihood_write(const um_likelihood *l, const char *path)
{
    um_likelihood_term term;
    um_text text = { .ctx = l->ctx };
    if (!l->facts.has_bound) return no_terms(l->ctx, path);
    um_text_add(&text, "t,images,bits_per_dim,noise_error\n");
    for (int t = 0; um_likelihood_at(l, t, &term); t++)
        if (term.images)
            um_text_add(&text, "%d,%d,%.9g,%.9g\n", t, term.images, term.bits, term.noise_error);
    um_status status = text.status;
    if (status == UM_OK) status = um_output_ready(l->ctx, path);
    if (status == UM_OK) status = um_file_write(l->ctx, path, text.data, text.n);
    um_text_free(&text);
    return status;
}
