/* SPDX-License-Identifier: MIT
 * sampler.h - what a sampler is: a plan of coefficients and a pure step; and the list of them all.
 *
 * A plan is a list of rows. A row asks the model once (or not at all), reads x_0 and the noise from
 * its answer and goes from x to the next x. A method with several model calls a step has a row for
 * each call. Everything that is the same for all images is in the row, in double. */
#ifndef UM_SAMPLER_H
#define UM_SAMPLER_H

#include "sample/sde.h"

enum { UM_HISTORY_MAX = 4 };

/* x * .x + x_0 * .x0 + eps * .eps + noise * .noise + sum of past[k] * .past[k]; past[0] is what the
 * row before has kept, past[1] the one before that. */
typedef struct um_mix {
    double x, x0, eps, noise;
    double past[UM_HISTORY_MAX];
} um_mix;

typedef struct um_row {
    int step;                         /* which step of the sampler: 0 is the first             */
    double t, t_prev;                 /* from where to where; t_prev = -1: the data            */
    double alpha_bar, alpha_bar_prev; /* at t, and where it leads                              */
    double scale;                     /* the model is shown scale * x, which has unit variance */
    bool asks;                        /* the model is asked: x0 and eps are there              */
    bool draws;                       /* diffusers draws noise here, though it may not use it  */
    bool keeps;                       /* `keep` is put before the history ..                   */
    bool replaces;                    /* .. in the place of past[0]                            */
    double langevin;                  /* pc: above 0, `next` says the score (pc.c)             */
    um_mix next;                      /* the x that the step leads to                          */
    um_variance variance;             /* a learned one: the noise has a coefficient for each ..*/
    double log_small, log_beta;       /* .. element, in these bounds (posterior.h)             */
    um_mix keep;                      /* what later rows find in past[0]                       */
    /* Known pixels become known_x0 * image + known_noise * noise behind this row (repaint.h); 0 and
     * 0: they stay as the step left them. */
    double known_x0, known_noise;
} um_row;

typedef struct um_plan {
    um_sample_settings settings;
    int steps;       /* of the sampler */
    um_level *level; /* steps + 1: level[i] to level[i + 1] is step i */
    int rows; /* at most steps * model_calls */
    um_row *row;
    double init_scale; /* standard deviation of the first x */
    um_sde sde;        /* zeroed but for continuous levels  */
} um_plan;

/* Images through one row, in double. x0 and eps are NULL where the row does not ask, noise where
 * its coefficient is 0. out may be x. */
typedef struct um_step {
    const um_row *row;
    size_t n;    /* elements of all images */
    size_t size; /* .. of one              */
    const double *x, *x0, *eps, *noise;
    const float *v; /* what the model says of the variance; NULL where the row does not learn it */
    const double *past[UM_HISTORY_MAX];
    double *out;
    double *keep; /* NULL unless the row keeps */
} um_step;

struct um_run;

typedef struct um_sampler {
    const char *name;
    const char *class_name; /* diffusers' scheduler, whose JSON speaks for this sampler; or NULL */
    const char *help;
    int model_calls; /* at most, per step, unless it asks for more rows (um_plan_room) */
    int history;     /* entries of past that it uses */
    um_level_rule levels;        /* diffusers' for this class */
    um_sample_settings defaults; /* diffusers' for this class; .sampler is not set */
    /* Fill plan->row and set plan->rows. The plan comes with settings, levels and zeroed rows where
     * step, t, t_prev, alpha_bar, alpha_bar_prev, scale = 1 and asks are set for a sampler with one
     * call a step; init_scale is 1. */
    um_status (*plan)(um_ctx *ctx, um_plan *plan, const um_schedule *s);
    void (*step)(const um_step *s);
    /* Instead of `step`: from the batch's first x to its images by steps that each image chooses
     * for itself. The plan's rows are then marks on the way, for progress and trajectory. */
    um_status (*integrate)(struct um_run *run);
    /* What --explain says instead of the table of rows; NULL: that table. */
    void (*explain)(const um_plan *plan, void (*put)(void *user, const char *line), void *user);
} um_sampler;

/* Arrays of a batch that `integrate` takes at most. */
enum { UM_INTEGRATE_DOUBLES = 8 };

/* out = next, keep = keep: the step of every method that is linear in what it has seen. */
void um_step_linear(const um_step *s);

/* A row that asks the model at `from` and leads to `to`, zeroed but for that; scale is 1. */
um_row um_row_between(int step, um_level from, um_level to);

/* Does the step of this row use noise? */
bool um_row_is_noisy(const um_row *row);

/* Room for `rows` zeroed rows instead of those that the plan came with, which are then the
 * caller's to free. *plan is untouched on failure. */
um_status um_plan_room(um_ctx *ctx, um_plan *plan, int rows);

/* The row that makes the last x the image predicted from it (Tweedie's formula: the mean of what it
 * can have come from): a part of the step before. row comes laid. */
void um_denoise_row(um_row *row);

/* Every sampler, ending with NULL. */
extern const um_sampler *const um_samplers[];

/* The sampler of that name in *out; UM_BAD_ARG with the names that there are. */
um_status um_sampler_find(um_ctx *ctx, const char *name, const um_sampler **out);

/* The settings that this sampler has in diffusers. */
um_sample_settings um_sampler_defaults(const um_sampler *sampler);

#endif
