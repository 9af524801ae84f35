/* SPDX-License-Identifier: MIT
 * context.c - opening and closing the library. */
#include "api/handles.h"

#include "base/cpu.h"
#include "io/jpeg.h"
#include "tensor/kernels/kernels.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

um_status um_open(um_ctx **ctx, const um_options *options)
{
    um_ctx first;
    *ctx = NULL;
    um_ctx_init(&first);
    if (options) {
        if (options->allocator.alloc) first.allocator = options->allocator;
        first.log = options->log;
        first.log_user = options->log_user;
        first.cancelled = options->cancelled;
        first.cancel_user = options->cancel_user;
    }
    UM_TRY(um_kernels_choose(&first, "auto"));
    UM_TRY(um_alloc(&first, ctx, 1, sizeof **ctx, "a context"));
    **ctx = first;
    return UM_OK;
}

void um_close(um_ctx **ctx)
{
    if (!*ctx) return;
    um_ctx last = **ctx; /* the context lies in its own memory */
    um_free(&last, *ctx);
    *ctx = NULL;
}

const char *um_message(const um_ctx *ctx) { return ctx->message; }

const char *um_version(void) { return UM_VERSION; }

void um_machine_describe(um_machine *out)
{
    *out = (um_machine){ .cores = omp_get_num_procs(), .jpeg = um_jpeg_available };
    um_cpu_name(out->cpu, sizeof out->cpu);
    for (int i = 0; um_kernels_tier(i); i++) {
        const size_t used = strlen(out->tiers);
        snprintf(out->tiers + used, sizeof out->tiers - used, "%s%s", used ? " " : "",
                 um_kernels_tier(i)->isa);
    }
}

um_status um_apply_run_settings(um_ctx *ctx, const um_config *c)
{
    ctx->memory = (size_t)c->run_memory;
    ctx->threads = c->run_threads ? c->run_threads : omp_get_num_procs();
    return um_kernels_choose(ctx, c->run_isa);
}
