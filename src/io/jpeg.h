/* SPDX-License-Identifier: MIT
 * jpeg.h - JPEG files in, through libjpeg where the build found it. */
#ifndef UM_JPEG_H
#define UM_JPEG_H

#include "io/file.h"
#include "io/image.h"

/* Was the library there when this was built? */
extern const bool um_jpeg_available;

/* A JPEG as 1 (gray) or 3 (RGB) channels; messages call it `path`. UM_BAD_FILE with the reason for
 * what is cut, malformed, in CMYK, too large, or where JPEG is not built in. */
um_status um_jpeg_decode(um_ctx *ctx, const char *path, um_bytes bytes, um_image *out);

#endif
