/* SPDX-License-Identifier: MIT
 * jpeg.c - JPEG through libjpeg, which reports errors by a hook that must not return. */
#include "io/jpeg.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>

const bool um_jpeg_available = true;

enum {
    SCANS_MOST = 64,    /* each, of a few bytes, costs a pass over all pixels; pictures have 10 */
    PIXELS_MOST = 1024, /* of a byte: a block of 64 takes a bit, if only its difference of 0 */
};

typedef struct reading {
    struct jpeg_error_mgr errors; /* first: libjpeg gives this address back */
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    um_ctx *ctx;
    const char *path;
    struct jpeg_decompress_struct jpeg;
    um_image image;
    um_status status;
} reading;

static void fail_and_leave(reading *r)
{
    char text[JMSG_LENGTH_MAX];
    r->errors.format_message((j_common_ptr)&r->jpeg, text);
    r->status = um_fail(r->ctx, UM_BAD_FILE, "%s: JPEG: %s", r->path, text);
    longjmp(r->escape, 1);
}

static void on_error(j_common_ptr jpeg)
{
    fail_and_leave((reading *)jpeg->err);
}

/* Warnings (level -1) are borne, but for those that mean that pixels are missing. */
static void on_message(j_common_ptr jpeg, int level)
{
    const int code = jpeg->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER))
        fail_and_leave((reading *)jpeg->err);
}

static void on_progress(j_common_ptr jpeg)
{
    reading *r = (reading *)jpeg->err;
    if (r->jpeg.input_scan_number <= SCANS_MOST) return;
    r->status = um_fail(r->ctx, UM_BAD_FILE, "%s: JPEG: more than %d scans", r->path,
                        (int)SCANS_MOST);
    longjmp(r->escape, 1);
}

static um_status check_size(const reading *r, size_t bytes)
{
    const uint64_t h = r->jpeg.image_height, w = r->jpeg.image_width;
    if (h > UM_IMAGE_SIDE || w > UM_IMAGE_SIDE || h * w > UM_IMAGE_PIXELS)
        return um_fail(r->ctx, UM_BAD_FILE, "%s: %u x %u pixels are too many", r->path,
                       (unsigned)h, (unsigned)w);
    if (h * w / PIXELS_MOST > bytes)
        return um_fail(r->ctx, UM_BAD_FILE, "%s: JPEG: %u x %u pixels in %zu bytes (cut?)", r->path,
                       (unsigned)h, (unsigned)w, bytes);
    return UM_OK;
}

/* All that can longjmp. */
static void read_pixels(reading *r, um_bytes bytes)
{
    if (setjmp(r->escape)) return;
    jpeg_create_decompress(&r->jpeg);
    r->progress.progress_monitor = on_progress;
    r->jpeg.progress = &r->progress;
    jpeg_mem_src(&r->jpeg, bytes.data, (unsigned long)bytes.size);
    jpeg_read_header(&r->jpeg, TRUE);
    const bool gray = r->jpeg.jpeg_color_space == JCS_GRAYSCALE;
    if (r->jpeg.num_components != 1 && r->jpeg.num_components != 3) {
        r->status = um_fail(r->ctx, UM_BAD_FILE,
                            "%s: JPEG with %d components (gray or RGB is read; "
                            "save it as RGB)",
                            r->path, r->jpeg.num_components);
        return;
    }
    r->status = check_size(r, bytes.size);
    if (r->status != UM_OK) return;
    r->jpeg.out_color_space = gray ? JCS_GRAYSCALE : JCS_RGB;
    r->jpeg.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&r->jpeg);
    r->status = um_image_make(r->ctx, &r->image, (int)r->jpeg.output_height,
                              (int)r->jpeg.output_width, r->jpeg.output_components);
    if (r->status != UM_OK) return;
    const size_t stride = (size_t)r->image.w * (size_t)r->image.c;
    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        JSAMPROW row = r->image.pixels + r->jpeg.output_scanline * stride;
        jpeg_read_scanlines(&r->jpeg, &row, 1);
    }
    jpeg_finish_decompress(&r->jpeg);
}

um_status um_jpeg_decode(um_ctx *ctx, const char *path, um_bytes bytes, um_image *out)
{
    reading r = { .ctx = ctx, .path = path };
    *out = (um_image){ 0 };
    if (bytes.size < 3 || bytes.data[0] != 0xff || bytes.data[1] != 0xd8)
        return um_fail(ctx, UM_BAD_FILE, "%s: is no JPEG", path);
    r.jpeg.err = jpeg_std_error(&r.errors);
    r.errors.error_exit = on_error;
    r.errors.emit_message = on_message;
    read_pixels(&r, bytes);
    jpeg_destroy_decompress(&r.jpeg);
    if (r.status == UM_OK)
        *out = r.image;
    else
        um_image_free(ctx, &r.image);
    return r.status;
}
