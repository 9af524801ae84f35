/* SPDX-License-Identifier: MIT
 * file.h - whole files in and out. Every message names the path and the system's reason. Reading
 * fails with UM_BAD_FILE, writing with UM_IO. What is written appears whole or not at all. */
#ifndef UM_FILE_H
#define UM_FILE_H

#include "base/base.h"

typedef struct um_bytes {
    uint8_t *data;
    size_t size;
} um_bytes;

/* The whole regular file in memory of its own (um_free), with a zero byte behind the last. A file
 * of more than `most` bytes is UM_BAD_FILE. On failure *out is zeroed. */
um_status um_file_read(um_ctx *ctx, const char *path, size_t most, um_bytes *out);

/* Exactly `size` bytes of an open file from an offset on; UM_BAD_FILE where it ends before. */
um_status um_file_read_at(um_ctx *ctx, const char *path, int fd, void *out, size_t size,
                          uint64_t offset);

/* Replace the file at path by these bytes: written beside, flushed to the disk, renamed. On failure
 * the older file is as it was and nothing else is left. */
um_status um_file_write(um_ctx *ctx, const char *path, const void *data, size_t size);

/* The same piece by piece. Sticky: after a failure puts do nothing; um_writer_commit tells. */
typedef struct um_writer {
    um_ctx *ctx;
    char *path, *temp;
    uint8_t *buffer;
    size_t used;
    int fd;
    um_status status;
} um_writer;

void um_writer_open(um_writer *w, um_ctx *ctx, const char *path);
void um_writer_put(um_writer *w, const void *data, size_t size);

/* Flush, rename into place, and release w; after a failure it abandons and gives the reason. */
um_status um_writer_commit(um_writer *w);

/* Release w and leave no file. Harmless on a zeroed or released w. */
void um_writer_abandon(um_writer *w);

#endif
