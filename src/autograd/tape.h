/* SPDX-License-Identifier: MIT
 * tape.h - reverse-mode automatic differentiation.
 *
 * Operations (ops.h) are recorded once for given shapes; no number is computed yet. um_tape_plan
 * then lists every step of the forward and backward walk, sees from it how long each tensor lives,
 * and gives all of them places in one block of memory. After um_tape_commit the walks run as often
 * as wanted and allocate nothing:
 *
 *     um_tape_open(&t, ctx);
 *     um_var x = um_tape_input(t, "x", shape);
 *     um_var y = um_linear(t, x, um_tape_param(...), um_tape_param(...));
 *     um_tape_plan(t, loss);  um_tape_commit(t);
 *     loop { fill um_data(t, x); um_tape_forward(t); um_tape_backward(t, NULL, false); }
 *
 * Recording is sticky: the first failure is kept, later calls do nothing, um_tape_plan gives it. */
#ifndef UM_TAPE_H
#define UM_TAPE_H

#include "tensor/kernels/precision.h"
#include "tensor/shape.h"

typedef struct um_tape um_tape;
typedef struct um_node um_node;

/* A tensor on the tape; the zeroed one is "none". */
typedef struct um_var {
    int id;
} um_var;

/* Open an empty tape on ctx, which must outlive it and have its kernels chosen. */
um_status um_tape_open(um_tape **t, um_ctx *ctx);

/* Free the tape and all its tensors, set *t to NULL; NULL is accepted. */
void um_tape_close(um_tape **t);

um_ctx *um_tape_ctx(const um_tape *t);

/* The first failure of recording, UM_OK before one. */
um_status um_tape_status(const um_tape *t);

/* ---- recording ---- */

/* A tensor that the caller fills through um_data before each forward walk. Numbers that count
 * (timesteps, labels) are stored as reals too. The name is copied. */
um_var um_tape_input(um_tape *t, const char *name, um_shape shape);

/* A tensor of the caller's: value is read; grad, where not NULL, receives its gradient. Both must
 * outlive the tape. */
um_var um_tape_param(um_tape *t, const char *name, um_shape shape, um_real *value, um_real *grad);

/* Ask for the gradient with respect to an input (before anything is recorded on it). */
void um_tape_want_grad(um_tape *t, um_var input);

/* Keep the value of v after the forward walk, so that the caller may read it. */
void um_tape_output(um_tape *t, um_var v);

/* What is recorded between these two is not kept for the backward walk but computed a second time
 * in it: the same bits in less memory (gradient checkpointing, Chen et al., arXiv 1604.06174). Not
 * nested. */
void um_tape_segment_begin(um_tape *t);
void um_tape_segment_end(um_tape *t);

/* What the operands of products (convolutions, linear layers, matrix products) that are recorded
 * from here on are rounded to, in both walks; UM_F32 at first. */
void um_tape_precision(um_tape *t, um_precision precision);

/* Names for messages: what is recorded between enter and leave stands in this part of the model. */
void um_tape_enter(um_tape *t, const char *format, ...) UM_PRINTF(2, 3);
void um_tape_leave(um_tape *t);

/* Record a failure, with its place before it, unless there is one already; gives "none". */
um_var um_tape_fail(um_tape *t, um_status code, const char *format, ...) UM_PRINTF(3, 4);

/* ---- planning ---- */

/* Plan the walks: forward only where loss is none; else forward and backward from loss, whose value
 * is kept. Returns the first failure of recording. */
um_status um_tape_plan(um_tape *t, um_var loss);

/* Bytes that the plan needs; known before um_tape_commit allocates them. */
size_t um_tape_bytes(const um_tape *t);

/* Multiply-adds of one forward walk, in products and convolutions. */
double um_tape_cost(const um_tape *t);

/* Bytes of all that the recorded operations give, each counted for itself. */
size_t um_tape_activations(const um_tape *t);

/* Allocate the planned block. */
um_status um_tape_commit(um_tape *t);

/* ---- running ---- */

/* Whether dropout drops (false at first), and the random source of this run: the same (seed, step)
 * drops the same elements. */
void um_tape_training(um_tape *t, bool training, uint64_t seed, uint64_t step);

um_status um_tape_forward(um_tape *t);

/* Walk back from the loss with `seed` as its gradient (NULL: ones). Parameter gradients are stored,
 * or added to what they hold where `accumulate`. Needs the forward walk of the same inputs before
 * it. */
um_status um_tape_backward(um_tape *t, const um_real *seed, bool accumulate);

/* Value and gradient, valid after commit; values of inner tensors only while an operation runs, but
 * of inputs, outputs, parameters and the loss always. NULL for none, and where there is no
 * gradient. */
um_real *um_data(const um_tape *t, um_var v);
const um_real *um_grad(const um_tape *t, um_var v);

/* Shape of v; all zero for none, and once the tape has failed. */
um_shape um_shape_of(const um_tape *t, um_var v);

/* ---- looking on ---- */

typedef enum um_phase { UM_FORWARD, UM_RECOMPUTE, UM_VJP } um_phase;

/* Called around each operation of a walk; `after` may end the walk with a failure. Either may be
 * NULL. */
typedef struct um_observer {
    void (*before)(void *user, um_tape *t, const um_node *node, um_phase phase);
    um_status (*after)(void *user, um_tape *t, const um_node *node, um_phase phase);
    void *user;
} um_observer;

void um_tape_observe(um_tape *t, um_observer observer);

/* An observer that fails with UM_NOT_FINITE at the first operation whose output, or in the backward
 * walk whose input's gradient, is not finite, and names the operation, the tensor and the part of
 * the model. */
um_observer um_observer_check_nan(void);

/* Name of a node's operation, and the part of the model where it stands. */
const char *um_node_op(const um_node *node);
const char *um_node_scope(const um_node *node);

#endif
