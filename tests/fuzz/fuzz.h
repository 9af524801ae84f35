/* SPDX-License-Identifier: MIT
 * fuzz.h - what the fuzz targets share: a context whose memory has a bound, files for the readers,
 * and what must hold whatever the bytes are. A target is one file that defines
 * LLVMFuzzerTestOneInput; libFuzzer calls it with bytes of its making, replay.c with files. */
#ifndef UM_FUZZ_H
#define UM_FUZZ_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "io/folder.h"
#include "io/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_PATH = 512, FUZZ_HEAD = UM_ALIGN };

/* What does not hold ends the program, which libFuzzer takes for a finding. */
#define FUZZ_HOLDS(claim)                                                              \
    do {                                                                               \
        if (!(claim)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #claim); \
            abort();                                                                   \
        }                                                                              \
    } while (0)

/* Bytes of one input's context. Above `bound` an allocation is a finding: no header is to be
 * believed before the bytes behind it were seen. Above `room` it fails, as on a small machine. */
typedef struct fuzz_memory {
    size_t alive, bound, room;
} fuzz_memory;

static inline void *fuzz_alloc(void *user, size_t bytes)
{
    fuzz_memory *m = user;
    if (bytes > m->room || m->alive > m->room - bytes) return NULL;
    if (bytes > m->bound || m->alive > m->bound - bytes) {
        fprintf(stderr, "%zu bytes asked beside %zu: the bound is %zu\n", bytes, m->alive,
                m->bound);
        abort();
    }
    uint8_t *p = aligned_alloc(UM_ALIGN, FUZZ_HEAD + (bytes + UM_ALIGN) / UM_ALIGN * UM_ALIGN);
    FUZZ_HOLDS(p);
    memset(p, 0, FUZZ_HEAD + bytes);
    memcpy(p, &bytes, sizeof bytes);
    m->alive += bytes;
    return p + FUZZ_HEAD;
}

static inline void fuzz_free(void *user, void *p)
{
    size_t bytes;
    if (!p) return;
    memcpy(&bytes, (uint8_t *)p - FUZZ_HEAD, sizeof bytes);
    ((fuzz_memory *)user)->alive -= bytes;
    free((uint8_t *)p - FUZZ_HEAD);
}

/* A context for one input. */
static inline void fuzz_begin(um_ctx *ctx, fuzz_memory *memory, size_t bound, size_t room)
{
    *memory = (fuzz_memory){ .bound = bound, .room = room };
    um_ctx_init(ctx);
    ctx->allocator = (um_allocator){ fuzz_alloc, fuzz_free, memory };
    ctx->threads = 1;
}

/* All was given back. */
static inline void fuzz_end(const fuzz_memory *memory)
{
    FUZZ_HOLDS(memory->alive == 0);
}

/* A file from outside is good or refused, with a reason. */
static inline bool fuzz_took(const um_ctx *ctx, um_status status)
{
    if (status == UM_OK) return true;
    FUZZ_HOLDS(status == UM_BAD_FILE || status == UM_BAD_ARG || status == UM_NO_MEMORY);
    FUZZ_HOLDS(ctx->message[0]);
    return false;
}

/* ---- files ---- */

static char fuzz_root[FUZZ_PATH / 2];

static inline void fuzz_remove(void)
{
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_folder_remove(&ctx, fuzz_root);
}

/* The folder of this process, in memory where the system has such a place; gone at its end. */
static inline const char *fuzz_folder(void)
{
    if (*fuzz_root) return fuzz_root;
    const char *base = getenv("TMPDIR");
    if (!base) base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(fuzz_root, sizeof fuzz_root, "%s/unmist-fuzz-XXXXXX", base);
    FUZZ_HOLDS(mkdtemp(fuzz_root));
    atexit(fuzz_remove);
    return fuzz_root;
}

/* The path of a name in that folder; overwritten by the fourth call from here. */
static inline const char *fuzz_path(const char *name)
{
    static char text[4][FUZZ_PATH];
    static int next;
    char *path = text[next++ % 4];
    snprintf(path, FUZZ_PATH, "%s/%s", fuzz_folder(), name);
    return path;
}

/* Write it; gives its path. */
static inline const char *fuzz_file(const char *name, const void *data, size_t size)
{
    const char *path = fuzz_path(name);
    FILE *file = fopen(path, "wb");
    FUZZ_HOLDS(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    return path;
}

/* Several files in one input: each begins behind a line "=== NAME". Only these names count; what is
 * not there has a NULL, what comes twice is the last. */
static inline void fuzz_parts(const uint8_t *data, size_t size, const char *const *names, int count,
                              um_bytes *out)
{
    static const char mark[] = "=== ";
    const size_t m = sizeof mark - 1;
    um_bytes *open = NULL;
    for (int i = 0; i < count; i++) out[i] = (um_bytes){ 0 };
    for (size_t at = 0; at < size;) {
        const uint8_t *stop = memchr(data + at, '\n', size - at);
        const size_t next = stop ? (size_t)(stop - data) + 1 : size;
        const size_t end = stop ? next - 1 : size;
        const bool marked = end - at > m && memcmp(data + at, mark, m) == 0;
        um_bytes *named = NULL;
        for (int i = 0; i < count && marked; i++)
            if (strlen(names[i]) == end - at - m && !memcmp(data + at + m, names[i], end - at - m))
                named = &out[i];
        if (named) {
            if (open && open->size) open->size--; /* the newline before the mark is the mark's */
            *named = (um_bytes){ (uint8_t *)data + next, 0 };
            open = named;
        } else if (open) {
            open->size += next - at;
        }
        at = next;
    }
}

/* Write those that are there, and remove those that are not. */
static inline void fuzz_write_parts(const char *const *names, int count, const um_bytes *parts)
{
    for (int i = 0; i < count; i++)
        if (parts[i].data) fuzz_file(names[i], parts[i].data, parts[i].size);
        else FUZZ_HOLDS(unlink(fuzz_path(names[i])) == 0 || errno == ENOENT);
}

/* The same from an input, which without a mark is the first file. */
static inline void fuzz_write_input(const uint8_t *data, size_t size, const char *const *names,
                                    int count)
{
    um_bytes parts[4];
    FUZZ_HOLDS(count <= (int)UM_COUNT(parts));
    fuzz_parts(data, size, names, count, parts);
    if (!parts[0].data) parts[0] = (um_bytes){ (uint8_t *)data, size };
    fuzz_write_parts(names, count, parts);
}

#endif
