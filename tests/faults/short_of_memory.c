/* SPDX-License-Identifier: MIT
 * short_of_memory.c - preloaded: the n-th allocation of the program and its libraries fails.
 *
 * UM_FAIL_MALLOC=n: which (0: none); UM_COUNT_FILE: a file that gets how many there were. What the
 * loader and the OpenMP runtime take is not counted: they end the process themselves. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *p, size_t bytes);
extern void *__libc_memalign(size_t align, size_t bytes);

static atomic_long asked;
static long fails_at = -1; /* -1: main has not begun */
static _Thread_local int inside;

__attribute__((constructor)) static void begin(void)
{
    const char *n = getenv("UM_FAIL_MALLOC");
    fails_at = n ? strtol(n, NULL, 10) : 0;
}

__attribute__((destructor)) static void end(void)
{
    char text[32];
    const char *path = getenv("UM_COUNT_FILE");
    const int size = snprintf(text, sizeof text, "%ld", atomic_load(&asked));
    fails_at = -1;
    if (!path) return;
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, text, (size_t)size) != size) _exit(99);
    close(fd);
}

/* Is it the caller's turn to be refused? */
static int refused(void *caller)
{
    Dl_info from;
    if (fails_at < 0 || inside) return 0;
    inside = 1; /* dladdr may allocate */
    const int known = dladdr(caller, &from) && from.dli_fname;
    inside = 0;
    if (known && (strstr(from.dli_fname, "libgomp") || strstr(from.dli_fname, "libomp") ||
                  strstr(from.dli_fname, "ld-linux")))
        return 0;
    if (atomic_fetch_add(&asked, 1) + 1 != fails_at) return 0;
    errno = ENOMEM;
    return 1;
}

#pragma GCC visibility push(default)

void *malloc(size_t bytes)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *p, size_t bytes)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_realloc(p, bytes);
}

void *aligned_alloc(size_t align, size_t bytes)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_memalign(align, bytes);
}
