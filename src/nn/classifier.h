/* SPDX-License-Identifier: MIT
 * classifier.h - how a classifier of noised images ends, behind the U-Net's encoder half (Dhariwal
 * and Nichol 2021, arXiv 2105.05233, section 4.1): norm, activation, mean of all pixels, a score of
 * each class. */
#ifndef UM_CLASSIFIER_H
#define UM_CLASSIFIER_H

#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/unet_config.h"

typedef struct um_classifier_head {
    um_norm norm;
    um_linear_layer scores;
    um_activation act;
} um_classifier_head;

/* For a checked configuration whose `logits` are not 0. */
void um_classifier_head_init(um_classifier_head *head, const um_unet_config *c);

void um_classifier_head_visit(um_classifier_head *head, um_visitor *v);

/* What the middle block gives, [n, h, w, c] -> logits [n, 1, 1, classes]. */
um_var um_classifier_head_apply(um_tape *t, const um_classifier_head *head, um_var x);

#endif
