/* SPDX-License-Identifier: MIT
 * noise.c - the two sources of random numbers. */
#include "sample/noise.h"

#include "base/random.h"

/* Room for 2^24 rows of a plan in an image's item number: above 4 UM_TIMESTEPS_MAX. */
enum { ROW_BITS = 24 };

static void draw_philox(void *user, int row, uint64_t first, int n, float *out)
{
    const um_noise_philox *p = user;
#pragma omp parallel for
    for (int i = 0; i < n; i++) {
        const uint64_t image = first + (uint64_t)i;
        um_random r = { p->seed, UM_STREAM_SAMPLE_INIT, image };
        if (row != UM_NOISE_START) {
            r.stream = UM_STREAM_SAMPLE_STEP;
            r.item = image << ROW_BITS | (uint64_t)row;
        }
        um_random_normal(&r, out + (size_t)i * p->size, p->size);
    }
}

um_noise um_noise_from_philox(um_noise_philox *p)
{
    return (um_noise){ .draw = draw_philox, .user = p };
}

/* torch fills [n, c, h, w]; images inside are [n, h, w, c]. */
static void draw_torch(void *user, int row, uint64_t first, int n, float *out)
{
    (void)row, (void)first;
    um_noise_torch *p = user;
    const size_t places = (size_t)p->h * (size_t)p->w, channels = (size_t)p->c;
    um_torch_randn(&p->generator, p->scratch, (size_t)n * channels * places);
    const float *from = p->scratch;
    for (size_t i = 0; i < (size_t)n; i++)
        for (size_t c = 0; c < channels; c++)
            for (size_t k = 0; k < places; k++) out[(i * places + k) * channels + c] = *from++;
}

um_noise um_noise_from_torch(um_noise_torch *p)
{
    return (um_noise){ .draw = draw_torch, .user = p, .sequential = true };
}
