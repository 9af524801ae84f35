/* SPDX-License-Identifier: MIT
 * need.c - a sum, and the refusal that spells it out. */
#include "base/need.h"

#include "base/memory.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const double mib = 1048576.0;

void um_need_add(um_need *need, const char *what, double bytes)
{
    int i = 0;
    while (i < need->parts && strcmp(need->part[i].what, what) != 0) i++;
    assert(i < UM_NEED_PARTS);
    if (i == need->parts) need->part[need->parts++].what = what;
    need->part[i].bytes += bytes;
}

double um_need_bytes(const um_need *need)
{
    double sum = 0.0;
    for (int i = 0; i < need->parts; i++) sum += need->part[i].bytes;
    return sum;
}

/* "activations 12.0 MiB, images 3.5 MiB" */
static void list(const um_need *need, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < need->parts && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s %.1f MiB", i ? ", " : "",
                                 need->part[i].what, need->part[i].bytes / mib);
}

um_status um_need_check(um_ctx *ctx, const um_need *need)
{
    const double bytes = um_need_bytes(need), resident = (double)um_memory_resident();
    um_room room;
    char parts[1024];
    list(need, parts, sizeof parts);
    um_memory_left(ctx, &room);
    um_log(ctx, UM_LOG_INFO, "%s needs %.1f MiB (%s), %.1f MiB with what is held already",
           need->work, bytes / mib, parts, (bytes + resident) / mib);
    if (room.bytes == SIZE_MAX || bytes <= (double)room.bytes) return UM_OK;
    return um_fail(ctx, UM_NO_MEMORY,
                   "%s needs %.1f MiB (%s), and %s leaves %.1f MiB (%s; or run.memory, which "
                   "overrules what the system says)", need->work, bytes / mib, parts, room.limit,
                   (double)room.bytes / mib, need->lower);
}
