/* SPDX-License-Identifier: MIT
 * dataset_batch.c - bytes to the floats of the house, and figures about them. */
#include <math.h>
#include <string.h>

#include "io/dataset.h"

um_status um_dataset_batch(const um_dataset *ds, const uint32_t *indices, const bool *flip, int n,
                           float *out, int *labels_out)
{
    const size_t row = (size_t)ds->w * (size_t)ds->c, stride = (size_t)ds->h * row;
    const uint32_t total = (uint32_t)ds->count + (uint32_t)ds->held;
    const size_t c = (size_t)ds->c;
    for (int i = 0; i < n; i++)
        if (indices[i] >= total)
            return um_fail(ds->ctx, UM_BAD_ARG, "image %u of %u", indices[i], total);
    for (int i = 0; i < n; i++) {
        const uint8_t *in = ds->pixels + indices[i] * stride;
        const bool mirrored = flip && flip[i];
        if (labels_out) labels_out[i] = ds->labels ? ds->labels[indices[i]] : 0;
        for (size_t y = 0; y < (size_t)ds->h; y++)
            for (size_t x = 0; x < (size_t)ds->w; x++) {
                const uint8_t *pixel = in + y * row + (mirrored ? (size_t)ds->w - 1 - x : x) * c;
                for (size_t k = 0; k < c; k++) *out++ = (float)pixel[k] / 127.5f - 1.0f;
            }
    }
    return UM_OK;
}

um_status um_dataset_stats(const um_dataset *ds, um_dataset_summary *out)
{
    uint64_t sum[UM_IMAGE_CHANNELS] = { 0 }, squares[UM_IMAGE_CHANNELS] = { 0 };
    const size_t pixels = (size_t)ds->count * (size_t)ds->h * (size_t)ds->w;
    const uint8_t *p = ds->pixels;
    *out = (um_dataset_summary){ 0 };
    if (ds->labels)
        UM_TRY(um_alloc(ds->ctx, &out->class_count, (size_t)ds->classes, sizeof *out->class_count,
                        "counts by class"));
    for (int i = 0; i < ds->count && ds->labels; i++) out->class_count[ds->labels[i]]++;
    for (size_t i = 0; i < pixels; i++)
        for (int c = 0; c < ds->c; c++, p++) {
            sum[c] += *p;
            squares[c] += (uint64_t)*p * *p;
        }
    for (int c = 0; c < ds->c; c++) { /* sums are exact: nothing is lost before the end */
        const double mean = (double)sum[c] / (double)pixels;
        const double variance = (double)squares[c] / (double)pixels - mean * mean;
        out->mean[c] = mean / 255.0;
        out->deviation[c] = sqrt(UM_MAX(variance, 0.0)) / 255.0;
    }
    return UM_OK;
}

void um_dataset_summary_free(um_ctx *ctx, um_dataset_summary *summary)
{
    um_free(ctx, summary->class_count);
    *summary = (um_dataset_summary){ 0 };
}
