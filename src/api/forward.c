/* SPDX-License-Identifier: MIT
 * forward.c - the network alone: arrays or a file in, its output and gradients out. */
#include "api/handles.h"
#include "api/output.h"

#include "io/safetensors_write.h"
#include "sample/unet_denoiser.h"
#include "tensor/layout.h"

#include <stdio.h>
#include <string.h>

/* Numbers of classes that the network has; they are not looked at where it has none. */
static um_status check_classes(const um_model *m, int n, const int *labels)
{
    const um_unet_config *c = um_unet_configuration(m->unet);
    for (int i = 0; i < n && labels && c->class_embed_type == UM_CLASS_TABLE; i++)
        if (labels[i] < 0 || labels[i] >= c->num_class_embeds)
            return um_fail(m->ctx, UM_BAD_ARG, "class %d: the model has classes 0 to %d", labels[i],
                           c->num_class_embeds - 1);
    return UM_OK;
}

um_status um_model_forward(um_model *m, int n, int h, int w, const float *x, const double *t,
                           const int *labels, float *out)
{
    um_unet_denoiser d;
    UM_TRY(check_classes(m, n, labels));
    um_unet_denoiser_init(&d, m->ctx, m->unet, h, w);
    d.check_nan = m->check_nan;
    d.precision = m->precision;
    const um_status status = um_unet_denoiser_run(&d, n, x, t, labels, out);
    um_unet_denoiser_free(&d);
    return status;
}

/* One forward, and backward where a target is there. */
typedef struct pass {
    um_model *m;
    um_ctx *ctx;
    um_safetensors in;
    um_tensors_out out;
    um_arena arena; /* everything in files' order */
    int n, h, w;
    um_tape *tape;
    um_var x, t, labels, y, target, loss;
} pass;

/* The tensor of that name in `to` on the tape: [n, c, h, w] in the file, or [n] (or one for
 * all). */
static um_status fill_images(pass *p, const char *name, um_var to)
{
    const um_shape s = um_shape_of(p->tape, to);
    const int64_t shape[4] = { s.n, s.c, s.h, s.w };
    const um_stored *stored;
    UM_TRY(um_safetensors_get(&p->in, name, &stored));
    if (!um_stored_has_shape(stored, 4, shape))
        return um_fail(p->ctx, UM_BAD_FILE, "%s: %s should have the shape [%d, %d, %d, %d]",
                       p->in.path, name, s.n, s.c, s.h, s.w);
    float *planes = um_arena_take(&p->arena, stored->count * sizeof *planes);
    UM_TRY(p->arena.status);
    UM_TRY(um_stored_floats(p->ctx, stored, planes, stored->count));
    um_nchw_to_nhwc(s.n, s.h, s.w, s.c, planes, um_data(p->tape, to));
    return UM_OK;
}

static um_status fill_numbers(pass *p, const char *name, um_var to)
{
    const um_stored *stored;
    const um_shape s = um_shape_of(p->tape, to);
    UM_TRY(um_safetensors_get(&p->in, name, &stored));
    const size_t wanted = um_shape_count(s);
    if (stored->count != wanted && stored->count != 1)
        return um_fail(p->ctx, UM_BAD_FILE, "%s: %s holds %zu numbers (1, or %zu for %d images)",
                       p->in.path, name, stored->count, wanted, s.n);
    double *values = um_arena_take(&p->arena, stored->count * sizeof *values);
    UM_TRY(p->arena.status);
    UM_TRY(um_stored_doubles(p->ctx, stored, values, stored->count));
    for (size_t i = 0; i < wanted; i++)
        um_data(p->tape, to)[i] = (um_real)values[stored->count == 1 ? 0 : i];
    return UM_OK;
}

/* Labels that a table of classes has. */
static um_status check_labels(const pass *p)
{
    const um_unet_config *c = um_unet_configuration(p->m->unet);
    const um_real *labels = um_data(p->tape, p->labels);
    for (int i = 0; i < p->n && c->class_embed_type == UM_CLASS_TABLE; i++)
        if (!(labels[i] >= 0 && labels[i] < c->num_class_embeds &&
              labels[i] == (um_real)(int)labels[i]))
            return um_fail(p->ctx, UM_BAD_FILE,
                           "%s: class_labels holds %g (whole numbers from 0 to %d)", p->in.path,
                           (double)labels[i], c->num_class_embeds - 1);
    return UM_OK;
}

static um_status record(pass *p, bool gradients)
{
    const um_unet_config *c = um_unet_configuration(p->m->unet);
    if (gradients) UM_TRY(um_params_want_grads(um_unet_params(p->m->unet)));
    UM_TRY(um_tape_open(&p->tape, p->ctx));
    um_tape *t = p->tape;
    um_tape_precision(t, p->m->precision);
    p->x = um_tape_input(t, "sample", (um_shape){ p->n, p->h, p->w, c->in_channels });
    if (gradients) um_tape_want_grad(t, p->x);
    p->t = um_tape_input(t, "timestep", (um_shape){ p->n, 1, 1, 1 });
    if (c->class_embed_type != UM_CLASS_NONE)
        p->labels =
            um_tape_input(t, "class_labels", (um_shape){ p->n, 1, 1, um_unet_label_width(c) });
    p->y = um_unet_apply(t, p->m->unet, p->x, p->t, p->labels, false);
    um_tape_output(t, p->y);
    if (gradients) {
        p->target = um_tape_input(t, "target", (um_shape){ p->n, p->h, p->w, c->out_channels });
        p->loss = um_mean(t, um_loss(t, UM_LOSS_MSE, 1, p->y, p->target));
    }
    UM_TRY(um_tape_plan(t, p->loss));
    if (p->m->check_nan) um_tape_observe(t, um_observer_check_nan());
    um_need need = { .work = "the pass", .lower = "fewer images in the file" };
    um_need_add(&need, "activations and gradients", (double)um_tape_bytes(t));
    UM_TRY(um_need_check(p->ctx, &need));
    return um_tape_commit(t);
}

