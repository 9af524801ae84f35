/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/scratch.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <signal.h>

static void a_file_comes_back_as_it_was_written(void **state)
{
    scratch *s = *state;
    enum { N = 200000 }; /* several buffers */
    uint8_t *data = malloc(N);
    for (int i = 0; i < N; i++) data[i] = (uint8_t)(i * 7 >> 3);
    const char *path = scratch_path(s, "x.bin");
    um_writer w;
    um_writer_open(&w, &s->ctx, path);
    for (size_t at = 0, piece = 1; at < N; at += piece, piece = 3 * piece % 99991) {
        if (piece > N - at) piece = N - at;
        um_writer_put(&w, data + at, piece);
    }
    CHECK_OK(&s->ctx, um_writer_commit(&w));
    um_bytes back;
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, path, N, &back));
    assert_int_equal(back.size, N);
    assert_memory_equal(back.data, data, N);
    assert_int_equal(back.data[N], 0);
    um_free(&s->ctx, back.data);
    free(data);
    assert_int_equal(scratch_entries(s, s->folder), 1);
}

static void reading_refuses_with_the_reason(void **state)
{
    scratch *s = *state;
    um_bytes b = { (uint8_t *)s, 9 };
    scratch_write(s, "five", "12345", 5);
    const struct { const char *name, *reason; size_t most; } cases[] = {
        { "absent", "No such file", 10 },
        { "", "is no regular file", 10 },
        { "five", "5 bytes (at most 4 are read)", 4 },
        { "five/below", "Not a directory", 10 },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const char *path = scratch_path(s, cases[i].name);
        assert_int_equal(um_file_read(&s->ctx, path, cases[i].most, &b), UM_BAD_FILE);
        assert_null(b.data);
        CHECK_TOLD(&s->ctx, cases[i].reason);
        CHECK_TOLD(&s->ctx, path);
    }
}

static void an_empty_file_can_be_read(void **state)
{
    scratch *s = *state;
    um_bytes b;
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, scratch_write(s, "empty", "", 0), 10, &b));
    assert_int_equal(b.size, 0);
    um_free(&s->ctx, b.data);
}

static void an_abandoned_file_leaves_the_older_one_alone(void **state)
{
    scratch *s = *state;
    const char *path = scratch_write(s, "x", "old", 3);
    um_writer w;
    um_bytes b;
    um_writer_open(&w, &s->ctx, path);
    um_writer_put(&w, "new content", 11);
    um_writer_abandon(&w);
    um_writer_abandon(&w);
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, path, 10, &b));
    assert_string_equal((char *)b.data, "old");
    um_free(&s->ctx, b.data);
    assert_int_equal(scratch_entries(s, s->folder), 1);
}

static void a_file_that_is_replaced_keeps_its_mode(void **state)
{
    scratch *s = *state;
    const char *path = scratch_write(s, "x", "old", 3);
    struct stat info;
    assert_int_equal(chmod(path, 0640), 0);
    CHECK_OK(&s->ctx, um_file_write(&s->ctx, path, "new", 3));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void writing_refuses_with_the_reason_and_leaves_nothing(void **state)
{
    scratch *s = *state;
    CHECK_OK(&s->ctx, um_folder_make(&s->ctx, scratch_path(s, "folder")));
    const struct { const char *name, *reason; } cases[] = {
        { "absent/x", "No such file" },
        { "folder", "Is a directory" },
        { "folder/", "Is a directory" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const char *path = scratch_path(s, cases[i].name);
        assert_int_equal(um_file_write(&s->ctx, path, "x", 1), UM_IO);
        CHECK_TOLD(&s->ctx, cases[i].reason);
        CHECK_TOLD(&s->ctx, path);
    }
    assert_int_equal(um_file_write(&s->ctx, "", "x", 1), UM_IO);
    assert_int_equal(scratch_entries(s, s->folder), 1);
}

static void a_file_that_cannot_be_read_to_its_end_is_told(void **state)
{
    scratch *s = *state;
    char bytes[8];
    const int five = open(scratch_write(s, "five", "12345", 5), O_RDONLY);
    CHECK_OK(&s->ctx, um_file_read_at(&s->ctx, "five", five, bytes, 3, 2));
    assert_memory_equal(bytes, "345", 3);
    assert_int_equal(um_file_read_at(&s->ctx, "five", five, bytes, 4, 2), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "five: ends too early");
    close(five);
    const int broken = open("/proc/self/mem", O_RDONLY); /* its first page cannot be read */
    if (broken < 0) skip();
    assert_int_equal(um_file_read_at(&s->ctx, "mem", broken, bytes, 4, 0), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "mem: Input/output error");
    close(broken);
}

/* A write that fails midway, as on a full disk. */
static void a_failing_write_keeps_the_older_file(void **state)
{
    scratch *s = *state;
    const char *path = scratch_write(s, "x", "old", 3);
    enum { N = 1 << 20 };
    uint8_t *data = calloc(1, N);
    struct rlimit before, small = { 100000, RLIM_INFINITY };
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const um_status status = um_file_write(&s->ctx, path, data, N);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, UM_IO);
    CHECK_TOLD(&s->ctx, "File too large");
    um_bytes b;
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, path, 10, &b));
    assert_string_equal((char *)b.data, "old");
    um_free(&s->ctx, b.data);
    free(data);
    assert_int_equal(scratch_entries(s, s->folder), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(a_file_comes_back_as_it_was_written),
        TEST(reading_refuses_with_the_reason),
        TEST(an_empty_file_can_be_read),
        TEST(an_abandoned_file_leaves_the_older_one_alone),
        TEST(a_file_that_is_replaced_keeps_its_mode),
        TEST(writing_refuses_with_the_reason_and_leaves_nothing),
        TEST(a_file_that_cannot_be_read_to_its_end_is_told),
        TEST(a_failing_write_keeps_the_older_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
