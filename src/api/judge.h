/* SPDX-License-Identifier: MIT
 * judge.h - the classifier that a setting names, and how it steers a model. */
#ifndef UM_JUDGE_H
#define UM_JUDGE_H

#include "api/handles.h"
#include "sample/steering.h"

typedef struct um_judge {
    um_unet *unet; /* NULL: the settings name none */
    um_classifier classifier;
    um_schedule schedule; /* of the model that is steered */
    um_steering steering;
} um_judge;

/* Open the classifier that the setting of that key (UM_KEY_sample_classifier) names, if it names
 * one, for images of that size. UM_BAD_FILE where it is missing or malformed, UM_BAD_ARG where it
 * does not fit; *j is then closed. */
um_status um_judge_open(um_judge *j, um_ctx *ctx, const um_config *c, int key, um_size size,
                        int channels);
void um_judge_close(um_judge *j, um_ctx *ctx);

/* The model, steered where there is a classifier. */
um_denoiser um_judge_steers(um_judge *j, um_ctx *ctx, const um_denoiser *model,
                            const um_plan *plan, const um_config *c);

/* How many classes the classifier tells apart; 0: the settings name none. */
um_status um_judge_classes(um_ctx *ctx, const um_config *c, int *classes);

#endif
