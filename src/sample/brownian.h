/* SPDX-License-Identifier: MIT
 * brownian.h - Brownian paths that can be asked anywhere, in any order (Li et al. 2020, section 4:
 * the virtual Brownian tree). */
#ifndef UM_BROWNIAN_H
#define UM_BROWNIAN_H

#include "sample/run.h"

enum { UM_BROWNIAN_LEVELS = 20 };
#define UM_BROWNIAN_END (1u << UM_BROWNIAN_LEVELS)

/* W of an image of the batch where index / 2^20 of the time grid is behind it: a function of (seed,
 * image, index) alone. Its clock is the process' time, from 0 at the start. scratch: three
 * images. */
void um_brownian_at(um_run *run, int image, uint32_t index, double *scratch, double *w);

#endif
