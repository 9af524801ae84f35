/* SPDX-License-Identifier: MIT
 * driver.h - the loop that every sampler shares: model call, step, history, progress. */
#ifndef UM_DRIVER_H
#define UM_DRIVER_H

#include "sample/noise.h"
#include "sample/plan.h"

/* The trained model, guided or not: x [n, h, w, c] in, each image at a timestep of its own (t [n],
 * fractional for some samplers), its prediction of the same shape out. labels: n classes, NULL for
 * a model without. One that learns its variance says of it v [n, h, w, c] behind the n predictions.
 * A model that wraps another (guidance) is one more of these. */
typedef struct um_denoiser {
    um_status (*predict)(void *user, int n, const float *x, const double *t, const int *labels,
                         float *out);
    void *user;
    bool learns_variance;
} um_denoiser;

/* What is told about a row: images first .. first+n-1; x [n, h, w, c] as the row found it, x0 the
 * prediction from it after clipping. Both are alive during the call only. */
typedef struct um_sample_view {
    const um_row *row;
    int index, first, n;
    const float *x, *x0;
} um_sample_view;

/* Steps of all images together: those taken, and those of adaptive samplers that were given up. */
typedef struct um_sample_tally {
    int64_t steps, rejected;
} um_sample_tally;

/* Zeroed but for shape and count is a sound request. */
typedef struct um_sample_request {
    int h, w, c;
    int count;
    int batch;             /* images in one model call; 0: all at once                     */
    uint64_t first_image;  /* number of the first image: continues an earlier request      */
    const int *labels;     /* count classes, or NULL                                       */
    const float *start;    /* [count, h, w, c] to start from, unscaled; NULL: noise        */
    const um_noise *noise; /* NULL: what settings.rng and seed say                         */
    /* Images that are known but where `redraw` is true, both [count, h, w, c], for rows that put
     * known pixels in; both or neither. */
    const float *known;
    const bool *redraw;

    /* After each row: rows done of the batch, batches done before it. NULL: not told. */
    void (*progress)(void *user, int row, int rows, int batch, int batches);
    void *progress_user;
    /* Every trajectory_every-th row and the last that asks the model; 0 or NULL: not told. */
    void (*trajectory)(void *user, const um_sample_view *view);
    void *trajectory_user;
    int trajectory_every;
    um_sample_tally *tally; /* added to; NULL: not counted */
} um_sample_request;

/* Bytes that drawing n images of `size` numbers at once needs, beside the model's. */
size_t um_sample_bytes(const um_sampler *sampler, size_t size, int n, bool learns_variance);

/* Draw request->count images into out [count, h, w, c], unclamped. Steps are computed and kept in
 * double; the model sees float. An image's bits depend on its number and the plan alone, not on
 * batch or threads (but for rng = torch). UM_CANCELLED between rows when the context asks,
 * UM_NOT_FINITE naming image and timestep when a number went bad; out then holds the images of
 * finished batches and zeros. */
um_status um_sample_run(um_ctx *ctx, const um_plan *plan, const um_denoiser *model,
                        const um_sample_request *request, float *out);

#endif
