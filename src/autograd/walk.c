/* SPDX-License-Identifier: MIT
 * walk.c - running the planned steps. It knows no operation. */
#include "autograd/record.h"

#include <string.h>

/* A tensor of a segment has a second place in the backward walk. */
static void bind(um_tape *t, um_var v, um_phase phase)
{
    um_record *r = &t->vars[v.id];
    const int block = r->value[um_place(r, phase)];
    if (block != UM_NO_BLOCK) r->data = (um_real *)(t->memory + t->blocks[block].offset);
}

static um_status run_step(um_tape *t, int i)
{
    const um_call *step = &t->steps[i];
    const um_node *node = &t->nodes[step->node];
    t->running = i;
    if (step->phase == UM_VJP && !t->vars[node->out.id].written)
        return UM_OK; /* no vjp has written this gradient: it is zero, and all that comes of it */
    if (step->phase != UM_VJP) {
        bind(t, node->out, step->phase);
        for (int k = 0; k < node->kept; k++)
            bind(t, (um_var){ node->first_kept.id + k }, step->phase);
    }
    if (t->observer.before) t->observer.before(t->observer.user, t, node, step->phase);
    (step->phase == UM_VJP ? node->op->vjp : node->op->forward)(t, node);
    return t->observer.after ? t->observer.after(t->observer.user, t, node, step->phase) : UM_OK;
}

static um_status run_steps(um_tape *t, int from, int to)
{
    if (!t->memory)
        return um_fail(t->ctx, UM_BAD_ARG, "the tape is not committed (um_tape_commit)");
    const int threads = um_threads_enter(t->ctx);
    um_status status = UM_OK;
    for (int i = from; i < to && status == UM_OK; i++) status = run_step(t, i);
    um_threads_leave(threads);
    return status;
}

um_status um_tape_forward(um_tape *t) { return run_steps(t, 0, t->n_forward); }

um_status um_tape_backward(um_tape *t, const um_real *seed, bool accumulate)
{
    if (!t->loss.id || !t->memory)
        return um_fail(t->ctx, UM_BAD_ARG, "the tape was not planned for a backward walk");
    um_record *loss = &t->vars[t->loss.id];
    for (int i = 1; i < t->n_vars; i++) t->vars[i].written = false;
    for (size_t i = 0; i < loss->count; i++) loss->grad[i] = seed ? seed[i] : 1;
    loss->written = true;
    t->accumulate = accumulate;
    UM_TRY(run_steps(t, t->n_forward, t->n_steps));

    for (int i = 1; i < t->n_vars; i++) { /* asked for, and the loss does not depend on it */
        um_record *v = &t->vars[i];
        const bool asked = v->wants_grad || (v->kind == UM_VAR_PARAM && !accumulate);
        if (asked && v->grad && !v->written) memset(v->grad, 0, v->count * sizeof *v->grad);
    }
    return UM_OK;
}

um_real *um_scratch(const um_tape *t)
{
    const int block = t->steps[t->running].scratch;
    return block == UM_NO_BLOCK ? NULL : (um_real *)(t->memory + t->blocks[block].offset);
}

um_into um_grad_into(um_tape *t, um_var v)
{
    um_record *r = &t->vars[v.id];
    if (!v.id || !r->needs_grad || !r->grad) return (um_into){ NULL, false };
    const bool add = r->written || (r->kind == UM_VAR_PARAM && t->accumulate);
    r->written = true;
    return (um_into){ r->grad, add };
}

bool um_tape_random(const um_tape *t, const um_node *node, um_random *source)
{
    const uint64_t index = (uint64_t)(node - t->nodes);
    *source = (um_random){ t->seed, UM_STREAM_DROPOUT, t->run << 16 | index };
    return t->training;
}
