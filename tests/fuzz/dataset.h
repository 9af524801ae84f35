/* SPDX-License-Identifier: MIT
 * dataset.h - a data set that was taken: what must hold of it. */
#ifndef UM_FUZZ_DATASET_H
#define UM_FUZZ_DATASET_H

#include "fuzz/fuzz.h"
#include "io/dataset.h"

static inline void fuzz_check_dataset(um_dataset *ds)
{
    const uint32_t last = (uint32_t)(ds->count + ds->held) - 1;
    const size_t values = (size_t)ds->h * (size_t)ds->w * (size_t)ds->c;
    um_dataset_summary summary;
    FUZZ_HOLDS(ds->count > 0 && ds->held >= 0 && ds->h > 0 && ds->w > 0 && ds->c > 0);
    for (uint32_t i = 0; i <= last && ds->labels; i++)
        FUZZ_HOLDS(ds->labels[i] >= 0 && ds->labels[i] < ds->classes);
    for (int i = 0; i < ds->classes && ds->class_names; i++) FUZZ_HOLDS(ds->class_names[i]);
    float *out = malloc(values * sizeof *out);
    FUZZ_HOLDS(out);
    FUZZ_HOLDS(um_dataset_batch(ds, &last, &(bool){ true }, 1, out, &(int){ 0 }) == UM_OK);
    for (size_t i = 0; i < values; i++) FUZZ_HOLDS(out[i] >= -1.0f && out[i] <= 1.0f);
    free(out);
    FUZZ_HOLDS(um_dataset_stats(ds, &summary) == UM_OK);
    um_dataset_summary_free(ds->ctx, &summary);
}

/* Open it with a bound on memory, look at it, close it. */
static inline void fuzz_dataset(const char *path, const um_dataset_options *options, size_t bound)
{
    um_ctx ctx;
    fuzz_memory memory;
    um_dataset ds;
    fuzz_begin(&ctx, &memory, bound, SIZE_MAX);
    if (fuzz_took(&ctx, um_dataset_open(&ds, &ctx, path, options))) fuzz_check_dataset(&ds);
    um_dataset_close(&ds);
    fuzz_end(&memory);
}

#endif
