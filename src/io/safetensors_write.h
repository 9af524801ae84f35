/* SPDX-License-Identifier: MIT
 * safetensors_write.h - collect tensors, then write them into one file as the reference orders
 * them. */
#ifndef UM_SAFETENSORS_WRITE_H
#define UM_SAFETENSORS_WRITE_H

#include "io/safetensors.h"

/* Sticky: the first failure is kept, later calls do nothing, um_tensors_commit tells. */
typedef struct um_tensors_out {
    um_ctx *ctx;
    um_arena arena;
    struct um_tensor_out *tensors; /* a list, newest first */
    int count;
    struct json_t *metadata;
    um_status status;
} um_tensors_out;

void um_tensors_begin(um_tensors_out *w, um_ctx *ctx);

/* A text for the metadata; PyTorch's readers want format = pt. Texts are UTF-8 and copied. */
void um_tensors_text(um_tensors_out *w, const char *key, const char *value);

/* A tensor of any rank up to UM_STORED_RANK (0: one value), stored as F32, F16 or BF16, rounded to
 * the nearest. The values are read at commit, not before: they stay the caller's. */
void um_tensors_floats(um_tensors_out *w, const char *name, um_stored_type type, int rank,
                       const int64_t *shape, const float *values);

/* The same for F64 and for I64. */
void um_tensors_doubles(um_tensors_out *w, const char *name, int rank, const int64_t *shape,
                        const double *values);
void um_tensors_ints(um_tensors_out *w, const char *name, int rank, const int64_t *shape,
                     const int64_t *values);

/* Write the file, whole or not at all, and release w. */
um_status um_tensors_commit(um_tensors_out *w, const char *path);

/* Release w and write nothing. Harmless on a zeroed or released one. */
void um_tensors_abandon(um_tensors_out *w);

#endif
