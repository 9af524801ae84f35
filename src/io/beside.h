/* SPDX-License-Identifier: MIT
 * beside.h - the names of what is not yet whole, and flushing; shared by file.c and folder.c. */
#ifndef UM_BESIDE_H
#define UM_BESIDE_H

#include "base/base.h"

/* A name that no one else takes, in the folder of path: ".BASE.unmist-PID-N" (um_free). */
um_status um_beside_name(um_ctx *ctx, char **out, const char *path);

/* Is it such a name? */
bool um_beside_is(const char *name);

/* Flush a file or a folder to the disk; UM_IO with the reason. */
um_status um_beside_flush(um_ctx *ctx, const char *path);

/* Flush the folder that holds path, so that a rename in it lasts. */
um_status um_beside_flush_parent(um_ctx *ctx, const char *path);

#endif
