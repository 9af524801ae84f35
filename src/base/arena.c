/* SPDX-License-Identifier: MIT
 * arena.c - a list of blocks; a take moves a mark. */
#include "base/arena.h"

#include <stdio.h>
#include <string.h>

struct um_arena_block {
    struct um_arena_block *next;
    size_t used, size; /* both of the bytes behind this header */
};

enum { HEADER = UM_ALIGN, BLOCK_BYTES = 64 << 10 };
_Static_assert(sizeof(struct um_arena_block) <= HEADER, "a header fits its place");

void *um_arena_take(um_arena *arena, size_t bytes)
{
    if (arena->status != UM_OK) return NULL;
    const size_t need = (bytes + UM_ALIGN - 1) / UM_ALIGN * UM_ALIGN;
    struct um_arena_block *b = arena->blocks;
    if (!b || b->size - b->used < need) {
        const size_t size = UM_MAX(need, (size_t)BLOCK_BYTES);
        arena->status = um_alloc(arena->ctx, &b, 1, size + HEADER, "records");
        if (arena->status != UM_OK) return NULL;
        b->next = arena->blocks;
        b->size = size;
        arena->blocks = b;
    }
    void *p = (char *)b + HEADER + b->used;
    b->used += need;
    return p;
}

const char *um_arena_text(um_arena *arena, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *copy = um_arena_take(arena, strlen(text) + 1);
    return copy ? strcpy(copy, text) : "";
}

void um_arena_free(um_arena *arena)
{
    while (arena->blocks) {
        struct um_arena_block *next = arena->blocks->next;
        um_free(arena->ctx, arena->blocks);
        arena->blocks = next;
    }
    arena->status = UM_OK;
}
