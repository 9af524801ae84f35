/* SPDX-License-Identifier: MIT */
#include "nn/param.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/attention_block.h"
#include "nn/res_block.h"
#include "support/check.h"
#include "support/failing.h"
#include "tensor/kernels/kernels.h"

/* A model of two layers and a table. */
typedef struct model {
    um_res_block block;
    um_attention_block attention;
    um_param table, frozen;
} model;

static void visit(void *arg, um_visitor *v)
{
    model *m = arg;
    um_visit_enter(v, "blocks.%d", 3);
    um_visit_enter(v, "res");
    um_res_visit(&m->block, v);
    um_visit_leave(v);
    um_attention_visit(&m->attention, v);
    um_visit_leave(v);
    um_visit_param(v, &m->table, "table.weight");
    um_visit_param(v, &m->frozen, "frozen");
}

static void build(model *m)
{
    *m = (model){
        .table = { .shape = { 1, 1, 400, 5 },
                   .layout = UM_LAYOUT_TABLE,
                   .init = UM_INIT_NORMAL,
                   .scale = 2.0 },
        .frozen = { .shape = { 1, 1, 1, 3 },
                    .layout = UM_LAYOUT_VECTOR,
                    .init = UM_INIT_NORMAL,
                    .scale = 1.0,
                    .frozen = true },
    };
    um_res_init(&m->block,
                &(um_res_settings){
                    .in = 24, .out = 12, .emb = 7, .groups = 4, .eps = 1e-5, .scale = 1.0 });
    um_attention_init(&m->attention,
                      &(um_attention_settings){
                          .channels = 12, .head_dim = 5, .groups = 3, .eps = 1e-5, .scale = 1.0 });
}

static um_status open_and_free(um_ctx *ctx, void *arg)
{
    um_params params;
    UM_TRY(um_params_init(&params, ctx, visit, arg));
    const um_status status = um_params_want_grads(&params);
    um_params_free(&params);
    return status;
}

static void the_block_is_aligned_and_its_gaps_are_zero(void **state)
{
    (void)state;
    um_ctx ctx;
    um_params params;
    model m;
    size_t numbers = 0;
    um_ctx_init(&ctx);
    build(&m);
    CHECK_OK(&ctx, um_params_init(&params, &ctx, visit, &m));
    CHECK_OK(&ctx, um_params_want_grads(&params));
    um_params_initialise(&params, 5);
    bool *owned;
    CHECK_OK(&ctx, um_alloc(&ctx, &owned, params.padded, sizeof *owned, "marks"));
    for (int i = 0; i < params.count; i++) {
        const um_param *p = params.list[i];
        const size_t at = um_params_offset(&params, p), n = um_shape_count(p->shape);
        assert_int_equal((uintptr_t)p->value % UM_ALIGN, 0);
        assert_true(at + n <= params.padded);
        if (p->frozen)
            assert_null(p->grad);
        else
            assert_ptr_equal(p->grad, params.grads + at);
        for (size_t k = at; k < at + n; k++) {
            assert_false(owned[k]);
            owned[k] = true;
        }
        numbers += n;
    }
    assert_int_equal(numbers, params.numbers);
    for (size_t k = 0; k < params.padded; k++)
        if (!owned[k]) assert_true(params.values[k] == 0);
    um_free(&ctx, owned);
    um_params_free(&params);
}

static void names_are_paths_through_the_model(void **state)
{
    (void)state;
    static const char *const names[] = {
        "blocks.3.res.norm1.weight",         "blocks.3.res.time_emb_proj.bias",
        "blocks.3.res.conv_shortcut.weight", "blocks.3.to_out.0.weight",
        "blocks.3.group_norm.bias",          "table.weight",
    };
    um_ctx ctx;
    um_params params;
    model m;
    um_ctx_init(&ctx);
    build(&m);
    CHECK_OK(&ctx, um_params_init(&params, &ctx, visit, &m));
    assert_int_equal(params.count, 12 + 10 + 2);
    for (size_t i = 0; i < UM_COUNT(names); i++)
        if (!um_params_find(&params, names[i])) fail_msg("no %s", names[i]);
    assert_null(um_params_find(&params, "blocks.3.res"));
    um_params_free(&params);
}

typedef struct moments {
    double mean, deviation, largest;
} moments;

static moments measure(const um_param *p)
{
    const size_t n = um_shape_count(p->shape);
    moments m = { 0 };
    for (size_t i = 0; i < n; i++) {
        m.mean += p->value[i] / (double)n;
        m.deviation += (double)p->value[i] * p->value[i] / (double)n;
        m.largest = fmax(m.largest, fabs(p->value[i]));
    }
    m.deviation = sqrt(m.deviation - m.mean * m.mean);
    return m;
}

