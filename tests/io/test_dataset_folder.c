/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/failing.h"
#include "support/scratch.h"

#include "io/dataset_files.h"
#include "io/jpeg.h"

static void subfolders_are_classes_in_sorted_order(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    png_file(s, "d/zebra/1.png", 4, 5, 3, 30);
    png_file(s, "d/ant/b.PNG", 4, 5, 3, 11);
    png_file(s, "d/ant/a.png", 4, 5, 3, 10);
    png_file(s, "d/ant/deep/er/c.png", 4, 5, 3, 12);
    png_file(s, "d/ant/.hidden.png", 1, 1, 1, 99);
    scratch_write(s, "d/ant/notes.txt", "x", 1);
    scratch_write(s, "d/empty/readme", "x", 1);
    scratch_write(s, "d/.git/x.png", "x", 1);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), NULL));
    assert_string_equal(ds.format, "folder");
    assert_true(ds.count == 4 && ds.h == 4 && ds.w == 5 && ds.c == 3 && ds.classes == 2);
    assert_string_equal(ds.class_names[0], "ant");
    assert_string_equal(ds.class_names[1], "zebra");
    const int values[] = { 10, 11, 12, 30 }, labels[] = { 0, 0, 0, 1 };
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ds.labels[i], labels[i]);
        for (int k = 0; k < 60; k++) assert_int_equal(ds.pixels[i * 60 + k], values[i]);
    }
    um_dataset_close(&ds);
}

static void a_flat_folder_has_no_labels(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    png_file(s, "d/2.png", 4, 4, 1, 2);
    png_file(s, "d/1.png", 4, 4, 1, 1);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), NULL));
    assert_true(ds.count == 2 && !ds.labels && ds.classes == 0 && ds.pixels[0] == 1);
    um_dataset_close(&ds);
    png_file(s, "d/class/3.png", 4, 4, 1, 3);
    refused(s, scratch_path(s, "d"), NULL, UM_BAD_FILE,
            "stands outside of the folders that are classes");
}

static void train_and_test_folders_are_the_two_parts(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    png_file(s, "d/train/a/1.png", 4, 4, 1, 1);
    png_file(s, "d/train/b/1.png", 4, 4, 1, 2);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), NULL));
    assert_true(ds.count == 2 && ds.classes == 1); /* a class named train */
    um_dataset_close(&ds);
    png_file(s, "d/test/b/1.png", 4, 4, 1, 3);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), NULL));
    assert_true(ds.count == 2 && ds.held == 1 && ds.classes == 2 && ds.labels[2] == 1 &&
                ds.pixels[32] == 3);
    um_dataset_close(&ds);
    png_file(s, "d/test/c/1.png", 4, 4, 1, 3);
    refused(s, scratch_path(s, "d"), NULL, UM_BAD_FILE,
            "test/c: is no class of the training images");
}

/* Each of the six leads back in: without a memory of where it is, a walk would take 7^16 ways. */
static void links_that_go_round_in_circles_are_not_followed(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    char link[SCRATCH_PATH];
    png_file(s, "d/a/1.png", 4, 4, 1, 1);
    for (int i = 0; i < 6; i++) {
        snprintf(link, sizeof link, "%s/d/a/%d", s->folder, i);
        assert_int_equal(symlink(i % 2 ? "../a" : "..", link), 0);
    }
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), NULL));
    assert_true(ds.count == 1 && ds.classes == 1);
    um_dataset_close(&ds);
    assert_int_equal(unlink(scratch_path(s, "d/a/1.png")), 0);
    refused(s, scratch_path(s, "d"), NULL, UM_BAD_FILE, "no images of a known kind");
}

static void too_deep_a_folder_is_told_and_not_looked_into(void **state)
{
    scratch *s = *state;
    char name[128] = "d/a";
    const um_dataset_options folder = { .format = "folder" };
    for (int i = 0; i < 16; i++) strcat(name, "/d");
    strcat(name, "/1.png");
    png_file(s, name, 1, 1, 1, 1);
    refused(s, scratch_path(s, "d"), &folder, UM_BAD_FILE, "more than 16 folders deep");
    refused(s, scratch_path(s, "d"), NULL, UM_BAD_FILE, "no images of a known kind");
}

