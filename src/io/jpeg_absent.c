/* SPDX-License-Identifier: MIT
 * jpeg_absent.c - what stands in for jpeg.c where the build found no libjpeg. */
#include "io/jpeg.h"

const bool um_jpeg_available = false;

um_status um_jpeg_decode(um_ctx *ctx, const char *path, um_bytes bytes, um_image *out)
{
    (void)bytes;
    *out = (um_image){ 0 };
    return um_fail(ctx, UM_BAD_FILE,
                   "%s: JPEG is not built in (install libjpeg's development files and "
                   "build again, or convert to PNG)",
                   path);
}
