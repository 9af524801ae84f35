/* SPDX-License-Identifier: MIT
 * classifier.c - from the smallest images to scores. */
#include "nn/classifier.h"

void um_classifier_head_init(um_classifier_head *head, const um_unet_config *c)
{
    const int channels = c->channels[c->levels - 1];
    um_norm_init(&head->norm, "head_norm", channels, c->norm_num_groups, c->norm_eps);
    um_linear_init(&head->scores, "head_scores", channels, c->logits);
    um_linear_start_at_zero(&head->scores); /* every class is as likely at first */
    head->act = c->act_fn;
}

void um_classifier_head_visit(um_classifier_head *head, um_visitor *v)
{
    um_norm_visit(&head->norm, v);
    um_linear_visit(&head->scores, v);
}

um_var um_classifier_head_apply(um_tape *t, const um_classifier_head *head, um_var x)
{
    x = um_norm_activate(t, &head->norm, x, head->act);
    x = um_global_pool(t, x);
    return um_linear_apply(t, &head->scores, x);
}
