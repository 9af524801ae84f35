/* SPDX-License-Identifier: MIT
 * unmist/data.h - what a data set holds. */
#ifndef UNMIST_DATA_H
#define UNMIST_DATA_H

#include "unmist/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct um_dataset um_dataset;

/* Load a data set as the [data] settings say; `path` overrules data.path where it is not NULL. The
 * settings may be closed before the data, which the caller closes. UM_BAD_FILE names the file that
 * is missing or malformed. On failure *d is NULL. */
UM_API um_status um_data_open(um_dataset **d, um_settings *s, const char *path);
UM_API void um_data_close(um_dataset **d);

typedef struct um_data_facts {
    const char *format; /* owned by the data */
    int count, held;    /* images to train on, and held out for validation */
    int h, w, c;
    int classes;        /* 0: no labels */
    double mean[16], deviation[16]; /* of byte / 255, by channel */
} um_data_facts;

/* Look at every training image; UM_NO_MEMORY. */
UM_API um_status um_data_describe(um_dataset *d, um_data_facts *out);

/* The i-th class: its name ("" where it has none; owned by the data) and how many training images
 * it has; false behind the last. */
UM_API bool um_data_class(um_dataset *d, int i, const char **name, int *count);

/* Write a contact sheet: the first `count` images, or of labelled data a row of `columns` for each
 * of the first classes, as a PNG; fewer of large images (4096 pixels a side). UM_IO where no file
 * can be, UM_BAD_ARG where its name does not end in .png. */
UM_API um_status um_data_sheet(um_dataset *d, int count, int columns, const char *path);

#ifdef __cplusplus
}
#endif
#endif
