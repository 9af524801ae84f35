/* SPDX-License-Identifier: MIT
 * trainer.c - noising, the network on the tape, the loss, the step. */
#include "train/trainer.h"

#include "diffusion/noising.h"

#include <math.h>
#include <string.h>

struct um_trainer {
    um_ctx *ctx;
    um_unet *unet;
    const um_schedule *schedule;
    const um_train_settings *settings;
    um_optimizer_state optimizer;
    um_timestep_sampler timesteps;
    double *terms; /* [batch], what each image of a step adds to the loss, before batch->weights */
    um_tape *tape;
    int part, parts; /* images on the tape; how often it is walked for a batch */
    size_t image;    /* numbers of one image */
    um_var x, t, labels, target, weights; /* inputs */
    um_var x0, rows, bound_weights;       /* more of them where the variance is learnt */
    um_var shown, logits;                 /* of a classifier: the labels, and its scores */
    um_var each, bound, loss; /* of each image: the loss, the bound; what is differentiated */
};

/* L_simple on what gives the mean, and L_vlb on the variance beside it (Nichol and Dhariwal 2021,
 * eq. 16). */
static void record_hybrid(um_trainer *tr, um_var y, um_shape images, um_shape one)
{
    const um_train_settings *s = tr->settings;
    um_tape *t = tr->tape;
    tr->x0 = um_tape_input(t, "x0", images);
    tr->rows = um_tape_input(t, "bound", (um_shape){ one.n, 1, 1, UM_VARIATIONAL_ROW });
    tr->bound_weights = um_tape_input(t, "bound_weights", one);
    const um_var mean = um_slice(t, y, 0, images.c);
    tr->each = um_loss(t, s->loss.kind, s->loss.huber_delta, mean, tr->target);
    tr->bound = um_variational(t, y, tr->x0, tr->x, tr->rows);
    um_tape_output(t, tr->bound);
    const um_var simple = um_dot(t, tr->each, tr->weights);
    const um_var bound = um_dot(t, tr->bound, tr->bound_weights);
    tr->loss = um_add(t, simple, bound);
}

static void record_classifier(um_trainer *tr, um_var y, um_shape one)
{
    um_tape *t = tr->tape;
    tr->logits = y;
    um_tape_output(t, y);
    tr->shown = um_tape_input(t, "label", one);
    tr->each = um_cross_entropy(t, y, tr->shown);
    tr->loss = um_dot(t, tr->each, tr->weights);
}

static void record_denoiser(um_trainer *tr, um_var y)
{
    const um_loss_settings *loss = &tr->settings->loss;
    tr->each = um_loss(tr->tape, loss->kind, loss->huber_delta, y, tr->target);
    tr->loss = um_dot(tr->tape, tr->each, tr->weights);
}

/* How much the loss counts at t. A class is read off the image, so a classifier's counts as a loss
 * on x_0 does. */
static double weight_at(const um_trainer *tr, int t)
{
    const um_train_settings *s = tr->settings;
    const bool classifies = um_unet_configuration(tr->unet)->logits > 0;
    return um_loss_weight(&s->loss, tr->schedule,
                          classifies ? UM_PREDICTION_SAMPLE : s->prediction, t);
}

static bool hybrid(const um_trainer *tr)
{
    return tr->settings->loss.variance != UM_VARIANCE_MODEL_FIXED;
}

void um_trainer_check_nan(um_trainer *tr, bool on)
{
    um_tape_observe(tr->tape, on || tr->settings->check_nan ? um_observer_check_nan()
                                                            : (um_observer){ .after = NULL });
}

