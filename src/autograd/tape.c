/* SPDX-License-Identifier: MIT
 * tape.c - recording: tensors and operations, in order. */
#include "autograd/record.h"

#include <stdio.h>
#include <string.h>

um_status um_grow(um_ctx *ctx, void *array, int *capacity, int used, size_t size, const char *what)
{
    if (used < *capacity) return UM_OK;
    void *old, *fresh;
    memcpy(&old, array, sizeof old);
    const int wanted = *capacity ? 2 * *capacity : 64;
    UM_TRY(um_alloc(ctx, &fresh, (size_t)wanted, size, what));
    if (old) memcpy(fresh, old, (size_t)used * size);
    um_free(ctx, old);
    memcpy(array, &fresh, sizeof fresh);
    *capacity = wanted;
    return UM_OK;
}

um_status um_tape_open(um_tape **t, um_ctx *ctx)
{
    UM_TRY(um_alloc(ctx, t, 1, sizeof **t, "a tape"));
    (*t)->ctx = ctx;
    (*t)->arena.ctx = ctx;
    (*t)->n_vars = 1; /* none */
    const um_status status =
        um_grow(ctx, &(*t)->vars, &(*t)->max_vars, 0, sizeof(um_record), "a tape");
    if (status != UM_OK) um_tape_close(t);
    return status;
}

void um_tape_close(um_tape **t)
{
    if (!*t) return;
    um_ctx *ctx = (*t)->ctx;
    um_arena_free(&(*t)->arena);
    um_free(ctx, (*t)->vars);
    um_free(ctx, (*t)->nodes);
    um_free(ctx, (*t)->steps);
    um_free(ctx, (*t)->blocks);
    um_free(ctx, (*t)->memory);
    um_free(ctx, *t);
    *t = NULL;
}

um_ctx *um_tape_ctx(const um_tape *t) { return t->ctx; }

um_status um_tape_status(const um_tape *t) { return t->status; }

const um_kernels *um_kernels_of(const um_tape *t) { return t->ctx->kernels; }

bool um_tape_failed(const um_tape *t) { return t->status != UM_OK; }

um_var um_tape_fail(um_tape *t, um_status code, const char *format, ...)
{
    if (t->status != UM_OK) return (um_var){ 0 };
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->status = um_fail(t->ctx, code, "%s%s%s", t->scope, t->depth ? ": " : "", text);
    return (um_var){ 0 };
}

/* The record of a new tensor, NULL once the tape has failed. */
static um_record *new_record(um_tape *t, um_var_kind kind, um_shape shape, const char *name)
{
    if (t->planned) um_tape_fail(t, UM_BAD_ARG, "recorded after um_tape_plan");
    if (t->status == UM_OK) {
        t->status = um_shape_check(t->ctx, shape, name ? name : "a tensor");
        if (t->status != UM_OK && t->depth) um_fail_at(t->ctx, t->status, "%s", t->scope);
    }
    if (t->status == UM_OK)
        t->status = um_grow(t->ctx, &t->vars, &t->max_vars, t->n_vars, sizeof(um_record), "a tape");
    if (t->status != UM_OK) return NULL;
    um_record *v = &t->vars[t->n_vars++];
    *v = (um_record){ .shape = shape, .count = um_shape_count(shape), .kind = kind,
                      .value = { UM_NO_BLOCK, UM_NO_BLOCK }, .gradient = UM_NO_BLOCK };
    if (name) v->name = um_arena_text(&t->arena, "%s", name);
    t->status = t->arena.status;
    return v;
}

static um_var newest(const um_tape *t)
{
    return (um_var){ t->status == UM_OK ? t->n_vars - 1 : 0 };
}

um_var um_tape_input(um_tape *t, const char *name, um_shape shape)
{
    new_record(t, UM_VAR_INPUT, shape, name);
    return newest(t);
}

um_var um_tape_param(um_tape *t, const char *name, um_shape shape, um_real *value, um_real *grad)
{
    um_record *v = new_record(t, UM_VAR_PARAM, shape, name);
    if (v) {
        v->data = value;
        v->grad = grad;
        v->needs_grad = grad != NULL;
    }
    return newest(t);
}

void um_tape_want_grad(um_tape *t, um_var input)
{
    t->vars[input.id].wants_grad = t->vars[input.id].needs_grad = input.id != 0;
}

void um_tape_output(um_tape *t, um_var v) { t->vars[v.id].output = true; }

