/* SPDX-License-Identifier: MIT
 * safetensors.h - tensors in a file: 8 bytes of header length, a JSON header, the bytes.
 * https://github.com/huggingface/safetensors. Everything that the header says is checked before it
 * is used: lengths, types, shapes against bytes, order, holes, overlaps, duplicate names. */
#ifndef UM_SAFETENSORS_H
#define UM_SAFETENSORS_H

#include "base/arena.h"

enum { UM_STORED_RANK = 8 };

/* The types that are read, in the order of the reference: a file's tensors go from the last to the
 * first.               name    bytes */
#define UM_STORED_MAP(X)            \
    X(BOOL, 1) X(U8, 1)  X(I8, 1)   \
    X(I16, 2)  X(U16, 2) X(F16, 2)  \
    X(BF16, 2) X(I32, 4) X(U32, 4)  \
    X(F32, 4)  X(F64, 8) X(I64, 8)  \
    X(U64, 8)

#define X(name, bytes) UM_STORED_##name,
typedef enum um_stored_type { UM_STORED_MAP(X) UM_STORED_TYPES } um_stored_type;
#undef X

/* "F32" and so on, "?" for what is no type. */
const char *um_stored_type_name(um_stored_type type);

/* One tensor of an open file; valid until the file is closed. */
typedef struct um_stored {
    const char *name;
    um_stored_type type;
    int rank;                      /* 0: one value */
    int64_t shape[UM_STORED_RANK]; /* in the file's own order: [N, C, H, W], [O, I, kh, kw] */
    size_t count, bytes;           /* values, and their bytes */
    uint64_t begin;                /* of the first byte in the file */
    const char *path;
    int fd;
} um_stored;

typedef struct um_safetensors {
    um_ctx *ctx;
    um_arena arena;
    const char *path;
    int fd;
    int count;
    um_stored *tensors; /* sorted by name */
    struct json_t *header;
} um_safetensors;

/* Read and check the header. UM_BAD_FILE with path and reason. On failure *st is zeroed. */
um_status um_safetensors_open(um_safetensors *st, um_ctx *ctx, const char *path);

/* Release all; harmless on a zeroed or closed one. */
void um_safetensors_close(um_safetensors *st);

/* The tensor of that name or NULL. */
const um_stored *um_safetensors_find(const um_safetensors *st, const char *name);

/* The same, and UM_BAD_FILE with path and name where it is missing. */
um_status um_safetensors_get(const um_safetensors *st, const char *name, const um_stored **out);

/* The text under key in the file's own metadata, or NULL; valid until the file is closed. */
const char *um_safetensors_metadata(const um_safetensors *st, const char *key);

/* Is the shape this one? */
bool um_stored_has_shape(const um_stored *s, int rank, const int64_t *shape);

/* The values, converted. `count` must be the tensor's (else UM_BAD_FILE); a file cut since it was
 * opened is UM_BAD_FILE. Whole numbers come from whole types, or from real ones that hold only
 * whole values within 2^53. After a failure `out` is zeroed. */
um_status um_stored_floats(um_ctx *ctx, const um_stored *s, float *out, size_t count);
um_status um_stored_doubles(um_ctx *ctx, const um_stored *s, double *out, size_t count);
um_status um_stored_ints(um_ctx *ctx, const um_stored *s, int64_t *out, size_t count);

/* um_stored_floats of what a network computes with: UM_BAD_FILE too for an infinity or a NaN. */
um_status um_stored_weights(um_ctx *ctx, const um_stored *s, float *out, size_t count);

#endif
