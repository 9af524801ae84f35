/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/failing.h"
#include "support/scratch.h"

#include <png.h>

#include "io/png.h"

/* What a PNG of any kind is made of; written by libpng itself. */
struct made {
    int h, w, depth, colour;
    bool interlaced;
    const uint8_t *rows; /* packed as libpng wants them */
    size_t stride;
    const png_color *palette;
    int colours;
    const uint8_t *alpha; /* tRNS of a palette */
    int alphas;
    int gray_key; /* tRNS of a gray image, -1: none */
};

static const char *make(scratch *s, const char *name, const struct made *m)
{
    const char *path = scratch_path(s, name);
    FILE *file = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_non_null(file);
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)m->w, (png_uint_32)m->h, m->depth, m->colour,
                 m->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
    if (m->palette) png_set_PLTE(png, info, m->palette, m->colours);
    if (m->alpha) png_set_tRNS(png, info, m->alpha, m->alphas, NULL);
    if (m->gray_key >= 0)
        png_set_tRNS(png, info, NULL, 0, &(png_color_16){ .gray = (png_uint_16)m->gray_key });
    png_write_info(png, info);
    png_bytep rows[64];
    for (int y = 0; y < m->h; y++) rows[y] = (png_bytep)m->rows + (size_t)y * m->stride;
    png_write_image(png, rows);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    assert_int_equal(fclose(file), 0);
    return path;
}

static const png_color palette[] = { { 10, 20, 30 }, { 200, 100, 0 }, { 255, 255, 255 } };
static const uint8_t transparent[] = { 255, 0, 128 };
static const uint8_t blue[3] = { 0, 0, 255 }, gray[3] = { 100, 100, 100 };

enum { GRAY = 0, RGB = 2, PALETTE = 3, GRAY_ALPHA = 4, RGBA = 6 }; /* PNG's colour types */

/* One row of w pixels in the file, and what is read: c channels over a background. */
static const struct kind {
    const char *why;
    int w, depth, colour;
    bool alpha; /* of the palette */
    int key;    /* the gray that is transparent, -1: none */
    uint8_t row[8];
    const uint8_t *background;
    int c;
    uint8_t pixels[9];
} kinds[] = {
    { "gray", 3, 8, GRAY, 0, -1, { 0, 7, 255 }, NULL, 1, { 0, 7, 255 } },
    { "16-bit gray is scaled, not cut", 2, 16, GRAY, 0, -1, { 0x12, 0xc0, 0x12, 0x34 }, NULL, 1,
      { 0x13, 0x12 } },
    { "1-bit gray", 4, 1, GRAY, 0, -1, { 0xa0 }, NULL, 1, { 255, 0, 255, 0 } },
    { "2-bit gray", 4, 2, GRAY, 0, -1, { 0x1b }, NULL, 1, { 0, 85, 170, 255 } },
    { "gray with a transparent value", 2, 8, GRAY, 0, 9, { 9, 50 }, gray, 1, { 100, 50 } },
    { "rgb", 2, 8, RGB, 0, -1, { 1, 2, 3, 4, 5, 6 }, NULL, 3, { 1, 2, 3, 4, 5, 6 } },
    { "16-bit rgb", 1, 16, RGB, 0, -1, { 1, 1, 2, 2, 3, 3 }, NULL, 3, { 1, 2, 3 } },
    { "palette", 3, 8, PALETTE, 0, -1, { 2, 0, 1 }, NULL, 3,
      { 255, 255, 255, 10, 20, 30, 200, 100, 0 } },
    { "4-bit palette", 3, 4, PALETTE, 0, -1, { 0x10, 0x20 }, NULL, 3,
      { 200, 100, 0, 10, 20, 30, 255, 255, 255 } },
    { "palette with alpha", 3, 8, PALETTE, 1, -1, { 0, 1, 2 }, blue, 3,
      { 10, 20, 30, 0, 0, 255, 128, 128, 255 } },
    { "gray and alpha over black", 3, 8, GRAY_ALPHA, 0, -1, { 200, 255, 200, 0, 200, 51 }, NULL, 1,
      { 200, 0, 40 } },
    { "gray and alpha over a colour is rgb", 2, 8, GRAY_ALPHA, 0, -1, { 200, 255, 200, 0 }, blue, 3,
      { 200, 200, 200, 0, 0, 255 } },
    { "rgba", 2, 8, RGBA, 0, -1, { 10, 20, 30, 255, 10, 20, 30, 0 }, blue, 3,
      { 10, 20, 30, 0, 0, 255 } },
    { "16-bit rgba", 1, 16, RGBA, 0, -1, { 10, 10, 20, 20, 30, 30, 255, 255 }, blue, 3,
      { 10, 20, 30 } },
};

