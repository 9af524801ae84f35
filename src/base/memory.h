/* SPDX-License-Identifier: MIT
 * memory.h - how much memory there is. Systems promise more than they have, and end the program
 * that believes them. */
#ifndef UM_MEMORY_H
#define UM_MEMORY_H

#include "base/base.h"

/* Bytes that a process can use beside what it has, and what keeps it from more. */
typedef struct um_room {
    size_t bytes;    /* SIZE_MAX: the system does not say */
    char limit[256]; /* "the machine", "memory.max of /a/b", "RLIMIT_AS" */
} um_room;

/* The least of what these leave to this process: the machine, every control group above it (version
 * 2: memory.max, memory.high; version 1: memory.limit_in_bytes), RLIMIT_AS, RLIMIT_DATA. `root`
 * stands before each path below /proc and /sys: "" but in tests. */
void um_memory_room(const char *root, um_room *room);

/* The same for what a context may use: run.memory, where it is given, overrules the system. */
void um_memory_left(const um_ctx *ctx, um_room *room);

/* The bytes that this process has resident, and the most that it had so far; 0 where the system
 * does not say. */
size_t um_memory_resident(void);
size_t um_memory_peak(void);

#endif
