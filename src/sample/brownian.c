/* SPDX-License-Identifier: MIT
 * brownian.c - the path by halving: the middle given both ends (the Brownian bridge). */
#include "sample/brownian.h"

#include <math.h>
#include <string.h>

static double elapsed(const um_sde *sde, uint32_t index)
{
    return um_sde_grid(sde, 0.0) - um_sde_grid(sde, (double)index / UM_BROWNIAN_END);
}

/* Noise of a node: 0 is the end of the path, 1 the middle, 2 i and 2 i + 1 the middles beside i. */
static const float *draw(um_run *run, int image, int node)
{
    const uint64_t number = run->request->first_image + (uint64_t)(run->first + image);
    run->noise.draw(run->noise.user, node, number, 1, run->drawn);
    return run->drawn;
}

/* Narrow [low, high], whose ends have W = from and W = to, to the half that has index: W in the
 * middle is N((1 - f) from + f to, f (1 - f) span), f being how far into the span it lies. */
struct bridge { uint32_t low, high; int node; };

static uint32_t halve(um_run *run, int image, struct bridge *b, const double *from,
                      const double *to, double *middle)
{
    const um_sde *sde = &run->plan->sde;
    const uint32_t at = b->low + (b->high - b->low) / 2;
    const double start = elapsed(sde, b->low), span = elapsed(sde, b->high) - start;
    const double f = (elapsed(sde, at) - start) / span, spread = sqrt(f * (1.0 - f) * span);
    const float *z = draw(run, image, b->node);
    for (size_t k = 0; k < run->size; k++)
        middle[k] = (1.0 - f) * from[k] + f * to[k] + spread * (double)z[k];
    return at;
}

void um_brownian_at(um_run *run, int image, uint32_t index, double *scratch, double *w)
{
    double *from = scratch, *to = from + run->size, *middle = to + run->size;
    struct bridge b = { 0, UM_BROWNIAN_END, 1 };
    const double spread = sqrt(elapsed(&run->plan->sde, UM_BROWNIAN_END));
    const float *z = draw(run, image, 0);
    for (size_t k = 0; k < run->size; k++) from[k] = 0.0, to[k] = spread * (double)z[k];
    if (index == 0 || index == UM_BROWNIAN_END) {
        memcpy(w, index ? to : from, run->size * sizeof *w);
        return;
    }
    uint32_t at;
    while ((at = halve(run, image, &b, from, to, middle)) != index) {
        const bool later = index > at;
        memcpy(later ? from : to, middle, run->size * sizeof *w);
        *(later ? &b.low : &b.high) = at;
        b.node = 2 * b.node + later;
    }
    memcpy(w, middle, run->size * sizeof *w);
}
