/* SPDX-License-Identifier: MIT
 * plan.c - from what was recorded to a list of steps, lifetimes and places in memory.
 *
 * Time is the index of a step. A block lives from the first step that touches it to the last; two
 * blocks may share bytes when their lives do not meet. Finding the smallest memory is NP-hard
 * (dynamic storage allocation); placing the largest block first, as low as it fits, comes within a
 * few per cent here. */
#include "autograd/record.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- steps ---- */

static void add_step(um_tape *t, int node, um_phase phase)
{
    if (t->status == UM_OK)
        t->status =
            um_grow(t->ctx, &t->steps, &t->max_steps, t->n_steps, sizeof(um_call), "a plan");
    if (t->status != UM_OK) return;
    t->steps[t->n_steps++] = (um_call){ node, phase, UM_NO_BLOCK };
}

/* Whether the backward walk must run `node` again: something that it makes was not kept. */
static bool runs_again(const um_tape *t, const um_node *node)
{
    return !t->vars[node->out.id].escapes || node->kept > 0;
}

static void recompute_segment(um_tape *t, int last)
{
    const int segment = t->nodes[last].segment;
    int first = last;
    while (first > 0 && t->nodes[first - 1].segment == segment) first--;
    for (int i = first; i <= last; i++)
        if (runs_again(t, &t->nodes[i])) add_step(t, i, UM_RECOMPUTE);
}

/* Mark what lies between the parameters and the loss, and list its vjps in reverse order. */
static void add_backward(um_tape *t, um_var loss)
{
    int segment = 0; /* the one that has been recomputed */
    t->vars[loss.id].reaches = true;
    for (int i = t->n_nodes - 1; i >= 0; i--) {
        const um_node *node = &t->nodes[i];
        const um_record *out = &t->vars[node->out.id];
        if (!out->reaches || !out->needs_grad) continue;
        for (int k = 0; k < node->op->arity; k++) t->vars[node->in[k].id].reaches = true;
        if (node->segment != 0 && node->segment != segment) {
            segment = node->segment;
            recompute_segment(t, i); /* what the segment has behind node i, no vjp in it reads */
        }
        add_step(t, i, UM_VJP);
    }
}

/* ---- lifetimes ---- */

/* Extend the life of block *b, made here at first, to `when`. */
static void touch(um_tape *t, int *b, size_t count, int when)
{
    if (t->status != UM_OK) return;
    if (*b == UM_NO_BLOCK) {
        t->status =
            um_grow(t->ctx, &t->blocks, &t->max_blocks, t->n_blocks, sizeof(um_block), "a plan");
        if (t->status != UM_OK) return;
        *b = t->n_blocks++;
        const size_t bytes = (count * sizeof(um_real) + UM_ALIGN - 1) / UM_ALIGN * UM_ALIGN;
        t->blocks[*b] = (um_block){ .bytes = bytes, .first = when, .last = when };
    }
    t->blocks[*b].first = UM_MIN(t->blocks[*b].first, when);
    t->blocks[*b].last = UM_MAX(t->blocks[*b].last, when);
}

static void touch_value(um_tape *t, um_var v, um_phase phase, int when)
{
    um_record *r = &t->vars[v.id];
    if (v.id != 0 && r->kind != UM_VAR_PARAM)
        touch(t, &r->value[um_place(r, phase)], r->count, when);
}

static void touch_grad(um_tape *t, um_var v, int when)
{
    um_record *r = &t->vars[v.id];
    if (v.id != 0 && r->kind != UM_VAR_PARAM && r->needs_grad && r->reaches)
        touch(t, &r->gradient, r->count, when);
}

static void touch_step(um_tape *t, int when)
{
    um_call *step = &t->steps[when];
    const um_node *node = &t->nodes[step->node];
    const bool vjp = step->phase == UM_VJP;
    for (int i = 0; i < node->op->arity; i++) {
        if (!vjp || node->op->vjp_reads >> i & 1)
            touch_value(t, node->in[i], step->phase, when);
        if (vjp) touch_grad(t, node->in[i], when);
    }
    if (!vjp || node->op->vjp_reads & UM_READS_OUT)
        touch_value(t, node->out, step->phase, when);
    if (vjp) touch_grad(t, node->out, when);
    for (int i = 0; i < node->kept; i++)
        touch_value(t, (um_var){ node->first_kept.id + i }, step->phase, when);
    if (node->scratch) touch(t, &step->scratch, node->scratch, when);
}

