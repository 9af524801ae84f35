/* SPDX-License-Identifier: MIT
 * interpolate.c - the weights of the two ends. */
#include "sample/interpolate.h"

#include <math.h>

static double dot(size_t size, const float *a, const float *b)
{
    double sum = 0.0;
    for (size_t k = 0; k < size; k++) sum += (double)a[k] * (double)b[k];
    return sum;
}

/* Where the ends are (nearly) parallel or opposite no great circle is singled out, or w / sin(w)
 * says nothing: a straight line then. */
static const double least_sine = 1e-4;

void um_interpolate(size_t size, const float *a, const float *b, double u, bool spherical,
                    float *out)
{
    double of_a = 1.0 - u, of_b = u;
    const double lengths = sqrt(dot(size, a, a) * dot(size, b, b));
    if (spherical && lengths > 0.0 && u > 0.0 && u < 1.0) {
        const double angle = acos(fmax(-1.0, fmin(1.0, dot(size, a, b) / lengths)));
        if (sin(angle) > least_sine) {
            of_a = sin((1.0 - u) * angle) / sin(angle);
            of_b = sin(u * angle) / sin(angle);
        }
    }
    for (size_t k = 0; k < size; k++)
        out[k] = u <= 0.0 ? a[k] : u >= 1.0 ? b[k]
                                            : (float)(of_a * (double)a[k] + of_b * (double)b[k]);
}
