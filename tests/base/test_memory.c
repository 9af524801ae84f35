/* SPDX-License-Identifier: MIT
 * test_memory.c - made-up /proc and /sys below a folder, and this machine's own. */
#include "base/memory.h"
#include "support/scratch.h"

#include <sys/resource.h>
#include <sys/wait.h>

enum { MIB = 1 << 20 };

/* A text file of the made-up system. */
static void put(scratch *s, const char *name, const char *text)
{
    scratch_write(s, name, text, strlen(text));
}

static void check_room(scratch *s, size_t mib, const char *limit)
{
    um_room room;
    um_memory_room(s->folder, &room);
    if (room.bytes != mib * MIB || strcmp(room.limit, limit) != 0)
        fail_msg("%zu bytes by \"%s\"", room.bytes, room.limit);
}

static void the_machine_says_what_it_has(void **state)
{
    scratch *s = *state;
    put(s, "proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:   307200 kB\n");
    check_room(s, 300, "the machine");
    um_room room;
    um_memory_room("", &room);
    assert_true(room.bytes > MIB && room.bytes < (size_t)1 << 50);
    assert_true(strlen(room.limit) > 0);
}

static void a_system_that_says_nothing_limits_nothing(void **state)
{
    scratch *s = *state;
    um_room room;
    um_memory_room(s->folder, &room);
    assert_true(room.bytes == SIZE_MAX);
}

/* What the group holds counts, but for pages that are dropped when there is need. */
static void a_control_group_leaves_what_it_does_not_hold(void **state)
{
    scratch *s = *state;
    put(s, "proc/meminfo", "MemAvailable: 1048576 kB\n");
    put(s, "proc/self/cgroup", "0::/a/b\n");
    put(s, "sys/fs/cgroup/a/b/memory.max", "209715200\n");      /* 200 MiB */
    put(s, "sys/fs/cgroup/a/b/memory.current", "104857600\n");  /* 100 MiB */
    put(s, "sys/fs/cgroup/a/b/memory.stat",
        "anon 1\ninactive_file 31457280\nactive_file 10485760\nslab_reclaimable 1048576\n");
    check_room(s, 141, "memory.max of /a/b");
    put(s, "sys/fs/cgroup/a/b/memory.high", "157286400\n"); /* 150 MiB: above it all is slow */
    check_room(s, 91, "memory.high of /a/b");
    put(s, "sys/fs/cgroup/a/b/memory.max", "max\n");
    put(s, "sys/fs/cgroup/a/b/memory.high", "max\n");
    check_room(s, 1024, "the machine");
    put(s, "sys/fs/cgroup/a/b/memory.max", "1048576\n"); /* lowered below what is held */
    check_room(s, 0, "memory.max of /a/b");
}

static void the_tightest_group_above_counts(void **state)
{
    scratch *s = *state;
    put(s, "proc/self/cgroup", "0::/a/b/c\n");
    put(s, "sys/fs/cgroup/a/b/c/memory.max", "max\n");
    put(s, "sys/fs/cgroup/a/b/c/memory.current", "1048576\n");
    put(s, "sys/fs/cgroup/a/memory.max", "83886080\n");
    put(s, "sys/fs/cgroup/a/memory.current", "20971520\n");
    check_room(s, 60, "memory.max of /a");
}

/* A container is told its name outside, and shown its own group alone. */
static void a_container_s_mount_is_its_group(void **state)
{
    scratch *s = *state;
    put(s, "proc/self/cgroup", "0::/\n");
    put(s, "sys/fs/cgroup/memory.max", "83886080\n");
    put(s, "sys/fs/cgroup/memory.current", "20971520\n");
    check_room(s, 60, "memory.max of the control group");
    put(s, "proc/self/cgroup", "0::/../system.slice/x\n");
    check_room(s, 60, "memory.max of the control group");
}

