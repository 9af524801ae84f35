/* SPDX-License-Identifier: MIT
 * folder.h - folders that appear whole or not at all. Failures are UM_IO and name the path. */
#ifndef UM_FOLDER_H
#define UM_FOLDER_H

#include "base/base.h"

/* Make the folder and the folders above it, their names flushed to the disk; one that is there
 * already is fine. */
um_status um_folder_make(um_ctx *ctx, const char *path);

/* Begin a folder: *temp names an empty one beside `path` to be filled (its parents are made).
 * The text belongs to the caller until commit or abandon, which free it and set it NULL. */
um_status um_folder_begin(um_ctx *ctx, const char *path, char **temp);

/* Flush every file and folder in *temp to the disk and rename it to path. A folder that was there
 * is replaced by one exchange and then removed. On failure the older folder stays and *temp is
 * removed. */
um_status um_folder_commit(um_ctx *ctx, const char *path, char **temp);

/* Remove *temp with all that is in it. NULL is accepted. */
void um_folder_abandon(um_ctx *ctx, char **temp);

/* Remove a file, or a folder with all that is in it; links are removed, never followed. */
um_status um_folder_remove(um_ctx *ctx, const char *path);

/* The same of a folder that must not be seen half removed: it loses its name first. What is left
 * where the program is killed meanwhile is for um_folder_sweep. */
um_status um_folder_discard(um_ctx *ctx, const char *path);

/* Remove from folder what killed writers left there: the names that this floor gives to what is not
 * yet whole. Call it only where no other writer can be at work. */
um_status um_folder_sweep(um_ctx *ctx, const char *folder);

#endif
