/* SPDX-License-Identifier: MIT
 * time_embed.c - time embedding. */
#include "nn/time_embed.h"

static const double fourier_scale = 16.0; /* as diffusers and score SDE's models have it */

void um_time_proj_init(um_time_proj *p, const um_unet_config *c)
{
    const int first = c->channels[0];
    *p = (um_time_proj){ .kind = c->time_embedding_type,
                         .width = first,
                         .flip = c->flip_sin_to_cos,
                         .shift = c->freq_shift };
    if (p->kind == UM_TIME_FOURIER) {
        p->width = 2 * first;
        p->weight = (um_param){ .shape = { 1, 1, 1, first },
                                .layout = UM_LAYOUT_VECTOR,
                                .init = UM_INIT_NORMAL,
                                .scale = fourier_scale,
                                .frozen = true };
    } else if (p->kind == UM_TIME_LEARNED) {
        p->weight = (um_param){ .shape = { 1, 1, c->num_train_timesteps, first },
                                .layout = UM_LAYOUT_TABLE,
                                .init = UM_INIT_NORMAL,
                                .scale = 1.0 };
    }
}

void um_time_proj_visit(um_time_proj *p, um_visitor *v)
{
    if (p->kind == UM_TIME_POSITIONAL) return;
    um_visit_enter(v, "time_proj");
    um_visit_param(v, &p->weight, "weight");
    um_visit_leave(v);
}

um_var um_time_proj_record(um_tape *t, const um_time_proj *p)
{
    if (p->kind == UM_TIME_POSITIONAL) return (um_var){ 0 };
    return um_param_record(t, &p->weight);
}

/* flip_sin_to_cos counts where positional alone: diffusers hands it to nothing else. */
um_var um_time_proj_apply(um_tape *t, const um_time_proj *p, um_var weight, um_var timesteps)
{
    um_var y = { 0 };
    um_tape_enter(t, "time_proj");
    switch (p->kind) {
    case UM_TIME_POSITIONAL:
        y = um_timestep_embedding(t, timesteps, p->width, p->flip, p->shift);
        break;
    case UM_TIME_FOURIER:
        y = um_fourier_embedding(t, timesteps, weight, false);
        break;
    case UM_TIME_LEARNED:
        y = um_embedding(t, weight, timesteps);
        break;
    }
    um_tape_leave(t);
    return y;
}

void um_time_mlp_init(um_time_mlp *m, const char *name, int in, int out)
{
    m->name = name;
    um_linear_init(&m->linear_1, "linear_1", in, out);
    um_linear_init(&m->linear_2, "linear_2", out, out);
}

void um_time_mlp_visit(um_time_mlp *m, um_visitor *v)
{
    um_visit_enter(v, "%s", m->name);
    um_linear_visit(&m->linear_1, v);
    um_linear_visit(&m->linear_2, v);
    um_visit_leave(v);
}

um_var um_time_mlp_apply(um_tape *t, const um_time_mlp *m, um_var x)
{
    um_tape_enter(t, "%s", m->name);
    um_var h = um_linear_apply(t, &m->linear_1, x);
    h = um_activate(t, h, UM_SILU);
    h = um_linear_apply(t, &m->linear_2, h);
    um_tape_leave(t);
    return h;
}
