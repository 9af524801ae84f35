/* SPDX-License-Identifier: MIT
 * unmist/context.h - a context: memory, messages, threads. One context serves one thread at a time;
 * contexts are independent of each other. Nothing in the library is global. */
#ifndef UNMIST_CONTEXT_H
#define UNMIST_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unmist/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum um_log_level { UM_LOG_ERROR, UM_LOG_WARNING, UM_LOG_INFO, UM_LOG_DEBUG } um_log_level;

typedef void um_log_fn(void *user, um_log_level level, const char *text);

/* Memory for the library: alloc returns zeroed bytes aligned to 64, or NULL. */
typedef struct um_allocator {
    void *(*alloc)(void *user, size_t bytes);
    void (*free)(void *user, void *p);
    void *user;
} um_allocator;

/* What a caller may choose; zeroed is malloc, silence, and never cancelled. */
typedef struct um_options {
    um_allocator allocator;
    um_log_fn *log;
    void *log_user;
    bool (*cancelled)(void *user); /* asked between steps: true stops the work with UM_CANCELLED */
    void *cancel_user;
} um_options;

/* Open a context; options may be NULL. The caller closes it after everything that was opened on it.
 * On failure *ctx is NULL. */
UM_API um_status um_open(um_ctx **ctx, const um_options *options);

/* Close and set *ctx to NULL; a *ctx that is NULL is accepted. */
UM_API void um_close(um_ctx **ctx);

/* What went wrong in the last failed call; owned by the context. */
UM_API const char *um_message(const um_ctx *ctx);

/* Make a text fit for a terminal, in place: each control character and each byte that is no UTF-8
 * becomes a question mark. What the library tells (um_message, the log) is so already; names of
 * files and classes, which it gives as they are, may be anything. Gives text. */
UM_API char *um_printable(char *text);

/* The library's version, "0.1.0". */
UM_API const char *um_version(void);

/* What this machine and this build have. */
typedef struct um_machine {
    char cpu[64];
    int cores;
    char tiers[96]; /* names of its kernel tiers, slowest first; run.isa = auto takes the last */
    bool jpeg;      /* JPEG files are read */
} um_machine;

/* Fill *out; cannot fail. */
UM_API void um_machine_describe(um_machine *out);

#ifdef __cplusplus
}
#endif
#endif
