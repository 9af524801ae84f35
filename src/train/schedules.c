/* SPDX-License-Identifier: MIT
 * schedules.c - learning rate and moving average, as functions of the step. */
#include "train/schedules.h"

#include <math.h>

const um_choice um_optimizers[] = { { "adamw", UM_ADAMW }, { "adam", UM_ADAM }, { NULL, 0 } };
const um_choice um_lr_schedules[] = { { "constant", UM_LR_CONSTANT },
                                      { "linear", UM_LR_LINEAR },
                                      { "cosine", UM_LR_COSINE },
                                      { NULL, 0 } };

const um_choice um_on_nan_choices[] = { { "stop", UM_ON_NAN_STOP },
                                        { "skip", UM_ON_NAN_SKIP },
                                        { "rollback", UM_ON_NAN_ROLLBACK },
                                        { NULL, 0 } };

double um_lr_at(const um_train_settings *s, int64_t step)
{
    if (step < s->warmup) return s->lr * (double)step / (double)s->warmup;
    const double left = (double)(s->steps - s->warmup);
    const double progress = left > 0 ? fmin((double)(step - s->warmup) / left, 1.0) : 1.0;
    switch (s->lr_schedule) {
    case UM_LR_LINEAR: return s->lr * (1.0 - progress);
    case UM_LR_COSINE: return s->lr * 0.5 * (1.0 + cos(3.141592653589793 * progress));
    case UM_LR_CONSTANT: break;
    }
    return s->lr;
}

double um_ema_decay_at(const um_train_settings *s, int64_t step)
{
    const double k = (double)(step - 1);
    if (k <= 0) return 0.0;
    if (!s->ema_warmup) return s->ema_decay;
    return fmin(s->ema_decay, 1.0 - pow(1.0 + k / s->ema_inv_gamma, -s->ema_power));
}
