/* SPDX-License-Identifier: MIT
 * png_lib.c - libpng's hooks. */
#include "io/png_lib.h"

void um_png_error(png_structp png, png_const_charp text)
{
    um_png_lib *l = png_get_error_ptr(png);
    if (l->status == UM_OK) l->status = um_fail(l->ctx, l->error, "%s: PNG: %s", l->path, text);
    png_longjmp(png, 1);
}

void um_png_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text; /* what libpng only warns of does not harm the pixels */
}

png_voidp um_png_take(png_structp png, png_alloc_size_t size)
{
    um_png_lib *l = png_get_mem_ptr(png);
    void *p;
    const um_status status = um_alloc(l->ctx, &p, 1, size, l->path);
    if (l->status == UM_OK) l->status = status;
    return p;
}

void um_png_give(png_structp png, png_voidp p)
{
    um_free(((um_png_lib *)png_get_mem_ptr(png))->ctx, p);
}
