/* SPDX-License-Identifier: MIT
 * gradient.c - gradients against differences. */
#include "autograd/gradient.h"

#include "autograd/poison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum style { PLAIN, ADDED, SEGMENT } style;

/* loss = <u, f(in)>, and in ADDED also + mean(in) */
typedef struct proof {
    um_ctx ctx;
    um_tape *t;
    um_var in[GIVEN_MAX], u, loss;
} proof;

static um_random numbers(uint64_t item)
{
    return (um_random){ 20240607, UM_STREAM_TEST, item };
}

void away_from_zero(um_real *x, size_t count, const um_random *r)
{
    um_random_normal(r, x, count);
    for (size_t i = 0; i < count; i++)
        x[i] = (um_real)copysign(0.2 + um_random_uniform(r, (uint32_t)i), x[i]);
}

/* ---- one tape ---- */

static void open_proof(proof *p, subject *f, const void *arg, const given *in, int n,
                       unsigned asked, style how)
{
    um_ctx_init(&p->ctx);
    CHECK_OK(&p->ctx, um_kernels_choose(&p->ctx, "scalar"));
    CHECK_OK(&p->ctx, um_tape_open(&p->t, &p->ctx));
    um_tape *t = p->t;
    um_var inner[GIVEN_MAX] = {
        { 0 }
    }; /* an input lives for ever, an inner tensor only while it is read */
    for (int i = 0; i < n; i++) {
        p->in[i] = um_tape_input(t, "input", in[i].shape);
        if (asked >> i & 1) um_tape_want_grad(t, p->in[i]);
        inner[i] = um_scale(t, 1, p->in[i]);
    }
    if (how == SEGMENT) um_tape_segment_begin(t);
    um_var y = f(t, inner, arg);
    y = um_scale(t, 1, y);
    if (how == SEGMENT) um_tape_segment_end(t);
    p->u = um_tape_input(t, "u", um_shape_of(t, y));
    p->loss = um_dot(t, y, p->u);
    for (int i = 0; i < n && how == ADDED; i++) p->loss = um_add(t, p->loss, um_mean(t, inner[i]));
    CHECK_OK(&p->ctx, um_tape_plan(t, p->loss));
    CHECK_OK(&p->ctx, um_tape_commit(t));
    um_tape_training(t, true, 1, 2);
    um_tape_observe(t, (um_observer){ .before = poison_memory });
}

static size_t count_of(const proof *p, um_var v) { return um_shape_count(um_shape_of(p->t, v)); }

static void fill(proof *p, const given *in, int n)
{
    for (int i = 0; i < n; i++) {
        const um_random r = numbers((uint64_t)i);
        if (in[i].fill)
            in[i].fill(um_data(p->t, p->in[i]), count_of(p, p->in[i]), &r);
        else
            um_random_normal(&r, um_data(p->t, p->in[i]), count_of(p, p->in[i]));
    }
    const um_random r = numbers(100);
    um_random_normal(&r, um_data(p->t, p->u), count_of(p, p->u));
}

/* The loss where input k is moved by h v. */
static double moved(proof *p, int k, double h, const um_real *v)
{
    const size_t count = count_of(p, p->in[k]);
    um_real *x = um_data(p->t, p->in[k]), *before = malloc(count * sizeof *before);
    assert_non_null(before);
    memcpy(before, x, count * sizeof *x);
    for (size_t i = 0; i < count; i++) x[i] += (um_real)(h * v[i]);
    CHECK_OK(&p->ctx, um_tape_forward(p->t));
    memcpy(x, before, count * sizeof *x);
    free(before);
    return *um_data(p->t, p->loss);
}

static double central(proof *p, int k, double h, const um_real *v)
{
    return (moved(p, k, h, v) - moved(p, k, -h, v)) / (2 * h);
}

/* d loss / d h at 0: Richardson's extrapolation of central differences, with an error of h^4. */
static double slope(proof *p, int k, const um_real *v)
{
    const double h = 2e-3;
    return (4 * central(p, k, h / 2, v) - central(p, k, h, v)) / 3;
}

static void walk(proof *p)
{
    CHECK_OK(&p->ctx, um_tape_forward(p->t));
    CHECK_OK(&p->ctx, um_tape_backward(p->t, NULL, false));
}

