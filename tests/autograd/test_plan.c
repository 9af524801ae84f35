/* SPDX-License-Identifier: MIT */
#include "autograd/net.h"
#include "autograd/poison.h"

#include "autograd/record.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

static const um_kernels *scalar(void) { return um_kernels_tier(0); }

/* ---- claims about any plan ---- */

static void check_no_overlap(const um_tape *t)
{
    for (int i = 0; i < t->n_blocks; i++) {
        const um_block *a = &t->blocks[i];
        assert_true(a->first <= a->last && a->offset % UM_ALIGN == 0);
        assert_true(a->offset + a->bytes <= t->bytes);
        for (int k = 0; k < i; k++) {
            const um_block *b = &t->blocks[k];
            const bool in_time = a->first <= b->last && b->first <= a->last;
            const bool in_space =
                a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
            if (in_time && in_space) fail_msg("blocks %d and %d live in one place", k, i);
        }
    }
}

/* No plan can do with less: the most bytes that live at one time. */
static size_t most_alive(const um_tape *t)
{
    size_t most = 0;
    for (int step = 0; step <= t->n_steps; step++) {
        size_t alive = 0;
        for (int i = 0; i < t->n_blocks; i++)
            if (t->blocks[i].first <= step && step <= t->blocks[i].last)
                alive += t->blocks[i].bytes;
        most = UM_MAX(most, alive);
    }
    return most;
}

/* Give each block bytes of its own, so that no mistake in lifetimes can show. */
static void spread_blocks(um_tape *t)
{
    t->bytes = 0;
    for (int i = 0; i < t->n_blocks; i++) {
        t->blocks[i].offset = t->bytes;
        t->bytes += t->blocks[i].bytes;
    }
}

/* ---- the small U-Net ---- */

static net one, other;

static void plans_of_a_network_are_sound_and_tight(void **state)
{
    (void)state;
    const unsigned flags[] = { 0, NET_RECOMPUTE, NET_FORWARD_ONLY };
    for (size_t i = 0; i < UM_COUNT(flags); i++) {
        net_open(&one, scalar(), 1, flags[i]);
        check_no_overlap(one.t);
        assert_true(um_tape_bytes(one.t) >= most_alive(one.t));
        assert_true(um_tape_bytes(one.t) <= 1.1 * most_alive(one.t));
        net_close(&one);
    }
}

static void a_forward_plan_needs_less_and_recomputation_too(void **state)
{
    (void)state;
    size_t bytes[3];
    const unsigned flags[] = { NET_FORWARD_ONLY, NET_RECOMPUTE, 0 };
    for (size_t i = 0; i < UM_COUNT(flags); i++) {
        net_open(&one, scalar(), 1, flags[i]);
        bytes[i] = um_tape_bytes(one.t);
        net_close(&one);
    }
    assert_true(bytes[0] < 0.5 * bytes[1]);
    assert_true(bytes[1] < 0.8 * bytes[2]);
}

static void same_result(const net *a, const net *b)
{
    const size_t image = um_shape_count(um_shape_of(a->t, a->x)) * sizeof(um_real);
    assert_memory_equal(um_data(a->t, a->loss), um_data(b->t, b->loss), sizeof(um_real));
    assert_memory_equal(um_data(a->t, a->output), um_data(b->t, b->output), image);
    assert_memory_equal(um_grad(a->t, a->x), um_grad(b->t, b->x), image);
    assert_int_equal(a->used, b->used);
    assert_memory_equal(a->grad, b->grad, a->used * sizeof(um_real));
    assert_true(isfinite(*um_data(a->t, a->loss)));
}

static void recomputation_gives_the_same_bits(void **state)
{
    (void)state;
    net_open(&one, scalar(), 1, 0);
    spread_blocks(one.t);
    net_run(&one);
    for (unsigned flags = 0; flags <= NET_RECOMPUTE; flags++) {
        net_open(&other, scalar(), 1, flags);
        um_tape_observe(other.t, (um_observer){ .before = poison_memory });
        net_run(&other);
        same_result(&one, &other);
        net_close(&other);
    }
    net_close(&one);
}

/* ---- chains, whose memory can be counted ---- */

enum { LENGTH = 16, COUNT = 1024 };

/* LENGTH pairs of activation and dropout, a segment for each `segment` pairs (0: none); returns the
 * bytes. */
