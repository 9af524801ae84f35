/* SPDX-License-Identifier: MIT
 * picture.h - images of the house (float32 in [-1, 1]) as pictures that people look at. */
#ifndef UM_PICTURE_H
#define UM_PICTURE_H

#include "io/image.h"

/* out[i] = round(255 * clamp((x[i] + 1) / 2, 0, 1)), ties to even; what is no number becomes 0. */
void um_picture_bytes(const float *x, size_t count, uint8_t *out);

/* Would the grid below be a picture? UM_BAD_ARG where it would be larger than files here may be. */
um_status um_picture_check(um_ctx *ctx, int n, int h, int w, int columns);

/* Images x [n, h, w, c] in rows of `columns` (0: as square as can be), 2 black pixels between and
 * around, as torchvision lays its grids; a single image stands alone. A picture has 1 or 3
 * channels: of 2 channels the first is shown, of more than 3 the first three. A filmstrip is a grid
 * whose columns are its frames. The caller frees with um_image_free. */
um_status um_picture_grid(um_ctx *ctx, const float *x, int n, int h, int w, int c, int columns,
                          um_image *out);

#endif
