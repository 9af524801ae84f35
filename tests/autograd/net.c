/* SPDX-License-Identifier: MIT
 * net.c - two levels, residual blocks with a time embedding, attention in the middle. */
#include "autograd/net.h"

#include "base/random.h"

#include <math.h>

enum { IMAGES = 2, SIDE = 8, COLOURS = 3, WIDTH = 12, GROUPS = 4, EMB = 10 };

/* A parameter of uniform numbers of variance 1 / fan_in around `centre`. */
static um_var param(net *a, um_shape shape, double centre, int fan_in)
{
    const size_t count = um_shape_count(shape), at = a->used;
    assert_true(at + count <= NET_PARAMS_MAX);
    for (size_t i = at; i < at + count; i++) {
        const um_random r = { 1, UM_STREAM_TEST, i };
        a->param[i] = (um_real)(centre + (um_random_uniform(&r, 0) - 0.5) * sqrt(12.0 / fan_in));
    }
    a->used += count;
    return um_tape_param(a->t, "p", shape, a->param + at, a->grad + at);
}

static int channels(const net *a, um_var x) { return um_shape_of(a->t, x).c; }

static um_var conv(net *a, um_var x, int co, int stride)
{
    const int ci = channels(a, x);
    const um_var w = param(a, (um_shape){ 3, 3, ci, co }, 0, 9 * ci);
    const um_var b = param(a, (um_shape){ 1, 1, 1, co }, 0, 100);
    return um_conv2d(a->t, x, w, b, stride, stride == 1, 1);
}

static um_var linear(net *a, um_var x, int co)
{
    const int ci = channels(a, x);
    const um_var w = param(a, (um_shape){ 1, 1, ci, co }, 0, ci);
    const um_var b = param(a, (um_shape){ 1, 1, 1, co }, 0, 100);
    return um_linear(a->t, x, w, b);
}

static um_var norm_sum(net *a, um_var x, um_var offset, bool silu)
{
    const um_var gamma = param(a, (um_shape){ 1, 1, 1, channels(a, x) }, 1, 20);
    const um_var beta = param(a, (um_shape){ 1, 1, 1, channels(a, x) }, 0, 20);
    return um_group_norm(a->t, x, gamma, beta, offset, GROUPS, 1e-5, silu);
}

static um_var norm(net *a, um_var x, bool silu) { return norm_sum(a, x, (um_var){ 0 }, silu); }

static um_var block(net *a, um_var x, um_var emb, bool shift)
{
    um_var h = conv(a, norm(a, x, true), WIDTH, 1);
    const um_var e = linear(a, emb, shift ? 2 * WIDTH : WIDTH);
    if (shift) h = um_activate(a->t, um_scale_shift(a->t, norm(a, h, false), e), UM_SILU);
    else h = norm_sum(a, h, e, true);
    h = conv(a, um_dropout(a->t, h, 0.2), WIDTH, 1);
    return um_add(a->t, h, channels(a, x) == WIDTH ? x : linear(a, x, WIDTH));
}

static um_var attention(net *a, um_var x)
{
    const um_var h = norm(a, x, false);
    const um_var q = linear(a, h, WIDTH), k = linear(a, h, WIDTH), v = linear(a, h, WIDTH);
    return um_add(a->t, x, linear(a, um_attention(a->t, q, k, v, 2), WIDTH));
}

static void begin(net *a, unsigned flags, const char *name)
{
    um_tape_enter(a->t, "%s", name);
    if (flags & NET_RECOMPUTE) um_tape_segment_begin(a->t);
}

static void end(net *a, unsigned flags)
{
    if (flags & NET_RECOMPUTE) um_tape_segment_end(a->t);
    um_tape_leave(a->t);
}

static um_var record(net *a, unsigned flags)
{
    um_tape *t = a->t;
    um_var emb = um_timestep_embedding(t, a->time, EMB, true, 0);
    emb = um_activate(t, linear(a, emb, EMB), UM_SILU);
    const um_var skip = conv(a, a->x, WIDTH, 1);
    begin(a, flags, "down");
    um_var h = block(a, skip, emb, false);
    end(a, flags);
    const um_var wide = h;
    h = conv(a, h, WIDTH, 2);
    begin(a, flags, "mid");
    h = block(a, h, emb, true);
    h = attention(a, h);
    end(a, flags);
    h = conv(a, um_upsample2x(t, h), WIDTH, 1);
    begin(a, flags, "up0");
    h = block(a, um_concat(t, h, wide), emb, false);
    end(a, flags);
    begin(a, flags, "up1");
    h = block(a, um_concat(t, h, skip), emb, true);
    end(a, flags);
    return conv(a, norm(a, h, true), COLOURS, 1);
}

void net_open(net *a, const um_kernels *kernels, int threads, unsigned flags)
{
    *a = (net){ 0 };
    um_ctx_init(&a->ctx);
    a->ctx.kernels = kernels;
    a->ctx.threads = threads;
    CHECK_OK(&a->ctx, um_tape_open(&a->t, &a->ctx));
    a->x = um_tape_input(a->t, "x", (um_shape){ IMAGES, SIDE, SIDE, COLOURS });
    um_tape_want_grad(a->t, a->x);
    a->time = um_tape_input(a->t, "timestep", (um_shape){ IMAGES, 1, 1, 1 });
    a->output = record(a, flags);
    um_tape_output(a->t, a->output);
    const um_var zero = um_scale(a->t, 0, a->x);
    a->loss = um_mean(a->t, um_loss(a->t, UM_LOSS_HUBER, 0.7, a->output, zero));
    const um_var none = { 0 };
    CHECK_OK(&a->ctx, um_tape_plan(a->t, flags & NET_FORWARD_ONLY ? none : a->loss));
}

void net_run(net *a)
{
    CHECK_OK(&a->ctx, um_tape_commit(a->t));
    const um_random r = { 2, UM_STREAM_TEST, 0 };
    um_random_normal(&r, um_data(a->t, a->x), um_shape_count(um_shape_of(a->t, a->x)));
    for (int i = 0; i < IMAGES; i++) um_data(a->t, a->time)[i] = (um_real)(17 + 400 * i);
    um_tape_training(a->t, true, 5, 6);
    CHECK_OK(&a->ctx, um_tape_forward(a->t));
    CHECK_OK(&a->ctx, um_tape_backward(a->t, NULL, false));
}

void net_close(net *a) { um_tape_close(&a->t); }
