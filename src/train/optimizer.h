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
    int64_t step;         /* steps taken */
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

/* One step down the gradients that params holds. UM_NOT_FINITE, with nothing changed, where their
 * norm is not finite. */
um_status um_optimizer_step(um_optimizer_state *o, um_step_report *report);

#endif
