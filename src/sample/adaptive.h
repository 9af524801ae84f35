/* SPDX-License-Identifier: MIT
 * adaptive.h - what samplers share whose images each choose their own steps in time. No image knows
 * of those beside it: each has its own time and step, and the model is asked about all of them at
 * once, each at its own timestep. */
#ifndef UM_ADAPTIVE_H
#define UM_ADAPTIVE_H

#include "sample/run.h"

/* An image on its way. */
typedef struct um_path {
    int image; /* of the batch */
    double time;
    int calls, steps, rejected;
    int marks;      /* rows of the plan that it has passed                                */
    double h;       /* ode_adaptive: the step to try ..                                   */
    bool retries;   /* .. and whether the one before was given up                         */
    int level;      /* sde_adaptive: the step is 1 / 2^level of the grid ..               */
    uint32_t index; /* .. and the path stands at index / 2^UM_BROWNIAN_LEVELS             */
} um_path;

typedef struct um_adaptive {
    um_run *run;
    um_arena arena;
    um_path *path; /* `active` of them, in the order of the images */
    int active;
    int told;      /* marks that all images have passed             */
} um_adaptive;

/* All images at the start of the time grid, with `arrays` arrays of the batch in out[]. Give back
 * with um_adaptive_close, after a failure too. */
um_status um_adaptive_open(um_adaptive *a, um_run *run, double **out, int arrays);
void um_adaptive_close(um_adaptive *a);

/* The plan of both: a mark on the way for each row. */
um_status um_adaptive_plan(um_ctx *ctx, um_plan *plan, const um_schedule *s);

/* Ask about n of the paths, who[] = places in a->path, at the times given, in x: run->x0 has the
 * answers in this order. UM_BAD_ARG where one has no calls left. */
um_status um_adaptive_ask(um_adaptive *a, int n, const int *who, const double *times,
                          const double *x);

/* The path has come to where answer i was given: a step of its, and maybe marks, are behind it.
 * Where that is the end the image is done: the last x, or the answer where `denoise` says so. */
void um_adaptive_arrive(um_adaptive *a, um_path *path, int i);

/* Drop the images that are done, tell the progress, and look whether to go on. */
um_status um_adaptive_round(um_adaptive *a);

/* Root mean square of error / (atol + rtol max(|x|, |to|)), elementwise: a step is good up to 1. */
double um_adaptive_error(const um_sample_settings *s, size_t n, const double *x, const double *to,
                         const double *error);

/* What both tell of themselves. */
void um_adaptive_explain(const um_plan *plan, void (*put)(void *user, const char *line),
                         void *user);

#endif
