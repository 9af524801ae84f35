/* SPDX-License-Identifier: MIT
 * arena.h - many small pieces of memory with one end of life. */
#ifndef UM_ARENA_H
#define UM_ARENA_H

#include "base/base.h"

struct um_arena_block;

/* Zeroed is ready but for ctx. Sticky: after a failure every take returns NULL. */
typedef struct um_arena {
    um_ctx *ctx;
    struct um_arena_block *blocks;
    um_status status;
} um_arena;

/* Zeroed bytes aligned to 64, alive until um_arena_free; NULL once the arena has failed. */
void *um_arena_take(um_arena *arena, size_t bytes);

/* A formatted text in the arena, "" once the arena has failed. */
const char *um_arena_text(um_arena *arena, const char *format, ...) UM_PRINTF(2, 3);

/* Give everything back; the arena may be used again. */
void um_arena_free(um_arena *arena);

#endif
