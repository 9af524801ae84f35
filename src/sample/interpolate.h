/* SPDX-License-Identifier: MIT
 * interpolate.h - between two noises. */
#ifndef UM_INTERPOLATE_H
#define UM_INTERPOLATE_H

#include "base/base.h"

/* out = the point u of the way from a to b, all of `size` numbers. Spherical: along the great
 * circle, sin((1 - u) w) / sin(w) a + sin(u w) / sin(w) b with w the angle between them (Shoemake
 * 1985), where noise keeps its length; linear: (1 - u) a + u b. u = 0 is a, u = 1 is b, bit for
 * bit. out may be a or b. */
void um_interpolate(size_t size, const float *a, const float *b, double u, bool spherical,
                    float *out);

#endif