static void an_empty_training_part_is_named(void **state)
{
    scratch *s = *state;
    png_file(s, "d/test/1.png", 1, 1, 1, 1);
    scratch_write(s, "d/train/note.txt", "x", 1);
    scratch_write(s, "d/train/.hidden/1.png", "x", 1);
    const struct { const char *format, *told; } cases[] = {
        { "folder", "d/train: no PNG or JPEG file in it" },
        { "png", "d/train: no PNG file in it" },
        { "jpeg", "d/train: no JPEG file in it" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        refused(s, scratch_path(s, "d"), &(um_dataset_options){ .format = cases[i].format },
                UM_BAD_FILE, cases[i].told);
}

/* Nothing but what is hidden: as good as empty, for the search too. */
static void hidden_folders_are_not_looked_into(void **state)
{
    scratch *s = *state;
    png_file(s, "d/.hidden/1.png", 1, 1, 1, 1);
    refused(s, scratch_path(s, "d"), NULL, UM_BAD_FILE, "no images of a known kind");
}

static void images_of_another_size_are_named_unless_a_size_is_chosen(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    png_file(s, "d/1.png", 4, 4, 3, 1);
    png_file(s, "d/2.png", 4, 6, 3, 2);
    refused(s, scratch_path(s, "d"), NULL, UM_BAD_FILE,
            "d/2.png: 4 x 6 with 3 channels, those before it 4 x 4");
    const um_dataset_options sized = { .image_h = 24, .image_w = 40, .pad = 1 };
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), &sized));
    assert_true(ds.h == 24 && ds.w == 40 && ds.c == 3 && ds.pixels[0] == 0);
    assert_int_equal(ds.pixels[24 * 40 * 3 + (40 + 1) * 3], 2);
    um_dataset_close(&ds);
}

static void gray_and_rgb_meet_only_where_a_size_is_chosen(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    png_file(s, "d/1.png", 2, 2, 1, 1);
    png_file(s, "d/2.png", 2, 2, 3, 2);
    png_file(s, "d/3.png", 2, 2, 1, 3);
    refused(s, scratch_path(s, "d"), NULL, UM_BAD_FILE, "d/2.png: 2 x 2 with 3 channels");
    const um_dataset_options sized = { .image_h = 2, .image_w = 2 };
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), &sized));
    assert_int_equal(ds.c, 3);
    for (int i = 0; i < 36; i++) assert_int_equal(ds.pixels[i], 1 + i / 12);
    um_dataset_close(&ds);
}

static void the_background_shows_through(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    png_file(s, "d/1.png", 1, 1, 4, 0); /* wholly transparent */
    const um_dataset_options o = { .background = { 9, 8, 7 } };
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), &o));
    assert_true(ds.c == 3 && ds.pixels[0] == 9 && ds.pixels[1] == 8 && ds.pixels[2] == 7);
    um_dataset_close(&ds);
}

static void a_limit_reads_only_what_it_keeps(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    png_file(s, "d/a/1.png", 1, 1, 1, 1);
    scratch_write(s, "d/a/2.png", "no image", 8);
    png_file(s, "d/b/3.png", 1, 1, 1, 3);
    scratch_write(s, "d/b/4.png", "no image", 8);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"),
                                      &(um_dataset_options){ .limit = 2 }));
    assert_true(ds.count == 2 && ds.pixels[0] == 1 && ds.pixels[1] == 3 && ds.labels[1] == 1);
    um_dataset_close(&ds);
    refused(s, scratch_path(s, "d"), NULL, UM_BAD_FILE, "d/a/2.png: is no PNG");
}

