/* SPDX-License-Identifier: MIT
 * unmist/evaluate.h - how good a model is, on images that it has not learnt from. */
#ifndef UNMIST_EVALUATE_H
#define UNMIST_EVALUATE_H

#include "unmist/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct um_evaluate_hooks {
    /* part: of what is being computed, in 0 .. 1. NULL: not told. */
    void (*progress)(void *user, const char *what, double part);
    void *user;
} um_evaluate_hooks;

typedef struct um_likelihood um_likelihood;

/* Bits per dimension of evaluate.count held-out images of data.path, as the [evaluate] settings
 * say. The caller closes *out, which does not need the model any more. UM_BAD_ARG for a data set
 * that holds out nothing or does not fit the model, UM_BAD_FILE, UM_CANCELLED, UM_NOT_FINITE. On
 * failure *out is NULL. */
UM_API um_status um_evaluate_likelihood(um_model *m, um_settings *s,
                                        const um_evaluate_hooks *hooks, um_likelihood **out);
UM_API void um_likelihood_close(um_likelihood **l);

/* A mean over the images, and its standard error (0 for a single image). */
typedef struct um_estimate {
    double mean, error;
} um_estimate;

/* All in bits per dimension. Texts are owned by the likelihood. */
typedef struct um_likelihood_facts {
    int images, held; /* measured, of so many held out */
    int h, w, c;
    const char *model, *data, *weights;
    uint64_t seed;
    bool has_flow;
    um_estimate flow;
    double calls; /* of the model for each image, mean */
    const char *integrator, *divergence;
    int steps, probes;
    double rtol, atol;
    bool has_bound;
    um_estimate bound, prior, between, decoder; /* the total, L_T, sum of L_t, L_0 */
    const char *variance;
    int timesteps, per_image; /* T; timesteps that each image was asked at, the first included */
} um_likelihood_facts;

UM_API void um_likelihood_describe(const um_likelihood *l, um_likelihood_facts *out);

/* L_t of timestep t: mean over the images that were asked there (a whole term, not a share of it),
 * and mean squared error of the predicted noise. */
typedef struct um_likelihood_term {
    int images;
    double bits, noise_error;
} um_likelihood_term;

/* False behind the last timestep, and where there is no bound. */
UM_API bool um_likelihood_at(const um_likelihood *l, int t, um_likelihood_term *out);

/* Will there be terms, and could they be written there? Asked before hours of work; nothing is left
 * on the disk. UM_BAD_ARG, UM_IO. */
UM_API um_status um_likelihood_check(um_settings *s, const char *path);

/* Write the terms as CSV: t, images, bits_per_dim, noise_error. Whole or not at all. UM_IO;
 * UM_BAD_ARG where there is no bound. */
UM_API um_status um_likelihood_write(const um_likelihood *l, const char *path);

typedef struct um_agreement um_agreement;

/* Draw sample.count images by class as um_sample would, and ask the classifier that
 * evaluate.classifier names which class each shows, clamped to [-1, 1], at timestep 0. hooks may be
 * NULL. The caller closes *out, which does not need the model any more. UM_BAD_ARG for a model that
 * knows no classes, or where no classifier is named or it does not fit, UM_BAD_FILE, and what
 * um_sample says. On failure *out is NULL. */
UM_API um_status um_evaluate_classes(um_model *m, um_settings *s, const um_sample_hooks *hooks,
                                     um_agreement **out);
UM_API void um_agreement_close(um_agreement **a);

typedef struct um_agreement_facts {
    int images, right; /* drawn, and taken for what was asked */
    int classes;
    double confidence; /* mean probability of the class that was asked for */
} um_agreement_facts;

UM_API void um_agreement_describe(const um_agreement *a, um_agreement_facts *out);

/* Images that were asked for as one class and taken for another, or the same; 0 for classes that
 * do not exist. */
UM_API int um_agreement_count(const um_agreement *a, int asked, int taken);

#ifdef __cplusplus
}
#endif
#endif
