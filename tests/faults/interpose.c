/* SPDX-License-Identifier: MIT
 * interpose.c - faults between the program and its system, from outside: a library to be preloaded
 * (LD_PRELOAD), which fails calls on files, kills the process at them, and writes down what it saw.
 *
 *   UM_FAULT="CALL:PATH:FIRST:LAST:ACTION ..."
 *       The FIRST to LAST of the calls named CALL (open, write, fsync, rename, mkdir, unlink,
 *       truncate, or any) on a path that holds PATH: `kill` before the call, `half` way through it
 *       or `after` it, `cut` (half of the bytes are written, as the system may), an error (`EIO`,
 *       `ENOSPC` and their like), or a signal before the call (`INT`, `TERM`, `HUP`, `STOP`).
 *   UM_FAULT_TRACE=FILE
 *       A line for each call: its name, its path, and for a rename the new one; by tabs.
 *   UM_FAULT_PHASE=FILE
 *       Its first byte tells at any moment, also after a SIGKILL, what is being done (phase.h). */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults/phase.h"

enum { PATH_ROOM = 4096, FAULTS = 4 };

#define SHOWN __attribute__((visibility("default")))

/* The system's own function. */
#define REAL(type, name, ...)                                 \
    static type (*real)(__VA_ARGS__);                         \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, name)

struct fault {
    char call[16], path[256], action[16];
    long first, last, seen;
};

static struct fault faults[FAULTS];
static bool ready;
static int trace_file = -1;

struct named {
    const char *name;
    int number;
};

static const struct named errors[] = { { "EIO", EIO },       { "ENOSPC", ENOSPC },
                                       { "EDQUOT", EDQUOT }, { "EROFS", EROFS },
                                       { "EACCES", EACCES }, { NULL, 0 } },
                          signals[] = { { "INT", SIGINT }, { "TERM", SIGTERM },
                                        { "HUP", SIGHUP },   { "STOP", SIGSTOP },
                                        { NULL, 0 } };

/* 0: none has this name. */
static int number_of(const struct named *list, const char *name)
{
    while (list->name && strcmp(list->name, name) != 0) list++;
    return list->number;
}

static void get_ready(void)
{
    const char *wish = getenv("UM_FAULT"), *trace = getenv("UM_FAULT_TRACE");
    ready = true;
    for (int i = 0, n = 0; wish && *wish && i < FAULTS; i++, wish += n) {
        struct fault *f = &faults[i];
        if (sscanf(wish, "%15[^:]:%255[^:]:%ld:%ld:%15s %n", f->call, f->path, &f->first, &f->last,
                   f->action, &n) == 5) continue;
        fprintf(stderr, "UM_FAULT=%s: should be CALL:PATH:FIRST:LAST:ACTION\n", wish);
        _exit(99);
    }
    if (trace)
        trace_file =
            (int)syscall(SYS_openat, AT_FDCWD, trace, O_WRONLY | O_CREAT | O_APPEND, 0666);
    phase_open(getenv("UM_FAULT_PHASE"));
}

static void write_down(const char *call, const char *path, const char *to)
{
    char line[2 * PATH_ROOM + 32];
    const int n = snprintf(line, sizeof line, "%s\t%s%s%s\n", call, path, to ? "\t" : "",
                           to ? to : "");
    if (trace_file >= 0) syscall(SYS_write, trace_file, line, (size_t)n);
}

