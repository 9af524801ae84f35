/* SPDX-License-Identifier: MIT
 * path.h - names of files and folders: joining, asking, listing. */
#ifndef UM_PATH_H
#define UM_PATH_H

#include "base/base.h"

/* folder/name in memory of its own (um_free); a name that begins with '/' stays as it is. */
um_status um_path_join(um_ctx *ctx, char **out, const char *folder, const char *name);

/* The folder that holds path ("." where it names none), in memory of its own (um_free). */
um_status um_path_parent(um_ctx *ctx, char **out, const char *path);

/* The same in `size` bytes of the caller's; false where they are too few. */
bool um_path_parent_in(char *out, size_t size, const char *path);

/* What follows the last '/', slashes at the end apart, as a copy (um_free). */
um_status um_path_base(um_ctx *ctx, char **out, const char *path);

bool um_path_exists(const char *path);
bool um_path_holds(const char *folder, const char *name); /* folder/name exists */
bool um_path_is_file(const char *path);   /* a regular file, links followed */
bool um_path_is_folder(const char *path); /* a folder, links followed       */

/* Does name end so, upper or lower case alike? */
bool um_path_ends_with(const char *name, const char *ending);

/* The number in a name that is prefix and digits ("step-0001000"); -1 for any other name, and for a
 * number beyond 64 bits. */
int64_t um_path_number(const char *name, const char *prefix);

/* The names in a folder but "." and "..", sorted by byte value. */
typedef struct um_names {
    char **name;
    int count;
} um_names;

/* UM_BAD_FILE where the folder cannot be read. On failure *out is zeroed. */
um_status um_folder_list(um_ctx *ctx, const char *path, um_names *out);
void um_names_free(um_ctx *ctx, um_names *names);

#endif
