/* SPDX-License-Identifier: MIT
 * growing.c - doubling. */
#include "io/growing.h"

#include <string.h>

um_status um_growing_reserve(um_ctx *ctx, const char *path, um_bytes *bytes, size_t *room,
                             size_t more, size_t most)
{
    if (more > most || bytes->size > most - more)
        return um_fail(ctx, UM_BAD_FILE, "%s: unpacks to more than %zu bytes", path, most);
    if (bytes->size + more <= *room) return UM_OK;
    size_t size = UM_MAX(*room, (size_t)1 << 16);
    while (size < bytes->size + more) size = size > most / 2 ? most : 2 * size;
    uint8_t *grown;
    UM_TRY(um_alloc(ctx, &grown, size, 1, path));
    if (bytes->data) memcpy(grown, bytes->data, bytes->size);
    um_free(ctx, bytes->data);
    bytes->data = grown;
    *room = size;
    return UM_OK;
}
