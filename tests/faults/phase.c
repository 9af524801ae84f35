/* SPDX-License-Identifier: MIT
 * phase.c - a checkpoint is being written from mkdir to rename, whatever comes between. */
#include "faults/phase.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static char nowhere, *shared = &nowhere;
static char between = PHASE_START; /* calls */
static char next;                  /* after this one, if it succeeds */

void phase_open(const char *file)
{
    *shared = between;
    if (!file) return;
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || ftruncate(fd, 1) != 0) return;
    void *p = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED) shared = p;
    *shared = between;
    syscall(SYS_close, fd);
}

static bool ends_with(const char *path, const char *ending)
{
    const size_t n = strlen(path), m = strlen(ending);
    return n >= m && strcmp(path + n - m, ending) == 0;
}

static bool new_name(const char *call, const char *to, const char *piece)
{
    return strcmp(call, "rename") == 0 && strstr(to, piece);
}

void phase_enter(const char *call, const char *path, const char *to)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const bool makes = strcmp(call, "mkdir") == 0;
    char now = between;
    next = between;
    if (new_name(call, to, "/checkpoints/step-")) {
        now = next = PHASE_RENAME;
    } else if (between == PHASE_RENAME) {
        if (strcmp(call, "fsync") == 0 && ends_with(path, "/checkpoints")) next = PHASE_STEP;
    } else if (new_name(call, to, "/checkpoints/.step-") && strncmp(base, "step-", 5) == 0) {
        now = next = PHASE_REMOVAL;
    } else if (between == PHASE_REMOVAL) {
        if (strncmp(base, ".step-", 6) == 0) next = PHASE_STEP; /* the last that is removed of it */
    } else if (makes && strncmp(base, ".step-", 6) == 0) {
        now = next = PHASE_CHECKPOINT;
    } else if (makes && strncmp(base, ".model.", 7) == 0) {
        now = next = PHASE_MODEL;
    } else if (new_name(call, to, "/config.ini")) {
        next = PHASE_STEP;
    } else if (strcmp(call, "truncate") == 0) {
        now = PHASE_RETURN;
    } else if (ends_with(path, "/log.csv")) {
        now = PHASE_LOG;
    } else if (strstr(path, "/samples/")) {
        now = PHASE_PICTURE;
    }
    *shared = now;
}

void phase_leave(bool succeeded)
{
    if (succeeded) between = next;
    *shared = between;
}