static void initial_values_have_their_distribution(void **state)
{
    (void)state;
    um_ctx ctx;
    um_params params;
    model m;
    um_ctx_init(&ctx);
    build(&m);
    CHECK_OK(&ctx, um_params_init(&params, &ctx, visit, &m));
    um_params_initialise(&params, 7);

    const double bound = 1.0 / sqrt(9 * 24); /* conv1: 3 x 3 x 24 inputs; 2592 numbers */
    const moments conv = measure(&m.block.conv1.weight);
    assert_true(conv.largest <= (float)bound && conv.largest > 0.99 * bound);
    CHECK_NEAR(conv.mean, 0.0, 4 * bound / sqrt(3.0 * 2592));
    CHECK_NEAR(conv.deviation, bound / sqrt(3.0), 0.05 * bound);
    assert_true(measure(&m.block.conv1.bias).largest < bound);

    const moments linear = measure(&m.block.time_emb_proj.weight);
    assert_true(linear.largest < 1.0 / sqrt(7) && linear.largest > 0.9 / sqrt(7));
    const moments table = measure(&m.table);
    CHECK_NEAR(table.mean, 0.0, 4 * 2.0 / sqrt(2000));
    CHECK_NEAR(table.deviation, 2.0, 0.15);
    CHECK_NEAR(measure(&m.block.norm1.weight).mean, 1.0, 1e-12);
    const um_param *const zeros[] = { &m.block.conv2.weight, &m.block.conv2.bias,
                                      &m.block.norm1.bias, &m.attention.to_out.weight,
                                      &m.attention.to_out.bias };
    for (size_t i = 0; i < UM_COUNT(zeros); i++) assert_true(measure(zeros[i]).largest == 0.0);
    um_params_free(&params);
}

/* Two parameters of one shape differ, another seed gives other numbers, the same seed the same. */
static void initial_values_are_a_function_of_seed_and_parameter(void **state)
{
    (void)state;
    um_ctx ctx;
    um_params params;
    model m;
    float first[60];
    um_ctx_init(&ctx);
    build(&m);
    CHECK_OK(&ctx, um_params_init(&params, &ctx, visit, &m));
    const um_param *q = &m.attention.to_q.weight, *k = &m.attention.to_k.weight;
    um_params_initialise(&params, 7);
    memcpy(first, q->value, sizeof first);
    assert_memory_not_equal(first, k->value, sizeof first);
    um_params_initialise(&params, 8);
    assert_memory_not_equal(first, q->value, sizeof first);
    um_params_initialise(&params, 7);
    assert_memory_equal(first, q->value, sizeof first);
    um_params_free(&params);
}

/* Every number bears its own index in a file's order; where it must lie is written out. */
static void layouts_are_turned_as_pytorch_keeps_them(void **state)
{
    (void)state;
    float file[2 * 3 * 2 * 2], ours[24], back[24];
    for (int i = 0; i < 24; i++) file[i] = (float)i;
    const um_param conv = { .shape = { 2, 2, 3, 2 }, .layout = UM_LAYOUT_CONV };
    int64_t shape[4];
    assert_int_equal(um_param_file_shape(&conv, shape), 4);
    assert_memory_equal(shape, ((int64_t[]){ 2, 3, 2, 2 }), sizeof shape);
    um_param_from_file(&conv, file, ours);
    for (int o = 0; o < 2; o++)
        for (int i = 0; i < 3; i++)
            for (int y = 0; y < 2; y++)
                for (int x = 0; x < 2; x++)
                    assert_true(ours[((y * 2 + x) * 3 + i) * 2 + o] ==
                                file[((o * 3 + i) * 2 + y) * 2 + x]);
    um_param_to_file(&conv, ours, back);
    assert_memory_equal(back, file, sizeof file);

    const um_param linear = { .shape = { 1, 1, 3, 2 }, .layout = UM_LAYOUT_LINEAR };
    assert_int_equal(um_param_file_shape(&linear, shape), 2);
    assert_memory_equal(shape, ((int64_t[]){ 2, 3 }), 2 * sizeof *shape);
    um_param_from_file(&linear, file, ours);
    assert_memory_equal(ours, ((float[]){ 0, 3, 1, 4, 2, 5 }), 6 * sizeof *ours);

    const um_param table = { .shape = { 1, 1, 3, 2 }, .layout = UM_LAYOUT_TABLE };
    assert_int_equal(um_param_file_shape(&table, shape), 2);
    assert_memory_equal(shape, ((int64_t[]){ 3, 2 }), 2 * sizeof *shape);
    um_param_from_file(&table, file, ours);
    assert_memory_equal(ours, file, 6 * sizeof *ours);
}

static void the_first_parameter_that_went_bad_is_found(void **state)
{
    (void)state;
    um_ctx ctx;
    um_params params;
    model m;
    build(&m);
    um_ctx_init(&ctx);
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "auto"));
    CHECK_OK(&ctx, um_params_init(&params, &ctx, visit, &m));
    um_params_initialise(&params, 7);
    assert_null(um_params_not_finite(&params, params.values));
    m.frozen.value[2] = INFINITY;
    assert_ptr_equal(um_params_not_finite(&params, params.values), &m.frozen);
    m.table.value[1999] = NAN;
    assert_ptr_equal(um_params_not_finite(&params, params.values), &m.table);
    um_params_free(&params);
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    model m;
    build(&m);
    check_every_allocation(open_and_free, &m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_is_aligned_and_its_gaps_are_zero),
        cmocka_unit_test(names_are_paths_through_the_model),
        cmocka_unit_test(initial_values_have_their_distribution),
        cmocka_unit_test(initial_values_are_a_function_of_seed_and_parameter),
        cmocka_unit_test(layouts_are_turned_as_pytorch_keeps_them),
        cmocka_unit_test(the_first_parameter_that_went_bad_is_found),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
