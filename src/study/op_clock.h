/* SPDX-License-Identifier: MIT
 * op_clock.h - an observer that adds up the seconds of each operation of a tape. */
#ifndef UM_OP_CLOCK_H
#define UM_OP_CLOCK_H

#include "autograd/tape.h"

enum { UM_OP_CLOCK_MAX = 40, UM_PHASES = UM_VJP + 1 };

typedef struct um_op_time {
    const char *operation;
    double seconds[UM_PHASES];
} um_op_time;

/* Zeroed is ready. */
typedef struct um_op_clock {
    um_op_time op[UM_OP_CLOCK_MAX]; /* in order of first appearance */
    int count;
    double began, ended; /* the operation at work, and the last one that was (um_seconds) */
} um_op_clock;

/* *clock must outlive the walks. */
um_observer um_op_clock_observer(um_op_clock *clock);

/* The operation that took longest first. */
void um_op_clock_sort(um_op_clock *clock);

/* Seconds of an operation in all phases, and of all operations. */
double um_op_time_total(const um_op_time *op);
double um_op_clock_total(const um_op_clock *clock);

#endif
