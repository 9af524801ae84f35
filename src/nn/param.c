/* SPDX-License-Identifier: MIT
 * param.c - the visitor, and the flat list that it makes. */
#include "nn/param.h"

#include "tensor/kernels/kernels.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 256, DEPTH_MAX = 8 };

/* The first visit counts, the second one, with a list to fill, writes it. */
struct um_visitor {
    um_params *params;
    char path[NAME_MAX_BYTES];
    size_t ends[DEPTH_MAX];
    int depth;
    int seen;
};

void um_visit_enter(um_visitor *v, const char *format, ...)
{
    assert(v->depth < DEPTH_MAX);
    const size_t used = strlen(v->path);
    v->ends[v->depth++] = used;
    va_list args;
    va_start(args, format);
    const int wrote = vsnprintf(v->path + used, sizeof v->path - used, format, args);
    va_end(args);
    const size_t length = used + (size_t)wrote;
    assert(wrote > 0 && length + 1 < sizeof v->path);
    v->path[length] = '.';
    v->path[length + 1] = 0;
}

void um_visit_leave(um_visitor *v)
{
    assert(v->depth > 0);
    v->path[v->ends[--v->depth]] = 0;
}

void um_visit_param(um_visitor *v, um_param *p, const char *name)
{
    um_params *params = v->params;
    if (params->list) {
        p->name = um_arena_text(&params->names, "%s%s", v->path, name);
        params->list[v->seen] = p;
    }
    v->seen++;
}

void um_visit_weight_and_bias(um_visitor *v, const char *layer, um_param *weight, um_param *bias)
{
    um_visit_enter(v, "%s", layer);
    um_visit_param(v, weight, "weight");
    um_visit_param(v, bias, "bias");
    um_visit_leave(v);
}

um_var um_param_record(um_tape *t, const um_param *p)
{
    return um_tape_param(t, p->name, p->shape, p->value, p->grad);
}

/* Reals between the starts of two parameters: the count, rounded up to whole lines of 64 bytes. */
static size_t padded_count(const um_param *p)
{
    const size_t line = UM_ALIGN / sizeof(um_real);
    return (um_shape_count(p->shape) + line - 1) / line * line;
}

static um_status carve(um_params *params)
{
    for (int i = 0; i < params->count; i++) {
        const um_param *p = params->list[i];
        UM_TRY(um_shape_check(params->ctx, p->shape, p->name));
        params->numbers += um_shape_count(p->shape);
        params->padded += padded_count(p);
    }
    UM_TRY(um_alloc(params->ctx, &params->values, params->padded, sizeof(um_real), "parameters"));
    um_real *at = params->values;
    for (int i = 0; i < params->count; i++) {
        params->list[i]->value = at;
        params->list[i]->grad = NULL;
        at += padded_count(params->list[i]);
    }
    return UM_OK;
}

um_status um_params_init(um_params *params, um_ctx *ctx, void (*visit)(void *model, um_visitor *v),
                         void *model)
{
    *params = (um_params){ .ctx = ctx, .names.ctx = ctx };
    um_visitor count = { .params = params };
    visit(model, &count);
    UM_TRY(um_alloc(ctx, &params->list, (size_t)count.seen, sizeof(um_param *), "parameters"));
    params->count = count.seen;
    um_visitor fill = { .params = params };
    visit(model, &fill);
    assert(fill.seen == count.seen);
    um_status status = params->names.status;
    if (status == UM_OK) status = carve(params);
    if (status != UM_OK) um_params_free(params);
    return status;
}

void um_params_free(um_params *params)
{
    if (!params->ctx) return;
    um_arena_free(&params->names);
    um_free(params->ctx, params->list);
    um_free(params->ctx, params->values);
    um_free(params->ctx, params->grads);
    *params = (um_params){ 0 };
}

um_status um_params_want_grads(um_params *params)
{
    if (params->grads) return UM_OK;
    UM_TRY(um_alloc(params->ctx, &params->grads, params->padded, sizeof(um_real), "gradients"));
    for (int i = 0; i < params->count; i++) {
        um_param *p = params->list[i];
        if (!p->frozen) p->grad = params->grads + um_params_offset(params, p);
    }
    return UM_OK;
}

um_param *um_params_find(const um_params *params, const char *name)
{
    for (int i = 0; i < params->count; i++)
        if (strcmp(params->list[i]->name, name) == 0) return params->list[i];
    return NULL;
}

size_t um_params_offset(const um_params *params, const um_param *p)
{
    return (size_t)(p->value - params->values);
}

const um_param *um_params_not_finite(const um_params *params, const um_real *block)
{
    um_all_finite_fn *sound = params->ctx->kernels->all_finite;
    const um_param *found = NULL;
    const int threads = um_threads_enter(params->ctx);
    if (!sound(params->padded, block))
        for (int i = 0; i < params->count && !found; i++) {
            const um_param *p = params->list[i];
            if (!sound(um_shape_count(p->shape), block + um_params_offset(params, p))) found = p;
        }
    um_threads_leave(threads);
    return found;
}
