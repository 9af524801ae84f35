/* SPDX-License-Identifier: MIT
 * png.h - PNG files in and out, through libpng. */
#ifndef UM_PNG_H
#define UM_PNG_H

#include "io/file.h"
#include "io/image.h"

/* A key and its text for a PNG's own notes. */
typedef struct um_png_text {
    const char *key, *value;
} um_png_text;

/* Any PNG as 8 bits, 1 or 3 channels: 16 bits are scaled, palettes become RGB, interlacing is
 * undone, what is transparent is laid over `background` (RGB; NULL: black; a gray image over a
 * colour becomes RGB). UM_BAD_FILE with path and reason for anything cut, malformed or larger than
 * image.h allows. On failure *out is zeroed; else um_image_free. */
um_status um_png_read(um_ctx *ctx, const char *path, const uint8_t background[3], um_image *out);

/* The same from bytes in memory, which messages call `path`. */
um_status um_png_decode(um_ctx *ctx, const char *path, um_bytes bytes, const uint8_t background[3],
                        um_image *out);

/* Write 1 (gray), 2 (gray, alpha), 3 (RGB) or 4 (RGBA) channels with `count` texts (UTF-8 values;
 * keys of 1 to 79 Latin letters). Whole or not at all. */
um_status um_png_write(um_ctx *ctx, const char *path, const um_image *image,
                       const um_png_text *texts, int count);

#endif
