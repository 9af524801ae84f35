/* SPDX-License-Identifier: MIT
 * draw.c - from settings that are settled and a network to images. */
#include "api/handles.h"
#include "api/images.h"
#include "api/judge.h"

#include "sample/fit.h"

#include <math.h>
#include <string.h>

/* The driver's views become frames. */
static void keep_frame(void *user, const um_sample_view *view)
{
    um_images *m = user;
    um_filmstrip *f = &m->film;
    const size_t image = (size_t)m->h * (size_t)m->w * (size_t)m->c,
                 bytes = (size_t)view->n * image * sizeof *m->x;
    const int row = view->index;
    int k = 0;
    while (k < f->frames && f->row[k] != row) k++;
    if (k == f->room) return;
    if (k == f->frames) f->row[f->frames++] = row;
    const size_t at = ((size_t)k * (size_t)m->n + (size_t)view->first) * image;
    memcpy(f->x + at, view->x, bytes);
    memcpy(f->x0 + at, view->x0, bytes);
}

/* Every so many rows, and the last. */
static int frames_of(const um_plan *plan, int every)
{
    const int last = plan->rows - 1;
    return every ? last / every + 1 + (last % every != 0) : 0;
}

/* Classes that can be asked for, the null class among them: those of the network, or of the
 * classifier where it takes none; 0: there are none. */
static um_status askable_classes(um_ctx *ctx, const um_unet_config *u, const um_config *c,
                                 int *classes)
{
    if (u->class_embed_type == UM_CLASS_NONE) return um_judge_classes(ctx, c, classes);
    *classes = u->num_class_embeds ? u->num_class_embeds : 1;
    return UM_OK;
}

um_status um_denoiser_channels_check(um_ctx *ctx, const um_unet_config *u)
{
    if (u->in_channels == u->out_channels || um_unet_learns_variance(u)) return UM_OK;
    return um_fail(ctx, UM_BAD_ARG,
                   "the model has %d channels in and %d out, of which nobody here knows what they "
                   "say (as many out as in, or twice as many for the variance too)",
                   u->in_channels, u->out_channels);
}

um_status um_draw_network_check(um_ctx *ctx, const um_unet_config *u, const um_config *c)
{
    const um_ints *asked = &c->sample_classes;
    int classes;
    UM_TRY(askable_classes(ctx, u, c, &classes));
    UM_TRY(um_denoiser_channels_check(ctx, u));
    if (u->class_embed_type == UM_CLASS_IDENTITY)
        return um_fail(ctx, UM_BAD_ARG,
                       "class_embed_type = identity: the model takes embeddings, and samplers have "
                       "numbers of classes alone (null, or a table of classes)");
    if (asked->n && !classes)
        return um_fail(ctx, UM_BAD_ARG, "sample.classes is set, but the model knows no classes "
                       "(sample.classes = none)");
    for (int i = 0; i < asked->n; i++)
        if (asked->v[i] >= classes)
            return um_fail(ctx, UM_BAD_ARG, "sample.classes = %d: the model has classes 0 to %d%s",
                           asked->v[i], classes - 1, u->null_class ? ", the last for none" : "");
    if (c->sample_guidance != 1.0 && !u->null_class)
        return um_fail(ctx, UM_BAD_ARG, "sample.guidance = %g, but the model has no null class to "
                       "be guided away from (1, or a model of train.label_dropout)",
                       c->sample_guidance);
    return UM_OK;
}

/* Classes of the images: those of sample.classes in turn, or all in turn but the null class. */
static um_status label_images(um_ctx *ctx, const um_unet_config *u, const um_config *c,
                              int **labels)
{
    const um_ints *asked = &c->sample_classes;
    int classes;
    *labels = NULL;
    UM_TRY(askable_classes(ctx, u, c, &classes));
    classes -= u->null_class;
    if (classes < 1) return UM_OK;
    UM_TRY(um_alloc(ctx, labels, (size_t)c->sample_count, sizeof **labels, "classes"));
    for (int i = 0; i < c->sample_count; i++)
        (*labels)[i] = asked->n ? asked->v[i % asked->n] : i % classes;
    return UM_OK;
}

static void open_network(um_unet_denoiser *d, um_ctx *ctx, um_unet *unet, const um_plan *plan,
                         const um_config *c, const um_sample_request *r)
{
    um_unet_denoiser_init(d, ctx, unet, r->h, r->w);
    d->check_nan = c->run_check_nan;
    d->precision = plan->settings.precision;
}

/* Bytes that are held whatever the batch: weights, images as numbers and in a file, frames. */
static double standing_bytes(um_unet *unet, const um_plan *plan, const um_sample_request *r)
{
    const double numbers = (double)r->count * r->h * r->w * r->c;
    const int frames = frames_of(plan, r->trajectory_every);
    return (double)um_unet_params(unet)->padded * sizeof(um_real) +
           numbers * ((1 + 2.0 * frames) * sizeof(float) + 1);
}

