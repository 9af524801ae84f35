/* SPDX-License-Identifier: MIT
 * png_read.c - any PNG as 8-bit gray or RGB. libpng reports errors by longjmp: everything that must
 * be released stands in one struct outside of the function that calls setjmp. */
#include "io/png.h"
#include "io/png_lib.h"

#include <string.h>

enum {
    FILE_MOST = 512 << 20,
    PACKED_MOST = 1032, /* bytes that deflate can make of one (zlib's technical details) */
};

/* One reading. */
typedef struct reading {
    um_png_lib lib;
    um_bytes bytes;
    size_t at; /* next byte */
    png_structp png;
    png_infop info;
    um_image raw; /* 1 gray, 2 gray and alpha, 3 RGB or 4 RGBA channels */
    png_bytep *rows;
} reading;

static void take_bytes(png_structp png, png_bytep out, size_t size)
{
    reading *r = png_get_io_ptr(png);
    if (size > r->bytes.size - r->at) png_error(png, "the file is cut");
    memcpy(out, r->bytes.data + r->at, size);
    r->at += size;
}

/* Ask libpng for 8-bit gray or RGB, alpha as it comes. */
static void transform(reading *r)
{
    png_set_expand(r->png);   /* palettes to RGB, low depths to 8, tRNS to alpha */
    png_set_scale_16(r->png); /* rounded, not cut */
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
}

/* All that can longjmp. */
static void read_pixels(reading *r)
{
    if (setjmp(png_jmpbuf(r->png))) {
        if (r->lib.status == UM_OK)
            r->lib.status = um_fail(r->lib.ctx, UM_BAD_FILE, "%s: PNG: broken", r->lib.path);
        return;
    }
    png_set_read_fn(r->png, r, take_bytes);
    png_set_user_limits(r->png, UM_IMAGE_SIDE, UM_IMAGE_SIDE);
    /* What is not pixels (texts, profiles, notes) is passed over: it may unpack to anything. */
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(r->png, r->info);
    const png_uint_32 h = png_get_image_height(r->png, r->info);
    const png_uint_32 w = png_get_image_width(r->png, r->info);
    if ((uint64_t)h * w > UM_IMAGE_PIXELS) png_error(r->png, "too many pixels");
    if ((uint64_t)png_get_rowbytes(r->png, r->info) * h / PACKED_MOST > r->bytes.size)
        png_error(r->png, "the file is cut");
    transform(r);
    if (r->lib.status != UM_OK) return;
    r->lib.status = um_image_make(r->lib.ctx, &r->raw, (int)h, (int)w,
                                  png_get_channels(r->png, r->info));
    if (r->lib.status == UM_OK)
        r->lib.status = um_alloc(r->lib.ctx, &r->rows, h, sizeof *r->rows, "rows of a PNG");
    if (r->lib.status != UM_OK) return;
    const size_t stride = (size_t)w * (size_t)r->raw.c;
    if (png_get_rowbytes(r->png, r->info) != stride) png_error(r->png, "an unknown kind of pixels");
    for (png_uint_32 y = 0; y < h; y++) r->rows[y] = r->raw.pixels + y * stride;
    png_read_image(r->png, r->rows);
    png_read_end(r->png, NULL);
}

/* v over b: a = 255 shows v, a = 0 shows b. */
static uint8_t over(int v, int a, int b)
{
    return (uint8_t)((v * a + b * (255 - a) + 127) / 255);
}

/* Lay gray + alpha or RGBA over the background; gray stays gray over gray. */
static um_status flatten(um_ctx *ctx, const um_image *in, const uint8_t *background, um_image *out)
{
    const uint8_t *b = background;
    const bool gray = in->c == 2 && b[0] == b[1] && b[1] == b[2];
    UM_TRY(um_image_make(ctx, out, in->h, in->w, gray ? 1 : 3));
    const size_t n = (size_t)in->h * (size_t)in->w;
    const int last = in->c - 1; /* where alpha is */
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = in->pixels + i * (size_t)in->c;
        for (int c = 0; c < out->c; c++)
            out->pixels[i * (size_t)out->c + c] = over(p[UM_MIN(c, last - 1)], p[last], b[c]);
    }
    return UM_OK;
}

um_status um_png_decode(um_ctx *ctx, const char *path, um_bytes bytes, const uint8_t background[3],
                        um_image *out)
{
    static const uint8_t black[3];
    *out = (um_image){ 0 };
    if (bytes.size < 8 || png_sig_cmp(bytes.data, 0, 8) != 0)
        return um_fail(ctx, UM_BAD_FILE, "%s: is no PNG", path);
    reading r = { .lib = { ctx, path, UM_BAD_FILE, UM_OK }, .bytes = bytes };
    r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r.lib, um_png_error, um_png_warning,
                                     &r.lib, um_png_take, um_png_give);
    if (r.png) r.info = png_create_info_struct(r.png);
    if (!r.info)
        r.lib.status = um_fail(ctx, UM_NO_MEMORY, "%s: no memory to read it", path);
    else
        read_pixels(&r);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    um_free(ctx, r.rows);
    if (r.lib.status == UM_OK && (r.raw.c == 2 || r.raw.c == 4)) {
        r.lib.status = flatten(ctx, &r.raw, background ? background : black, out);
    } else if (r.lib.status == UM_OK) {
        *out = r.raw;
        return UM_OK;
    }
    um_image_free(ctx, &r.raw);
    return r.lib.status;
}

um_status um_png_read(um_ctx *ctx, const char *path, const uint8_t background[3], um_image *out)
{
    um_bytes bytes;
    *out = (um_image){ 0 };
    UM_TRY(um_file_read(ctx, path, FILE_MOST, &bytes));
    const um_status status = um_png_decode(ctx, path, bytes, background, out);
    um_free(ctx, bytes.data);
    return status;
}
