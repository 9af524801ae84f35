/* SPDX-License-Identifier: MIT
 * test_unet_golden.c - the network against PyTorch's numbers. */
#include "nn/unet_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/kernel_case.h"

/* Of the output's largest value, and of each gradient's; a gradient below `noise` of the network's
 * largest is rounding noise around zero, and held against that largest one. */
static const double output_tolerance = 1e-4, grad_tolerance = 1e-3;
static const double noise = 1e-5, noise_tolerance = 1e-7;

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
static double largest_gradient(unet_run *r)
{
    double most = 0;
    for (int i = 0; i < r->io.count; i++) {
        size_t count;
        if (strncmp(r->io.tensors[i].name, "grad.", 5) != 0) continue;
        float *g = unet_run_stored(r, r->io.tensors[i].name, &count);
        most = fmax(most, largest(g, count));
        um_free(r->ctx, g);
    }
    return most;
}

static void check_gradient(const char *where, const char *name, const float *file,
                           const float *ours, size_t n, double of_net)
{
    const double top = largest(file, n), d = distance(file, ours, n);
    const double allowed = top < noise * of_net ? noise_tolerance * of_net : grad_tolerance * top;
    if (!(d <= allowed)) fail_msg("%s: gradient of %s is off by %g > %g", where, name, d, allowed);
}

static void check_parameters(unet_run *r, const char *where)
{
    const um_params *params = um_unet_params(r->unet);
    const double of_net = largest_gradient(r);
    for (int i = 0; i < params->count; i++) {
        const um_param *p = params->list[i];
        if (p->frozen) continue;
        char name[256];
        size_t count;
        float *ours;
        snprintf(name, sizeof name, "grad.%s", p->name);
        float *file = unet_run_stored(r, name, &count);
        assert_int_equal(count, um_shape_count(p->shape));
        CHECK_OK(r->ctx, um_alloc(r->ctx, &ours, count, sizeof *ours, name));
        um_param_to_file(p, p->grad, ours);
        check_gradient(where, p->name, file, ours, count, of_net);
        um_free(r->ctx, file);
        um_free(r->ctx, ours);
    }
}

/* ours [n, h, w, c] against the file's tensor, to a part of its largest value. */
static void check_images(unet_run *r, const char *where, const char *name, const float *ours,
                         double tolerance)
{
    size_t count;
    float *file = unet_run_stored_images(r, name, &count);
    const double d = distance(file, ours, count), allowed = tolerance * largest(file, count);
    if (!(d <= allowed)) fail_msg("%s: %s is off by %g > %g", where, name, d, allowed);
    um_free(r->ctx, file);
}

static void check_model(const char *model, const um_kernels *kernels, int threads)
{
    um_ctx ctx;
    unet_run r;
    char where[128];
    size_t one;
    um_ctx_init(&ctx);
    ctx.threads = threads;
    ctx.kernels = kernels;
    snprintf(where, sizeof where, "%s, %s, %d threads", model, kernels->isa, threads);
    unet_run_start(&r, &ctx, model, false);
    check_images(&r, where, "output", um_data(r.tape, r.output), output_tolerance);
    check_images(&r, where, "grad_sample", um_grad(r.tape, r.x), grad_tolerance);
    check_parameters(&r, where);
    float *loss = unet_run_stored(&r, "loss", &one);
    CHECK_NEAR(um_data(r.tape, r.loss)[0], loss[0], 1e-5 * loss[0]);
    um_free(&ctx, loss);
    unet_run_stop(&r);
}

static void outputs_and_gradients_are_pytorchs(void **state)
{
    (void)state;
    for (int m = 0; unet_run_models[m]; m++)
        for (int i = 0; case_tier(i); i++)
            for (int threads = 1; threads <= 2; threads++)
                check_model(unet_run_models[m], case_tier(i), threads);
}

/* rms of the difference over rms of the file's numbers */
static double relative(const float *file, const float *ours, size_t n)
{
    double d = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)ours[i] - file[i]) * ((double)ours[i] - file[i]);
        all += (double)file[i] * file[i];
    }
    return sqrt(d / all);
}

static double relative_images(unet_run *r, const char *name, const float *ours)
{
    size_t count;
    float *file = unet_run_stored_images(r, name, &count);
    const double error = relative(file, ours, count);
    um_free(r->ctx, file);
    return error;
}

/* A rounded operand is off by up to 2^-9 of itself; over the layers of these networks that grows to
 * 0.8 % of the output and 1.5 % of its gradient, or to 1.2 % and 2.1 % where tiles are transformed
 * first. The gradient of tiny_plain is left out: its ReLU has a slope that jumps. */
static const double bf16_output = 0.02, bf16_gradient = 0.04;

/* *y, *dx become the largest errors so far. */
static void check_bf16(const char *model, const um_kernels *kernels, double *y, double *dx)
{
    um_ctx ctx;
    unet_run r;
    um_ctx_init(&ctx);
    ctx.kernels = kernels;
    unet_run_start_in(&r, &ctx, model, false, UM_BF16);
    const double output = relative_images(&r, "output", um_data(r.tape, r.output));
    double gradient = relative_images(&r, "grad_sample", um_grad(r.tape, r.x));
    if (strcmp(model, "tiny_plain") == 0) gradient = 0;
    if (!(output > 1e-3 && output < bf16_output && gradient < bf16_gradient))
        fail_msg("%s, %s: output off by %g, gradient by %g", model, kernels->isa, output, gradient);
    *y = fmax(*y, output), *dx = fmax(*dx, gradient);
    unet_run_stop(&r);
}

static void in_bf16_they_are_near_pytorchs(void **state)
{
    (void)state;
    for (int i = 0; case_tier(i); i++) {
        double y = 0, dx = 0;
        for (int m = 0; unet_run_models[m]; m++)
            check_bf16(unet_run_models[m], case_tier(i), &y, &dx);
        print_message("           tier %s: output off by %.2g, gradient by %.2g\n",
                      case_tier(i)->isa, y, dx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_and_gradients_are_pytorchs),
        cmocka_unit_test(in_bf16_they_are_near_pytorchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
