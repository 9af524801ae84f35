/* SPDX-License-Identifier: MIT
 * kernel_bench.h - how fast each kernel is on each tier, beside what the machine can do at most. */
#ifndef UM_KERNEL_BENCH_H
#define UM_KERNEL_BENCH_H

#include "base/base.h"
#include "tensor/kernels/precision.h"
#include "unmist/bench.h"

/* What the machine reaches with the context's threads: multiply-adds in registers by its best tier
 * (kernels/peak.h), and sums of arrays that no cache holds, twice read and once written. */
um_status um_machine_peak(um_ctx *ctx, um_bench_machine *out);

typedef struct um_kernel_bench_request {
    const char *isa;    /* a tier; "auto": every tier of this machine */
    const char *kernel; /* one of the list; NULL: all */
    int batch, reps;
    um_precision precision; /* of products; attention's are f32 always */
    const um_bench_kernel_hooks *hooks;
} um_kernel_bench_request;

/* Time every case (kernel_case.h), telling each as it is done. The scalar definitions, which are
 * slow, get one image. UM_BAD_ARG for a kernel that is not in the list, UM_CANCELLED between
 * cases. */
um_status um_kernel_bench_run(um_ctx *ctx, const um_kernel_bench_request *request);

#endif
