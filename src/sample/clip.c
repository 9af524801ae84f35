/* SPDX-License-Identifier: MIT
 * clip.c - static and dynamic thresholding. */
#include "sample/clip.h"

#include <math.h>

bool um_clip_is_on(const um_sample_settings *s)
{
    return s->thresholding || s->clip_sample;
}

static double clamp(double v, double limit)
{
    return v < -limit ? -limit : v > limit ? limit : v; /* keeps NaN */
}

/* Hoare's selection: afterwards v[k] is the k-th smallest, with none greater before it and none
 * smaller after it. Needs finite numbers. */
static void select_kth(double *v, ptrdiff_t n, ptrdiff_t k)
{
    ptrdiff_t low = 0, high = n - 1;
    while (low < high) {
        const double pivot = v[k];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (v[j] > pivot) j--;
            if (i > j) break;
            const double t = v[i];
            v[i++] = v[j];
            v[j--] = t;
        }
        if (j < k) low = i;
        if (i > k) high = j;
    }
}

/* torch.quantile: linear between the two ranks beside q (n - 1). v is rearranged. */
static double quantile(double *v, size_t n, double q)
{
    const double rank = q * (double)(n - 1);
    const size_t k = (size_t)rank;
    select_kth(v, (ptrdiff_t)n, (ptrdiff_t)k);
    if (k + 1 >= n) return v[k];
    double above = v[k + 1];
    for (size_t i = k + 2; i < n; i++) above = fmin(above, v[i]);
    return v[k] + (rank - (double)k) * (above - v[k]);
}

static void threshold(const um_sample_settings *s, size_t size, double *x0, double *scratch)
{
    for (size_t k = 0; k < size; k++) scratch[k] = fabs(x0[k]);
    const double q = quantile(scratch, size, s->dynamic_thresholding_ratio);
    const double limit = fmin(fmax(q, 1.0), s->sample_max_value);
    for (size_t k = 0; k < size; k++) x0[k] = clamp(x0[k], limit) / limit;
}

void um_clip_x0(const um_sample_settings *s, int n, size_t size, double *x0, double *scratch)
{
    if (s->thresholding) {
        for (int i = 0; i < n; i++) threshold(s, size, x0 + (size_t)i * size, scratch);
    } else if (s->clip_sample) {
        for (size_t k = 0; k < (size_t)n * size; k++) x0[k] = clamp(x0[k], s->clip_sample_range);
    }
}