static um_status record(um_trainer *tr, int h, int w)
{
    const um_train_settings *s = tr->settings;
    const um_unet_config *c = um_unet_configuration(tr->unet);
    const um_shape images = { tr->part, h, w, c->in_channels }, one = { tr->part, 1, 1, 1 };
    UM_TRY(um_tape_open(&tr->tape, tr->ctx));
    um_tape *t = tr->tape;
    um_tape_precision(t, s->precision);
    tr->x = um_tape_input(t, "x_t", images);
    tr->t = um_tape_input(t, "timestep", one);
    if (c->class_embed_type != UM_CLASS_NONE) tr->labels = um_tape_input(t, "labels", one);
    if (!c->logits) tr->target = um_tape_input(t, "target", images);
    tr->weights = um_tape_input(t, "weights", one);
    const um_var y = um_unet_apply(t, tr->unet, tr->x, tr->t, tr->labels, s->recompute);
    if (c->logits) record_classifier(tr, y, one);
    else if (hybrid(tr)) record_hybrid(tr, y, images, one);
    else record_denoiser(tr, y);
    um_tape_output(t, tr->each);
    um_trainer_check_nan(tr, false);
    return um_tape_plan(t, tr->loss);
}

/* The number that parts the batch equally and is nearest to `best` (>= 1) by their ratio. */
static int nearest_part(int batch, int best)
{
    double nearest = INFINITY;
    int found = 1;
    for (int part = 1; part <= batch; part++) {
        const double away = fabs(log((double)part / best));
        if (batch % part == 0 && away < nearest) nearest = away, found = part;
    }
    return found;
}

/* As the settings say; else what the network is fast at, or a quarter of it where memory counts
 * more than time. */
static um_status choose_part(um_trainer *tr, int h, int w)
{
    const um_train_settings *s = tr->settings;
    if (s->accumulate > 0) {
        tr->parts = s->accumulate;
        tr->part = s->batch / s->accumulate;
        return UM_OK;
    }
    int best;
    UM_TRY(um_unet_part(tr->unet, h, w, &best));
    if (s->recompute) best /= 4;
    tr->part = nearest_part(s->batch, UM_MAX(1, best));
    tr->parts = s->batch / tr->part;
    return UM_OK;
}

static um_status check_channels(um_ctx *ctx, const um_unet_config *c, um_variance_model variance)
{
    const int times = variance == UM_VARIANCE_MODEL_FIXED ? 1 : 2;
    if (c->logits || c->out_channels == times * c->in_channels) return UM_OK;
    return um_fail(ctx, UM_BAD_ARG,
                   "a model of %d channels in and %d out cannot be trained on noise with "
                   "diffusion.variance = %s (as many out as in with fixed, twice as many with "
                   "learned_range)", c->in_channels, c->out_channels,
                   um_choice_name(um_variance_models, (int)variance));
}

um_status um_trainer_plan(um_trainer **trainer, um_ctx *ctx, um_unet *unet,
                          const um_schedule *schedule, const um_train_settings *settings, int h,
                          int w)
{
    const um_unet_config *c = um_unet_configuration(unet);
    *trainer = NULL;
    UM_TRY(check_channels(ctx, c, settings->loss.variance));
    UM_TRY(um_unet_size_check(ctx, c, h, w));
    um_trainer *tr;
    UM_TRY(um_alloc(ctx, &tr, 1, sizeof *tr, "a trainer"));
    *tr = (um_trainer){ .ctx = ctx, .unet = unet, .schedule = schedule, .settings = settings,
                        .image = (size_t)h * (size_t)w * (size_t)c->in_channels };
    um_status status = choose_part(tr, h, w);
    if (status == UM_OK) status = um_params_want_grads(um_unet_params(unet));
    if (status == UM_OK) status = record(tr, h, w);
    if (status == UM_OK) *trainer = tr;
    else um_trainer_close(&tr);
    return status;
}

void um_trainer_need(const um_trainer *tr, um_need *need)
{
    const um_train_settings *s = tr->settings;
    const double params = (double)um_unet_params(tr->unet)->padded * sizeof(um_real);
    need->work = "training";
    need->lower = "a larger train.accumulate, a smaller train.batch, train.recompute = true, "
                  "fewer model.channels";
    um_need_add(need, "activations and gradients", (double)um_tape_bytes(tr->tape));
    um_need_add(need, "optimiser", (s->ema_decay > 0 ? 3 : 2) * params);
    um_need_add(need, "batch", (double)um_batch_bytes(s->batch, tr->image) +
                                   (double)s->batch * sizeof *tr->terms);
}