static void compare(proof *p, const char *why, int k)
{
    const size_t count = count_of(p, p->in[k]);
    um_real *v = malloc(count * sizeof *v);
    assert_non_null(v);
    const um_random r = numbers(200 + (uint64_t)k);
    um_random_normal(&r, v, count);
    const double numeric = slope(p, k, v);
    walk(p);
    double analytic = 0;
    for (size_t i = 0; i < count; i++) analytic += um_grad(p->t, p->in[k])[i] * v[i];
    free(v);
    const double size = fmax(fabs(numeric), fabs(analytic));
    if (!(fabs(numeric - analytic) <= 1e-7 * size))
        fail_msg("%s: input %d: by differences %.12g, by the vjp %.12g", why, k, numeric, analytic);
}

/* ---- the claims ---- */

/* Another tape gives the gradient of input k with the bits that it has on p. */
static void same_bits(const proof *p, const char *why, subject *f, const void *arg, const given *in,
                      int n, int k, unsigned asked, style how)
{
    proof other = { 0 };
    open_proof(&other, f, arg, in, n, asked, how);
    fill(&other, in, n);
    walk(&other);
    const size_t bytes = count_of(p, p->in[k]) * sizeof(um_real);
    if (memcmp(um_grad(p->t, p->in[k]), um_grad(other.t, other.in[k]), bytes) != 0)
        fail_msg("%s: input %d: other bits %s", why, k, how == SEGMENT ? "recomputed" : "alone");
    um_tape_close(&other.t);
}

void check_vjp(const char *why, subject *f, const void *arg, const given *in, int n)
{
    unsigned all = 0;
    for (int i = 0; i < n; i++) all |= in[i].fixed ? 0u : 1u << i;
    for (style how = PLAIN; how <= ADDED; how++) {
        proof p = { 0 };
        open_proof(&p, f, arg, in, n, all, how);
        fill(&p, in, n);
        for (int k = 0; k < n; k++) {
            if (in[k].fixed) continue;
            compare(&p, why, k);
            if (how != PLAIN) continue;
            same_bits(&p, why, f, arg, in, n, k, 1u << k, PLAIN);
            same_bits(&p, why, f, arg, in, n, k, all, SEGMENT);
        }
        um_tape_close(&p.t);
    }
}

/* A tape with inputs of these shapes. */
static void open_inputs(proof *p, const um_shape *shapes, int n, bool want)
{
    um_ctx_init(&p->ctx);
    CHECK_OK(&p->ctx, um_kernels_choose(&p->ctx, "scalar"));
    CHECK_OK(&p->ctx, um_tape_open(&p->t, &p->ctx));
    for (int i = 0; i < n; i++) {
        if (shapes[i].n) p->in[i] = um_tape_input(p->t, "input", shapes[i]);
        if (want) um_tape_want_grad(p->t, p->in[i]);
    }
}

void check_values(subject *f, const void *arg, const um_shape *shapes, int n, const double *x,
                  const double *expected)
{
    proof p = { 0 };
    open_inputs(&p, shapes, n, false);
    const um_var y = f(p.t, p.in, arg);
    um_tape_output(p.t, y);
    CHECK_OK(&p.ctx, um_tape_plan(p.t, (um_var){ 0 }));
    CHECK_OK(&p.ctx, um_tape_commit(p.t));
    for (int i = 0; i < n; i++)
        for (size_t j = 0; j < count_of(&p, p.in[i]); j++) um_data(p.t, p.in[i])[j] = (um_real)*x++;
    um_tape_observe(p.t, (um_observer){ .before = poison_memory });
    CHECK_OK(&p.ctx, um_tape_forward(p.t));
    for (size_t j = 0; j < count_of(&p, y); j++)
        CHECK_NEAR(um_data(p.t, y)[j], expected[j], 1e-12);
    um_tape_close(&p.t);
}

void check_refused(subject *f, const void *arg, const um_shape *shapes, int n, um_status status,
                   const char *words)
{
    proof p = { 0 };
    open_inputs(&p, shapes, n, false);
    const um_var y = f(p.t, p.in, arg);
    assert_int_equal(y.id, 0);
    assert_int_equal(um_tape_plan(p.t, y), status);
    if (!strstr(p.ctx.message, words)) fail_msg("\"%s\" is not in \"%s\"", words, p.ctx.message);
    um_tape_close(&p.t);
}

void check_no_gradient(subject *f, const void *arg, const um_shape *shapes, int n)
{
    proof p = { 0 };
    open_inputs(&p, shapes, n, true);
    const um_var y = f(p.t, p.in, arg);
    assert_int_equal(um_tape_plan(p.t, y), UM_BAD_ARG);
    assert_non_null(strstr(p.ctx.message, "asks for a gradient"));
    um_tape_close(&p.t);
}
