/* SPDX-License-Identifier: MIT */
#include "io/gzip.h"

#include <sys/resource.h>
#include <zlib.h>

#include "io/growing.h"
#include "support/failing.h"
#include "support/scratch.h"

enum { N = 300000 }; /* several pieces */

static uint8_t content[N];

/* The content as NAME, packed or not. */
static const char *file_of(scratch *s, const char *name, bool packed)
{
    const char *path = scratch_path(s, name);
    for (int i = 0; i < N; i++) content[i] = (uint8_t)((unsigned)i * (unsigned)i >> 5);
    gzFile file = gzopen(path, packed ? "wb" : "wbT");
    assert_int_equal(gzwrite(file, content, N), N);
    assert_int_equal(gzclose(file), Z_OK);
    return path;
}

static void packed_and_plain_files_give_the_same_bytes(void **state)
{
    scratch *s = *state;
    for (int packed = 0; packed < 2; packed++) {
        const char *path = file_of(s, "x", packed);
        um_bytes b;
        uint8_t head[7];
        CHECK_OK(&s->ctx, um_gzip_read(&s->ctx, path, N, &b));
        assert_int_equal(b.size, N);
        assert_memory_equal(b.data, content, N);
        um_free(&s->ctx, b.data);
        assert_int_equal(um_gzip_peek(path, head, sizeof head), sizeof head);
        assert_memory_equal(head, content, sizeof head);
    }
}

static void refused(scratch *s, const char *path, size_t most, const char *told)
{
    um_bytes b = { (uint8_t *)s, 9 };
    assert_int_equal(um_gzip_read(&s->ctx, path, most, &b), UM_BAD_FILE);
    assert_null(b.data);
    CHECK_TOLD(&s->ctx, told);
    CHECK_TOLD(&s->ctx, path);
}

static void what_cannot_be_unpacked_is_told(void **state)
{
    scratch *s = *state;
    const char *path = file_of(s, "x.gz", true);
    um_bytes b;
    refused(s, path, N - 1, "more than 299999 bytes");
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, path, N, &b));
    b.data[b.size - 7] ^= 1; /* of the checksum */
    refused(s, scratch_write(s, "sum.gz", b.data, b.size), N, "incorrect data check");
    refused(s, scratch_write(s, "cut.gz", b.data, b.size / 2), N, "unexpected end of file");
    um_free(&s->ctx, b.data);
    refused(s, s->folder, N, "is no regular file");
    refused(s, scratch_path(s, "absent"), N, "No such file");
    if (access("/proc/self/mem", R_OK) == 0) /* a file whose first page cannot be read */
        refused(s, "/proc/self/mem", N, "Input/output error");
}

static void a_peek_into_what_cannot_be_read_gives_nothing(void **state)
{
    scratch *s = *state;
    uint8_t head[4];
    assert_int_equal(um_gzip_peek(scratch_path(s, "absent"), head, 4), 0);
    assert_int_equal(um_gzip_peek(s->folder, head, 4), 0);
    assert_int_equal(um_gzip_peek("/proc/self/mem", head, 4), 0);
    assert_int_equal(um_gzip_peek(scratch_write(s, "few", "ab", 2), head, 4), 2);
}

static void want_of_file_descriptors_is_told(void **state)
{
    scratch *s = *state;
    const char *path = file_of(s, "x.gz", true);
    uint8_t head[4];
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ 0, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    refused(s, path, N, "Too many open files");
    assert_int_equal(um_gzip_peek(path, head, 4), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static um_status read_it(um_ctx *ctx, void *path)
{
    um_bytes b;
    const um_status status = um_gzip_read(ctx, path, N, &b);
    if (status == UM_OK) um_free(ctx, b.data);
    return status;
}

static void no_allocation_that_fails_leaks(void **state)
{
    check_every_allocation(read_it, (void *)file_of(*state, "x.gz", true));
}

static void bytes_grow_to_what_they_may_have_and_no_further(void **state)
{
    scratch *s = *state;
    um_bytes b = { 0 };
    size_t room = 0;
    CHECK_OK(&s->ctx, um_growing_reserve(&s->ctx, "x", &b, &room, 100, 200000));
    b.data[0] = 7, b.size = 1;
    CHECK_OK(&s->ctx, um_growing_reserve(&s->ctx, "x", &b, &room, 199999, 200000));
    assert_true(room >= 200000 && b.data[0] == 7);
    b.size = 150000;
    assert_int_equal(um_growing_reserve(&s->ctx, "x", &b, &room, 50001, 200000), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "x: unpacks to more than 200000 bytes");
    assert_int_equal(um_growing_reserve(&s->ctx, "x", &b, &room, SIZE_MAX, 200000), UM_BAD_FILE);
    um_free(&s->ctx, b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(packed_and_plain_files_give_the_same_bytes),
        TEST(what_cannot_be_unpacked_is_told),
        TEST(a_peek_into_what_cannot_be_read_gives_nothing),
        TEST(want_of_file_descriptors_is_told),
        TEST(no_allocation_that_fails_leaks),
        TEST(bytes_grow_to_what_they_may_have_and_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