/* What the caller fills lives from the start, and what the caller reads to the end. */
static void touch_ends(um_tape *t)
{
    const int end = t->n_steps;
    for (int i = 1; i < t->n_vars; i++) {
        const um_record *r = &t->vars[i];
        const um_var v = { i };
        if (r->kind == UM_VAR_INPUT) touch_value(t, v, UM_FORWARD, 0);
        if (r->kind == UM_VAR_INPUT || r->output) touch_value(t, v, UM_FORWARD, end);
        if (r->wants_grad && t->loss.id) {
            t->vars[i].reaches = true; /* asked for: zero where the loss does not depend on it */
            touch_grad(t, v, end);
        }
    }
    if (t->loss.id) touch_grad(t, t->loss, t->n_forward);
}

/* ---- places ---- */

static int larger_first(const void *a, const void *b)
{
    const um_block *x = *(um_block *const *)a, *y = *(um_block *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y; /* qsort is not stable */
}

/* The lowest place for `b` among the n placed blocks, which are sorted by offset. */
static size_t lowest_place(const um_block *b, um_block *const *placed, int n)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const um_block *p = placed[i];
        if (p->last < b->first || b->last < p->first) continue;
        if (p->offset >= at + b->bytes) break;
        at = UM_MAX(at, p->offset + p->bytes);
    }
    return at;
}

static um_status place_blocks(um_tape *t)
{
    um_block **order;
    UM_TRY(um_alloc(t->ctx, &order, 2 * (size_t)t->n_blocks, sizeof *order, "a plan"));
    um_block **placed = order + t->n_blocks;
    for (int i = 0; i < t->n_blocks; i++) order[i] = &t->blocks[i];
    qsort(order, (size_t)t->n_blocks, sizeof *order, larger_first);

    t->bytes = 0;
    for (int i = 0; i < t->n_blocks; i++) {
        um_block *b = order[i];
        b->offset = lowest_place(b, placed, i);
        t->bytes = UM_MAX(t->bytes, b->offset + b->bytes);
        int at = i; /* keep `placed` sorted */
        while (at > 0 && placed[at - 1]->offset > b->offset) {
            placed[at] = placed[at - 1];
            at--;
        }
        placed[at] = b;
    }
    um_free(t->ctx, order);
    return UM_OK;
}

um_status um_tape_plan(um_tape *t, um_var loss)
{
    UM_TRY(t->status);
    if (t->planned) return um_fail(t->ctx, UM_BAD_ARG, "the tape is planned already");
    t->planned = true;
    t->loss = loss;
    if (loss.id) {
        t->vars[loss.id].output = true;
        if (!t->vars[loss.id].needs_grad)
            um_tape_fail(t, UM_BAD_ARG, "the loss depends on nothing that asks for a gradient");
    }
    for (int i = 1; i < t->n_vars; i++) t->vars[i].escapes |= t->vars[i].output;

    for (int i = 0; i < t->n_nodes; i++) add_step(t, i, UM_FORWARD);
    t->n_forward = t->n_steps;
    if (loss.id) add_backward(t, loss);
    for (int i = 0; i < t->n_steps; i++) touch_step(t, i);
    touch_ends(t);
    if (t->status == UM_OK) t->status = place_blocks(t);
    return t->status;
}

um_status um_tape_commit(um_tape *t)
{
    UM_TRY(t->status);
    if (!t->planned || t->memory)
        return um_fail(t->ctx, UM_BAD_ARG, "a tape is committed once, after um_tape_plan");
    UM_TRY(um_alloc(t->ctx, &t->memory, t->bytes, 1, "activations and gradients"));
    for (int i = 1; i < t->n_vars; i++) {
        um_record *v = &t->vars[i];
        if (v->value[0] != UM_NO_BLOCK)
            v->data = (um_real *)(t->memory + t->blocks[v->value[0]].offset);
        if (v->gradient != UM_NO_BLOCK)
            v->grad = (um_real *)(t->memory + t->blocks[v->gradient].offset);
    }
    return UM_OK;
}
