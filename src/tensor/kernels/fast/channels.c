/* SPDX-License-Identifier: MIT
 * channels.c - a scale and a shift for each channel of each image, and sums over pixels.
 *
 * A sum takes runs of SPAN pixels in float and adds the runs up in double: one order for each
 * channel, whichever thread has it. */
#include "tensor/kernels/fast/each.h"
#include "tensor/kernels/fast/tier.h"
#include "tensor/kernels/fast/vmath.h"

#include <string.h>

static void scale_pixel(ptrdiff_t c, const float *x, const float *s, float *y)
{
    EACH_VECTOR(i, lanes, c, {
        const vf scale = 1 + ldn(s + i, lanes), shift = ldn(s + c + i, lanes);
        stn(y + i, vmadd(ldn(x + i, lanes), scale, shift), lanes);
    });
}

void TIER(scale_shift)(int n, int hw, int c, const float *x, const float *s, float *y)
{
    const size_t pixels = (size_t)n * (size_t)hw, row = (size_t)c;
#pragma omp parallel for schedule(static) if (pixels * row > WORTH)
    for (size_t p = 0; p < pixels; p++)
        scale_pixel(c, x + p * row, s + p / (size_t)hw * 2 * row, y + p * row);
}

enum { SPAN = 32, TILE = 8 * VW }; /* pixels in a run, channels that are summed at once */

/* totals += the float sums of one run */
INLINE void collect(double *restrict totals, vf sums)
{
    float lane[VW];
    st(lane, sums);
    for (int i = 0; i < VW; i++) totals[i] += (double)lane[i];
}

static void put_totals(float *y, const double *totals, int n, bool add)
{
    for (int i = 0; i < n; i++) y[i] = (float)(add ? (double)y[i] + totals[i] : totals[i]);
}

INLINE vf sum_run(const float *x, ptrdiff_t stride, ptrdiff_t run, ptrdiff_t lanes)
{
    vf sum = { 0 };
    for (ptrdiff_t p = 0; p < run; p++) sum += ldn(x + p * stride, lanes);
    return sum;
}

/* `width` <= TILE channels of an image whose pixels are `stride` apart */
static void sum_tile(ptrdiff_t hw, ptrdiff_t stride, int width, const float *x, float *y, bool add)
{
    double totals[TILE] = { 0 };
    for (ptrdiff_t p = 0; p < hw; p += SPAN) {
        const ptrdiff_t run = UM_MIN(SPAN, hw - p);
        const float *from = x + p * stride;
        EACH_VECTOR(i, lanes, width, collect(totals + i, sum_run(from + i, stride, run, lanes)));
    }
    put_totals(y, totals, width, add);
}

void TIER(sum_pixels)(int n, size_t hw, int c, const float *x, float *y, bool add)
{
    const int tiles = (c + TILE - 1) / TILE;
    const size_t row = (size_t)c;
#pragma omp parallel for schedule(static) if ((size_t)n * hw * row > WORTH)
    for (int k = 0; k < n * tiles; k++) {
        const size_t image = (size_t)(k / tiles);
        const int first = k % tiles * TILE;
        sum_tile((ptrdiff_t)hw, c, UM_MIN(TILE, c - first), x + image * hw * row + first,
                 y + image * row + first, add);
    }
}

/* What one tile of scale_shift's vjp reads and writes; dx, ds may be NULL. */
struct tile {
    const float *dy, *x, *s;
    float *dx, *ds;
    ptrdiff_t stride;
    bool add_dx, add_ds;
};

/* one run of one vector of channels: dx, and what it adds to the totals */
INLINE void vjp_run(const struct tile *t, ptrdiff_t at, vf scale, ptrdiff_t run, ptrdiff_t lanes,
                    double *dscale, double *dshift)
{
    vf sum_x = { 0 }, sum = { 0 };
    for (ptrdiff_t p = 0; p < run; p++, at += t->stride) {
        const vf d = ldn(t->dy + at, lanes);
        sum_x = vmadd(d, ldn(t->x + at, lanes), sum_x);
        sum += d;
        if (t->dx) putn(t->dx + at, d * scale, lanes, t->add_dx);
    }
    collect(dscale, sum_x);
    collect(dshift, sum);
}

static void vjp_tile(const struct tile *t, ptrdiff_t hw, int width)
{
    double dscale[TILE] = { 0 }, dshift[TILE] = { 0 };
    for (ptrdiff_t p = 0; p < hw; p += SPAN) {
        const ptrdiff_t run = UM_MIN(SPAN, hw - p), at = p * t->stride;
        EACH_VECTOR(i, lanes, width,
                    vjp_run(t, at + i, 1 + ldn(t->s + i, lanes), run, lanes, dscale + i,
                            dshift + i));
    }
    if (!t->ds) return;
    put_totals(t->ds, dscale, width, t->add_ds);
    put_totals(t->ds + t->stride, dshift, width, t->add_ds);
}

void TIER(scale_shift_vjp)(int n, int hw, int c, const float *dy, const float *x, const float *s,
                           float *dx, bool add_dx, float *ds, bool add_ds)
{
    const int tiles = (c + TILE - 1) / TILE;
    const size_t row = (size_t)c;
#pragma omp parallel for schedule(static) if ((size_t)n * (size_t)hw * row > WORTH)
    for (int k = 0; k < n * tiles; k++) {
        const size_t image = (size_t)(k / tiles), first = (size_t)(k % tiles) * TILE;
        const size_t at = image * (size_t)hw * row + first, channel = image * 2 * row + first;
        const struct tile t = {
            .dy = dy + at,
            .x = x + at,
            .s = s + channel,
            .dx = dx ? dx + at : NULL,
            .ds = ds ? ds + channel : NULL,
            .stride = c,
            .add_dx = add_dx,
            .add_ds = add_ds,
        };
        vjp_tile(&t, hw, UM_MIN(TILE, c - (int)first));
    }
}
