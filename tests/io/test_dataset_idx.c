/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/scratch.h"

#include <zlib.h>

#include "io/dataset_files.h"

/* Pack a scratch file as NAME.gz and remove the plain one. */
static void pack(scratch *s, const char *name)
{
    char *path = strdup(scratch_path(s, name)), packed[SCRATCH_PATH];
    um_bytes b;
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, path, 1 << 20, &b));
    snprintf(packed, sizeof packed, "%s.gz", path);
    gzFile file = gzopen(packed, "wb");
    assert_int_equal(gzwrite(file, b.data, (unsigned)b.size), b.size);
    assert_int_equal(gzclose(file), Z_OK);
    um_free(&s->ctx, b.data);
    unlink(path);
    free(path);
}

static void write_parts(scratch *s, const char *train, const char *test)
{
    char name[64];
    const char *parts[] = { train, test };
    for (int i = 0; i < 2 && parts[i]; i++) {
        const int n = i ? 4 : 12;
        snprintf(name, sizeof name, "d/%s-images-idx3-ubyte", parts[i]);
        idx_file(s, name, 3, (int[]){ n, 3, 2 }, 251 + i);
        snprintf(name, sizeof name, "d/%s-labels-idx1-ubyte", parts[i]);
        idx_file(s, name, 1, (int[]){ n }, 10);
    }
}

static void check_parts(scratch *s, const char *path, int count, int held)
{
    um_dataset ds;
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, path, NULL));
    assert_string_equal(ds.format, "idx");
    assert_true(ds.count == count && ds.held == held && ds.h == 3 && ds.w == 2 && ds.c == 1);
    for (int i = 0; i < count * 6; i++) assert_int_equal(ds.pixels[i], i % 251);
    for (int i = 0; i < count + held; i++)
        assert_int_equal(ds.labels[i], (i < count ? i : i - count) % 10);
    um_dataset_close(&ds);
}

static void plain_and_packed_files_are_found_by_folder_or_by_name(void **state)
{
    scratch *s = *state;
    write_parts(s, "train", "t10k");
    check_parts(s, scratch_path(s, "d"), 12, 4);
    check_parts(s, scratch_path(s, "d/train-images-idx3-ubyte"), 12, 4);
    check_parts(s, scratch_path(s, "d/t10k-images-idx3-ubyte"), 4, 0);
    pack(s, "d/train-images-idx3-ubyte");
    check_parts(s, scratch_path(s, "d"), 12, 4); /* packed images, plain labels */
    pack(s, "d/train-labels-idx1-ubyte");
    pack(s, "d/t10k-images-idx3-ubyte");
    check_parts(s, scratch_path(s, "d"), 12, 4);
    pack(s, "d/t10k-labels-idx1-ubyte");
    check_parts(s, scratch_path(s, "d/train-images-idx3-ubyte.gz"), 12, 4);
}

static void the_test_files_alone_are_trained_on(void **state)
{
    scratch *s = *state;
    write_parts(s, "t10k", NULL);
    check_parts(s, scratch_path(s, "d"), 12, 0);
}

static void several_sets_in_one_folder_need_a_name(void **state)
{
    scratch *s = *state;
    write_parts(s, "emnist-letters-train", "emnist-letters-test");
    check_parts(s, scratch_path(s, "d"), 12, 4);
    idx_file(s, "d/emnist-digits-train-images-idx3-ubyte", 3, (int[]){ 5, 3, 2 }, 250);
    refused(s, scratch_path(s, "d"), NULL, UM_BAD_FILE, "give the path of the file");
    check_parts(s, scratch_path(s, "d/emnist-letters-train-images-idx3-ubyte"), 12, 4);
}

static void images_without_labels_have_none(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    idx_file(s, "d/train-images-idx3-ubyte", 3, (int[]){ 5, 3, 2 }, 250);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), NULL));
    assert_true(ds.labels == NULL && ds.classes == 0);
    um_dataset_close(&ds);
    idx_file(s, "d/t10k-images-idx3-ubyte", 3, (int[]){ 2, 3, 2 }, 250);
    idx_file(s, "d/t10k-labels-idx1-ubyte", 1, (int[]){ 2 }, 10);
    refused(s, scratch_path(s, "d"), NULL, UM_BAD_FILE, "only one has labels");
}

