/* SPDX-License-Identifier: MIT
 * growing.h - bytes of which nobody knows beforehand how many will come. */
#ifndef UM_GROWING_H
#define UM_GROWING_H

#include "io/file.h"

/* Room for `more` bytes behind bytes->size; *room is what is allocated. Doubles, never above `most`
 * (UM_BAD_FILE naming path). The old bytes are kept, also on failure. */
um_status um_growing_reserve(um_ctx *ctx, const char *path, um_bytes *bytes, size_t *room,
                             size_t more, size_t most);

#endif
