/* SPDX-License-Identifier: MIT
 * memory.c - what /proc, the control groups and the limits of the process say. */
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { PATH_BYTES = 4096 };

/* The number behind `key` in a file of "key number" lines, or the first number where key is "". */
static bool read_number(const char *path, const char *key, size_t *out)
{
    char line[256];
    bool found = false;
    FILE *f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof line, f)) {
        const size_t n = strlen(key);
        char *end;
        if (strncmp(line, key, n) != 0) continue;
        const unsigned long long v = strtoull(line + n, &end, 10);
        if (end == line + n) continue;
        *out = (size_t)v;
        found = true;
    }
    if (f) fclose(f);
    return found;
}

static bool read_kib(const char *root, const char *file, const char *key, size_t *bytes)
{
    char path[PATH_BYTES];
    size_t kib;
    snprintf(path, sizeof path, "%s/proc/%s", root, file);
    if (!read_number(path, key, &kib)) return false;
    *bytes = kib * 1024;
    return true;
}

static void bound(um_room *room, size_t bytes, const char *format, ...) UM_PRINTF(3, 4);
static void bound(um_room *room, size_t bytes, const char *format, ...)
{
    va_list args;
    if (bytes >= room->bytes) return;
    room->bytes = bytes;
    va_start(args, format);
    vsnprintf(room->limit, sizeof room->limit, format, args);
    va_end(args);
}

/* Control groups in one of their two versions. */
struct groups {
    const char *mount;
    const char *limits[2]; /* files with the most bytes */
    const char *used;      /* .. with the bytes that are taken */
    const char *dropped[3]; /* of those in memory.stat: pages that are dropped when there is need */
};

static const struct groups version_2 = {
    "/sys/fs/cgroup", { "memory.max", "memory.high" }, "memory.current",
    { "inactive_file ", "active_file ", "slab_reclaimable " },
};

static const struct groups version_1 = {
    "/sys/fs/cgroup/memory", { "memory.limit_in_bytes" }, "memory.usage_in_bytes",
    { "total_inactive_file ", "total_active_file " },
};

/* What the group of that name, below the mount, leaves. */
static void ask_group(const struct groups *g, const char *root, const char *name, um_room *room)
{
    char path[PATH_BYTES];
    size_t used, most;
#define FILE_OF(file) (snprintf(path, sizeof path, "%s%s%s/%s", root, g->mount, name, file), path)
    if (!read_number(FILE_OF(g->used), "", &used)) return;
    for (size_t i = 0; i < UM_COUNT(g->dropped) && g->dropped[i]; i++) {
        size_t pages;
        if (read_number(FILE_OF("memory.stat"), g->dropped[i], &pages))
            used -= UM_MIN(used, pages);
    }
    for (size_t i = 0; i < UM_COUNT(g->limits) && g->limits[i]; i++)
        if (read_number(FILE_OF(g->limits[i]), "", &most)) /* "max" is no number */
            bound(room, most - UM_MIN(most, used), "%s of %.200s", g->limits[i],
                  *name ? name : "the control group");
#undef FILE_OF
}

/* A group and all above it: each has its own limit. In a container the name may be one that its
 * own mount does not show; the mount itself is then the container's group. */
static void ask_groups(const struct groups *g, const char *root, char *name, um_room *room)
{
    for (;;) {
        char *slash = strrchr(name, '/');
        if (slash && !slash[1]) *slash = '\0';
        ask_group(g, root, name, room);
        slash = strrchr(name, '/');
        if (!slash) return;
        *slash = '\0';
    }
}

/* Lines of "0::/a/b" (version 2) and "4:cpu,memory:/a/b" (version 1). */
static void ask_own_groups(const char *root, um_room *room)
{
    char path[PATH_BYTES], line[PATH_BYTES];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *kinds = strchr(line, ':'), *name = kinds ? strchr(kinds + 1, ':') : NULL;
        if (!name) continue;
        *kinds++ = *name++ = '\0';
        bool memory = false;
        char *rest, *kind = strtok_r(kinds, ",", &rest);
        const bool version_is_2 = !kind && strcmp(line, "0") == 0;
        for (; kind; kind = strtok_r(NULL, ",", &rest)) memory |= strcmp(kind, "memory") == 0;
        if (memory) ask_groups(&version_1, root, name, room);
        else if (version_is_2) ask_groups(&version_2, root, name, room);
    }
    if (f) fclose(f);
}

static void ask_process(const char *root, um_room *room)
{
    static const struct {
        int limit;
        const char *name, *used;
    } limits[] = {
        { RLIMIT_AS, "RLIMIT_AS", "VmSize:" },
        { RLIMIT_DATA, "RLIMIT_DATA", "VmData:" },
    };
    for (size_t i = 0; i < UM_COUNT(limits); i++) {
        struct rlimit most;
        size_t used;
        if (getrlimit((__typeof__(RLIMIT_AS))limits[i].limit, &most) == 0 &&
            most.rlim_cur != RLIM_INFINITY && read_kib(root, "self/status", limits[i].used, &used))
            bound(room, most.rlim_cur > used ? (size_t)most.rlim_cur - used : 0, "%s",
                  limits[i].name);
    }
}

void um_memory_room(const char *root, um_room *room)
{
    size_t available;
    *room = (um_room){ .bytes = SIZE_MAX };
    if (read_kib(root, "meminfo", "MemAvailable:", &available))
        bound(room, available, "the machine");
    ask_own_groups(root, room);
    ask_process(root, room);
}

void um_memory_left(const um_ctx *ctx, um_room *room)
{
    if (!ctx->memory) {
        um_memory_room("", room);
        return;
    }
    const size_t resident = um_memory_resident();
    *room = (um_room){ .bytes = SIZE_MAX };
    bound(room, ctx->memory - UM_MIN(ctx->memory, resident), "run.memory");
}

size_t um_memory_resident(void)
{
    size_t bytes;
    return read_kib("", "self/status", "VmRSS:", &bytes) ? bytes : 0;
}

/* getrusage would count what the process was before it became this program. */
size_t um_memory_peak(void)
{
    size_t bytes;
    return read_kib("", "self/status", "VmHWM:", &bytes) ? bytes : 0;
}
