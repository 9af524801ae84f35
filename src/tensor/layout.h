/* SPDX-License-Identifier: MIT
 * layout.h - between our order of images, [n, h, w, c], and that of files, [n, c, h, w]. */
#ifndef UM_LAYOUT_H
#define UM_LAYOUT_H

#include "base/base.h"

/* The arrays do not overlap. */
void um_nhwc_to_nchw(int n, int h, int w, int c, const um_real *x, um_real *y);
void um_nchw_to_nhwc(int n, int h, int w, int c, const um_real *x, um_real *y);

#endif
