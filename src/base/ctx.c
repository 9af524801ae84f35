/* SPDX-License-Identifier: MIT
 * ctx.c - the context: memory, messages, log, threads. */
#include "base/memory.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* From here on it is asked whether there is so much: to fill what there is not would end the
 * program without a word. */
enum { LARGE = 16 << 20 };

static void *default_alloc(void *user, size_t bytes)
{
    (void)user;
    const size_t rounded = (bytes + UM_ALIGN - 1) / UM_ALIGN * UM_ALIGN;
    if (rounded < bytes) return NULL;
    void *p = aligned_alloc(UM_ALIGN, rounded ? rounded : UM_ALIGN);
    if (p) memset(p, 0, rounded);
    return p;
}

static void default_free(void *user, void *p)
{
    (void)user;
    free(p);
}

void um_ctx_init(um_ctx *ctx)
{
    *ctx = (um_ctx){
        .allocator = { default_alloc, default_free, NULL },
        .threads = omp_get_num_procs(),
    };
}

um_status um_fail(um_ctx *ctx, um_status code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(ctx->message, sizeof ctx->message, format, args);
    va_end(args);
    um_printable(ctx->message);
    return code;
}

um_status um_fail_at(um_ctx *ctx, um_status code, const char *format, ...)
{
    char what[UM_MESSAGE_MAX];
    memcpy(what, ctx->message, sizeof what);
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(ctx->message, sizeof ctx->message, format, args);
    va_end(args);
    const int room = (int)sizeof ctx->message - n - (int)sizeof ": "; /* what does not fit is cut */
    if (n >= 0 && room > 0)
        snprintf(ctx->message + n, sizeof ctx->message - (size_t)n, ": %.*s", room, what);
    um_printable(ctx->message);
    return code;
}

void um_log(um_ctx *ctx, um_log_level level, const char *format, ...)
{
    if (!ctx->log) return;
    char text[UM_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ctx->log(ctx->log_user, level, um_printable(text));
}

um_status um_check_cancelled(um_ctx *ctx)
{
    if (ctx->cancelled && ctx->cancelled(ctx->cancel_user))
        return um_fail(ctx, UM_CANCELLED, "stopped on request");
    return UM_OK;
}

um_status um_alloc(um_ctx *ctx, void *out, size_t count, size_t size, const char *what)
{
    const double mib = 1048576.0, asked = (double)count * (double)size;
    um_room room = { .bytes = SIZE_MAX };
    void *p = NULL;
    if (asked >= LARGE && ctx->allocator.alloc == default_alloc) um_memory_left(ctx, &room);
    if (asked <= (double)room.bytes && (size == 0 || count <= SIZE_MAX / 2 / size))
        p = ctx->allocator.alloc(ctx->allocator.user, count * size);
    memcpy(out, &p, sizeof p); /* *out may be any object pointer */
    if (p) return UM_OK;
    if (room.bytes == SIZE_MAX)
        return um_fail(ctx, UM_NO_MEMORY, "no memory for %s (%.1f MiB asked)", what, asked / mib);
    return um_fail(ctx, UM_NO_MEMORY, "no memory for %s (%.1f MiB asked, %s leaves %.1f MiB)", what,
                   asked / mib, room.limit, (double)room.bytes / mib);
}

void um_free(um_ctx *ctx, void *p)
{
    if (p) ctx->allocator.free(ctx->allocator.user, p);
}

um_status um_strdup(um_ctx *ctx, char **out, const char *text)
{
    const size_t bytes = strlen(text) + 1;
    UM_TRY(um_alloc(ctx, out, bytes, 1, "a text"));
    memcpy(*out, text, bytes);
    return UM_OK;
}

double um_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int um_threads_enter(const um_ctx *ctx)
{
    const int before = omp_get_max_threads();
    omp_set_num_threads(ctx->threads);
    return before;
}

void um_threads_leave(int before)
{
    omp_set_num_threads(before);
}
