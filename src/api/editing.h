/* SPDX-License-Identifier: MIT
 * editing.h - an edit that is about to be done: what was checked, and the way through the noise. */
#ifndef UM_EDITING_H
#define UM_EDITING_H

#include "api/handles.h"
#include "api/images.h"

typedef struct um_editing {
    um_ctx *ctx;
    um_model *m;
    const um_edit *edit;
    const um_sample_hooks *hooks;
    um_config c; /* has adopted what it should */
    um_size size;
    int channels;
    int copies;      /* drawn of each image, or strips of two seeds                     */
    int n, columns;  /* images that come out, and of their picture                      */
    int *label;      /* of each image, or strip of two seeds; NULL: the model takes none */
    bool *redraw;    /* inpaint: [h, w, channels] of the mask                           */
    um_plan plan;    /* to the image; zeroed: strength 0, no step                       */
    bool from_noise; /* from-image: nothing is left of the image                        */
    um_schedule schedule;
} um_editing;

/* Check everything and plan it. Free with um_editing_free, also after a failure. */
um_status um_editing_init(um_editing *e, um_model *m, const um_settings *s, const um_edit *edit);
void um_editing_free(um_editing *e);

/* Numbers of an image. */
size_t um_editing_image(const um_editing *e);

/* The picture's white (128 and more) at the size that is drawn, for every channel. The caller frees
 * *redraw. UM_BAD_FILE for a picture that cannot be read, UM_BAD_ARG for one without white. */
um_status um_edit_read_mask(um_ctx *ctx, const um_config *c, um_size size, int channels,
                            const char *path, bool **redraw);

#endif
