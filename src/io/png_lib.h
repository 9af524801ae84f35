/* SPDX-License-Identifier: MIT
 * png_lib.h - what libpng is given for reading and for writing: our memory, and a way to report
 * errors. */
#ifndef UM_PNG_LIB_H
#define UM_PNG_LIB_H

#include <png.h>

#include "base/base.h"

/* The first failure of one reading or writing. */
typedef struct um_png_lib {
    um_ctx *ctx;
    const char *path;
    um_status error; /* what an error of libpng's own is */
    um_status status;
} um_png_lib;

/* The hooks of png_create_read_struct_2 and png_create_write_struct_2, whose error and memory
 * pointers are both a um_png_lib. An error ends in png_longjmp, a warning in nothing. */
void um_png_error(png_structp png, png_const_charp text);
void um_png_warning(png_structp png, png_const_charp text);
png_voidp um_png_take(png_structp png, png_alloc_size_t size);
void um_png_give(png_structp png, png_voidp p);

#endif
