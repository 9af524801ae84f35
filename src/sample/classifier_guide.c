/* SPDX-License-Identifier: MIT
 * classifier_guide.c - the classifier on a tape, walked back to its input. */
#include "sample/classifier_guide.h"

#include <string.h>

um_status um_classifier_init(um_classifier *c, um_ctx *ctx, um_unet *unet, int h, int w)
{
    const um_unet_config *u = um_unet_configuration(unet);
    *c = (um_classifier){ 0 };
    if (!u->logits)
        return um_fail(ctx, UM_BAD_ARG, "the model predicts images (a classifier: train.task = "
                       "classifier)");
    UM_TRY(um_unet_size_check(ctx, u, h, w));
    *c = (um_classifier){ .ctx = ctx, .unet = unet, .h = h, .w = w };
    return UM_OK;
}

void um_classifier_free(um_classifier *c)
{
    um_tape_close(&c->tape);
    *c = (um_classifier){ 0 };
}

/* A tape for n images that is planned and takes no memory yet. The loss is the sum of -log p, so
 * that its gradient is each image's own. */
static um_status plan(um_classifier *c, int n, bool gradient)
{
    const um_shape one = { n, 1, 1, 1 };
    const int channels = um_unet_configuration(c->unet)->in_channels;
    um_var loss = { 0 };
    um_tape_close(&c->tape);
    c->part = 0;
    UM_TRY(um_tape_open(&c->tape, c->ctx));
    um_tape *t = c->tape;
    c->x = um_tape_input(t, "x", (um_shape){ n, c->h, c->w, channels });
    if (gradient) um_tape_want_grad(t, c->x);
    c->t = um_tape_input(t, "timestep", one);
    c->logits = um_unet_apply(t, c->unet, c->x, c->t, (um_var){ 0 }, false);
    um_tape_output(t, c->logits);
    if (gradient) {
        c->labels = um_tape_input(t, "labels", one);
        c->ones = um_tape_input(t, "ones", one);
        const um_var each = um_cross_entropy(t, c->logits, c->labels);
        loss = um_dot(t, each, c->ones);
    }
    return um_tape_plan(t, loss);
}

static um_status record(um_classifier *c, int n, bool gradient)
{
    UM_TRY(plan(c, n, gradient));
    UM_TRY(um_tape_commit(c->tape));
    c->part = n;
    c->gradient = gradient;
    return UM_OK;
}

static um_status check_labels(const um_classifier *c, int n, const int *labels)
{
    const int classes = um_unet_configuration(c->unet)->logits;
    for (int i = 0; i < n; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return um_fail(c->ctx, UM_BAD_ARG, "class %d: the classifier knows 0 to %d", labels[i],
                           classes - 1);
    return UM_OK;
}

static um_status choose_part(um_classifier *c, int n, int *part)
{
    if (c->most == 0) UM_TRY(um_unet_part(c->unet, c->h, c->w, &c->most));
    *part = UM_MIN(n, c->most);
    return UM_OK;
}

um_status um_classifier_bytes(um_classifier *c, int n, size_t *bytes)
{
    int part;
    UM_TRY(choose_part(c, n, &part));
    const um_status status = plan(c, part, true);
    if (status == UM_OK) *bytes = um_tape_bytes(c->tape);
    um_tape_close(&c->tape);
    return status;
}

static um_status prepare(um_classifier *c, int n, bool gradient)
{
    int part;
    UM_TRY(choose_part(c, n, &part));
    if (c->part == part && (c->gradient || !gradient)) return UM_OK;
    return record(c, part, gradient);
}

/* Images from .. from + n - 1; what is left of the part keeps what it had. */
static um_status run_part(um_classifier *c, int from, int n, const float *x, const double *t,
                          const int *labels, float *out_grad, float *out_logits)
{
    const size_t image = um_shape_count(um_shape_of(c->tape, c->x)) / (size_t)c->part;
    const size_t scores = um_shape_count(um_shape_of(c->tape, c->logits)) / (size_t)c->part;
    const size_t at = (size_t)from * image, numbers = (size_t)n * image;
    memcpy(um_data(c->tape, c->x), x + at, numbers * sizeof *x);
    for (int i = 0; i < n; i++) {
        um_data(c->tape, c->t)[i] = (um_real)t[from + i];
        if (!c->gradient) continue;
        um_data(c->tape, c->labels)[i] = (um_real)(out_grad ? labels[from + i] : 0);
        um_data(c->tape, c->ones)[i] = 1;
    }
    UM_TRY(um_tape_forward(c->tape));
    if (out_logits)
        memcpy(out_logits + (size_t)from * scores, um_data(c->tape, c->logits),
               (size_t)n * scores * sizeof *out_logits);
    if (!out_grad) return UM_OK;
    UM_TRY(um_tape_backward(c->tape, &(um_real){ -1 }, false));
    memcpy(out_grad + at, um_grad(c->tape, c->x), numbers * sizeof *out_grad);
    return UM_OK;
}

um_status um_classifier_gradient(um_classifier *c, int n, const float *x, const double *t,
                                 const int *labels, float *out_grad, float *out_logits)
{
    if (n < 1) return um_fail(c->ctx, UM_BAD_ARG, "%d images to classify (at least 1)", n);
    if (out_grad) UM_TRY(check_labels(c, n, labels));
    UM_TRY(prepare(c, n, out_grad != NULL));
    for (int from = 0; from < n; from += c->part)
        UM_TRY(run_part(c, from, UM_MIN(c->part, n - from), x, t, labels, out_grad, out_logits));
    return UM_OK;
}
