/* SPDX-License-Identifier: MIT
 * validate.h - the loss on images that training never sees, over noise and timesteps that never
 * change. */
#ifndef UM_VALIDATE_H
#define UM_VALIDATE_H

#include "train/log.h"
#include "train/trainer.h"

/* Losses of the moving average's weights on the first settings->validation_images held-out images.
 * `batch` is of the caller's, as large as a training batch; its contents are lost. out->done is
 * false where the data set holds out nothing. */
um_status um_validate(um_trainer *trainer, um_feed *feed, const um_train_settings *settings,
                      um_batch *batch, um_validation *out);

#endif
