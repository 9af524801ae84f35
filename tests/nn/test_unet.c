/* SPDX-License-Identifier: MIT
 * test_unet.c - the network against PyTorch's numbers, and against itself. */
#include "nn/unet.h"

#include <math.h>
#include <string.h>

#include "io/safetensors.h"
#include "io/unet_file.h"
#include "support/check.h"
#include "support/golden.h"
#include "tensor/kernels/kernels.h"

/* Of the output's largest value, and of each gradient's; a gradient below `noise` of the network's largest is
 * rounding noise around zero, and held against that largest one. */
static const double output_tolerance = 1e-4, grad_tolerance = 1e-3;
static const double noise = 1e-5, noise_tolerance = 1e-7;

static const char *const models[] = { "ddpm_like",   "gray_heads",      "class_cond",
                                      "scale_shift", "resample_resnet", "odd_size" };

/* One network with its inputs on a tape. */
typedef struct run {
    um_ctx *ctx;
    um_unet *unet;
    um_tape *tape;
    um_safetensors io;
    um_var x, time, labels, target, output, loss;
} run;

/* A tensor of the file; *count is its number of values. */
static float *stored(run *r, const char *name, size_t *count)
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

static um_shape shape_of(run *r, const char *name)
{
    const um_stored *s;
    CHECK_OK(r->ctx, um_safetensors_get(&r->io, name, &s));
    if (s->rank == 1) return (um_shape){ (int)s->shape[0], 1, 1, 1 };
    return (um_shape){ (int)s->shape[0], (int)s->shape[2], (int)s->shape[3], (int)s->shape[1] };
}

static void fill(run *r, um_var v, const char *name)
{
    size_t count;
    if (!v.id) return;
    float *file = stored(r, name, &count);
    from_file(shape_of(r, name), file, um_data(r->tape, v));
    um_free(r->ctx, file);
}

/* Open the golden model `name`, record it and run it both ways. */
static void start(run *r, um_ctx *ctx, const char *name, bool recompute)
{
    char path[128];
    *r = (run){ .ctx = ctx };
    snprintf(path, sizeof path, "unet/%s", name);
    CHECK_OK(ctx, um_unet_file_load(&r->unet, ctx, golden_path(path)));
    snprintf(path, sizeof path, "unet/%s/io.safetensors", name);
    CHECK_OK(ctx, um_safetensors_open(&r->io, ctx, golden_path(path)));
    CHECK_OK(ctx, um_params_want_grads(um_unet_params(r->unet)));
    CHECK_OK(ctx, um_tape_open(&r->tape, ctx));
    um_tape *t = r->tape;
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

static void stop(run *r)
{
    um_tape_close(&r->tape);
    um_safetensors_close(&r->io);
    um_unet_close(&r->unet);
}

static double largest(const float *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)x[i]));
    return most;
}

static double distance(const float *a, const float *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - b[i]);
        if (!(d <= most)) most = d; /* a NaN stays */
    }
    return most;
}

/* The largest of all gradients that the file holds. */
static double largest_gradient(run *r)
{
    double most = 0;
    for (int i = 0; i < r->io.count; i++) {
        size_t count;
        if (strncmp(r->io.tensors[i].name, "grad.", 5) != 0) continue;
        float *g = stored(r, r->io.tensors[i].name, &count);
        most = fmax(most, largest(g, count));
        um_free(r->ctx, g);
    }
    return most;
}

static void check_gradient(const char *where, const char *name, const float *file, const float *ours,
                           size_t n, double of_net)
{
    const double top = largest(file, n), d = distance(file, ours, n);
    const double allowed = top < noise * of_net ? noise_tolerance * of_net : grad_tolerance * top;
    if (!(d <= allowed)) fail_msg("%s: gradient of %s is off by %g > %g", where, name, d, allowed);
}

static void check_parameters(run *r, const char *where)
{
    const um_params *params = um_unet_params(r->unet);
    const double of_net = largest_gradient(r);
    for (int i = 0; i < params->count; i++) {
        const um_param *p = params->list[i];
        char name[256];
        size_t count;
        float *ours;
        snprintf(name, sizeof name, "grad.%s", p->name);
        float *file = stored(r, name, &count);
        assert_int_equal(count, um_shape_count(p->shape));
        CHECK_OK(r->ctx, um_alloc(r->ctx, &ours, count, sizeof *ours, name));
        um_param_to_file(p, p->grad, ours);
        check_gradient(where, p->name, file, ours, count, of_net);
        um_free(r->ctx, file);
        um_free(r->ctx, ours);
    }
}

/* ours [n, h, w, c] against the file's tensor; 0 tolerance of the largest value is refused by the caller. */
static void check_images(run *r, const char *where, const char *name, const float *ours, double tolerance)
{
    size_t count;
    float *file = stored(r, name, &count), *turned;
    CHECK_OK(r->ctx, um_alloc(r->ctx, &turned, count, sizeof *turned, name));
    from_file(shape_of(r, name), file, turned);
    const double d = distance(turned, ours, count), allowed = tolerance * largest(file, count);
    if (!(d <= allowed)) fail_msg("%s: %s is off by %g > %g", where, name, d, allowed);
    um_free(r->ctx, file);
    um_free(r->ctx, turned);
}

static void outputs_and_gradients_are_pytorchs(void **state)
{
    (void)state;
    for (size_t m = 0; m < UM_COUNT(models); m++) {
        for (int i = 0; um_kernels_tier(i); i++) {
            for (int threads = 1; threads <= 2; threads++) {
                um_ctx ctx;
                run r;
                char where[128];
                size_t one;
                um_ctx_init(&ctx);
                ctx.threads = threads;
                ctx.kernels = um_kernels_tier(i);
                snprintf(where, sizeof where, "%s, %s, %d threads", models[m], ctx.kernels->isa, threads);
                start(&r, &ctx, models[m], false);
                check_images(&r, where, "output", um_data(r.tape, r.output), output_tolerance);
                check_images(&r, where, "grad_sample", um_grad(r.tape, r.x), grad_tolerance);
                check_parameters(&r, where);
                float *loss = stored(&r, "loss", &one);
                CHECK_NEAR(um_data(r.tape, r.loss)[0], loss[0], 1e-5 * loss[0]);
                um_free(&ctx, loss);
                stop(&r);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_and_gradients_are_pytorchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
