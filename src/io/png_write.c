/* SPDX-License-Identifier: MIT
 * png_write.c - pixels and notes into a PNG. As in png_read.c, what must be released stands outside
 * of the function that calls setjmp. */
#include "io/png.h"
#include "io/png_lib.h"

#include <string.h>

typedef struct writing {
    um_png_lib lib;
    const um_image *image;
    png_structp png;
    png_infop info;
    png_textp texts;
    int count;
    um_writer out;
} writing;

static void put_bytes(png_structp png, png_bytep bytes, size_t size)
{
    um_writer_put(png_get_io_ptr(png), bytes, size);
}

static void put_nothing(png_structp png)
{
    (void)png; /* um_writer_commit flushes */
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text > 126) return false;
    return true;
}

/* tEXt for plain letters, iTXt for anything else in UTF-8. */
static um_status make_texts(writing *w, const um_png_text *texts)
{
    UM_TRY(um_alloc(w->lib.ctx, &w->texts, (size_t)w->count, sizeof *w->texts, "a PNG's texts"));
    for (int i = 0; i < w->count; i++) {
        const size_t length = strlen(texts[i].key);
        if (length < 1 || length > 79 || !is_ascii(texts[i].key))
            return um_fail(w->lib.ctx, UM_BAD_ARG,
                           "%s: PNG key '%.79s' should have 1 to 79 Latin letters", w->lib.path,
                           texts[i].key);
        const bool plain = is_ascii(texts[i].value);
        w->texts[i] = (png_text){
            .compression = plain ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE,
            .key = (png_charp)texts[i].key,
            .text = (png_charp)texts[i].value,
            .text_length = plain ? strlen(texts[i].value) : 0,
            .itxt_length = plain ? 0 : strlen(texts[i].value),
        };
    }
    return UM_OK;
}

/* All that can longjmp. */
static void write_pixels(writing *w)
{
    static const int colour[] = { 0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                  PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA };
    const um_image *image = w->image;
    if (setjmp(png_jmpbuf(w->png))) return;
    png_set_write_fn(w->png, &w->out, put_bytes, put_nothing);
    png_set_user_limits(w->png, UM_IMAGE_SIDE, UM_IMAGE_SIDE);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->w, (png_uint_32)image->h, 8, colour[image->c],
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (w->count) png_set_text(w->png, w->info, w->texts, w->count);
    png_write_info(w->png, w->info);
    for (int y = 0; y < image->h; y++)
        png_write_row(w->png, image->pixels + (size_t)y * (size_t)image->w * (size_t)image->c);
    png_write_end(w->png, w->info);
}

um_status um_png_write(um_ctx *ctx, const char *path, const um_image *image,
                       const um_png_text *texts, int count)
{
    if (image->c < 1 || image->c > 4 || image->h < 1 || image->w < 1 || count < 0)
        return um_fail(ctx, UM_BAD_ARG, "%s: a PNG of %d x %d with %d channels (1 to 4)", path,
                       image->h, image->w, image->c);
    writing w = { .lib = { ctx, path, UM_BAD_ARG, UM_OK }, .image = image, .count = count };
    w.lib.status = make_texts(&w, texts);
    um_writer_open(&w.out, ctx, path);
    if (w.lib.status == UM_OK) w.lib.status = w.out.status;
    if (w.lib.status == UM_OK) {
        w.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &w.lib, um_png_error,
                                          um_png_warning, &w.lib, um_png_take, um_png_give);
        if (w.png) w.info = png_create_info_struct(w.png);
        if (w.info)
            write_pixels(&w);
        else
            w.lib.status = um_fail(ctx, UM_NO_MEMORY, "%s: no memory to write it", path);
        png_destroy_write_struct(&w.png, &w.info);
    }
    um_free(ctx, w.texts);
    if (w.lib.status == UM_OK) return um_writer_commit(&w.out);
    um_writer_abandon(&w.out);
    return w.lib.status;
}