um_status um_trainer_ready(um_trainer *tr, const um_need *need)
{
    const um_train_settings *s = tr->settings;
    um_log(tr->ctx, UM_LOG_INFO, "%.1f MiB of activations and gradients for %d images at a time",
           (double)um_tape_bytes(tr->tape) / 1048576.0, tr->part);
    UM_TRY(um_need_check(tr->ctx, need));
    UM_TRY(um_tape_commit(tr->tape));
    UM_TRY(um_optimizer_init(&tr->optimizer, um_unet_params(tr->unet), s));
    UM_TRY(um_timestep_sampler_init(tr->ctx, &tr->timesteps, s->timestep_sampling,
                                    tr->schedule->timesteps));
    return um_alloc(tr->ctx, &tr->terms, (size_t)s->batch, sizeof *tr->terms, "losses");
}

um_status um_trainer_open(um_trainer **trainer, um_ctx *ctx, um_unet *unet,
                          const um_schedule *schedule, const um_train_settings *settings, int h,
                          int w)
{
    um_need need = { 0 };
    UM_TRY(um_trainer_plan(trainer, ctx, unet, schedule, settings, h, w));
    um_trainer_need(*trainer, &need);
    const um_status status = um_trainer_ready(*trainer, &need);
    if (status != UM_OK) um_trainer_close(trainer);
    return status;
}

void um_trainer_close(um_trainer **trainer)
{
    um_trainer *tr = *trainer;
    if (!tr) return;
    um_tape_close(&tr->tape);
    um_optimizer_free(&tr->optimizer);
    um_timestep_sampler_free(tr->ctx, &tr->timesteps);
    um_free(tr->ctx, tr->terms);
    um_free(tr->ctx, tr);
    *trainer = NULL;
}

/* The i-th image of the part is the k-th of the batch and counts `weight`. */
static void load_bound(um_trainer *tr, const um_batch *batch, int i, int k, double weight)
{
    const um_train_settings *s = tr->settings;
    double row[UM_BOUND_ROW];
    um_loss_bound_row(tr->schedule, s->prediction, batch->t[k], row);
    um_real *to = um_data(tr->tape, tr->rows) + (size_t)i * UM_BOUND_ROW;
    for (int j = 0; j < UM_BOUND_ROW; j++) to[j] = (um_real)row[j];
    memcpy(um_data(tr->tape, tr->x0) + (size_t)i * tr->image,
           batch->x0 + (size_t)k * tr->image, tr->image * sizeof *batch->x0);
    um_data(tr->tape, tr->bound_weights)[i] =
        (um_real)(weight * um_loss_bound_weight(&s->loss, tr->schedule));
}

/* Fill the tape's inputs with images from .. from + n - 1 of the batch; what is left of the part
 * repeats the last one with weight 0. */
static void load(um_trainer *tr, const um_batch *batch, int from, int n)
{
    const um_train_settings *s = tr->settings;
    um_real *x = um_data(tr->tape, tr->x), *target = um_data(tr->tape, tr->target);
    um_real *t = um_data(tr->tape, tr->t), *labels = um_data(tr->tape, tr->labels);
    um_real *weights = um_data(tr->tape, tr->weights);
    const int null_class = um_unet_configuration(tr->unet)->num_class_embeds - 1;
    for (int i = 0; i < tr->part; i++) {
        const int k = from + UM_MIN(i, n - 1);
        const size_t at = (size_t)k * tr->image, to = (size_t)i * tr->image;
        um_noising_apply(tr->schedule, 1, tr->image, &batch->t[k], batch->x0 + at,
                         batch->noise + at, x + to);
        if (target)
            um_prediction_target(s->prediction, tr->schedule->alpha_bar[batch->t[k]], tr->image,
                                 batch->x0 + at, batch->noise + at, target + to);
        else um_data(tr->tape, tr->shown)[i] = (um_real)batch->labels[k];
        t[i] = (um_real)batch->t[k];
        if (labels) labels[i] = (um_real)(batch->labels[k] < 0 ? null_class : batch->labels[k]);
        const double w = weight_at(tr, batch->t[k]);
        const double share = i < n ? (batch->weights ? batch->weights[k] : 1) / batch->n : 0;
        weights[i] = (um_real)(w * share);
        if (hybrid(tr)) load_bound(tr, batch, i, k, share);
    }
}