/* A tensor of images into the output file, back in files' order. */
static um_status put_images(pass *p, const char *name, um_shape s, const um_real *values)
{
    const int64_t shape[4] = { s.n, s.c, s.h, s.w };
    float *planes = um_arena_take(&p->arena, um_shape_count(s) * sizeof *planes);
    UM_TRY(p->arena.status);
    um_nhwc_to_nchw(s.n, s.h, s.w, s.c, values, planes);
    um_tensors_floats(&p->out, name, UM_STORED_F32, 4, shape, planes);
    return UM_OK;
}

static um_status put_gradients(pass *p)
{
    const um_params *params = um_unet_params(p->m->unet);
    const int64_t one = 1;
    um_tensors_floats(&p->out, "loss", UM_STORED_F32, 1, &one, um_data(p->tape, p->loss));
    UM_TRY(put_images(p, "grad_sample", um_shape_of(p->tape, p->x), um_grad(p->tape, p->x)));
    for (int i = 0; i < params->count; i++) {
        const um_param *v = params->list[i];
        int64_t shape[4];
        if (v->frozen) continue;
        const int rank = um_param_file_shape(v, shape);
        float *values = um_arena_take(&p->arena, um_shape_count(v->shape) * sizeof *values);
        UM_TRY(p->arena.status);
        um_param_to_file(v, v->grad, values);
        um_tensors_floats(&p->out, um_arena_text(&p->arena, "grad.%s", v->name), UM_STORED_F32,
                          rank, shape, values);
    }
    return UM_OK;
}

/* Sizes from the file's `sample`. */
static um_status read_sizes(pass *p)
{
    const um_unet_config *c = um_unet_configuration(p->m->unet);
    const int channels = c->in_channels;
    const um_stored *x;
    UM_TRY(um_safetensors_get(&p->in, "sample", &x));
    bool fits = x->rank == 4 && x->shape[1] == channels;
    for (int i = 0; i < x->rank; i++) fits = fits && x->shape[i] >= 1 && x->shape[i] <= INT32_MAX;
    if (!fits)
        return um_fail(p->ctx, UM_BAD_FILE, "%s: sample should have the shape [N, %d, H, W]",
                       p->in.path, channels);
    p->n = (int)x->shape[0];
    p->h = (int)x->shape[2];
    p->w = (int)x->shape[3];
    if (um_unet_size_check(p->ctx, c, p->h, p->w) != UM_OK)
        return um_fail_at(p->ctx, UM_BAD_FILE, "%s: sample", p->in.path);
    return UM_OK;
}

static um_status run(pass *p, bool gradients)
{
    UM_TRY(read_sizes(p));
    UM_TRY(record(p, gradients));
    UM_TRY(fill_images(p, "sample", p->x));
    UM_TRY(fill_numbers(p, "timestep", p->t));
    if (p->labels.id) {
        UM_TRY(fill_numbers(p, "class_labels", p->labels));
        UM_TRY(check_labels(p));
    } else if (um_safetensors_find(&p->in, "class_labels")) { /* diffusers refuses it too */
        return um_fail(p->ctx, UM_BAD_FILE,
                       "%s: class_labels are there, but the model knows no classes (without)",
                       p->in.path);
    }
    if (gradients) UM_TRY(fill_images(p, "target", p->target));
    UM_TRY(um_tape_forward(p->tape));
    UM_TRY(put_images(p, "output", um_shape_of(p->tape, p->y), um_data(p->tape, p->y)));
    if (!gradients) return UM_OK;
    UM_TRY(um_tape_backward(p->tape, NULL, false));
    return put_gradients(p);
}

um_status um_model_forward_file(um_model *m, const char *in, const char *out, bool gradients)
{
    pass p = { .m = m, .ctx = m->ctx, .arena = { .ctx = m->ctx } };
    UM_TRY(um_output_check(m->ctx, out, UM_OUTPUT_FILE));
    UM_TRY(um_safetensors_open(&p.in, m->ctx, in));
    um_tensors_begin(&p.out, m->ctx);
    um_tensors_text(&p.out, "format", "pt");
    um_status status = run(&p, gradients);
    if (status == UM_OK) status = um_output_ready(m->ctx, out);
    if (status == UM_OK) status = um_tensors_commit(&p.out, out);
    else um_tensors_abandon(&p.out);
    um_tape_close(&p.tape);
    um_arena_free(&p.arena);
    um_safetensors_close(&p.in);
    return status;
}
