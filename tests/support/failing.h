/* SPDX-License-Identifier: MIT
 * failing.h - an allocator that fails once, and counts what is alive. */
#ifndef UM_FAILING_H
#define UM_FAILING_H

#include <stdlib.h>
#include <string.h>

#include "support/check.h"

typedef struct failing {
    long fail_at; /* this allocation fails, from 1 on; 0: none */
    long asked, alive;
    bool failed;
} failing;

static inline void *failing_alloc(void *user, size_t bytes)
{
    failing *f = user;
    if (++f->asked == f->fail_at) {
        f->failed = true;
        return NULL;
    }
    void *p = aligned_alloc(UM_ALIGN, (bytes + UM_ALIGN) / UM_ALIGN * UM_ALIGN);
    assert_non_null(p);
    memset(p, 0, bytes);
    f->alive++;
    return p;
}

static inline void failing_free(void *user, void *p)
{
    ((failing *)user)->alive -= p != NULL;
    free(p);
}

/* Do `act` with the 1st, 2nd, ... allocation failing until none does: each time it must give
 * UM_NO_MEMORY, and at the end UM_OK, and leave nothing allocated. act releases what it opens. */
static inline void check_every_allocation(um_status (*act)(um_ctx *ctx, void *arg), void *arg)
{
    for (long n = 1;; n++) {
        failing f = { .fail_at = n };
        um_ctx ctx;
        um_ctx_init(&ctx);
        ctx.allocator = (um_allocator){ failing_alloc, failing_free, &f };
        const um_status status = act(&ctx, arg);
        if (f.alive != 0) fail_msg("allocation %ld failing leaves %ld alive", n, f.alive);
        if (!f.failed) {
            CHECK_OK(&ctx, status);
            return;
        }
        if (status != UM_NO_MEMORY) fail_msg("allocation %ld failing gives %s: %s", n,
                                             um_status_text(status), ctx.message);
    }
}

#endif
