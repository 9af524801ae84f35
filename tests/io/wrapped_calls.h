/* SPDX-License-Identifier: MIT
 * wrapped_calls.h - calls that the linker turns over to the test (--wrap in meson.build), which
 * lets them fail. For one source file of a program: the functions are defined here. */
#ifndef UM_WRAPPED_CALLS_H
#define UM_WRAPPED_CALLS_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"

/* The calls `first` to `last` of this name, from 1 on, fail with `error`. */
static struct {
    const char *name;
    int first, last, error, seen;
} fault;

static inline bool fails(const char *name)
{
    if (!fault.name || strcmp(name, fault.name) != 0) return false;
    fault.seen++;
    if (fault.seen < fault.first || fault.seen > fault.last) return false;
    errno = fault.error;
    return true;
}

static inline void let_fail(const char *name, int first, int last, int error)
{
    fault.name = name, fault.first = first, fault.last = last, fault.error = error;
    fault.seen = 0;
}

static inline void let_none_fail(void)
{
    assert_true(fault.seen >= fault.last); /* else the test was of something else */
    fault.name = NULL;
}

#define WRAP(type, name, parameters, arguments)             \
    type __real_##name parameters;                          \
    type __wrap_##name parameters;                          \
    type __wrap_##name parameters                           \
    {                                                       \
        return fails(#name) ? -1 : __real_##name arguments; \
    }

WRAP(int, fsync, (int fd), (fd))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, rmdir, (const char *path), (path))
WRAP(int, unlink, (const char *path), (path))
WRAP(int, rename, (const char *from, const char *to), (from, to))

/* Where there is no exchange, as on NFS or before Linux 3.15, it is always said: by this error. */
static int no_exchange;

int __real_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    if (!no_exchange) return fails("renameat2") ? -1 : __real_renameat2(a, from, b, to, flags);
    errno = no_exchange;
    return -1;
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    const int result = __real_close(fd); /* also one that fails has closed it */
    return fails("close") ? -1 : result;
}

/* EINTR before the call; any other error stands for half of the bytes. */
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    if (!fails("write")) return __real_write(fd, data, size);
    return errno == EINTR ? -1 : __real_write(fd, data, (size + 1) / 2);
}

#endif
