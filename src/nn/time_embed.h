/* SPDX-License-Identifier: MIT
 * time_embed.h - from a timestep to the vector that every residual block hears. */
#ifndef UM_TIME_EMBED_H
#define UM_TIME_EMBED_H

#include "nn/linear.h"
#include "nn/unet_config.h"

/* The first half: sinusoids, sinusoids of fixed random frequencies, or a row of a table. */
typedef struct um_time_proj {
    um_time_embedding kind;
    int width;       /* of what it gives */
    bool flip;       /* positional: cosines first */
    double shift;    /* positional */
    um_param weight; /* the frequencies (frozen) or the table; not there where positional */
} um_time_proj;

void um_time_proj_init(um_time_proj *p, const um_unet_config *c);
void um_time_proj_visit(um_time_proj *p, um_visitor *v);

/* Its parameter on the tape, none where it has none: recorded once, used for time and class. */
um_var um_time_proj_record(um_tape *t, const um_time_proj *p);

/* [n, 1, 1, 1] -> [n, 1, 1, width] */
um_var um_time_proj_apply(um_tape *t, const um_time_proj *p, um_var weight, um_var timesteps);

/* The second half: linear, SiLU, linear. */
typedef struct um_time_mlp {
    const char *name;
    um_linear_layer linear_1, linear_2;
} um_time_mlp;

void um_time_mlp_init(um_time_mlp *m, const char *name, int in, int out);
void um_time_mlp_visit(um_time_mlp *m, um_visitor *v);
um_var um_time_mlp_apply(um_tape *t, const um_time_mlp *m, um_var x);

#endif
