/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/failing.h"
#include "support/scratch.h"

#include <archive.h>
#include <archive_entry.h>

#include "io/dataset_files.h"

static const char names10[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\nlast one\r\n\n";

static void planes_become_pixels(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    cifar_file(s, "d/data_batch_1.bin", 20, 1, 10);
    cifar_file(s, "d/data_batch_2.bin", 15, 1, 10);
    cifar_file(s, "d/test_batch.bin", 5, 1, 10);
    scratch_write(s, "d/batches.meta.txt", names10, strlen(names10));
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), NULL));
    assert_true(ds.count == 35 && ds.held == 5 && ds.classes == 10);
    assert_string_equal(ds.class_names[9], "last one");
    for (int i = 0; i < 40; i++) {
        const int k = i < 20 ? i : i < 35 ? i - 20 : i - 35;
        const uint8_t *p = ds.pixels + i * 3072;
        assert_int_equal(ds.labels[i], k % 10);
        for (int y = 0; y < 32; y++)
            for (int x = 0; x < 32; x++)
                for (int c = 0; c < 3; c++)
                    assert_int_equal(p[(y * 32 + x) * 3 + c], (k + 10 * c + y) & 255);
    }
    um_dataset_close(&ds);
}

static void cifar100_has_two_labels_and_the_fine_one_counts(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    cifar_file(s, "d/train.bin", 100, 2, 100);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), NULL));
    assert_string_equal(ds.format, "cifar100");
    assert_true(ds.count == 100 && ds.held == 0 && ds.classes == 100 && !ds.class_names);
    assert_true(ds.labels[99] == 99 && ds.pixels[99 * 3072 + 2] == 99 + 20);
    um_dataset_close(&ds);
}

static void the_test_file_alone_is_trained_on(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    cifar_file(s, "d/test_batch.bin", 4, 1, 10);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, scratch_path(s, "d"), NULL));
    assert_true(ds.count == 4 && ds.held == 0);
    um_dataset_close(&ds);
}

static void the_official_folder_is_found_in_the_one_above(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    cifar_file(s, "cifar-10-batches-bin/data_batch_1.bin", 4, 1, 10);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, s->folder, NULL));
    assert_int_equal(ds.count, 4);
    um_dataset_close(&ds);
}

static void broken_files_are_named_with_what_is_wrong(void **state)
{
    scratch *s = *state;
    char *path = strdup(scratch_path(s, "d")),
         *one = strdup(cifar_file(s, "d/data_batch_1.bin", 4, 1, 10));
    assert_int_equal(truncate(one, 4 * 3073 - 1), 0);
    refused(s, path, NULL, UM_BAD_FILE, "d/data_batch_1.bin: 12291 bytes are no whole number");
    assert_int_equal(truncate(one, 0), 0);
    refused(s, path, NULL, UM_BAD_FILE, "d/data_batch_1.bin: 0 bytes");
    cifar_file(s, "d/data_batch_1.bin", 11, 1, 11);
    refused(s, path, NULL, UM_BAD_FILE, "d/data_batch_1.bin: record 10 has label 10 (0 to 9)");
    cifar_file(s, "d/data_batch_1.bin", 4, 1, 10);
    cifar_file(s, "d/data_batch_3.bin", 4, 1, 10);
    refused(s, path, NULL, UM_BAD_FILE,
            "d/data_batch_2.bin: is missing (data_batch_3.bin is there)");
    cifar_file(s, "d/data_batch_2.bin", 4, 1, 10);
    scratch_write(s, "d/batches.meta.txt", "a\nb\n", 4);
    refused(s, path, NULL, UM_BAD_FILE, "d/batches.meta.txt: 2 names (10 classes");
    cifar_file(s, "h/train.bin", 101, 2, 101);
    refused(s, scratch_path(s, "h"), NULL, UM_BAD_FILE,
            "h/train.bin: record 100 has label 100 (0 to 99)");
    free(path);
    free(one);
}

/* One entry of an archive. */
struct member {
    const char *path;
    int records; /* of CIFAR-10; 0: the classes' names */
    int type;
    const char *link;
};

