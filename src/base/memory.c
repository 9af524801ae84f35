/* SPDX-License-Identifier: MIT
 * memory.c - what /proc and the control group (version 2) say. */
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* The number behind `key` in a file of "key number" lines, or the first number where key is "". */
static bool read_number(const char *path, const char *key, size_t *out)
{
    char line[256];
    bool found = false;
    FILE *f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof line, f)) {
        unsigned long long v;
        const size_t n = strlen(key);
        if (strncmp(line, key, n) != 0 || sscanf(line + n, "%llu", &v) != 1) continue;
        *out = (size_t)v;
        found = true;
    }
    if (f) fclose(f);
    return found;
}

size_t um_memory_available(void)
{
    static const char group[] = "/sys/fs/cgroup/memory.max", used[] = "/sys/fs/cgroup/memory.stat";
    size_t available = SIZE_MAX, kib, most, anonymous;
    if (read_number("/proc/meminfo", "MemAvailable:", &kib)) available = kib * 1024;
    if (read_number(group, "", &most) && read_number(used, "anon ", &anonymous))
        available = UM_MIN(available, most > anonymous ? most - anonymous : 0);
    return available;
}

/* getrusage would count what the process was before it became this program. */
size_t um_memory_peak(void)
{
    size_t kib;
    return read_number("/proc/self/status", "VmHWM:", &kib) ? kib * 1024 : 0;
}
