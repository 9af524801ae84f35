/* SPDX-License-Identifier: MIT
 * evaluate_classes.c - does a classifier see in drawn images what was asked for? */
#include <math.h>

#include "api/images.h"
#include "api/judge.h"
#include "unmist/evaluate.h"

struct um_agreement {
    um_ctx *ctx;
    int *count; /* [classes, classes]: asked, taken */
    um_agreement_facts facts;
};

/* Probability of the class that was asked for, and the class that has most. */
static int look(const float *logits, int classes, int asked, double *probability)
{
    int best = 0;
    double sum = 0.0;
    for (int k = 1; k < classes; k++)
        if (logits[k] > logits[best]) best = k;
    for (int k = 0; k < classes; k++) sum += exp((double)logits[k] - (double)logits[best]);
    *probability = exp((double)logits[asked] - (double)logits[best]) / sum;
    return best;
}

/* An image of the null class, or of one that the classifier has never seen, can not be right. */
static um_status check_labels(um_ctx *ctx, const um_images *m, int classes)
{
    if (!m->labels)
        return um_fail(ctx, UM_BAD_ARG, "the model knows no classes, so none can be asked for "
                       "(model.class_conditional in its training)");
    for (int i = 0; i < m->n; i++)
        if (m->labels[i] < 0 || m->labels[i] >= classes)
            return um_fail(ctx, UM_BAD_ARG, "image %d is of class %d, and evaluate.classifier "
                           "knows 0 to %d", i, m->labels[i], classes - 1);
    return UM_OK;
}

/* Images as a picture shows them: within [-1, 1]. */
static void clamp(um_images *m)
{
    const size_t numbers = (size_t)m->n * (size_t)m->h * (size_t)m->w * (size_t)m->c;
    for (size_t k = 0; k < numbers; k++) m->x[k] = fminf(fmaxf(m->x[k], -1.0f), 1.0f);
}

static void count(um_agreement *a, const um_images *m, const float *logits)
{
    um_agreement_facts *f = &a->facts;
    for (int i = 0; i < m->n; i++) {
        const int asked = m->labels[i];
        double probability;
        const int taken =
            look(logits + (size_t)i * (size_t)f->classes, f->classes, asked, &probability);
        a->count[asked * f->classes + taken]++;
        f->right += taken == asked;
        f->confidence += probability / m->n;
    }
}

static um_status judge_images(um_agreement *a, um_judge *j, um_images *m)
{
    um_arena arena = { .ctx = a->ctx };
    const size_t classes = (size_t)um_unet_configuration(j->unet)->logits;
    UM_TRY(check_labels(a->ctx, m, (int)classes));
    a->facts.images = m->n;
    a->facts.classes = (int)classes;
    UM_TRY(um_alloc(a->ctx, &a->count, classes * classes, sizeof *a->count, "counts"));
    const double *at_0 = um_arena_take(&arena, (size_t)m->n * sizeof *at_0); /* zeroed */
    float *logits = um_arena_take(&arena, (size_t)m->n * classes * sizeof *logits);
    um_status status = arena.status;
    clamp(m);
    if (status == UM_OK)
        status = um_classifier_gradient(&j->classifier, m->n, m->x, at_0, NULL, NULL, logits);
    if (status == UM_OK) count(a, m, logits);
    um_arena_free(&arena);
    return status;
}

/* The classifier is opened before anything is drawn: drawing takes long. */
static um_status evaluate(um_agreement *a, um_model *m, um_settings *s,
                          const um_sample_hooks *hooks)
{
    const int channels = um_unet_configuration(m->unet)->in_channels;
    um_images *images = NULL;
    um_config adopted;
    um_size size;
    um_judge judge;
    UM_TRY(um_apply_run_settings(m->ctx, &s->config));
    UM_TRY(um_model_adopted(m, s, &adopted, &size));
    um_status status =
        um_judge_open(&judge, m->ctx, &adopted, UM_KEY_evaluate_classifier, size, channels);
    um_arena_free(&adopted.texts);
    UM_TRY(status);
    if (!judge.unet)
        return um_fail(m->ctx, UM_BAD_ARG, "evaluate.classifier is empty (a model of train.task = "
                       "classifier)");
    status = um_sample(m, s, hooks, &images);
    if (status == UM_OK) status = judge_images(a, &judge, images);
    um_images_close(&images);
    um_judge_close(&judge, m->ctx);
    return status;
}

um_status um_evaluate_classes(um_model *m, um_settings *s, const um_sample_hooks *hooks,
                              um_agreement **out)
{
    *out = NULL;
    UM_TRY(um_alloc(m->ctx, out, 1, sizeof **out, "an evaluation"));
    (*out)->ctx = m->ctx;
    const um_status status = evaluate(*out, m, s, hooks);
    if (status != UM_OK) um_agreement_close(out);
    return status;
}

void um_agreement_close(um_agreement **a)
{
    if (!*a) return;
    um_free((*a)->ctx, (*a)->count);
    um_free((*a)->ctx, *a);
    *a = NULL;
}

void um_agreement_describe(const um_agreement *a, um_agreement_facts *out) { *out = a->facts; }

int um_agreement_count(const um_agreement *a, int asked, int taken)
{
    const int classes = a->facts.classes;
    const bool exist = asked >= 0 && asked < classes && taken >= 0 && taken < classes;
    return exist ? a->count[asked * classes + taken] : 0;
}