static void every_kind_is_read_as_8_bit_gray_or_rgb(void **state)
{
    scratch *s = *state;
    for (size_t i = 0; i < 2 * UM_COUNT(kinds); i++) {
        const struct kind *k = &kinds[i / 2];
        const struct made m = {
            .h = 1, .w = k->w, .depth = k->depth, .colour = k->colour, .interlaced = i % 2,
            .rows = k->row, .palette = k->colour == PALETTE ? palette : NULL, .colours = 3,
            .alpha = k->alpha ? transparent : NULL, .alphas = 3, .gray_key = k->key,
        };
        um_image image;
        const char *path = make(s, "x.png", &m);
        CHECK_OK(&s->ctx, um_png_read(&s->ctx, path, k->background, &image));
        if (image.h != 1 || image.w != k->w || image.c != k->c ||
            memcmp(image.pixels, k->pixels, (size_t)(k->w * k->c)) != 0)
            fail_msg("%s: %d channels, first %d %d", k->why, image.c, image.pixels[0],
                     image.pixels[1]);
        um_image_free(&s->ctx, &image);
    }
}

static um_image ramp(scratch *s, int h, int w, int c)
{
    um_image image;
    CHECK_OK(&s->ctx, um_image_make(&s->ctx, &image, h, w, c));
    for (int i = 0; i < h * w * c; i++) image.pixels[i] = (uint8_t)(i * 5 + i / 7);
    return image;
}

static void an_interlaced_image_is_put_together(void **state)
{
    scratch *s = *state;
    um_image image = ramp(s, 13, 17, 3), back;
    const struct made m = { 13, 17, 8, 2, true, image.pixels, 51, .gray_key = -1 };
    CHECK_OK(&s->ctx, um_png_read(&s->ctx, make(s, "x.png", &m), NULL, &back));
    assert_memory_equal(image.pixels, back.pixels, 13 * 17 * 3);
    um_image_free(&s->ctx, &image);
    um_image_free(&s->ctx, &back);
}

static void what_is_written_is_read_again(void **state)
{
    scratch *s = *state;
    for (int c = 1; c <= 4; c++) {
        um_image image = ramp(s, 7, 5, c), back;
        if (c % 2 == 0)
            for (int i = c - 1; i < 35 * c; i += c) image.pixels[i] = 255; /* opaque */
        CHECK_OK(&s->ctx, um_png_write(&s->ctx, scratch_path(s, "x.png"), &image, NULL, 0));
        CHECK_OK(&s->ctx, um_png_read(&s->ctx, scratch_path(s, "x.png"), NULL, &back));
        assert_int_equal(back.c, c > 2 ? 3 : 1);
        for (int i = 0; i < 35; i++)
            for (int k = 0; k < back.c; k++)
                assert_int_equal(back.pixels[i * back.c + k], image.pixels[i * c + k]);
        um_image_free(&s->ctx, &image);
        um_image_free(&s->ctx, &back);
    }
}

static void texts_are_kept(void **state)
{
    scratch *s = *state;
    um_image image = ramp(s, 2, 2, 1);
    char *path = strdup(scratch_path(s, "x.png"));
    char huge[5000];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    const um_png_text texts[] = {
        { "seed", "42" }, { "settings", huge }, { "title", "größe" }, { "none", "" }
    };
    CHECK_OK(&s->ctx, um_png_write(&s->ctx, path, &image, texts, UM_COUNT(texts)));
    FILE *file = fopen(path, "rb");
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_textp found;
    int count;
    png_init_io(png, file);
    png_read_info(png, info);
    png_get_text(png, info, &found, &count);
    assert_int_equal(count, UM_COUNT(texts));
    for (int i = 0; i < count; i++) {
        assert_string_equal(found[i].key, texts[i].key);
        assert_string_equal(found[i].text, texts[i].value);
    }
    png_destroy_read_struct(&png, &info, NULL);
    fclose(file);
    const um_png_text bad[] = { { "", "x" }, { "gr\xc3\xb6\xc3\x9f" "e", "x" }, { huge, "x" } };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        assert_int_equal(um_png_write(&s->ctx, path, &image, &bad[i], 1), UM_BAD_ARG);
    assert_int_equal(scratch_entries(s, s->folder), 1);
    um_image_free(&s->ctx, &image);
    free(path);
}

