/* SPDX-License-Identifier: MIT
 * dataset_files.h - small data sets that tests write. */
#ifndef UM_DATASET_FILES_H
#define UM_DATASET_FILES_H

#include "io/dataset.h"
#include "io/png.h"
#include "support/scratch.h"

/* Open with options, or check that it is refused with this code and message. */
static inline void refused(scratch *s, const char *path, const um_dataset_options *o,
                           um_status code, const char *told)
{
    um_dataset ds;
    const um_status status = um_dataset_open(&ds, &s->ctx, path, o);
    if (status != code)
        fail_msg("%s: %s, not %s", told, um_status_text(status), um_status_text(code));
    CHECK_TOLD(&s->ctx, told);
    assert_true(!ds.pixels && !ds.labels && !ds.class_names && ds.count == 0);
}

/* n CIFAR records: label i % classes, pixels of plane c all (i + 10 c + row) mod 256. */
static inline const char *cifar_file(scratch *s, const char *name, int n, int label_bytes,
                                     int classes)
{
    const size_t record = (size_t)label_bytes + 3072;
    uint8_t *data = calloc((size_t)n + 1, record);
    for (int i = 0; i < n; i++) {
        uint8_t *r = data + (size_t)i * record;
        r[label_bytes - 1] = (uint8_t)(i % classes);
        for (int p = 0; p < 3072; p++)
            r[label_bytes + p] = (uint8_t)(i + p / 1024 * 10 + p % 1024 / 32);
    }
    const char *path = scratch_write(s, name, data, (size_t)n * record);
    free(data);
    return path;
}

/* The bytes of an IDX file of these sizes, value k being k mod `modulus`; gives the length. */
static inline size_t idx_bytes(uint8_t *out, int rank, const int *size, int modulus)
{
    size_t values = 1, at = 4;
    out[0] = out[1] = 0, out[2] = 8, out[3] = (uint8_t)rank;
    for (int i = 0; i < rank; i++, at += 4) {
        for (int k = 0; k < 4; k++) out[at + (size_t)k] = (uint8_t)(size[i] >> (24 - 8 * k));
        values *= (size_t)size[i];
    }
    for (size_t k = 0; k < values; k++) out[at + k] = (uint8_t)(k % (size_t)modulus);
    return at + values;
}

static inline void idx_file(scratch *s, const char *name, int rank, const int *size, int modulus)
{
    static uint8_t bytes[100000];
    scratch_write(s, name, bytes, idx_bytes(bytes, rank, size, modulus));
}

/* A PNG of one value. */
static inline void png_file(scratch *s, const char *name, int h, int w, int c, uint8_t value)
{
    um_image image;
    char *path = strdup(scratch_write(s, name, "", 0));
    CHECK_OK(&s->ctx, um_image_make(&s->ctx, &image, h, w, c));
    memset(image.pixels, value, (size_t)(h * w * c));
    CHECK_OK(&s->ctx, um_png_write(&s->ctx, path, &image, NULL, 0));
    um_image_free(&s->ctx, &image);
    free(path);
}

#endif