static size_t chain(um_ctx *ctx, int segment, bool forward_only, um_real *grad)
{
    um_tape *t = NULL;
    CHECK_OK(ctx, um_tape_open(&t, ctx));
    const um_var x = um_tape_input(t, "x", (um_shape){ 1, 1, 1, COUNT });
    um_tape_want_grad(t, x);
    um_var h = x;
    for (int i = 0; i < LENGTH; i++) {
        if (segment && i % segment == 0) um_tape_segment_begin(t);
        h = um_activate(t, h, UM_MISH);
        h = um_dropout(t, h, 0.1);
        if (segment && (i + 1) % segment == 0) um_tape_segment_end(t);
    }
    const um_var loss = um_mean(t, h), none = { 0 };
    um_tape_output(t, loss);
    CHECK_OK(ctx, um_tape_plan(t, forward_only ? none : loss));
    check_no_overlap(t);
    const size_t bytes = um_tape_bytes(t);
    if (!forward_only) {
        CHECK_OK(ctx, um_tape_commit(t));
        um_random_normal(&(um_random){ 3, UM_STREAM_TEST, 0 }, um_data(t, x), COUNT);
        um_tape_observe(t, (um_observer){ .before = poison_memory });
        um_tape_training(t, true, 1, 1);
        CHECK_OK(ctx, um_tape_forward(t));
        CHECK_OK(ctx, um_tape_backward(t, NULL, false));
        memcpy(grad, um_grad(t, x), COUNT * sizeof *grad);
    }
    um_tape_close(&t);
    return bytes;
}

static void a_deep_chain_costs_what_can_be_counted(void **state)
{
    (void)state;
    static um_real kept[COUNT], again[COUNT];
    um_ctx ctx;
    um_ctx_init(&ctx);
    ctx.kernels = scalar();
    const size_t tensor = COUNT * sizeof(um_real), number = UM_ALIGN;

    /* the input, and the two ends of the running operation */
    assert_int_equal(chain(&ctx, 0, true, NULL), 3 * tensor);
    /* the inputs of all activations, and two gradients; the mean and its gradient */
    const size_t whole = chain(&ctx, 0, false, kept);
    assert_in_range(whole, LENGTH * tensor, (LENGTH + 2) * tensor + 2 * number);
    for (int segment = 2; segment <= LENGTH; segment *= 2) {
        const size_t less = chain(&ctx, segment, false, again);
        assert_memory_equal(kept, again, sizeof kept);
        const int ends = LENGTH / segment; /* what stays of the segments, and one of them in full */
        assert_true(less <= (size_t)(ends + segment + 4) * tensor + 2 * number);
        if (segment == 4) assert_true(less < 0.7 * whole);
    }
}

/* ---- steps ---- */

static int count_steps(const um_tape *t, um_phase phase)
{
    int n = 0;
    for (int i = 0; i < t->n_steps; i++) n += t->steps[i].phase == phase;
    return n;
}

static void the_backward_walk_visits_what_lies_between_loss_and_parameters(void **state)
{
    (void)state;
    um_ctx ctx;
    um_tape *t = NULL;
    um_real w[4] = { 0 }, dw[4];
    um_ctx_init(&ctx);
    ctx.kernels = scalar();
    CHECK_OK(&ctx, um_tape_open(&t, &ctx));
    const um_shape four = { 1, 1, 1, 4 };
    um_tape_segment_begin(t);
    const um_var x = um_softmax(t, um_tape_input(t, "x", four)); /* nobody asks for its gradient */
    const um_var h = um_multiply(t, x, um_tape_param(t, "w", four, w, dw));
    um_softmax(t, h); /* leads nowhere */
    um_tape_segment_end(t);
    um_tape_segment_begin(t);
    um_tape_output(t, um_softmax(t, h)); /* read by the caller alone */
    um_tape_segment_end(t);
    CHECK_OK(&ctx, um_tape_plan(t, um_mean(t, h)));
    assert_int_equal(count_steps(t, UM_FORWARD), 5);
    assert_int_equal(count_steps(t, UM_VJP), 2);       /* mean, multiply */
    assert_int_equal(count_steps(t, UM_RECOMPUTE),
                     1); /* x; h was kept since it leaves its segment */
    um_tape_close(&t);
}

/* ---- random graphs ---- */

enum { POOL = 64, SIZE = 6, WEIGHTS = 2000, READ = 8 };

typedef struct graph {
    um_ctx ctx;
    um_tape *t;
    um_random r;
    uint32_t draws;
    um_var pool[POOL], read[READ], input[2], loss;
    int n_pool, n_read;
    size_t used;
    um_real weight[WEIGHTS], grad[WEIGHTS];
} graph;

static int draw(graph *g, int n) { return (int)um_random_below(&g->r, g->draws++, (uint64_t)n); }

/* Any tensor; often a young one, so that chains grow long. */
static um_var any(graph *g)
{
    const int from = draw(g, 2) ? UM_MAX(g->n_pool - 4, 0) : 0;
    return g->pool[from + draw(g, g->n_pool - from)];
}

static um_var weights(graph *g, int rows)
{
    const size_t at = g->used;
    g->used += (size_t)rows * SIZE;
    assert_true(g->used <= WEIGHTS);
    um_random_normal(&(um_random){ 4, UM_STREAM_TEST, at }, g->weight + at, (size_t)rows * SIZE);
    um_real *grad = draw(g, 4) ? g->grad + at : NULL; /* some are frozen */
    return um_tape_param(g->t, "w", (um_shape){ 1, 1, rows, SIZE }, g->weight + at, grad);
}

