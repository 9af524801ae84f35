/* SPDX-License-Identifier: MIT
 * record.h - what a tape holds; shared by recording, planning and walking. */
#ifndef UM_RECORD_H
#define UM_RECORD_H

#include "autograd/op.h"
#include "base/arena.h"

enum { UM_SCOPE_MAX = 256, UM_SCOPE_DEPTH = 16 };

typedef enum um_var_kind { UM_VAR_INNER, UM_VAR_KEPT, UM_VAR_INPUT, UM_VAR_PARAM } um_var_kind;

/* A place in memory and the first and last instruction that touch it. */
typedef struct um_block {
    size_t bytes, offset;
    int first, last;
} um_block;

enum { UM_NO_BLOCK = -1 };

typedef struct um_record {
    um_shape shape;
    size_t count;
    const char *name; /* of inputs and parameters, else NULL */
    um_var_kind kind;
    int segment;      /* of the node that makes it */
    bool escapes;     /* of its segment: read outside, or an output */
    bool output;
    bool wants_grad;  /* an input whose gradient the caller reads */
    bool needs_grad;
    bool reaches;     /* on the way to the loss: the backward walk passes */
    int value[2];     /* blocks: [0] of the forward walk, [1] of the second one in a segment */
    int gradient;     /* block */
    um_real *data, *grad;
    bool written;     /* the gradient holds something in this backward walk */
} um_record;

/* One call of an operation in a walk. */
typedef struct um_call {
    int node;
    um_phase phase;
    int scratch; /* block */
} um_call;

struct um_tape {
    um_ctx *ctx;
    um_status status;
    um_arena arena; /* nodes' records and names */

    um_record *vars; /* [0] is none */
    int n_vars, max_vars;
    um_node *nodes;
    int n_nodes, max_nodes;

    char scope[UM_SCOPE_MAX];
    int scope_ends[UM_SCOPE_DEPTH], depth;
    const char *scope_name; /* the scope in the arena, NULL until needed */
    int segment, segments;
    um_precision precision;
    int pending_kept;       /* kept tensors and scratch of the next node */
    size_t pending_scratch;

    um_call *steps; /* forward steps, then those of the backward walk */
    int n_steps, n_forward, max_steps;
    um_block *blocks;
    int n_blocks, max_blocks;
    bool planned;
    um_var loss;
    size_t bytes;
    char *memory;

    int running; /* step */
    bool accumulate;
    bool training;
    uint64_t seed, run;
    um_observer observer;
};

/* Which of a tensor's two places counts while a step of `phase` runs: what never leaves its segment
 * is made a second time for the backward walk. */
static inline int um_place(const um_record *v, um_phase phase)
{
    return phase != UM_FORWARD && v->segment != 0 && !v->escapes;
}

/* Make room for one more element of an array that grows by doubling. */
um_status um_grow(um_ctx *ctx, void *array, int *capacity, int used, size_t size, const char *what);

#endif
