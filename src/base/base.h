/* SPDX-License-Identifier: MIT
 * base.h - what every floor stands on: numbers, failing, memory, messages, one context. */
#ifndef UM_BASE_H
#define UM_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unmist/context.h"

/* The number that tensors are made of: float; double in the test-only build that proves
 * gradients. */
#ifdef UM_DOUBLE
typedef double um_real;
#else
typedef float um_real;
#endif

#define UM_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UM_MIN(a, b) ((a) < (b) ? (a) : (b))
#define UM_MAX(a, b) ((a) > (b) ? (a) : (b))

/* Pass a failure up. Only where nothing is left to release. */
#define UM_TRY(call)                             \
    do {                                         \
        const um_status um_try_ = (call);        \
        if (um_try_ != UM_OK) return um_try_;    \
    } while (0)

enum { UM_MESSAGE_MAX = 2048, UM_ALIGN = 64 };

/* One context serves one thread at a time; contexts are independent of each other. */
struct um_ctx {
    um_allocator allocator;
    um_log_fn *log; /* NULL: silent */
    void *log_user;
    bool (*cancelled)(void *user); /* asked between steps; NULL: never */
    void *cancel_user;
    int threads;                      /* of every parallel region, at least 1 */
    size_t memory;                    /* most that the process may have; 0: ask the system */
    const struct um_kernels *kernels; /* set by um_kernels_choose */
    char message[UM_MESSAGE_MAX];     /* what went wrong last */
};

/* A context with malloc, no log, all cores and no kernels yet (um_kernels_choose sets them). */
void um_ctx_init(um_ctx *ctx);

/* Record what went wrong in ctx and return `code`. Never aborts, never prints. */
um_status um_fail(um_ctx *ctx, um_status code, const char *format, ...) UM_PRINTF(3, 4);

/* Put "where: " before the recorded message, as a failure passes a floor that knows the place. */
um_status um_fail_at(um_ctx *ctx, um_status code, const char *format, ...) UM_PRINTF(3, 4);

void um_log(um_ctx *ctx, um_log_level level, const char *format, ...) UM_PRINTF(3, 4);

/* UM_CANCELLED once the caller's hook asks to stop, else UM_OK. */
um_status um_check_cancelled(um_ctx *ctx);

/* count * size zeroed bytes, aligned to 64, in *out. On failure, as where a large block is more
 * than um_memory_left says, *out is NULL and the message names `what`. A count of 0 gives a valid
 * pointer. The caller frees with um_free. */
um_status um_alloc(um_ctx *ctx, void *out, size_t count, size_t size, const char *what);

/* Frees what um_alloc gave; NULL is accepted. */
void um_free(um_ctx *ctx, void *p);

/* A copy of text in memory of its own; um_free it. */
um_status um_strdup(um_ctx *ctx, char **out, const char *text);

/* Seconds on a clock that only goes forward. */
double um_seconds(void);

/* Set the OpenMP thread count of the calling thread to the context's, and give it back afterwards.
 * Every entry that runs kernels is bracketed by these two. */
int um_threads_enter(const um_ctx *ctx);
void um_threads_leave(int before);

#endif
