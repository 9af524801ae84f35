/* SPDX-License-Identifier: MIT
 * beside.c - temporary names and flushing. */
#include "io/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/path.h"

#define MARK ".unmist-"

/* Longest name that file systems take is 255 bytes: the base is cut to leave room for the rest. */
enum { BASE_MAX = 200 };

um_status um_beside_name(um_ctx *ctx, char **out, const char *path)
{
    static atomic_uint serial;
    char *parent = NULL, *base = NULL;
    char name[BASE_MAX + 64];
    um_status status = um_path_parent(ctx, &parent, path);
    if (status == UM_OK) status = um_path_base(ctx, &base, path);
    if (status == UM_OK) {
        snprintf(name, sizeof name, ".%.*s" MARK "%ld-%u", (int)BASE_MAX, base, (long)getpid(),
                 atomic_fetch_add(&serial, 1));
        status = um_path_join(ctx, out, parent, name);
    }
    um_free(ctx, base);
    um_free(ctx, parent);
    return status;
}

bool um_beside_is(const char *name)
{
    const char *mark = strstr(name, MARK);
    return name[0] == '.' && mark && mark[sizeof MARK - 1] >= '0' && mark[sizeof MARK - 1] <= '9';
}

um_status um_beside_flush(um_ctx *ctx, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return um_fail(ctx, UM_IO, "%s: %s", path, strerror(errno));
    const int failed =
        fsync(fd) != 0 && errno != EINVAL ? errno : 0; /* EINVAL: cannot be flushed */
    close(fd);
    return failed ? um_fail(ctx, UM_IO, "%s: %s", path, strerror(failed)) : UM_OK;
}

um_status um_beside_flush_parent(um_ctx *ctx, const char *path)
{
    char parent[PATH_MAX]; /* behind a rename want of memory could not be told from a lost file */
    if (um_path_parent_in(parent, sizeof parent, path)) return um_beside_flush(ctx, parent);
    return um_fail(ctx, UM_IO, "%s: %s", path, strerror(ENAMETOOLONG));
}
