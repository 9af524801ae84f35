/* SPDX-License-Identifier: MIT
 * noising.c - the forward process and its random numbers. */
#include "diffusion/noising.h"

#include <math.h>

#include "base/random.h"

int um_timestep_uniform(uint64_t seed, uint64_t position, int timesteps)
{
    const um_random r = { seed, UM_STREAM_TIMESTEP, position };
    return (int)um_random_below(&r, 0, (uint64_t)timesteps);
}

void um_noise_normal(uint64_t seed, uint64_t position, float *noise, size_t count)
{
    um_random_normal(&(um_random){ seed, UM_STREAM_NOISE, position }, noise, count);
}

void um_noising_apply(const um_schedule *s, int n, size_t size, const int *t, const float *x0,
                      const float *noise, float *xt)
{
    for (int i = 0; i < n; i++) {
        const double bar = s->alpha_bar[t[i]], a = sqrt(bar), b = sqrt(1.0 - bar);
        const size_t first = (size_t)i * size;
        for (size_t k = first; k < first + size; k++)
            xt[k] = (float)(a * (double)x0[k] + b * (double)noise[k]);
    }
}
