/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/failing.h"
#include "support/scratch.h"

#include <math.h>

#include "io/dataset_build.h"
#include "io/dataset_files.h"

static const char *in_source(const char *name)
{
    static char path[SCRATCH_PATH];
    snprintf(path, sizeof path, "%s/%s", getenv("UM_SOURCE_ROOT"), name);
    return path;
}

static void the_embedded_sets_are_what_their_readme_says(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    um_dataset_summary sum;
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, in_source("data/digits"), NULL));
    assert_string_equal(ds.format, "idx");
    assert_true(ds.count == 10000 && ds.held == 0 && ds.h == 28 && ds.w == 28 && ds.c == 1 &&
                ds.classes == 10);
    CHECK_OK(&s->ctx, um_dataset_stats(&ds, &sum));
    /* MNIST's test set: the published counts by digit. */
    static const int digits[10] = { 980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009 };
    for (int i = 0; i < 10; i++) assert_int_equal(sum.class_count[i], digits[i]);
    CHECK_NEAR(sum.mean[0], 0.1325, 1e-4);
    CHECK_NEAR(sum.deviation[0], 0.3105, 1e-4);
    um_dataset_summary_free(&s->ctx, &sum);
    um_dataset_close(&ds);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, in_source("data/cifar10-sample"), NULL));
    assert_string_equal(ds.format, "cifar10");
    assert_true(ds.count == 800 && ds.held == 100 && ds.h == 32 && ds.w == 32 && ds.c == 3 &&
                ds.classes == 10);
    assert_string_equal(ds.class_names[9], "truck");
    CHECK_OK(&s->ctx, um_dataset_stats(&ds, &sum));
    for (int i = 0; i < 10; i++) assert_int_equal(sum.class_count[i], 80);
    for (int c = 0; c < 3; c++) assert_true(sum.mean[c] > 0.4 && sum.mean[c] < 0.55);
    um_dataset_summary_free(&s->ctx, &sum);
    um_dataset_close(&ds);
    um_dataset_close(&ds);
}

static void a_batch_is_scaled_and_mirrored(void **state)
{
    scratch *s = *state;
    idx_file(s, "d/train-images-idx4-ubyte", 4, (int[]){ 3, 2, 3, 2 }, 36);
    um_dataset ds;
    float x[2 * 12];
    int labels[2] = { 5, 5 };
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), NULL));
    assert_true(ds.count == 3 && ds.h == 2 && ds.w == 3 && ds.c == 2 && !ds.labels);
    CHECK_OK(&s->ctx,
             um_dataset_batch(&ds, (uint32_t[]){ 2, 1 }, (bool[]){ false, true }, 2, x, labels));
    for (int i = 0; i < 12; i++) CHECK_NEAR(x[i], (24 + i) / 127.5 - 1, 1e-7);
    for (int y = 0; y < 2; y++)
        for (int w = 0; w < 3; w++)
            for (int c = 0; c < 2; c++)
                CHECK_NEAR(x[12 + (y * 3 + w) * 2 + c], (12 + (y * 3 + 2 - w) * 2 + c) / 127.5 - 1,
                           1e-7);
    assert_true(labels[0] == 0 && labels[1] == 0);
    assert_int_equal(um_dataset_batch(&ds, (uint32_t[]){ 0, 3 }, NULL, 2, x, NULL), UM_BAD_ARG);
    um_dataset_close(&ds);
}

static void the_ends_of_the_range_are_exact(void **state)
{
    scratch *s = *state;
    uint8_t b[64];
    const size_t n = idx_bytes(b, 3, (int[]){ 1, 1, 2 }, 1);
    b[n - 1] = 255;
    float x[2];
    um_dataset ds;
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_write(s, "images-idx3", b, n), NULL));
    CHECK_OK(&s->ctx, um_dataset_batch(&ds, (uint32_t[]){ 0 }, NULL, 1, x, NULL));
    assert_true(x[0] == -1.0f && x[1] == 1.0f);
    um_dataset_summary sum;
    CHECK_OK(&s->ctx, um_dataset_stats(&ds, &sum));
    CHECK_NEAR(sum.mean[0], 0.5, 1e-12);
    CHECK_NEAR(sum.deviation[0], 0.5, 1e-12);
    assert_null(sum.class_count);
    um_dataset_close(&ds);
}

