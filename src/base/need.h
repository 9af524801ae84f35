/* SPDX-License-Identifier: MIT
 * need.h - what a piece of work is about to take, part by part, against what there is. */
#ifndef UM_NEED_H
#define UM_NEED_H

#include "base/base.h"

enum { UM_NEED_PARTS = 12 };

typedef struct um_need_part {
    const char *what; /* static */
    double bytes;
} um_need_part;

/* Zeroed but for work and lower is ready. What the process holds already is no part of it. */
typedef struct um_need {
    const char *work;  /* "training" */
    const char *lower; /* what to change where it is too much: settings by name */
    int parts;
    um_need_part part[UM_NEED_PARTS];
} um_need;

/* Add to the part of that name, which may be new. */
void um_need_add(um_need *need, const char *what, double bytes);

/* All parts together. */
double um_need_bytes(const um_need *need);

/* Log the need; UM_NO_MEMORY, with the parts, what is left and by what, and what to lower, where it
 * is more than um_memory_left says. */
um_status um_need_check(um_ctx *ctx, const um_need *need);

#endif