/* The request's batch, or what sample.memory has room for. */
static um_status choose_batch(um_unet_denoiser *d, const um_plan *plan, const um_config *c,
                              const um_sample_request *r, int *batch)
{
    const bool given = c->origin[UM_KEY_sample_batch].source != UM_FROM_DEFAULT;
    const int most = given ? UM_MIN(r->batch, r->count) : r->count;
    const double mib = 1048576.0, standing = standing_bytes(d->unet, plan, r);
    double bytes;
    *batch = r->batch;
    if (c->sample_memory == 0) return UM_OK;
    UM_TRY(um_fit_batch(d, &plan->settings, (double)c->sample_memory - standing, most,
                        batch, &bytes));
    if (*batch == 0)
        return um_fail(d->ctx, UM_BAD_ARG,
                       "sample.memory = %.1f MiB is too little: weights and images take %.1f MiB "
                       "and one image at a time %.1f MiB (at least %.0fMiB)",
                       (double)c->sample_memory / mib, standing / mib, bytes / mib,
                       ceil((standing + bytes) / mib)),
               um_config_fail_at(d->ctx, c, UM_BAD_ARG, UM_KEY_sample_memory);
    um_log(d->ctx, UM_LOG_INFO,
           "%d image%s at a time: %.1f MiB beside %.1f MiB of weights and images", *batch,
           *batch == 1 ? "" : "s", bytes / mib, standing / mib);
    return UM_OK;
}

um_status um_draw_batch(um_ctx *ctx, um_unet *unet, const um_plan *plan, const um_config *c,
                        const um_sample_request *request, int *batch)
{
    um_unet_denoiser d;
    open_network(&d, ctx, unet, plan, c, request);
    return choose_batch(&d, plan, c, request, batch);
}

/* What answering the request takes beside networks and images. The tapes of *d and *j are gone. */
static um_status add_drawing(um_unet_denoiser *d, um_judge *j, const um_plan *plan,
                             const um_sample_request *r, um_need *need)
{
    const int n = r->batch > 0 ? UM_MIN(r->batch, r->count) : r->count;
    double bytes;
    size_t classifier;
    need->work = "sampling";
    need->lower = "a smaller sample.batch or sample.count, sample.memory to have the batch chosen, "
                  "sample.guidance_batching = passes";
    UM_TRY(um_fit_bytes(d, &plan->settings, n, &bytes));
    um_need_add(need, "activations and images at work", bytes);
    if (!j->unet) return UM_OK;
    UM_TRY(um_classifier_bytes(&j->classifier, n, &classifier));
    um_need_add(need, "classifier", (double)classifier + (double)n * r->h * r->w * r->c *
                                                             sizeof(float));
    return UM_OK;
}

static um_status check_memory(um_unet_denoiser *d, um_judge *j, const um_plan *plan,
                              const um_sample_request *r)
{
    um_need need = { 0 };
    if (r->count == 0) return UM_OK;
    UM_TRY(add_drawing(d, j, plan, r, &need));
    return um_need_check(d->ctx, &need);
}

um_status um_draw_request(um_ctx *ctx, um_unet *unet, const um_plan *plan, const um_config *c,
                          const um_sample_request *request, float *out)
{
    const um_guidance_settings *guided = &plan->settings.guidance;
    um_sample_request r = *request;
    um_unet_denoiser d;
    um_guidance guidance;
    um_judge judge;
    open_network(&d, ctx, unet, plan, c, &r);
    UM_TRY(choose_batch(&d, plan, c, &r, &r.batch));
    UM_TRY(um_judge_open(&judge, ctx, c, UM_KEY_sample_classifier, (um_size){ r.h, r.w }, r.c));
    const um_denoiser network = um_denoiser_from_unet(&d);
    um_guidance_init(&guidance, ctx, &network, guided,
                     um_unet_classes(um_unet_configuration(unet)), c->diffusion_timesteps,
                     (size_t)r.h * (size_t)r.w * (size_t)r.c);
    const um_denoiser model =
        um_guidance_is_on(guided) ? um_denoiser_from_guidance(&guidance) : network;
    const um_denoiser steered = um_judge_steers(&judge, ctx, &model, plan, c);
    um_status status = check_memory(&d, &judge, plan, &r);
    if (status == UM_OK) status = um_sample_run(ctx, plan, &steered, &r, out);
    um_judge_close(&judge, ctx);
    um_guidance_free(&guidance);
    um_unet_denoiser_free(&d);
    return status;
}

