/* SPDX-License-Identifier: MIT
 * folder.c - making, replacing and removing whole folders. */
#include "io/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/beside.h"
#include "io/path.h"

enum { DEPTH_MAX = 64 };

static um_status io_fail(um_ctx *ctx, const char *path)
{
    return um_fail(ctx, UM_IO, "%s: %s", path, strerror(errno));
}

/* One folder, whose name lasts; *orphan: the one above it is missing. */
static um_status make_one(um_ctx *ctx, const char *path, bool *orphan)
{
    *orphan = false;
    if (mkdir(path, 0777) == 0) return um_beside_flush_parent(ctx, path);
    if (errno == EEXIST && um_path_is_folder(path)) return UM_OK;
    *orphan = errno == ENOENT && path[0];
    return io_fail(ctx, path);
}

um_status um_folder_make(um_ctx *ctx, const char *path)
{
    bool orphan;
    char *parent = NULL;
    um_status status = make_one(ctx, path, &orphan);
    if (!orphan) return status;
    UM_TRY(um_path_parent(ctx, &parent, path));
    if (strcmp(parent, path) != 0) { /* else nothing above is left to make */
        status = um_folder_make(ctx, parent);
        if (status == UM_OK) status = make_one(ctx, path, &orphan);
    }
    um_free(ctx, parent);
    return status;
}

/* The names in a folder that is written to: what cannot be listed is UM_IO here. */
static um_status list(um_ctx *ctx, const char *folder, um_names *names)
{
    const um_status status = um_folder_list(ctx, folder, names);
    return status == UM_BAD_FILE ? UM_IO : status;
}

/* Call each on every entry of folder. */
typedef um_status visit_fn(um_ctx *ctx, const char *path, int depth);

static um_status visit_entries(um_ctx *ctx, const char *folder, int depth, visit_fn *each)
{
    um_names names;
    if (depth > DEPTH_MAX)
        return um_fail(ctx, UM_IO, "%s: more than %d folders deep", folder, (int)DEPTH_MAX);
    UM_TRY(list(ctx, folder, &names));
    um_status status = UM_OK;
    for (int i = 0; i < names.count && status == UM_OK; i++) {
        char *path = NULL;
        status = um_path_join(ctx, &path, folder, names.name[i]);
        if (status == UM_OK) status = each(ctx, path, depth);
        um_free(ctx, path);
    }
    um_names_free(ctx, &names);
    return status;
}

static um_status remove_one(um_ctx *ctx, const char *path, int depth)
{
    struct stat info;
    if (lstat(path, &info) != 0) return errno == ENOENT ? UM_OK : io_fail(ctx, path);
    if (!S_ISDIR(info.st_mode)) return unlink(path) == 0 ? UM_OK : io_fail(ctx, path);
    UM_TRY(visit_entries(ctx, path, depth + 1, remove_one));
    return rmdir(path) == 0 ? UM_OK : io_fail(ctx, path);
}

um_status um_folder_remove(um_ctx *ctx, const char *path)
{
    return remove_one(ctx, path, 0);
}

um_status um_folder_discard(um_ctx *ctx, const char *path)
{
    char *aside;
    UM_TRY(um_beside_name(ctx, &aside, path));
    um_status status = rename(path, aside) == 0 ? UM_OK : io_fail(ctx, path);
    if (status == UM_OK) status = um_folder_remove(ctx, aside);
    um_free(ctx, aside);
    return status;
}

static um_status flush_one(um_ctx *ctx, const char *path, int depth)
{
    struct stat info;
    if (lstat(path, &info) != 0) return io_fail(ctx, path);
    if (S_ISDIR(info.st_mode)) UM_TRY(visit_entries(ctx, path, depth + 1, flush_one));
    return S_ISDIR(info.st_mode) || S_ISREG(info.st_mode) ? um_beside_flush(ctx, path) : UM_OK;
}

um_status um_folder_begin(um_ctx *ctx, const char *path, char **temp)
{
    char *parent = NULL;
    *temp = NULL;
    UM_TRY(um_path_parent(ctx, &parent, path));
    um_status status = um_folder_make(ctx, parent);
    um_free(ctx, parent);
    while (status == UM_OK) {
        status = um_beside_name(ctx, temp, path);
        if (status == UM_OK && mkdir(*temp, 0777) == 0) break;
        if (status == UM_OK && errno != EEXIST) status = io_fail(ctx, path);
        um_free(ctx, *temp);
        *temp = NULL;
    }
    return status;
}

/* Give temp the name path; what stood there before comes to stand under temp. */
static um_status exchange(um_ctx *ctx, const char *temp, const char *path)
{
    if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_EXCHANGE) == 0) return UM_OK;
    if (errno != EINVAL && errno != ENOSYS) return io_fail(ctx, path);
    char *aside = NULL; /* a file system without exchange: for a moment path is not there */
    UM_TRY(um_beside_name(ctx, &aside, path));
    um_status status = UM_OK;
    if (rename(path, aside) != 0)
        status = io_fail(ctx, path);
    else if (rename(temp, path) != 0) {
        status = io_fail(ctx, path);
        if (rename(aside, path) != 0) um_log(ctx, UM_LOG_ERROR, "%s: kept as %s", path, aside);
    } else if (rename(aside, temp) != 0) {
        um_log(ctx, UM_LOG_WARNING, "%s: could not be removed", aside);
    }
    um_free(ctx, aside);
    return status;
}

um_status um_folder_commit(um_ctx *ctx, const char *path, char **temp)
{
    struct stat info;
    um_status status = flush_one(ctx, *temp, 0);
    if (status == UM_OK && lstat(path, &info) == 0) {
        if (!S_ISDIR(info.st_mode)) {
            errno = ENOTDIR;
            status = io_fail(ctx, path);
        } else {
            status = exchange(ctx, *temp, path);
        }
    } else if (status == UM_OK && rename(*temp, path) != 0) {
        status = io_fail(ctx, path);
    }
    if (status == UM_OK) status = um_beside_flush_parent(ctx, path);
    um_folder_abandon(ctx, temp); /* the older folder, or on failure the new one; else nothing */
    return status;
}

void um_folder_abandon(um_ctx *ctx, char **temp)
{
    if (!*temp) return;
    char kept[UM_MESSAGE_MAX]; /* a failure here must not hide the one that led here */
    memcpy(kept, ctx->message, sizeof kept);
    if (um_folder_remove(ctx, *temp) != UM_OK)
        um_log(ctx, UM_LOG_WARNING, "%s: could not be removed: %s", *temp, ctx->message);
    memcpy(ctx->message, kept, sizeof kept);
    um_free(ctx, *temp);
    *temp = NULL;
}

um_status um_folder_sweep(um_ctx *ctx, const char *folder)
{
    um_names names;
    UM_TRY(list(ctx, folder, &names));
    um_status status = UM_OK;
    for (int i = 0; i < names.count && status == UM_OK; i++) {
        char *path = NULL;
        if (!um_beside_is(names.name[i])) continue;
        status = um_path_join(ctx, &path, folder, names.name[i]);
        if (status == UM_OK) status = um_folder_remove(ctx, path);
        um_free(ctx, path);
    }
    um_names_free(ctx, &names);
    return status;
}
