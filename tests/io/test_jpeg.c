/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/failing.h"
#include "support/scratch.h"

#include "io/jpeg.h"
#include "io/json.h"

static um_bytes golden(scratch *s, const char *name)
{
    char path[SCRATCH_PATH];
    um_bytes bytes;
    snprintf(path, sizeof path, "%s/tests/golden/io/%s", getenv("UM_SOURCE_ROOT"), name);
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, path, 100000, &bytes));
    return bytes;
}

static void pixels_are_those_that_pillow_reads(void **state)
{
    scratch *s = *state;
    if (!um_jpeg_available) skip();
    um_bytes text = golden(s, "images.json");
    um_json j;
    CHECK_OK(&s->ctx, um_json_parse(&j, &s->ctx, "images.json", (char *)text.data, text.size));
    um_free(&s->ctx, text.data);
    const struct { const char *name; int c; } cases[] = { { "rgb.jpg", 3 }, { "gray.jpg", 1 } };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        int want[9 * 13 * 3];
        um_bytes bytes = golden(s, cases[i].name);
        um_image image;
        CHECK_OK(&s->ctx, um_jpeg_decode(&s->ctx, cases[i].name, bytes, &image));
        assert_true(image.h == 9 && image.w == 13 && image.c == cases[i].c);
        assert_int_equal(um_json_ints(&j, cases[i].name, want, UM_COUNT(want)), 9 * 13 * image.c);
        for (int k = 0; k < 9 * 13 * image.c; k++) /* decoders may differ in the last bit */
            CHECK_NEAR(image.pixels[k], want[k], 1);
        um_image_free(&s->ctx, &image);
        um_free(&s->ctx, bytes.data);
    }
    um_json_close(&j);
}

static void a_jpeg_cut_anywhere_is_an_error(void **state)
{
    scratch *s = *state;
    if (!um_jpeg_available) skip();
    um_bytes bytes = golden(s, "rgb.jpg");
    for (size_t n = 0; n < bytes.size - 2; n++) { /* the last two only say that it ends */
        um_image image;
        assert_int_equal(um_jpeg_decode(&s->ctx, "x.jpg", (um_bytes){ bytes.data, n }, &image),
                         UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, "x.jpg: ");
        assert_null(image.pixels);
    }
    um_free(&s->ctx, bytes.data);
}

static void cmyk_is_refused_with_advice(void **state)
{
    scratch *s = *state;
    if (!um_jpeg_available) skip();
    um_bytes bytes = golden(s, "cmyk.jpg");
    um_image image;
    assert_int_equal(um_jpeg_decode(&s->ctx, "cmyk.jpg", bytes, &image), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "4 components");
    um_free(&s->ctx, bytes.data);
}

/* Files of which make_corpus.py says what they are. */
static void a_few_bytes_cannot_ask_for_much(void **state)
{
    scratch *s = *state;
    if (!um_jpeg_available) skip();
    const struct { const char *name, *told; } cases[] = {
        { "8-megapixels.jpg", "2048 x 4096 pixels in 151 bytes" },
        { "300-scans.jpg", "more than 64 scans" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        char path[SCRATCH_PATH];
        um_bytes bytes;
        um_image image;
        snprintf(path, sizeof path, "%s/tests/fuzz/regressions/jpeg/%s", getenv("UM_SOURCE_ROOT"),
                 cases[i].name);
        CHECK_OK(&s->ctx, um_file_read(&s->ctx, path, 100000, &bytes));
        assert_int_equal(um_jpeg_decode(&s->ctx, "x.jpg", bytes, &image), UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, cases[i].told);
        um_free(&s->ctx, bytes.data);
    }
}

/* Bytes between two segments lose nothing; a marker within the pixels means that some are lost. */
static void only_warnings_that_cost_pixels_are_errors(void **state)
{
    scratch *s = *state;
    if (!um_jpeg_available) skip();
    um_bytes bytes = golden(s, "rgb.jpg");
    uint8_t *odd = malloc(bytes.size + 3);
    um_image image;
    memcpy(odd, bytes.data, 2);
    memcpy(odd + 2, "\1\2\3", 3);
    memcpy(odd + 5, bytes.data + 2, bytes.size - 2);
    CHECK_OK(&s->ctx, um_jpeg_decode(&s->ctx, "x.jpg", (um_bytes){ odd, bytes.size + 3 }, &image));
    um_image_free(&s->ctx, &image);
    memcpy(bytes.data + bytes.size - 20, "\xff\xd9", 2);
    assert_int_equal(um_jpeg_decode(&s->ctx, "x.jpg", bytes, &image), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "x.jpg: JPEG: ");
    um_free(&s->ctx, bytes.data);
    free(odd);
}

/* The frame's height and width, which stand behind its length and its precision, become these. */
static void set_size(um_bytes bytes, int h, int w)
{
    for (size_t i = 0; i + 9 < bytes.size; i++) {
        uint8_t *p = bytes.data + i;
        if (p[0] != 0xff || p[1] != 0xc0) continue;
        p[5] = (uint8_t)(h >> 8), p[6] = (uint8_t)h, p[7] = (uint8_t)(w >> 8), p[8] = (uint8_t)w;
        return;
    }
    fail_msg("no frame");
}

static void what_is_too_large_or_no_jpeg_is_refused(void **state)
{
    scratch *s = *state;
    if (!um_jpeg_available) skip();
    const int sizes[][2] = { { 16385, 1 }, { 1, 16385 }, { 16384, 16384 } };
    um_bytes bytes = golden(s, "rgb.jpg");
    um_image image;
    for (size_t i = 0; i < UM_COUNT(sizes); i++) {
        set_size(bytes, sizes[i][0], sizes[i][1]);
        assert_int_equal(um_jpeg_decode(&s->ctx, "x.jpg", bytes, &image), UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, "pixels are too many");
    }
    const char *const others[] = { "\xff\xd7\xff", "\x89PNG", "\xff\xd8" };
    for (size_t i = 0; i < UM_COUNT(others); i++) {
        um_bytes b = { (uint8_t *)others[i], strlen(others[i]) };
        assert_int_equal(um_jpeg_decode(&s->ctx, "x.jpg", b, &image), UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, "x.jpg: is no JPEG");
    }
    um_free(&s->ctx, bytes.data);
}

static um_status decode_it(um_ctx *ctx, void *arg)
{
    um_image image;
    const um_status status = um_jpeg_decode(ctx, "x.jpg", *(um_bytes *)arg, &image);
    if (status == UM_OK) um_image_free(ctx, &image);
    return status;
}

static void no_allocation_that_fails_leaks(void **state)
{
    scratch *s = *state;
    if (!um_jpeg_available) skip();
    um_bytes bytes = golden(s, "rgb.jpg");
    check_every_allocation(decode_it, &bytes);
    um_free(&s->ctx, bytes.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(pixels_are_those_that_pillow_reads),
        TEST(a_jpeg_cut_anywhere_is_an_error),
        TEST(cmyk_is_refused_with_advice),
        TEST(a_few_bytes_cannot_ask_for_much),
        TEST(only_warnings_that_cost_pixels_are_errors),
        TEST(what_is_too_large_or_no_jpeg_is_refused),
        TEST(no_allocation_that_fails_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
