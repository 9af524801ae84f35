/* SPDX-License-Identifier: MIT
 * op.h - what an operation is to the tape; included by ops/ alone. */
#ifndef UM_OP_H
#define UM_OP_H

#include "autograd/ops.h"
#include "base/random.h"
#include "tensor/kernels/kernels.h"

enum {
    UM_OP_MAX_INPUTS = 4,
    UM_READS_OUT = 1 << 8, /* the vjp reads the output's value */
};

/* One operation: both directions side by side. vjp_reads has bit i set where the vjp reads the
 * value of input i, and UM_READS_OUT: what no vjp reads is not kept. A NULL vjp stops gradients. */
typedef struct um_op {
    const char *name;
    int arity; /* inputs, of which some may be none */
    unsigned vjp_reads;
    void (*forward)(um_tape *t, const um_node *node);
    void (*vjp)(um_tape *t, const um_node *node);
    double (*cost)(const um_node *node); /* multiply-adds of forward; NULL: not worth counting */
} um_op;

struct um_node {
    const um_op *op;
    um_var in[UM_OP_MAX_INPUTS];
    um_var out;
    const void *saved; /* the op's own record */
    const char *scope;
    int segment;          /* 0: none */
    um_var first_kept;    /* the node's kept tensors: ids first_kept .. first_kept + kept - 1 */
    int kept;
    size_t scratch;       /* reals */
};

/* Record an operation on in[0 .. arity-1] with a result of `shape`; `saved` is copied. */
um_var um_tape_push(um_tape *t, const um_op *op, const um_var *in, um_shape shape,
                    const void *saved, size_t saved_bytes);

/* A tensor of `count` reals that the next recorded operation writes in forward and reads in vjp. */
um_var um_tape_keep(um_tape *t, size_t count);

/* Reals of scratch that the next recorded operation has in both directions. */
void um_tape_scratch(um_tape *t, size_t count);

/* What the operands of a product that is being recorded are rounded to. */
um_precision um_precision_of(const um_tape *t);

/* True once recording has failed. */
bool um_tape_failed(const um_tape *t);

/* ---- while an operation runs ---- */

const um_kernels *um_kernels_of(const um_tape *t);

/* Scratch of the running operation, aligned to 64. */
um_real *um_scratch(const um_tape *t);

/* Where a vjp puts the gradient of an input: `at` is NULL where nobody asks; `add` says whether to
 * add to what is there or to store. Call it once for each input of each vjp, and then write. */
typedef struct um_into {
    um_real *at;
    bool add;
} um_into;

um_into um_grad_into(um_tape *t, um_var v);

/* The random source of this node in this run; false where dropout is off. */
bool um_tape_random(const um_tape *t, const um_node *node, um_random *source);

#endif