static void a_part_is_held_out_once_and_the_same_each_time(void **state)
{
    scratch *s = *state;
    idx_file(s, "d/train-images-idx3-ubyte", 3, (int[]){ 200, 1, 1 }, 256);
    idx_file(s, "d/train-labels-idx1-ubyte", 1, (int[]){ 200 }, 10);
    um_dataset a, b;
    const um_dataset_options o = { .validation = 0.1 };
    CHECK_OK(&s->ctx, um_dataset_open(&a, &s->ctx, scratch_path(s, "d"), &o));
    CHECK_OK(&s->ctx, um_dataset_open(&b, &s->ctx, scratch_path(s, "d"), &o));
    assert_true(a.count == 180 && a.held == 20);
    assert_memory_equal(a.pixels, b.pixels, 200);
    int seen[200] = { 0 }, last = 0;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(seen[a.pixels[i]]++, 0);
        assert_int_equal(a.labels[i], a.pixels[i] % 10); /* the label went with its image */
        last += i >= 180 && a.pixels[i] >= 180;
    }
    assert_true(last < 15); /* not simply the last ones */
    um_dataset_close(&a);
    um_dataset_close(&b);
}

static void a_limit_takes_images_from_everywhere(void **state)
{
    scratch *s = *state;
    idx_file(s, "d/train-images-idx3-ubyte", 3, (int[]){ 200, 1, 1 }, 256);
    idx_file(s, "d/t10k-images-idx3-ubyte", 3, (int[]){ 7, 1, 1 }, 256);
    um_dataset ds;
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"),
                                      &(um_dataset_options){ .limit = 8 }));
    assert_true(ds.count == 8 && ds.held == 7);
    for (int i = 0; i < 8; i++) assert_int_equal(ds.pixels[i], 25 * i);
    for (int i = 0; i < 7; i++) assert_int_equal(ds.pixels[8 + i], i);
    um_dataset_close(&ds);
}

static void images_are_fitted_and_bordered(void **state)
{
    scratch *s = *state;
    idx_file(s, "d/train-images-idx3-ubyte", 3, (int[]){ 2, 2, 2 }, 256);
    const struct { int h, w, pad, out_h, out_w; uint8_t first; } cases[] = {
        { 0, 0, 1, 4, 4, 0 },  { 4, 4, 1, 4, 4, 0 }, { 4, 6, 0, 4, 6, 1 }, { 1, 1, 0, 1, 1, 2 },
        { 24, 40, 2, 24, 40, 0 },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_dataset ds;
        const um_dataset_options o = { .image_h = cases[i].h,
                                       .image_w = cases[i].w,
                                       .pad = cases[i].pad };
        CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), &o));
        assert_true(ds.h == cases[i].out_h && ds.w == cases[i].out_w);
        if (i < 2) /* the image itself is not touched */
            for (int y = 0; y < 4; y++)
                for (int x = 0; x < 4; x++) {
                    const bool inside = y > 0 && y < 3 && x > 0 && x < 3;
                    assert_int_equal(ds.pixels[16 + 4 * y + x],
                                     inside ? 4 + 2 * (y - 1) + x - 1 : 0);
                }
        um_dataset_close(&ds);
    }
}

static void what_is_held_out_needs_no_labels_and_leaves_one_image(void **state)
{
    scratch *s = *state;
    const struct { int n; double part; int count, held; } cases[] = {
        { 1, 0.5, 1, 0 }, { 2, 0.99, 1, 1 }, { 4, 0.01, 3, 1 }, { 4, 0.5, 2, 2 },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_dataset ds;
        idx_file(s, "d/train-images-idx3-ubyte", 3, (int[]){ cases[i].n, 2, 2 }, 256);
        CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"),
                                          &(um_dataset_options){ .validation = cases[i].part }));
        assert_true(ds.count == cases[i].count && ds.held == cases[i].held && !ds.labels);
        um_dataset_close(&ds);
    }
}

static void room_is_reserved_for_what_can_be_images_alone(void **state)
{
    scratch *s = *state;
    const struct { int count, held, h, w, c; const char *told; } cases[] = {
        { 1, 0, 0, 1, 1, "images of 0 x 1" }, { 1, 0, 1, 0, 1, "images of 1 x 0" },
        { 1, 0, 1, 1, 0, "0 channels" },      { 1, 0, 16385, 1, 1, "images of 16385 x 1" },
        { 1, 0, 1, 16385, 1, "1 x 16385" },   { 1, 0, 1, 1, 17, "17 channels" },
        { 0, 1, 1, 1, 1, "0 images" },        { 1, -1, 1, 1, 1, "1 images" },
        { 2, INT32_MAX, 1, 1, 1, "2 images" },
    };
    um_dataset ds = { .ctx = &s->ctx };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        assert_int_equal(um_dataset_reserve(&ds, cases[i].count, cases[i].held, cases[i].h,
                                            cases[i].w, cases[i].c, true), UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, cases[i].told);
        assert_true(!ds.pixels && !ds.labels);
    }
    const um_status status = um_dataset_reserve(&ds, INT32_MAX, 0, 16384, 16384, 16, false);
    assert_int_equal(status, UM_NO_MEMORY); /* 2^63 bytes: no machine has them */
    CHECK_TOLD(&s->ctx, "a data set");
    assert_null(ds.pixels);
}

