/* SPDX-License-Identifier: MIT
 * gzip.h - a file that may be packed by gzip. */
#ifndef UM_GZIP_H
#define UM_GZIP_H

#include "io/file.h"

/* The whole content, unpacked where the file is a .gz, as it is otherwise; at most `most` bytes.
 * A cut or damaged file is UM_BAD_FILE. The caller frees out->data. */
um_status um_gzip_read(um_ctx *ctx, const char *path, size_t most, um_bytes *out);

/* The first n bytes of the content, or as many as can be read; gives how many. */
size_t um_gzip_peek(const char *path, void *out, unsigned n);

#endif
