/* SPDX-License-Identifier: MIT
 * timing.c - the middle of many. */
#include "study/timing.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

um_timing um_timing_of(double *seconds, int n)
{
    qsort(seconds, (size_t)n, sizeof *seconds, ascending);
    return (um_timing){ (seconds[(n - 1) / 2] + seconds[n / 2]) / 2, seconds[0], seconds[n - 1] };
}