static void a_png_cut_anywhere_is_an_error(void **state)
{
    scratch *s = *state;
    um_image image = ramp(s, 9, 9, 3), back;
    um_bytes b;
    CHECK_OK(&s->ctx, um_png_write(&s->ctx, scratch_path(s, "x.png"), &image, NULL, 0));
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, scratch_path(s, "x.png"), 10000, &b));
    for (size_t n = 0; n < b.size; n++) {
        assert_int_equal(um_png_decode(&s->ctx, "x.png", (um_bytes){ b.data, n }, NULL, &back),
                         UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, "x.png: ");
        assert_null(back.pixels);
    }
    um_free(&s->ctx, b.data);
    um_image_free(&s->ctx, &image);
}

static void a_damaged_byte_is_an_error_or_harmless(void **state)
{
    scratch *s = *state;
    um_image image = ramp(s, 9, 9, 3), back;
    um_bytes b;
    CHECK_OK(&s->ctx, um_png_write(&s->ctx, scratch_path(s, "x.png"), &image, NULL, 0));
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, scratch_path(s, "x.png"), 10000, &b));
    for (size_t i = 0; i < b.size; i++) {
        b.data[i] ^= 0x55;
        const um_status status = um_png_decode(&s->ctx, "x.png", b, NULL, &back);
        assert_true(status == UM_OK || status == UM_BAD_FILE);
        um_image_free(&s->ctx, &back);
        b.data[i] ^= 0x55;
    }
    um_free(&s->ctx, b.data);
    um_image_free(&s->ctx, &image);
}

/* An IHDR of any size with a correct checksum, and no pixels. */
static void a_png_that_claims_to_be_huge_is_refused_at_once(void **state)
{
    scratch *s = *state;
    const struct {
        png_uint_32 w, h;
    } cases[] = { { 1u << 30, 1 }, { 16384, 16384 }, { 20000, 1 }, { 0, 4 } };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        uint8_t b[33] = { 0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R' };
        um_image image;
        png_save_uint_32(b + 16, cases[i].w);
        png_save_uint_32(b + 20, cases[i].h);
        b[24] = 8, b[25] = 6;
        uint32_t crc = ~0u;
        for (int k = 12; k < 29; k++) {
            crc ^= b[k];
            for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        }
        png_save_uint_32(b + 29, ~crc);
        assert_int_equal(um_png_decode(&s->ctx, "x.png", (um_bytes){ b, 33 }, NULL, &image),
                         UM_BAD_FILE);
    }
}

static um_status read_it(um_ctx *ctx, void *path)
{
    um_image image;
    UM_TRY(um_png_read(ctx, path, NULL, &image));
    um_image_free(ctx, &image);
    return UM_OK;
}

static um_status write_it(um_ctx *ctx, void *path)
{
    static uint8_t pixels[4 * 6 * 6];
    const um_image image = { 6, 6, 4, pixels };
    return um_png_write(ctx, path, &image, (um_png_text[]){ { "seed", "1" }, { "title", "größe" } },
                        2);
}

static void no_allocation_that_fails_leaks(void **state)
{
    scratch *s = *state;
    char *path = strdup(scratch_path(s, "x.png"));
    check_every_allocation(write_it, path);
    assert_int_equal(scratch_entries(s, s->folder), 1);
    check_every_allocation(read_it, path);
    free(path);
}

static void writing_refuses_what_is_no_picture(void **state)
{
    scratch *s = *state;
    uint8_t pixel[8] = { 0 };
    assert_int_equal(
        um_png_write(&s->ctx, scratch_path(s, "x"), &(um_image){ 1, 1, 5, pixel }, NULL, 0),
        UM_BAD_ARG);
    assert_int_equal(
        um_png_write(&s->ctx, scratch_path(s, "x"), &(um_image){ 0, 1, 1, pixel }, NULL, 0),
        UM_BAD_ARG);
    assert_int_equal(
        um_png_write(&s->ctx, scratch_path(s, "no/x"), &(um_image){ 1, 1, 1, pixel }, NULL, 0),
        UM_IO);
    CHECK_TOLD(&s->ctx, "no/x: No such file");
    assert_int_equal(scratch_entries(s, s->folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(every_kind_is_read_as_8_bit_gray_or_rgb),
        TEST(an_interlaced_image_is_put_together),
        TEST(what_is_written_is_read_again),
        TEST(texts_are_kept),
        TEST(a_png_cut_anywhere_is_an_error),
        TEST(a_damaged_byte_is_an_error_or_harmless),
        TEST(a_png_that_claims_to_be_huge_is_refused_at_once),
        TEST(no_allocation_that_fails_leaks),
        TEST(writing_refuses_what_is_no_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