static um_var operation(graph *g)
{
    um_tape *t = g->t;
    const um_var a = any(g), b = any(g), c = any(g);
    switch (draw(g, 9)) {
    case 0: return um_add(t, a, b);
    case 1: return um_multiply(t, a, um_softmax(t, b));
    case 2: return um_activate(t, a, (um_activation)draw(g, 3));
    case 3: return um_dropout(t, a, 0.2);
    case 4: return um_attention(t, a, b, c, 2);
    case 5: return um_slice(t, um_concat(t, a, b), draw(g, SIZE), SIZE);
    case 6: return um_scale(t, 0.5, a);
    case 7: {
        const um_var w = weights(g, SIZE);
        return um_linear(t, a, w, weights(g, 1));
    }
    default: {
        const um_var gamma = weights(g, 1);
        const um_var beta = draw(g, 3) ? weights(g, 1) : gamma;
        return um_group_norm(t, a, gamma, beta, (um_var){ 0 }, 3, 1e-5, draw(g, 2));
    }
    }
}

static void record(graph *g, bool segments)
{
    bool inside = false;
    for (int i = 0; i < 24; i++) {
        if (draw(g, 4) == 0) {
            if (segments) inside ? um_tape_segment_end(g->t) : um_tape_segment_begin(g->t);
            inside = !inside;
        }
        const um_var y = operation(g);
        g->pool[g->n_pool++] = y;
        if (draw(g, 8) == 0 && g->n_read < READ) {
            um_tape_output(g->t, y);
            g->read[g->n_read++] = y;
        }
    }
    um_var sum = um_add(g->t, any(g), any(g));
    if (draw(g, 2)) sum = um_add(g->t, sum, any(g));
    g->loss = um_mean(g->t, um_add(g->t, sum, g->pool[0]));
    if (segments && inside) um_tape_segment_end(g->t);
}

static void open_graph(graph *g, int seed, bool segments)
{
    *g = (graph){ .r = { (uint64_t)seed, UM_STREAM_TEST, 1 } };
    um_ctx_init(&g->ctx);
    g->ctx.kernels = scalar();
    CHECK_OK(&g->ctx, um_tape_open(&g->t, &g->ctx));
    for (int i = 0; i < 2; i++) {
        g->input[i] = um_tape_input(g->t, "x", (um_shape){ 2, 1, 3, SIZE });
        if (i == 0 || draw(g, 2)) um_tape_want_grad(g->t, g->input[i]);
        g->pool[g->n_pool++] = g->input[i];
    }
    record(g, segments);
    CHECK_OK(&g->ctx, um_tape_plan(g->t, g->loss));
}

static void run_graph(graph *g)
{
    CHECK_OK(&g->ctx, um_tape_commit(g->t));
    for (int i = 0; i < 2; i++)
        um_random_normal(&(um_random){ 5, UM_STREAM_TEST, (uint64_t)i }, um_data(g->t, g->input[i]),
                         6 * SIZE);
    um_tape_training(g->t, true, 8, 9);
    for (int i = 0; i < 2; i++) { /* twice: the second time finds what the first left */
        CHECK_OK(&g->ctx, um_tape_forward(g->t));
        CHECK_OK(&g->ctx, um_tape_backward(g->t, NULL, false));
    }
    assert_true(isfinite(*um_data(g->t, g->loss)));
}

static void same_graph(const graph *a, const graph *b)
{
    const size_t bytes = 6 * SIZE * sizeof(um_real);
    assert_memory_equal(um_data(a->t, a->loss), um_data(b->t, b->loss), sizeof(um_real));
    assert_memory_equal(a->grad, b->grad, a->used * sizeof(um_real));
    for (int i = 0; i < a->n_read; i++)
        assert_memory_equal(um_data(a->t, a->read[i]), um_data(b->t, b->read[i]), bytes);
    for (int i = 0; i < 2; i++)
        if (um_grad(a->t, a->input[i]))
            assert_memory_equal(um_grad(a->t, a->input[i]), um_grad(b->t, b->input[i]), bytes);
}

static void random_graphs_give_the_bits_that_they_have_in_boundless_memory(void **state)
{
    (void)state;
    static graph boundless, tight;
    for (int seed = 0; seed < 60; seed++) {
        open_graph(&boundless, seed, false);
        spread_blocks(boundless.t);
        run_graph(&boundless);
        for (int segments = 0; segments < 2; segments++) {
            open_graph(&tight, seed, segments);
            check_no_overlap(tight.t);
            um_tape_observe(tight.t, (um_observer){ .before = poison_memory });
            run_graph(&tight);
            same_graph(&boundless, &tight);
            um_tape_close(&tight.t);
        }
        um_tape_close(&boundless.t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_of_a_network_are_sound_and_tight),
        cmocka_unit_test(a_forward_plan_needs_less_and_recomputation_too),
        cmocka_unit_test(recomputation_gives_the_same_bits),
        cmocka_unit_test(a_deep_chain_costs_what_can_be_counted),
        cmocka_unit_test(the_backward_walk_visits_what_lies_between_loss_and_parameters),
        cmocka_unit_test(random_graphs_give_the_bits_that_they_have_in_boundless_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
