/* SPDX-License-Identifier: MIT
 * timing.h - how long a thing takes, done again and again. */
#ifndef UM_TIMING_H
#define UM_TIMING_H

#include "base/base.h"

typedef struct um_timing {
    double median, least, most; /* seconds */
} um_timing;

/* Of `n` > 0 durations, which are put in order. The median of an even number is the mean of the
 * middle two. */
um_timing um_timing_of(double *seconds, int n);

#endif
