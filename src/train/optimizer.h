/* SPDX-License-Identifier: MIT
 * optimizer.h - Adam and AdamW with clipping and the moving average, over the flat list of
 * parameters. */
#ifndef UM_OPTIMIZER_H
#define UM_OPTIMIZER_H

#include "nn/param.h"
#include "train/settings.h"

/* m, v and ema lie as the parameters' values do (um_params). ema starts as a copy of the values. */
typedef struct um_optimizer_state {
    um_params *params;
    const um_train_settings *settings;
    um_real *m, *v, *ema; /* ema: NULL where settings->ema_decay is 0 */
    int64_t step;         /* of the run: the learning rate follows it */
    int64_t updates;      /* made in these steps: m, v and ema are averages over so many */
} um_optimizer_state;

/* What one step did. */
typedef struct um_step_report {
    double grad_norm; /* before clipping */
    double lr, ema_decay;
} um_step_report;

/* params (with gradients) and settings must outlive the state. On failure *o is zeroed. */
um_status um_optimizer_init(um_optimizer_state *o, um_params *params,
                            const um_train_settings *settings);
void um_optimizer_free(um_optimizer_state *o);

/* The norm of all gradients that params holds: finite only where each of them is. */
double um_optimizer_norm(const um_optimizer_state *o);

/* One step down these gradients, whose norm is given. UM_NOT_FINITE, with nothing changed, where it
 * is not finite or the squares of what is left after clipping would not be. */
um_status um_optimizer_step(um_optimizer_state *o, double norm, um_step_report *report);

/* A step of the run without an update: the learning rate goes on, the averages stay. */
void um_optimizer_skip(um_optimizer_state *o);

#endif
