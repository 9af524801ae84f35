/* SPDX-License-Identifier: MIT
 * unmist/edit.h - a model at work on given images. */
#ifndef UNMIST_EDIT_H
#define UNMIST_EDIT_H

#include "unmist/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum um_edit_mode {
    UM_EDIT_INPAINT,     /* draw a part anew: RePaint, edit.jump_length, edit.resamples        */
    UM_EDIT_FROM_IMAGE,  /* noise by edit.strength, then denoise: SDEdit                        */
    UM_EDIT_INTERPOLATE, /* edit.frames images between two noises, along edit.path              */
    UM_EDIT_INVERT,      /* to the noise and back: DDIM inversion, edit.corrections             */
} um_edit_mode;

/* The first two give sample.count images (one, where nobody gave it) of each image. The others go
 * through a sampler that draws no noise on its way, and do not clip unless a file or an assignment
 * said so. */
typedef struct um_edit {
    um_edit_mode mode;
    const um_images *images; /* to work on; NULL: interpolate between two seeds           */
    const char *mask;        /* inpaint: a picture, white (128 and more) is drawn anew    */
    uint64_t seeds[2];       /* interpolate without images: sample.count strips, or one   */
} um_edit;

/* Read the images of `count` paths: a PNG or JPEG file, or a data set, of which data.limit images
 * are taken. They are cropped and resized to the model's size (data.image_size overrules it), gray
 * becomes RGB and RGB gray where the model has other channels. The caller closes *out; on failure
 * it is NULL. UM_BAD_FILE names a file that cannot be read, UM_BAD_ARG a model whose images no
 * picture holds. */
UM_API um_status um_edit_read(um_images **out, um_model *m, um_settings *s,
                              const char *const *paths, int count);

/* Could this be done and written there? Asked before the work; nothing is left on the disk.
 * UM_BAD_ARG for what um_edit_run would refuse, a kind of file that is not written or a picture
 * that would be too large, UM_IO where no file can be, UM_BAD_FILE for a mask that cannot be
 * read. */
UM_API um_status um_edit_check(um_model *m, um_settings *s, const um_edit *edit, const char *path);

/* Do it, as the [sample] and [edit] settings say. A class-conditional model is told
 * sample.classes in turn, image by image; without them the images' own labels, or its null class.
 * Interpolating gives rows of frames, from each image to the next; inverting pairs of an image
 * and what came back, and in *error, where not NULL, their mean absolute difference (black to
 * white is 2). hooks may be NULL. The caller closes the images. UM_BAD_ARG for settings that do
 * not fit, UM_CANCELLED, UM_NOT_FINITE. On failure *out is NULL. */
UM_API um_status um_edit_run(um_model *m, um_settings *s, const um_edit *edit,
                             const um_sample_hooks *hooks, double *error, um_images **out);

#ifdef __cplusplus
}
#endif
#endif
