/* SPDX-License-Identifier: MIT
 * clip.h - keeping a predicted x_0 where images are. */
#ifndef UM_CLIP_H
#define UM_CLIP_H

#include "sample/settings.h"

/* Is anything clipped at all? */
bool um_clip_is_on(const um_sample_settings *s);

/* Clip n images of `size` elements in place: to +-clip_sample_range, or by dynamic thresholding
 * (Saharia et al. 2022, section 2.3): with q the quantile dynamic_thresholding_ratio of |x_0| in an
 * image, between 1 and sample_max_value, x_0 = clamp(x_0, -q, q) / q. scratch: `size` numbers. */
void um_clip_x0(const um_sample_settings *s, int n, size_t size, double *x0, double *scratch);

#endif
