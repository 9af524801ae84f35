/* SPDX-License-Identifier: MIT
 * run.h - one request while it is drawn: what the loop over rows (driver.c) and those that choose
 * their steps (adaptive.c) share. */
#ifndef UM_RUN_H
#define UM_RUN_H

#include "base/arena.h"
#include "sample/driver.h"

/* Which image of the batch is asked about, where it stands and in which step of its own. */
typedef struct um_asked {
    int image, step;
    um_level level;
} um_asked;

/* n is the number of images in the batch at work; arrays are [n, h, w, c] for the largest. */
typedef struct um_run {
    um_ctx *ctx;
    const um_plan *plan;
    const um_denoiser *model;
    const um_sample_request *request;
    um_noise noise;
    um_noise_philox philox;
    um_noise_torch torch;
    size_t size; /* of an image */
    int first, n, batch, batches;

    double *x, *x0, *eps, *sorted; /* the state, what the model says, scratch            */
    double *t;                     /* of each image that is asked about                  */
    int *labels;                   /* .. and its class                                   */
    um_asked *asked;               /* for the caller of um_run_ask                       */
    float *shown, *answer, *drawn; /* what the model sees, its answer; noise as drawn    */
    const float *v;                /* what the answer says of the variance, or NULL      */
} um_run;

/* Take what a run needs for batches of at most `most` images, and choose the noise. */
um_status um_run_open(um_run *run, um_arena *arena, int most);

/* Bytes of that for images of `size` numbers. */
size_t um_run_bytes(size_t size, int most, bool learns_variance);

/* The first x: what the request gives, or noise, at the plan's standard deviation. */
void um_run_start(um_run *run);

/* Noise of all images of the batch at a row into run->drawn. */
void um_run_draw(um_run *run, int row);

/* Ask the model about `n` images, x as the batch has it: x0 and eps of who[i] in the i-th place,
 * clipped as the settings say. The model is shown scale * x, which stays in run->shown. */
um_status um_run_ask(um_run *run, int n, const um_asked *who, double scale, const double *x);

/* Tell the trajectory of n images in a row from the i-th place of the last answer on. */
void um_run_show(um_run *run, const um_row *row, int index, int i, int first, int n);

/* Is the mark or row of that index one that the trajectory wants? */
bool um_run_shows(const um_run *run, int index);

/* UM_NOT_FINITE, naming image and place, where one of n images in v is not finite. */
um_status um_run_check(const um_run *run, const float *v, int n, const um_asked *who,
                       const char *what);

#endif
