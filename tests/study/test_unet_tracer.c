/* SPDX-License-Identifier: MIT */
#include "study/unet_tracer.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "support/failing.h"
#include "tensor/kernels/kernels.h"
#include "train/tiny.h"

enum { MANY = 1500 };

typedef struct subject {
    um_ctx ctx;
    tiny t;
    float x[TINY_IMAGE];
    double when;
} subject;

/* A network whose last layer is not zero any more, and an image. */
static void open_subject(subject *s)
{
    um_ctx_init(&s->ctx);
    s->ctx.threads = 1;
    CHECK_OK(&s->ctx, tiny_begin(&s->t, &s->ctx));
    CHECK_OK(&s->ctx, tiny_network(&s->t, 4));
    const um_param *last = um_params_find(um_unet_params(s->t.unet), "conv_out.weight");
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, 0 }, last->value,
                     um_shape_count(last->shape));
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, 1 }, s->x, TINY_IMAGE);
    s->when = 31.5;
}

static void close_subject(subject *s) { tiny_end(&s->t); }

/* n copies of the image, numbered from 0. */
static void trace_copies(subject *s, um_divergence kind, int n, double *trace)
{
    um_unet_tracer r;
    float *x = test_calloc((size_t)n * TINY_IMAGE, sizeof *x);
    float *out = test_calloc((size_t)n * TINY_IMAGE, sizeof *out);
    double *t = test_calloc((size_t)n, sizeof *t);
    uint64_t *number = test_calloc((size_t)n, sizeof *number);
    for (int i = 0; i < n; i++) {
        memcpy(x + (size_t)i * TINY_IMAGE, s->x, sizeof s->x);
        t[i] = s->when;
        number[i] = (uint64_t)i;
    }
    um_unet_tracer_init(&r, &s->ctx, s->t.unet, TINY_SIDE, TINY_SIDE,
                        &(um_probes){ .kind = kind, .count = 1, .seed = 5 });
    const um_traced_model model = um_traced_model_from_unet(&r);
    CHECK_OK(&s->ctx, model.run(model.user, n, number, x, t, NULL, out, trace));
    um_unet_tracer_free(&r);
    test_free(x);
    test_free(out);
    test_free(t);
    test_free(number);
}

/* Central differences in float: the answer's rounding, 1e-7 of values around 1 and over 2 h for
 * each of 16 elements, stays below 1e-4; the third derivative below 1e-3. */
static void the_exact_trace_is_that_of_finite_differences(void **state)
{
    (void)state;
    const double h = 0.02;
    subject s;
    um_unet_denoiser d;
    double exact, differences = 0;
    open_subject(&s);
    trace_copies(&s, UM_DIVERGENCE_EXACT, 1, &exact);
    um_unet_denoiser_init(&d, &s.ctx, s.t.unet, TINY_SIDE, TINY_SIDE);
    for (int k = 0; k < TINY_IMAGE; k++)
        for (int sign = -1; sign <= 1; sign += 2) {
            float x[TINY_IMAGE], out[TINY_IMAGE];
            memcpy(x, s.x, sizeof x);
            x[k] += (float)(sign * h);
            CHECK_OK(&s.ctx, um_unet_denoiser_run(&d, 1, x, &s.when, NULL, out));
            differences += sign * (double)out[k] / (2 * h);
        }
    um_unet_denoiser_free(&d);
    assert_true(fabs(exact) > 0.1);
    CHECK_NEAR(exact, differences, 2e-3 * fabs(exact) + 1e-3);
    close_subject(&s);
}

static void hutchinsons_mean_is_the_exact_trace(void **state)
{
    (void)state;
    subject s;
    double exact, *trace = test_calloc(MANY, sizeof *trace), variance[2];
    open_subject(&s);
    trace_copies(&s, UM_DIVERGENCE_EXACT, 1, &exact);
    for (um_divergence kind = UM_DIVERGENCE_RADEMACHER; kind <= UM_DIVERGENCE_GAUSSIAN; kind++) {
        double mean = 0, squares = 0;
        trace_copies(&s, kind, MANY, trace);
        for (int i = 0; i < MANY; i++) mean += trace[i] / MANY;
        for (int i = 0; i < MANY; i++) squares += (trace[i] - mean) * (trace[i] - mean);
        variance[kind] = squares / (MANY - 1);
        assert_true(variance[kind] > 0);
        CHECK_NEAR(mean, exact, 4 * sqrt(variance[kind] / MANY));
    }
    assert_true(variance[UM_DIVERGENCE_RADEMACHER] < variance[UM_DIVERGENCE_GAUSSIAN]);
    test_free(trace);
    close_subject(&s);
}

static void a_trace_does_not_depend_on_the_batch(void **state)
{
    (void)state;
    subject s;
    double all[9], some[9];
    open_subject(&s);
    trace_copies(&s, UM_DIVERGENCE_RADEMACHER, 9, all);
    for (int n = 1; n < 9; n += 3) {
        trace_copies(&s, UM_DIVERGENCE_RADEMACHER, n, some);
        assert_memory_equal(some, all, (size_t)n * sizeof *all);
    }
    assert_true(all[0] != all[1]); /* each has probes of its own */
    close_subject(&s);
}

static um_status act(um_ctx *ctx, void *unused)
{
    tiny t;
    um_unet_tracer r;
    float x[TINY_IMAGE] = { 0 }, out[TINY_IMAGE];
    double when = 1, trace;
    const uint64_t number = 0;
    (void)unused;
    ctx->threads = 1;
    um_status status = tiny_begin(&t, ctx);
    if (status == UM_OK) status = tiny_network(&t, 4);
    if (status == UM_OK) {
        um_unet_tracer_init(&r, ctx, t.unet, TINY_SIDE, TINY_SIDE, &(um_probes){ .count = 1 });
        const um_traced_model model = um_traced_model_from_unet(&r);
        status = model.run(model.user, 1, &number, x, &when, NULL, out, &trace);
        um_unet_tracer_free(&r);
    }
    tiny_end(&t);
    return status;
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    check_every_allocation(act, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exact_trace_is_that_of_finite_differences),
        cmocka_unit_test(hutchinsons_mean_is_the_exact_trace),
        cmocka_unit_test(a_trace_does_not_depend_on_the_batch),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