/* The loss of the i-th image on the tape, of which the simple part counts `weight`. */
static double loss_of(const um_trainer *tr, int i, double weight)
{
    const double simple = weight * (double)um_data(tr->tape, tr->each)[i];
    if (!hybrid(tr)) return simple;
    return simple + um_loss_bound_weight(&tr->settings->loss, tr->schedule) *
                        (double)um_data(tr->tape, tr->bound)[i];
}

/* What images from .. from + part - 1 of a step's batch add to the loss. */
static void keep_terms(um_trainer *tr, const um_batch *batch, int from)
{
    for (int i = 0; i < tr->part; i++)
        tr->terms[from + i] = loss_of(tr, i, weight_at(tr, batch->t[from + i]));
}

um_status um_trainer_gradients(um_trainer *tr, const um_batch *batch, double *loss, double *norm)
{
    const um_train_settings *s = tr->settings;
    *loss = 0;
    for (int k = 0; k < tr->parts; k++) {
        load(tr, batch, k * tr->part, tr->part);
        um_tape_training(tr->tape, true, s->seed,
                         (uint64_t)tr->optimizer.step * (uint64_t)tr->parts + (uint64_t)k);
        UM_TRY(um_tape_forward(tr->tape));
        keep_terms(tr, batch, k * tr->part);
        UM_TRY(um_tape_backward(tr->tape, NULL, k > 0));
        *loss += (double)*um_data(tr->tape, tr->loss);
    }
    *norm = um_optimizer_norm(&tr->optimizer);
    return UM_OK;
}

um_status um_trainer_update(um_trainer *tr, const um_batch *batch, double norm,
                            um_step_report *report)
{
    UM_TRY(um_optimizer_step(&tr->optimizer, norm, report));
    um_timestep_sampler_learn(&tr->timesteps, batch->n, batch->t, tr->terms);
    return UM_OK;
}

um_status um_trainer_step(um_trainer *tr, const um_batch *batch, double *loss,
                          um_step_report *report)
{
    double norm;
    UM_TRY(um_trainer_gradients(tr, batch, loss, &norm));
    return um_trainer_update(tr, batch, norm, report);
}

static bool is_right(const um_trainer *tr, int i, int label)
{
    const int classes = um_shape_of(tr->tape, tr->logits).c;
    const um_real *scores = um_data(tr->tape, tr->logits) + (size_t)i * (size_t)classes;
    for (int k = 0; k < classes; k++)
        if (k != label && !(scores[k] < scores[label])) return false;
    return true;
}

um_status um_trainer_losses(um_trainer *tr, const um_batch *batch, double *losses, bool *right)
{
    um_tape_training(tr->tape, false, 0, 0);
    for (int from = 0; from < batch->n; from += tr->part) {
        const int n = UM_MIN(tr->part, batch->n - from);
        load(tr, batch, from, n);
        UM_TRY(um_tape_forward(tr->tape));
        for (int i = 0; i < n; i++) {
            losses[from + i] = loss_of(tr, i, 1);
            if (right) right[from + i] = is_right(tr, i, batch->labels[from + i]);
        }
    }
    return UM_OK;
}

um_optimizer_state *um_trainer_optimizer(um_trainer *tr) { return &tr->optimizer; }

um_timestep_sampler *um_trainer_timesteps(um_trainer *tr) { return &tr->timesteps; }

um_unet *um_trainer_unet(um_trainer *tr) { return tr->unet; }

void um_trainer_swap_ema(um_trainer *tr)
{
    um_real *ema = tr->optimizer.ema, *values = um_unet_params(tr->unet)->values;
    for (size_t i = 0; ema && i < um_unet_params(tr->unet)->padded; i++) {
        const um_real v = values[i];
        values[i] = ema[i];
        ema[i] = v;
    }
}

um_tape *um_trainer_tape(um_trainer *tr) { return tr->tape; }

size_t um_trainer_tape_bytes(const um_trainer *tr) { return um_tape_bytes(tr->tape); }