static void die(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* Does this fault come at this call? */
static bool comes(struct fault *f, const char *call, const char *path)
{
    if (!f->call[0] || !strstr(path, f->path)) return false;
    if (strcmp(f->call, "any") != 0 && strcmp(f->call, call) != 0) return false;
    f->seen++;
    return f->seen >= f->first && f->seen <= f->last;
}

/* What is to happen to this call: NULL for nothing special. */
static const char *action_at(const char *call, const char *path, const char *to)
{
    const char *action = NULL;
    if (!ready) get_ready();
    write_down(call, path, to);
    phase_enter(call, path, to);
    for (int i = 0; i < FAULTS; i++) {
        if (!comes(&faults[i], call, to ? to : path)) continue;
        action = faults[i].action;
        const int number = number_of(signals, action);
        if (number) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
        if (strcmp(action, "kill") == 0) die();
    }
    return action;
}

static bool is(const char *action, const char *word) { return action && !strcmp(action, word); }

/* Fails, as `action` says; before the call itself. */
static bool fails(const char *action)
{
    const int error = action ? number_of(errors, action) : 0;
    if (!error) return false;
    phase_leave(false);
    errno = error;
    return true;
}

/* The call has been done with this result. */
static int done(const char *action, int result)
{
    const int error = errno;
    if (is(action, "after") || is(action, "half")) die();
    phase_leave(result == 0);
    errno = error;
    return result;
}

static void path_of(int fd, char path[PATH_ROOM])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, PATH_ROOM - 1);
    path[n > 0 ? n : 0] = '\0';
}

static int open_file(int folder, const char *path, int flags, mode_t mode)
{
    const char *action = action_at("open", path, NULL);
    if (fails(action)) return -1;
    const int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
    done(action, fd < 0 ? -1 : 0);
    return fd;
}

#define OPEN(name)                                                              \
    SHOWN int name(const char *path, int flags, ...);                           \
    SHOWN int name(const char *path, int flags, ...)                            \
    {                                                                           \
        va_list more;                                                           \
        va_start(more, flags);                                                  \
        const mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;         \
        va_end(more);                                                           \
        return open_file(AT_FDCWD, path, flags, mode);                          \
    }

OPEN(open)
OPEN(open64)
OPEN(__open_2)   /* what a build with _FORTIFY_SOURCE calls */
OPEN(__open64_2)

/* `at`: -1 at the file's own position. */
static ssize_t write_file(int fd, const void *data, size_t size, off_t at)
{
    char path[PATH_ROOM];
    path_of(fd, path);
    const char *action = fd > 2 ? action_at("write", path, NULL) : NULL;
    if (fails(action)) return -1;
    if (is(action, "half") || is(action, "cut")) size = (size + 1) / 2;
    const ssize_t n = at < 0 ? syscall(SYS_write, fd, data, size)
                             : syscall(SYS_pwrite64, fd, data, size, at);
    if (fd > 2) done(action, n < 0 ? -1 : 0);
    return n;
}

SHOWN ssize_t write(int fd, const void *data, size_t size)
{
    return write_file(fd, data, size, -1);
}

SHOWN ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return write_file(fd, data, size, at);
}

SHOWN ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    return write_file(fd, data, size, at);
}

SHOWN int fsync(int fd)
{
    char path[PATH_ROOM];
    path_of(fd, path);
    const char *action = action_at("fsync", path, NULL);
    return fails(action) ? -1 : done(action, (int)syscall(SYS_fsync, fd));
}

SHOWN int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    const char *action = action_at("rename", from, to);
    return fails(action) ? -1 : done(action, real(from, to));
}

SHOWN int renameat2(int from_folder, const char *from, int to_folder, const char *to,
                    unsigned flags)
{
    const char *action = action_at("rename", from, to);
    if (fails(action)) return -1;
    return done(action, (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

SHOWN int mkdir(const char *path, mode_t mode)
{
    REAL(int, "mkdir", const char *, mode_t);
    const char *action = action_at("mkdir", path, NULL);
    return fails(action) ? -1 : done(action, real(path, mode));
}

SHOWN int unlink(const char *path)
{
    REAL(int, "unlink", const char *);
    const char *action = action_at("unlink", path, NULL);
    return fails(action) ? -1 : done(action, real(path));
}

static int cut_file(const char *path, off64_t size)
{
    const char *action = action_at("truncate", path, NULL);
    return fails(action) ? -1 : done(action, (int)syscall(SYS_truncate, path, size));
}

SHOWN int truncate(const char *path, off_t size) { return cut_file(path, size); }

SHOWN int truncate64(const char *path, off64_t size) { return cut_file(path, size); }

SHOWN int rmdir(const char *path)
{
    REAL(int, "rmdir", const char *);
    const char *action = action_at("unlink", path, NULL);
    return fails(action) ? -1 : done(action, real(path));
}