static void wrong_options_are_told(void **state)
{
    scratch *s = *state;
    idx_file(s, "d/train-images-idx3-ubyte", 3, (int[]){ 2, 2, 2 }, 256);
    const struct { um_dataset_options o; const char *told; } cases[] = {
        { { .format = "tiff" }, "auto, cifar10, cifar100, idx, folder, png, jpeg" },
        { { .image_h = 4 }, "image size 4 x 0" },
        { { .image_h = -1, .image_w = -1 }, "image size" },
        { { .image_h = 4, .image_w = -1 }, "image size 4 x -1" },
        { { .image_h = 16385, .image_w = 4 }, "image size 16385 x 4" },
        { { .image_h = 4, .image_w = 16385 }, "image size 4 x 16385" },
        { { .pad = -1 }, "border" },
        { { .pad = 4097 }, "a border of 4097" },
        { { .image_h = 8, .image_w = 4, .pad = 2 }, "leaves no image" },
        { { .image_h = 4, .image_w = 4, .pad = 2 }, "leaves no image" },
        { { .limit = -1 }, "limit" },
        { { .validation = 1.0 }, "validation part 1" },
        { { .validation = NAN }, "validation part" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        refused(s, scratch_path(s, "d"), &cases[i].o, UM_BAD_ARG, cases[i].told);
    um_dataset ds; /* a single picture has the same options */
    const um_dataset_options wrong = { .limit = -1 };
    assert_int_equal(um_dataset_open_picture(&ds, &s->ctx, "x.png", &wrong), UM_BAD_ARG);
    assert_null(ds.pixels);
}

static void what_is_no_data_set_is_told(void **state)
{
    scratch *s = *state;
    refused(s, scratch_path(s, "absent"), NULL, UM_BAD_FILE, "absent: No such file");
    refused(s, s->folder, NULL, UM_BAD_FILE, "no images of a known kind");
    refused(s, scratch_write(s, "text", "hello", 5), NULL, UM_BAD_FILE,
            "text: no images of a known kind");
    refused(s, s->folder, &(um_dataset_options){ .format = "cifar10" }, UM_BAD_FILE,
            "data_batch_1.bin");
    refused(s, s->folder, &(um_dataset_options){ .format = "cifar100" }, UM_BAD_FILE, "train.bin");
    refused(s, s->folder, &(um_dataset_options){ .format = "idx" }, UM_BAD_FILE,
            "no file of images");
    refused(s, s->folder, &(um_dataset_options){ .format = "folder" }, UM_BAD_FILE,
            "no PNG or JPEG file");
    refused(s, s->folder, &(um_dataset_options){ .format = "png" }, UM_BAD_FILE, "no PNG file");
}

static um_status open_it(um_ctx *ctx, void *path)
{
    um_dataset ds;
    um_dataset_summary sum = { 0 };
    const um_dataset_options o = {
        .image_h = 8, .image_w = 8, .pad = 1, .limit = 3, .validation = 0.3
    };
    UM_TRY(um_dataset_open(&ds, ctx, path, &o));
    const um_status status = um_dataset_stats(&ds, &sum);
    um_dataset_summary_free(ctx, &sum);
    um_dataset_close(&ds);
    return status;
}

static void no_allocation_that_fails_leaks(void **state)
{
    scratch *s = *state;
    char *path = strdup(scratch_path(s, "d"));
    idx_file(s, "d/train-images-idx3-ubyte", 3, (int[]){ 4, 2, 2 }, 256);
    idx_file(s, "d/train-labels-idx1-ubyte", 1, (int[]){ 4 }, 10);
    check_every_allocation(open_it, path);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(the_embedded_sets_are_what_their_readme_says),
        TEST(a_batch_is_scaled_and_mirrored),
        TEST(the_ends_of_the_range_are_exact),
        TEST(a_part_is_held_out_once_and_the_same_each_time),
        TEST(a_limit_takes_images_from_everywhere),
        TEST(images_are_fitted_and_bordered),
        TEST(what_is_held_out_needs_no_labels_and_leaves_one_image),
        TEST(room_is_reserved_for_what_can_be_images_alone),
        TEST(wrong_options_are_told),
        TEST(what_is_no_data_set_is_told),
        TEST(no_allocation_that_fails_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