static const char *tar_of(scratch *s, const struct member *members, int count, bool packed)
{
    char *path = strdup(scratch_path(s, "c.tar.gz"));
    struct archive *a = archive_write_new();
    if (packed) archive_write_add_filter_gzip(a);
    archive_write_set_format_ustar(a);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (int i = 0; i < count; i++) {
        um_bytes b = { 0 };
        const struct member *m = &members[i];
        if (m->records)
            CHECK_OK(&s->ctx, um_file_read(&s->ctx, cifar_file(s, "member", m->records, 1, 10),
                                           1 << 20, &b));
        const void *data = b.data ? (void *)b.data : names10;
        const size_t size = m->type != AE_IFREG || m->link ? 0 : b.data ? b.size : strlen(names10);
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, m->path);
        archive_entry_set_filetype(e, (unsigned)m->type);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, (la_int64_t)size);
        if (m->link && m->type == AE_IFLNK) archive_entry_set_symlink(e, m->link);
        if (m->link && m->type == AE_IFREG) archive_entry_set_hardlink(e, m->link);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        if (size) assert_int_equal(archive_write_data(a, data, size), size);
        archive_entry_free(e);
        um_free(&s->ctx, b.data);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    free(path);
    return scratch_path(s, "c.tar.gz");
}

static const struct member official[] = {
    { "cifar-10-batches-bin", 0, AE_IFDIR, NULL },
    { "cifar-10-batches-bin/data_batch_2.bin", 5, AE_IFREG, NULL },
    { "cifar-10-batches-bin/readme.html", 0, AE_IFREG, NULL },
    { "cifar-10-batches-bin/batches.meta.txt", 0, AE_IFREG, NULL },
    { "cifar-10-batches-bin/data_batch_1.bin", 30, AE_IFREG, NULL },
    { "cifar-10-batches-bin/test_batch.bin", 7, AE_IFREG, NULL },
};

static void an_archive_is_read_as_it_is(void **state)
{
    scratch *s = *state;
    for (int packed = 0; packed < 2; packed++) {
        um_dataset ds;
        CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx,
                                          tar_of(s, official, UM_COUNT(official), packed), NULL));
        assert_true(ds.count == 35 && ds.held == 7);
        assert_string_equal(ds.format, "cifar10");
        assert_string_equal(ds.class_names[0], "a");
        assert_int_equal(ds.pixels[29 * 3072],
                         29); /* first file first, whatever the archive's order */
        assert_int_equal(ds.pixels[30 * 3072], 0);
        um_dataset_close(&ds);
    }
    assert_int_equal(scratch_entries(s, s->folder), 2); /* the archive, and this test's own file */
}

static void paths_that_lead_elsewhere_and_links_write_and_read_nothing(void **state)
{
    scratch *s = *state;
    const struct member hostile[] = {
        { "../../../escape/data_batch_1.bin", 6, AE_IFREG, NULL },  /* only its name is matched */
        { "/tmp/data_batch_2.bin", 3, AE_IFREG, NULL },
        { "x/data_batch_1.bin", 9, AE_IFREG, NULL },                /* a second one of the name */
        { "x/data_batch_3.bin", 0, AE_IFLNK, "/etc/passwd" },
        { "x/test_batch.bin", 0, AE_IFREG, "x/data_batch_1.bin" },  /* a hard link */
    };
    um_dataset ds;
    CHECK_OK(&s->ctx,
             um_dataset_open(&ds, &s->ctx, tar_of(s, hostile, UM_COUNT(hostile), true), NULL));
    assert_true(ds.count == 9 && ds.held == 0);
    um_dataset_close(&ds);
    assert_int_equal(scratch_entries(s, s->folder), 2);
}

static void a_cut_or_damaged_archive_is_an_error(void **state)
{
    scratch *s = *state;
    const char *told = "c.tar.gz: ";
    const um_dataset_options cifar = { .format = "cifar10" };
    char *path = strdup(tar_of(s, official, UM_COUNT(official), true));
    um_bytes b;
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, path, 1 << 20, &b));
    for (size_t n = 0; n < b.size * 3 / 4; n += b.size / 16 + 1) {
        scratch_write(s, "c.tar.gz", b.data, n);
        refused(s, path, &cifar, UM_BAD_FILE, told);
    }
    for (size_t i = 20; i < b.size / 2; i++) b.data[i] ^= 0x5a;
    scratch_write(s, "c.tar.gz", b.data, b.size);
    refused(s, path, &cifar, UM_BAD_FILE, told);
    um_free(&s->ctx, b.data);
    free(path);
}