void um_tape_segment_begin(um_tape *t) { t->segment = ++t->segments; }

void um_tape_segment_end(um_tape *t) { t->segment = 0; }

void um_tape_precision(um_tape *t, um_precision precision) { t->precision = precision; }

um_precision um_precision_of(const um_tape *t) { return t->precision; }

void um_tape_enter(um_tape *t, const char *format, ...)
{
    char part[UM_SCOPE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(part, sizeof part, format, args);
    va_end(args);
    const size_t used = strlen(t->scope);
    if (t->depth < UM_SCOPE_DEPTH) {
        t->scope_ends[t->depth] = (int)used;
        snprintf(t->scope + used, sizeof t->scope - used, "%s%s", used ? "." : "", part);
    }
    t->depth++;
    t->scope_name = NULL;
}

void um_tape_leave(um_tape *t)
{
    if (t->depth == 0) return;
    if (--t->depth < UM_SCOPE_DEPTH) t->scope[t->scope_ends[t->depth]] = 0;
    t->scope_name = NULL;
}

um_var um_tape_keep(um_tape *t, size_t count)
{
    if (count == 0 || count > INT32_MAX)
        return um_tape_fail(t, UM_BAD_SHAPE, "%zu numbers to keep (1 to 2^31 - 1)", count);
    if (new_record(t, UM_VAR_KEPT, (um_shape){ 1, 1, 1, (int)count }, NULL)) t->pending_kept++;
    return newest(t);
}

void um_tape_scratch(um_tape *t, size_t count) { t->pending_scratch = count; }

um_var um_tape_push(um_tape *t, const um_op *op, const um_var *in, um_shape shape,
                    const void *saved, size_t saved_bytes)
{
    if (!t->scope_name) t->scope_name = um_arena_text(&t->arena, "%s", t->scope);
    void *copy = um_arena_take(&t->arena, saved_bytes);
    if (t->status == UM_OK) t->status = t->arena.status;
    if (t->status == UM_OK)
        t->status =
            um_grow(t->ctx, &t->nodes, &t->max_nodes, t->n_nodes, sizeof(um_node), "a tape");
    um_record *out = new_record(t, UM_VAR_INNER, shape, NULL);
    if (!out) return (um_var){ 0 };

    if (saved_bytes) memcpy(copy, saved, saved_bytes);
    um_node *node = &t->nodes[t->n_nodes++];
    *node = (um_node){ .op = op,
                       .out = newest(t),
                       .saved = copy,
                       .scope = t->scope_name,
                       .segment = t->segment,
                       .kept = t->pending_kept,
                       .scratch = t->pending_scratch };
    node->first_kept.id = node->out.id - node->kept;
    for (int i = 0; i < node->kept; i++) t->vars[node->first_kept.id + i].segment = t->segment;
    out->segment = t->segment;
    for (int i = 0; i < op->arity; i++) {
        um_record *v = &t->vars[in[i].id];
        node->in[i] = in[i];
        if (v->needs_grad && op->vjp) out->needs_grad = true;
        if (v->segment != t->segment) v->escapes = true;
    }
    t->pending_kept = 0;
    t->pending_scratch = 0;
    return node->out;
}

um_shape um_shape_of(const um_tape *t, um_var v)
{
    return t->status == UM_OK ? t->vars[v.id].shape : (um_shape){ 0 };
}

size_t um_tape_bytes(const um_tape *t) { return t->bytes; }

double um_tape_cost(const um_tape *t)
{
    double sum = 0;
    for (int i = 0; i < t->n_nodes; i++)
        if (t->nodes[i].op->cost) sum += t->nodes[i].op->cost(&t->nodes[i]);
    return sum;
}

size_t um_tape_activations(const um_tape *t)
{
    size_t sum = 0;
    for (int i = 0; i < t->n_nodes; i++)
        sum += t->vars[t->nodes[i].out.id].count * sizeof(um_real);
    return sum;
}

um_real *um_data(const um_tape *t, um_var v) { return t->vars[v.id].data; }

const um_real *um_grad(const um_tape *t, um_var v) { return t->vars[v.id].grad; }

const char *um_node_op(const um_node *node) { return node->op->name; }

const char *um_node_scope(const um_node *node) { return node->scope; }

void um_tape_observe(um_tape *t, um_observer observer) { t->observer = observer; }

void um_tape_training(um_tape *t, bool training, uint64_t seed, uint64_t step)
{
    t->training = training;
    t->seed = seed;
    t->run = step;
}
