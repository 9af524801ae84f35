/* SPDX-License-Identifier: MIT
 * output.c - looking at a place before hours of work are put there. */
#include "api/output.h"

#include "io/beside.h"
#include "io/folder.h"
#include "io/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The first folder above path that exists, in memory of the caller's. */
static um_status existing_parent(um_ctx *ctx, char **out, const char *path)
{
    UM_TRY(um_path_parent(ctx, out, path));
    while (!um_path_exists(*out)) {
        char *child = *out;
        const um_status status = um_path_parent(ctx, out, child);
        const bool same = status == UM_OK && strcmp(*out, child) == 0;
        um_free(ctx, child);
        UM_TRY(status);
        if (same) return UM_OK;
    }
    return UM_OK;
}

/* Make a file in the folder and take it away again. */
static um_status probe(um_ctx *ctx, const char *path, const char *folder)
{
    char *inside = NULL, *temp = NULL;
    UM_TRY(um_path_join(ctx, &inside, folder, "probe"));
    um_status status = um_beside_name(ctx, &temp, inside);
    if (status == UM_OK) {
        const int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0)
            status = um_fail(ctx, UM_IO, "%s: %s: %s (a folder that takes new files)", path, folder,
                             strerror(errno));
        else
            close(fd), unlink(temp);
    }
    um_free(ctx, temp);
    um_free(ctx, inside);
    return status;
}

um_status um_output_check(um_ctx *ctx, const char *path, um_output_kind kind)
{
    const bool is_folder = um_path_is_folder(path);
    if (kind == UM_OUTPUT_FILE && (is_folder || um_path_ends_with(path, "/")))
        return um_fail(ctx, UM_IO, "%s: is a folder (the name of a file)", path);
    if (kind == UM_OUTPUT_FOLDER && !is_folder && um_path_exists(path))
        return um_fail(ctx, UM_IO, "%s: is a file (the name of a folder)", path);
    if (is_folder) return probe(ctx, path, path);
    char *folder;
    UM_TRY(existing_parent(ctx, &folder, path));
    const um_status status = probe(ctx, path, folder);
    um_free(ctx, folder);
    return status;
}

um_status um_output_ready(um_ctx *ctx, const char *path)
{
    char *folder;
    UM_TRY(um_path_parent(ctx, &folder, path));
    const um_status status = um_folder_make(ctx, folder);
    um_free(ctx, folder);
    return status;
}
