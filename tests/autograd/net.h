/* SPDX-License-Identifier: MIT
 * net.h - a small U-Net of bare operations, with every kind of thing that a plan must bear: skips
 * that live long, kept tensors, scratch, dropout, attention. */
#ifndef UM_NET_H
#define UM_NET_H

#include "autograd/ops.h"
#include "support/check.h"
#include "tensor/kernels/kernels.h"

enum { NET_PARAMS_MAX = 32768, NET_RECOMPUTE = 1, NET_FORWARD_ONLY = 2 };

typedef struct net {
    um_ctx ctx;
    um_tape *t;
    um_var x, time, output, loss;
    size_t used; /* of param and grad */
    um_real param[NET_PARAMS_MAX], grad[NET_PARAMS_MAX];
} net;

/* Record and plan the net; numbers in it are functions of nothing. Its tape is not committed yet.
 */
void net_open(net *a, const um_kernels *kernels, int threads, unsigned flags);

/* Commit, fill the inputs, walk forward and back with dropout on. */
void net_run(net *a);

void net_close(net *a);

#endif