static void broken_files_are_named_with_what_is_wrong(void **state)
{
    scratch *s = *state;
    static const char *const images = "d/train-images-idx3-ubyte", *const labels =
                                                                       "d/train-labels-idx1-ubyte";
    char *path = strdup(scratch_path(s, "d"));
    const um_dataset_options idx = { .format = "idx" };
    write_parts(s, "train", NULL);
    assert_int_equal(truncate(scratch_path(s, images), 16 + 71), 0);
    refused(s, path, NULL, UM_BAD_FILE,
            "train-images-idx3-ubyte: 71 bytes of values, but its header tells of 72");
    assert_int_equal(truncate(scratch_path(s, images), 16 + 73), 0);
    refused(s, path, NULL, UM_BAD_FILE, "train-images-idx3-ubyte: 73 bytes of values");
    assert_int_equal(truncate(scratch_path(s, images), 10), 0);
    refused(s, path, NULL, UM_BAD_FILE, "train-images-idx3-ubyte: cut in its header");
    assert_int_equal(truncate(scratch_path(s, images), 0), 0);
    refused(s, path, NULL, UM_BAD_FILE, "train-images-idx3-ubyte: no IDX file");
    write_parts(s, "train", NULL);
    idx_file(s, labels, 1, (int[]){ 11 }, 10);
    refused(s, path, NULL, UM_BAD_FILE, "train-labels-idx1-ubyte: 11 labels in 1 dimensions (12");
    idx_file(s, labels, 3, (int[]){ 12, 1, 1 }, 10);
    refused(s, path, NULL, UM_BAD_FILE, "train-labels-idx1-ubyte: 12 labels in 3 dimensions");
    write_parts(s, "train", "t10k");
    idx_file(s, "d/t10k-images-idx3-ubyte", 3, (int[]){ 4, 2, 2 }, 10);
    refused(s, path, NULL, UM_BAD_FILE,
            "train-images-idx3-ubyte: 3 x 2, but the test images beside have 2 x 2");
    write_parts(s, "train", "t10k");
    pack(s, images);
    assert_int_equal(truncate(scratch_path(s, "d/train-images-idx3-ubyte.gz"), 60), 0);
    refused(s, path, NULL, UM_BAD_FILE, "train-images-idx3-ubyte.gz: unexpected end of file");
    refused(s, scratch_path(s, labels), NULL, UM_BAD_FILE, "1 dimensions (images have 3");
    const uint8_t floats[20] = { 0, 0, 13, 3 },
                  huge[16] = { 0,   0,   8,   3,   255, 255, 255, 255,
                               255, 255, 255, 255, 255, 255, 255, 255 };
    refused(s, scratch_write(s, "f", floats, 20), &idx, UM_BAD_FILE, "f: no IDX file of bytes");
    refused(s, scratch_write(s, "g", huge, 16), &idx, UM_BAD_FILE,
            "g: 0 bytes of values, but its header");
    idx_file(s, "none", 3, (int[]){ 0, 2, 2 }, 10);
    refused(s, scratch_path(s, "none"), &idx, UM_BAD_FILE, "none: holds 0 images");
    idx_file(s, "flat", 3, (int[]){ 2, 0, 2 }, 10);
    refused(s, scratch_path(s, "flat"), &idx, UM_BAD_FILE, "flat: a side of 0");
    idx_file(s, "deep", 4, (int[]){ 2, 2, 2, 17 }, 10);
    refused(s, scratch_path(s, "deep"), &idx, UM_BAD_FILE,
            "deep: images of 2 x 2 with 17 channels");
    free(path);
}

static void each_of_the_first_four_bytes_must_be_right(void **state)
{
    scratch *s = *state;
    const um_dataset_options idx = { .format = "idx" };
    for (int i = 0; i < 4; i++) {
        uint8_t head[20] = { 0, 0, 8, 3 };
        head[i] = 9;
        refused(s, scratch_write(s, "h", head, 20), &idx, UM_BAD_FILE, "h: no IDX file of bytes");
        refused(s, scratch_path(s, "h"), NULL, UM_BAD_FILE, "h: ");
        head[i] = i == 3 ? 0 : 1;
        refused(s, scratch_write(s, "h", head, 20), &idx, UM_BAD_FILE, "h: no IDX file of bytes");
    }
}

/* Sixteen megabytes of zeros behind what the header tells of. */
static void what_the_header_does_not_tell_of_is_not_unpacked(void **state)
{
    scratch *s = *state;
    uint8_t bytes[64];
    static const uint8_t zeros[1 << 16];
    const size_t n = idx_bytes(bytes, 3, (int[]){ 3, 2, 2 }, 10);
    char *path = strdup(scratch_path(s, "bomb.gz"));
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, bytes, (unsigned)n), n);
    for (int i = 0; i < 256; i++) assert_true(gzwrite(file, zeros, sizeof zeros) > 0);
    assert_int_equal(gzclose(file), Z_OK);
    refused(s, path, NULL, UM_BAD_FILE, "bomb.gz: more than 29 bytes");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(plain_and_packed_files_are_found_by_folder_or_by_name),
        TEST(the_test_files_alone_are_trained_on),
        TEST(several_sets_in_one_folder_need_a_name),
        TEST(images_without_labels_have_none),
        TEST(what_the_header_does_not_tell_of_is_not_unpacked),
        TEST(each_of_the_first_four_bytes_must_be_right),
        TEST(broken_files_are_named_with_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