/* Files of which make_corpus.py says what they are. */
static void an_archive_does_not_unpack_to_more_than_it_holds(void **state)
{
    scratch *s = *state;
    const struct { const char *name, *told; } cases[] = {
        { "hole.tar", "has neither data_batch_1.bin" },
        { "twice.tar.gz", "is packed more than once" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        char path[SCRATCH_PATH];
        snprintf(path, sizeof path, "%s/tests/fuzz/regressions/cifar_tar/%s",
                 getenv("UM_SOURCE_ROOT"), cases[i].name);
        refused(s, path, &(um_dataset_options){ .format = "cifar10" }, UM_BAD_FILE, cases[i].told);
    }
}

/* An entry of which the header says that it has 3 GiB; and one that ends before its header does. */
static void an_archive_s_sizes_are_not_believed(void **state)
{
    scratch *s = *state;
    const um_dataset_options cifar = { .format = "cifar10" };
    char *path = strdup(tar_of(s, official + 1, 1, false));
    um_bytes b;
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, path, 1 << 20, &b));
    scratch_write(s, "c.tar.gz", b.data, 512 + 5 * 3073);
    refused(s, path, &cifar, UM_BAD_FILE, "c.tar.gz: ");
    memcpy(b.data + 124, "30000000000", 12);
    memset(b.data + 148, ' ', 8); /* the sum of the header's bytes, its own being blanks */
    unsigned sum = 0;
    for (int i = 0; i < 512; i++) sum += b.data[i];
    snprintf((char *)b.data + 148, 8, "%06o", sum);
    scratch_write(s, "c.tar.gz", b.data, b.size);
    refused(s, path, &cifar, UM_BAD_FILE, "unpacks to more than 2147483648 bytes");
    um_free(&s->ctx, b.data);
    free(path);
}

static void a_name_too_many_or_without_an_end_of_line_is_counted(void **state)
{
    scratch *s = *state;
    um_dataset ds;
    char *path = strdup(scratch_path(s, "d"));
    cifar_file(s, "d/data_batch_1.bin", 4, 1, 10);
    scratch_write(s, "d/batches.meta.txt", names10, strlen(names10) - 3);
    CHECK_OK(&s->ctx, um_dataset_open(&ds, &s->ctx, path, NULL));
    assert_string_equal(ds.class_names[9], "last one");
    um_dataset_close(&ds);
    scratch_write(s, "d/batches.meta.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n", 24);
    refused(s, path, NULL, UM_BAD_FILE, "11 names (10 classes");
    cifar_file(s, "d/test_batch.bin", 1, 1, 10);
    assert_int_equal(truncate(scratch_path(s, "d/test_batch.bin"), 3000), 0);
    refused(s, path, NULL, UM_BAD_FILE, "d/test_batch.bin: 3000 bytes are no whole number");
    free(path);
}

static um_status open_any(um_ctx *ctx, void *path)
{
    um_dataset ds;
    UM_TRY(um_dataset_open(&ds, ctx, path, NULL)); /* which asks what it is */
    um_dataset_close(&ds);
    return UM_OK;
}

static um_status open_it(um_ctx *ctx, void *path)
{
    um_dataset ds;
    UM_TRY(um_dataset_open(&ds, ctx, path, &(um_dataset_options){ .format = "cifar10" }));
    um_dataset_close(&ds);
    return UM_OK;
}

static void no_allocation_that_fails_leaks(void **state)
{
    scratch *s = *state;
    char *path = strdup(tar_of(s, official, UM_COUNT(official), true));
    check_every_allocation(open_it, path);
    free(path);
    path = strdup(scratch_path(s, "e"));
    cifar_file(s, "e/cifar-10-batches-bin/data_batch_1.bin", 2, 1, 10);
    cifar_file(s, "e/cifar-10-batches-bin/test_batch.bin", 2, 1, 10);
    check_every_allocation(open_any, path);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(planes_become_pixels),
        TEST(cifar100_has_two_labels_and_the_fine_one_counts),
        TEST(the_test_file_alone_is_trained_on),
        TEST(the_official_folder_is_found_in_the_one_above),
        TEST(broken_files_are_named_with_what_is_wrong),
        TEST(an_archive_is_read_as_it_is),
        TEST(paths_that_lead_elsewhere_and_links_write_and_read_nothing),
        TEST(an_archive_does_not_unpack_to_more_than_it_holds),
        TEST(a_cut_or_damaged_archive_is_an_error),
        TEST(an_archive_s_sizes_are_not_believed),
        TEST(a_name_too_many_or_without_an_end_of_line_is_counted),
        TEST(no_allocation_that_fails_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
