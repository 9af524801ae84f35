/* SPDX-License-Identifier: MIT
 * unet_run.c - loading, recording and running a golden network. */
#include "nn/unet_run.h"

#include <stdio.h>
#include <string.h>

#include "io/unet_file.h"
#include "support/golden.h"

const char *const unet_run_models[] = { "ddpm_like",    "gray_heads",      "class_cond",
                                        "scale_shift",  "resample_resnet", "odd_size",
                                        "tiny_fourier", "tiny_learned",    "tiny_plain",
                                        NULL };

float *unet_run_stored(unet_run *r, const char *name, size_t *count)
{
    const um_stored *s;
    float *values;
    CHECK_OK(r->ctx, um_safetensors_get(&r->io, name, &s));
    CHECK_OK(r->ctx, um_alloc(r->ctx, &values, s->count, sizeof *values, name));
    CHECK_OK(r->ctx, um_stored_floats(r->ctx, s, values, s->count));
    *count = s->count;
    return values;
}

/* [n, c, h, w] -> [n, h, w, c] */
static void from_file(um_shape s, const float *file, float *ours)
{
    const int pixels = s.h * s.w;
    for (int n = 0; n < s.n; n++)
        for (int p = 0; p < pixels; p++)
            for (int c = 0; c < s.c; c++)
                ours[((size_t)n * pixels + p) * s.c + c] = file[((size_t)n * s.c + c) * pixels + p];
}

static um_shape shape_of(unet_run *r, const char *name)
{
    const um_stored *s;
    CHECK_OK(r->ctx, um_safetensors_get(&r->io, name, &s));
    if (s->rank == 1) return (um_shape){ (int)s->shape[0], 1, 1, 1 };
    if (s->rank == 2) return (um_shape){ (int)s->shape[0], 1, 1, (int)s->shape[1] };
    return (um_shape){ (int)s->shape[0], (int)s->shape[2], (int)s->shape[3], (int)s->shape[1] };
}

float *unet_run_stored_images(unet_run *r, const char *name, size_t *count)
{
    float *file = unet_run_stored(r, name, count), *turned;
    CHECK_OK(r->ctx, um_alloc(r->ctx, &turned, *count, sizeof *turned, name));
    from_file(shape_of(r, name), file, turned);
    um_free(r->ctx, file);
    return turned;
}

static void fill(unet_run *r, um_var v, const char *name)
{
    size_t count;
    if (!v.id) return;
    float *values = unet_run_stored_images(r, name, &count);
    memcpy(um_data(r->tape, v), values, count * sizeof *values);
    um_free(r->ctx, values);
}

static void open_files(unet_run *r, um_ctx *ctx, const char *name)
{
    char path[128];
    *r = (unet_run){ .ctx = ctx };
    snprintf(path, sizeof path, "unet/%s", name);
    CHECK_OK(ctx, um_unet_file_load(&r->unet, ctx, golden_path(path)));
    snprintf(path, sizeof path, "unet/%s/io.safetensors", name);
    CHECK_OK(ctx, um_safetensors_open(&r->io, ctx, golden_path(path)));
    CHECK_OK(ctx, um_params_want_grads(um_unet_params(r->unet)));
}

void unet_run_start(unet_run *r, um_ctx *ctx, const char *name, bool recompute)
{
    unet_run_start_in(r, ctx, name, recompute, UM_F32);
}

void unet_run_start_in(unet_run *r, um_ctx *ctx, const char *name, bool recompute,
                       um_precision precision)
{
    open_files(r, ctx, name);
    CHECK_OK(ctx, um_tape_open(&r->tape, ctx));
    um_tape *t = r->tape;
    um_tape_precision(t, precision);
    r->x = um_tape_input(t, "sample", shape_of(r, "sample"));
    r->time = um_tape_input(t, "timestep", shape_of(r, "timestep"));
    r->target = um_tape_input(t, "target", shape_of(r, "target"));
    if (um_unet_label_width(um_unet_configuration(r->unet)))
        r->labels = um_tape_input(t, "class_labels", shape_of(r, "class_labels"));
    um_tape_want_grad(t, r->x);
    r->output = um_unet_apply(t, r->unet, r->x, r->time, r->labels, recompute);
    um_tape_output(t, r->output);
    r->loss = um_loss(t, UM_LOSS_MSE, 1.0, r->output, r->target);
    r->loss = um_mean(t, r->loss);
    CHECK_OK(ctx, um_tape_plan(t, r->loss));
    CHECK_OK(ctx, um_tape_commit(t));
    fill(r, r->x, "sample");
    fill(r, r->time, "timestep");
    fill(r, r->target, "target");
    fill(r, r->labels, "class_labels");
    CHECK_OK(ctx, um_tape_forward(t));
    CHECK_OK(ctx, um_tape_backward(t, NULL, false));
}

void unet_run_stop(unet_run *r)
{
    um_tape_close(&r->tape);
    um_safetensors_close(&r->io);
    um_unet_close(&r->unet);
}