static void png_and_jpeg_can_be_told_apart(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    um_bytes b;
    char golden[SCRATCH_PATH];
    if (!um_jpeg_available) skip();
    snprintf(golden, sizeof golden, "%s/tests/golden/io/rgb.jpg", getenv("UM_SOURCE_ROOT"));
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, golden, 10000, &b));
    scratch_write(s, "d/1.jpg", b.data, b.size);
    scratch_write(s, "d/2.JPEG", b.data, b.size);
    png_file(s, "d/3.png", 9, 13, 3, 3);
    const struct {
        const char *format;
        int count;
    } cases[] = { { "folder", 3 }, { "jpeg", 2 }, { "png", 1 } };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const um_dataset_options o = { .format = cases[i].format };
        CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), &o));
        assert_true(ds.count == cases[i].count && ds.h == 9 && ds.w == 13 && ds.c == 3);
        um_dataset_close(&ds);
    }
    scratch_write(s, "d/1.jpg", b.data, b.size / 2);
    refused(s, scratch_path(s, "d"), NULL, UM_BAD_FILE, "d/1.jpg: JPEG: ");
    um_free(&s->ctx, b.data);
}

static void names_of_any_bytes_work(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    png_file(s, "d/\xff\xfe \n%s%n/x y.png", 1, 1, 1, 1);
    png_file(s, "d/-rf/1.png", 1, 1, 1, 2);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), NULL));
    assert_true(ds.count == 2 && ds.classes == 2);
    um_dataset_close(&ds);
}

static void a_single_picture_is_a_data_set_of_one(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    const um_dataset_options o = { .image_h = 6, .image_w = 6, .pad = 1 };
    png_file(s, "one.name", 4, 4, 3, 7);
    CHECK_OK(&s->ctx, um_dataset_open_picture(&ds, &s->ctx, scratch_path(s, "one.name"), NULL));
    assert_true(ds.count == 1 && ds.held == 0 && !ds.labels && ds.h == 4 && ds.w == 4 && ds.c == 3);
    um_dataset_close(&ds);
    CHECK_OK(&s->ctx, um_dataset_open_picture(&ds, &s->ctx, scratch_path(s, "one.name"), &o));
    assert_true(ds.h == 6 && ds.w == 6 && ds.pixels[0] == 0 && ds.pixels[3 * 7] == 7);
    um_dataset_close(&ds);
    scratch_write(s, "two.png", "no picture", 10);
    assert_int_equal(um_dataset_open_picture(&ds, &s->ctx, scratch_path(s, "two.png"), NULL),
                     UM_BAD_FILE);
    assert_true(!ds.ctx && !ds.pixels);
}

static um_status open_it(um_ctx *ctx, void *path)
{
    um_dataset ds;
    const um_dataset_options o = { .format = "folder", .image_h = 3, .image_w = 3, .limit = 3 };
    UM_TRY(um_dataset_open(&ds, ctx, path, &o));
    um_dataset_close(&ds);
    return UM_OK;
}

static um_status open_any(um_ctx *ctx, void *path)
{
    um_dataset ds;
    UM_TRY(um_dataset_open(&ds, ctx, path, NULL)); /* which asks what it is */
    um_dataset_close(&ds);
    return UM_OK;
}

static void no_allocation_that_fails_leaks(void **state)
{
    scratch *s = *state;
    char path[SCRATCH_PATH], inner[SCRATCH_PATH];
    snprintf(path, sizeof path, "%s", scratch_path(s, "d"));
    snprintf(inner, sizeof inner, "%s", scratch_path(s, "d/train/b"));
    png_file(s, "d/train/a/1.png", 2, 2, 1, 1);
    png_file(s, "d/train/b/2.png", 2, 2, 4, 2);
    png_file(s, "d/val/a/2.png", 2, 2, 3, 2);
    check_every_allocation(open_it, path);
    check_every_allocation(open_any, inner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(subfolders_are_classes_in_sorted_order),
        TEST(a_flat_folder_has_no_labels),
        TEST(train_and_test_folders_are_the_two_parts),
        TEST(links_that_go_round_in_circles_are_not_followed),
        TEST(too_deep_a_folder_is_told_and_not_looked_into),
        TEST(an_empty_training_part_is_named),
        TEST(hidden_folders_are_not_looked_into),
        TEST(images_of_another_size_are_named_unless_a_size_is_chosen),
        TEST(gray_and_rgb_meet_only_where_a_size_is_chosen),
        TEST(the_background_shows_through),
        TEST(a_limit_reads_only_what_it_keeps),
        TEST(png_and_jpeg_can_be_told_apart),
        TEST(names_of_any_bytes_work),
        TEST(a_single_picture_is_a_data_set_of_one),
        TEST(no_allocation_that_fails_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