static void groups_of_version_1_are_heard(void **state)
{
    scratch *s = *state;
    put(s, "proc/self/cgroup", "12:cpuset:/\n5:cpu,memory:/docker/x\n1:name=systemd:/\n0::/\n");
    put(s, "sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n");
    put(s, "sys/fs/cgroup/memory/memory.usage_in_bytes", "52428800\n");
    put(s, "sys/fs/cgroup/memory/memory.stat", "total_inactive_file 10485760\n");
    check_room(s, 60, "memory.limit_in_bytes of the control group");
}

/* Is as much left below a limit of the process as it says? In a child of its own. */
static void check_limit(int which, const char *name)
{
    int result;
    const pid_t child = fork();
    if (child == 0) {
        um_room room;
        const struct rlimit limit = { (rlim_t)600 * MIB, (rlim_t)600 * MIB };
        bool good = setrlimit((__typeof__(RLIMIT_AS))which, &limit) == 0;
        um_memory_room("", &room);
        good = good && strcmp(room.limit, name) == 0 && room.bytes < (size_t)600 * MIB;
        void *rest = good ? malloc(room.bytes - MIB) : NULL;
        good = good && rest && !malloc(2 * MIB);
        _exit(good ? 0 : 1);
    }
    assert_true(waitpid(child, &result, 0) == child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
}

static void limits_of_the_process_count(void **state)
{
    (void)state;
    if (getenv("ASAN_OPTIONS")) skip(); /* the sanitizer takes more than that for itself */
    check_limit(RLIMIT_AS, "RLIMIT_AS");
    check_limit(RLIMIT_DATA, "RLIMIT_DATA");
}

static void a_setting_overrules_the_system(void **state)
{
    scratch *s = *state;
    um_room room;
    s->ctx.memory = (size_t)1 << 50;
    um_memory_left(&s->ctx, &room);
    assert_true(room.bytes > (size_t)1 << 49);
    assert_string_equal(room.limit, "run.memory");
    s->ctx.memory = 1; /* less than the program has */
    um_memory_left(&s->ctx, &room);
    assert_true(room.bytes == 0);
}

/* Linux would promise it, and end the program that fills it. */
static void more_than_there_is_is_refused(void **state)
{
    um_ctx *ctx = &((scratch *)*state)->ctx;
    um_room room;
    char *p = (char *)ctx;
    um_memory_room("", &room);
    assert_int_equal(um_alloc(ctx, &p, room.bytes + ((size_t)2 << 30), 1, "a test"), UM_NO_MEMORY);
    assert_null(p);
    CHECK_TOLD(ctx, "no memory for a test (");
    CHECK_TOLD(ctx, " leaves ");
}

static void what_it_has_is_given_and_zeroed(void **state)
{
    um_ctx *ctx = &((scratch *)*state)->ctx;
    const size_t bytes = (size_t)65 << 20;
    char *p;
    CHECK_OK(ctx, um_alloc(ctx, &p, bytes, 1, "a test"));
    assert_true((uintptr_t)p % UM_ALIGN == 0);
    assert_true(p[0] == 0 && p[bytes - 1] == 0);
    assert_true(um_memory_resident() >= bytes && um_memory_peak() >= um_memory_resident() / 2);
    um_free(ctx, p);
}

static void a_size_that_does_not_fit_a_number_is_refused(void **state)
{
    um_ctx *ctx = &((scratch *)*state)->ctx;
    char *p;
    assert_int_equal(um_alloc(ctx, &p, SIZE_MAX / 2, 4, "a test"), UM_NO_MEMORY);
    assert_int_equal(um_alloc(ctx, &p, SIZE_MAX, 1, "a test"), UM_NO_MEMORY);
    assert_null(p);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_machine_says_what_it_has),
        TEST(a_system_that_says_nothing_limits_nothing),
        TEST(a_control_group_leaves_what_it_does_not_hold),
        TEST(the_tightest_group_above_counts),
        TEST(a_container_s_mount_is_its_group),
        TEST(groups_of_version_1_are_heard),
        TEST(limits_of_the_process_count),
        TEST(a_setting_overrules_the_system),
        TEST(more_than_there_is_is_refused),
        TEST(what_it_has_is_given_and_zeroed),
        TEST(a_size_that_does_not_fit_a_number_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
