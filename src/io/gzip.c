/* SPDX-License-Identifier: MIT
 * gzip.c - zlib's reader, which passes plain files through. */
#include "io/gzip.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "io/growing.h"
#include "io/path.h"

enum { PIECE = 1 << 16 };

static um_status read_pieces(um_ctx *ctx, const char *path, gzFile file, size_t most, um_bytes *out)
{
    size_t room = 0;
    for (;;) {
        /* One byte above `most` tells whether there is more. */
        const size_t piece = UM_MIN((size_t)PIECE, most - out->size + 1);
        UM_TRY(um_growing_reserve(ctx, path, out, &room, piece, most + 1));
        const int n = gzread(file, out->data + out->size, (unsigned)piece);
        if (n > 0) out->size += (size_t)n;
        if (out->size > most)
            return um_fail(ctx, UM_BAD_FILE, "%s: more than %zu bytes", path, most);
        if (n < (int)piece) break;
    }
    int code;
    const char *text = gzerror(file, &code);
    if (code != Z_OK && code != Z_STREAM_END) /* zlib puts the path before its text */
        return um_fail(ctx, UM_BAD_FILE, "%s", text);
    return UM_OK;
}

um_status um_gzip_read(um_ctx *ctx, const char *path, size_t most, um_bytes *out)
{
    *out = (um_bytes){ 0 };
    if (um_path_exists(path) && !um_path_is_file(path)) /* a pipe must not hang us */
        return um_fail(ctx, UM_BAD_FILE, "%s: is no regular file", path);
    errno = 0;
    gzFile file = gzopen(path, "rbe");
    if (!file && errno && errno != ENOMEM)
        return um_fail(ctx, UM_BAD_FILE, "%s: %s", path, strerror(errno));
    if (!file) return um_fail(ctx, UM_NO_MEMORY, "%s: no memory to unpack it", path);
    const um_status status = read_pieces(ctx, path, file, most, out);
    gzclose(file);
    if (status != UM_OK) {
        um_free(ctx, out->data);
        *out = (um_bytes){ 0 };
    }
    return status;
}

size_t um_gzip_peek(const char *path, void *out, unsigned n)
{
    if (!um_path_is_file(path)) return 0;
    gzFile file = gzopen(path, "rbe");
    if (!file) return 0;
    const int got = gzread(file, out, n);
    gzclose(file);
    return got > 0 ? (size_t)got : 0;
}
