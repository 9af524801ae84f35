/* SPDX-License-Identifier: MIT
 * dataset.h - images to train on, whatever file they come from, in memory as bytes. */
#ifndef UM_DATASET_H
#define UM_DATASET_H

#include "io/image.h"

typedef struct um_dataset_options {
    const char *format;    /* a name of um_dataset_formats; "auto" or NULL: found out             */
    int image_h, image_w;  /* size of the images given out, border included; 0: as the files have */
    int pad;               /* pixels of black border on each side                                 */
    uint8_t background[3]; /* RGB under transparent images                                        */
    int limit;             /* most images to train on, spread evenly over the files; 0: all       */
    double validation;     /* part held out in [0, 1), where the files bring no test set          */
} um_dataset_options;

/* Images and labels of the training part come first, `held` more for validation after them. */
typedef struct um_dataset {
    um_ctx *ctx;
    const char *format; /* the name that fitted */
    int count, held;
    int h, w, c;
    uint8_t *pixels;    /* [count + held, h, w, c]           */
    int *labels;        /* [count + held], or NULL: none     */
    int classes;        /* labels are 0 .. classes - 1       */
    char **class_names; /* [classes], or NULL: they are unnamed */
} um_dataset;

/* A kind of files. One row each in dataset.c. */
typedef struct um_dataset_format {
    const char *name, *help;
    /* Does the path look like it? Asked in order by "auto"; NULL: only by name. Fails only for want
     * of memory: what cannot be read does not fit. */
    um_status (*probe)(um_ctx *ctx, const char *path, bool *fits);
    /* Fill the zeroed *out; what it holds on failure is released by the caller. */
    um_status (*load)(um_ctx *ctx, const char *path, const um_dataset_options *options,
                      um_dataset *out);
} um_dataset_format;

extern const um_dataset_format um_dataset_formats[];
extern const int um_dataset_format_count;

/* Load a data set. `test_batch.bin` (CIFAR) and the t10k files (IDX) are the validation part where
 * they stand beside training files; else options->validation of the images is held out, always the
 * same ones. UM_BAD_FILE names the file and what would be right; UM_BAD_ARG an option. NULL
 * options: all as the files have it. On failure *ds is zeroed. */
um_status um_dataset_open(um_dataset *ds, um_ctx *ctx, const char *path,
                          const um_dataset_options *options);
/* One picture, PNG or JPEG whatever its name, as a data set of one image without a label. */
um_status um_dataset_open_picture(um_dataset *ds, um_ctx *ctx, const char *path,
                                  const um_dataset_options *options);
void um_dataset_close(um_dataset *ds);

/* Images of these indices, below count + held, as out [n, h, w, c] = byte / 127.5 - 1; mirrored
 * left to right where flip[i] (NULL: none). labels_out [n] may be NULL; without labels it is
 * zeroed. */
um_status um_dataset_batch(const um_dataset *ds, const uint32_t *indices, const bool *flip, int n,
                           float *out, int *labels_out);

/* What the training part holds. */
typedef struct um_dataset_summary {
    double mean[UM_IMAGE_CHANNELS], deviation[UM_IMAGE_CHANNELS]; /* of byte / 255 */
    int *class_count; /* [classes], or NULL without labels */
} um_dataset_summary;

um_status um_dataset_stats(const um_dataset *ds, um_dataset_summary *out);
void um_dataset_summary_free(um_ctx *ctx, um_dataset_summary *summary);

#endif
