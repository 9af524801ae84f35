/* SPDX-License-Identifier: MIT
 * output.h - places that results are written to: looked at before the work, made ready after it. */
#ifndef UM_OUTPUT_H
#define UM_OUTPUT_H

#include "base/base.h"

typedef enum um_output_kind { UM_OUTPUT_FILE, UM_OUTPUT_FOLDER } um_output_kind;

/* Could a file or a folder of this name be written? Nothing is left on the disk. UM_IO where
 * something of the other kind stands there, or the folder that would hold it (the first one above
 * that exists) takes no new file. */
um_status um_output_check(um_ctx *ctx, const char *path, um_output_kind kind);

/* Make the folders above `path`. UM_IO. */
um_status um_output_ready(um_ctx *ctx, const char *path);

#endif