/* What the settings ask for in images of that size. */
static um_sample_request request_of(const um_config *c, int h, int w, int channels)
{
    return (um_sample_request){ .h = h, .w = w, .c = channels, .count = c->sample_count,
                                .batch = c->sample_batch,
                                .trajectory_every = c->sample_trajectory };
}

static um_status run(um_ctx *ctx, um_unet *unet, const um_plan *plan, const um_config *c,
                     const um_sample_hooks *hooks, um_images *m)
{
    um_sample_request request = request_of(c, m->h, m->w, m->c);
    request.labels = m->labels;
    request.trajectory = keep_frame;
    request.trajectory_user = m;
    if (hooks) {
        request.progress = hooks->progress;
        request.progress_user = hooks->user;
    }
    um_sample_tally tally = { 0 };
    request.tally = &tally;
    UM_TRY(um_draw_request(ctx, unet, plan, c, &request, m->x));
    m->steps = (double)tally.steps / m->n;
    m->rejected = (double)tally.rejected / m->n;
    return UM_OK;
}

um_status um_plan_from_config(um_ctx *ctx, const um_config *c, um_plan *plan)
{
    um_sample_settings settings;
    um_schedule schedule;
    UM_TRY(um_sample_settings_from_config(ctx, c, &settings));
    UM_TRY(um_schedule_from_config(ctx, c, &schedule));
    const um_status status = um_plan_init(ctx, plan, &settings, &schedule);
    um_schedule_free(ctx, &schedule);
    return status;
}

static um_status draw_planned(um_ctx *ctx, um_unet *unet, const um_plan *plan, const um_config *c,
                              int h, int w, const um_sample_hooks *hooks, um_images **out)
{
    const um_unet_config *u = um_unet_configuration(unet);
    um_images *m;
    UM_TRY(um_draw_network_check(ctx, u, c));
    UM_TRY(um_images_open(&m, ctx, c->sample_count, h, w, u->in_channels,
                          frames_of(plan, c->sample_trajectory)));
    m->columns = c->sample_columns;
    memcpy(m->format, c->sample_format, sizeof m->format - 1);
    um_status status = label_images(ctx, u, c, &m->labels);
    if (status == UM_OK) status = run(ctx, unet, plan, c, hooks, m);
    if (status == UM_OK) *out = m;
    else um_images_close(&m);
    return status;
}

um_status um_draw(um_ctx *ctx, um_unet *unet, const um_config *config, int h, int w,
                  const um_sample_hooks *hooks, um_images **out)
{
    um_plan plan;
    *out = NULL;
    UM_TRY(um_plan_from_config(ctx, config, &plan));
    const um_status status = draw_planned(ctx, unet, &plan, config, h, w, hooks, out);
    um_plan_free(ctx, &plan);
    return status;
}

/* Images and frames, and as much again for a file of numbers, in which they lie in other order;
 * a picture, of bytes, is less, and nothing else is at work then. */
static void add_images(const um_plan *plan, const um_sample_request *r, um_need *need)
{
    const double images = (double)r->count * r->h * r->w * r->c * sizeof(float) *
                          (1 + 2 * frames_of(plan, r->trajectory_every));
    um_need_add(need, "file", UM_MAX(images - um_need_bytes(need), 0.0));
    um_need_add(need, "images", images);
}

static um_status add_need(um_ctx *ctx, um_unet *unet, const um_plan *plan, const um_config *c,
                          const um_sample_request *request, um_need *need)
{
    um_sample_request r = *request;
    um_unet_denoiser d;
    um_judge judge;
    open_network(&d, ctx, unet, plan, c, &r);
    UM_TRY(choose_batch(&d, plan, c, &r, &r.batch));
    UM_TRY(um_judge_open(&judge, ctx, c, UM_KEY_sample_classifier, (um_size){ r.h, r.w }, r.c));
    const um_status status = add_drawing(&d, &judge, plan, &r, need);
    if (status == UM_OK) add_images(plan, &r, need);
    um_judge_close(&judge, ctx);
    return status;
}

um_status um_draw_check(um_ctx *ctx, um_unet *unet, const um_config *config, int h, int w,
                        const char *path, um_need *need)
{
    const um_unet_config *u = um_unet_configuration(unet);
    const um_sample_request r = request_of(config, h, w, u->in_channels);
    um_plan plan;
    *need = (um_need){ 0 };
    UM_TRY(um_draw_network_check(ctx, u, config));
    UM_TRY(um_plan_from_config(ctx, config, &plan));
    um_status status =
        um_images_check_size(ctx, config->sample_format, path, config->sample_count, h, w,
                             config->sample_columns, frames_of(&plan, config->sample_trajectory));
    if (status == UM_OK) status = um_plan_check_model(ctx, &plan, um_unet_learns_variance(u));
    if (status == UM_OK) status = add_need(ctx, unet, &plan, config, &r, need);
    um_plan_free(ctx, &plan);
    return status;
}
