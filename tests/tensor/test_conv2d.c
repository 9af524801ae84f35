/* SPDX-License-Identifier: MIT */
#include "tensor/kernel_case.h"

static const struct layer {
    um_conv2d_shape s; /* n, h, w, ci, co, k, stride, pad, pad_end */
    const char *why;
} layers[] = {
    { { 1, 1, 1, 1, 1, 1, 1, 0, 0 }, "the smallest" },
    { { 2, 1, 1, 3, 5, 3, 1, 1, 1 }, "one pixel" },
    { { 2, 7, 5, 19, 33, 1, 1, 0, 0 }, "1 x 1" },
    { { 3, 6, 5, 7, 9, 1, 2, 0, 0 }, "1 x 1, stride 2" },
    { { 2, 9, 11, 1, 32, 3, 1, 1, 1 }, "gray stem" },
    { { 2, 13, 8, 3, 65, 3, 1, 1, 1 }, "colour stem" },
    { { 2, 9, 11, 37, 1, 3, 1, 1, 1 }, "gray head" },
    { { 2, 9, 11, 32, 3, 3, 1, 1, 1 }, "colour head" },
    { { 1, 5, 5, 5, 4, 3, 1, 1, 1 }, "few channels" },
    { { 3, 8, 8, 32, 32, 3, 1, 1, 1 }, "whole tiles" },
    { { 2, 9, 7, 17, 40, 3, 1, 1, 1 }, "cut tiles and vectors" },
    { { 2, 10, 13, 100, 33, 3, 1, 1, 1 }, "several panels, the last of one channel" },
    { { 5, 4, 4, 48, 64, 3, 1, 1, 1 }, "4 x 4" },
    { { 1, 2, 17, 16, 16, 3, 1, 1, 1 }, "flat" },
    { { 9, 16, 16, 64, 64, 3, 1, 1, 1 }, "many tiles" },
    { { 2, 24, 40, 24, 16, 3, 1, 1, 1 }, "not square" },
    { { 8, 16, 16, 256, 16, 3, 1, 1, 1 }, "several chunks of tiles" },
    { { 5, 91, 64, 91, 3, 3, 6, 1, 1 }, "two groups of images in bf16" },
    { { 2, 8, 8, 24, 40, 3, 2, 1, 1 }, "stride 2, symmetric padding" },
    { { 2, 9, 7, 24, 40, 3, 2, 1, 1 }, "stride 2, symmetric padding, odd sizes" },
    { { 2, 8, 8, 33, 16, 3, 2, 0, 1 }, "stride 2, padding right and bottom" },
    { { 2, 7, 10, 5, 3, 3, 2, 0, 1 }, "stride 2, padding right and bottom, odd sizes" },
    { { 2, 8, 8, 16, 16, 2, 2, 0, 0 }, "2 x 2, stride 2" },
    { { 1, 11, 10, 4, 6, 5, 1, 2, 2 }, "5 x 5" },
    { { 1, 11, 10, 4, 6, 5, 3, 4, 1 }, "5 x 5, stride 3, uneven padding" },
    { { 1, 12, 12, 3, 8, 4, 4, 0, 0 }, "patches of 4" },
    { { 2, 9, 9, 3, 4, 2, 3, 0, 0 }, "pixels that no filter sees" },
    { { 2, 6, 6, 16, 16, 3, 1, 0, 0 }, "no padding" },
    { { 1, 6, 6, 16, 16, 3, 1, 2, 2 }, "wide padding" },
    { { 1, 5, 5, 700, 20, 3, 2, 1, 1 }, "deeper than a step" },
};

/* the operands and the results of one layer with one tier */
typedef struct pass {
    um_real *y, *dx, *dw;
} pass;

typedef struct operands {
    const um_real *x, *w, *bias, *dy, *dx, *dw; /* the last two: what results are added to */
    size_t y_count, x_count, w_count;
} operands;

static operands make(kernel_case *c, const um_conv2d_shape *s, bool bias)
{
    operands o = { .x_count = (size_t)s->n * s->h * s->w * s->ci,
                   .w_count = (size_t)s->k * s->k * s->ci * s->co,
                   .y_count =
                       (size_t)s->n * um_conv2d_out(s, s->h) * um_conv2d_out(s, s->w) * s->co };
    o.x = case_random(c, o.x_count, UNALIGNED);
    o.w = case_random(c, o.w_count, UNALIGNED);
    o.dy = case_random(c, o.y_count, UNALIGNED);
    o.dx = case_random(c, o.x_count, ALIGNED);
    o.dw = case_random(c, o.w_count, ALIGNED);
    if (bias) o.bias = case_random(c, (size_t)s->co, UNALIGNED);
    return o;
}

static pass run(kernel_case *c, const um_kernels *k, const um_conv2d_shape *s, const operands *o,
                bool add)
{
    const size_t scratch = k->conv2d_scratch(s, omp_get_max_threads());
    pass p = { .y = case_empty(c, o->y_count, UNALIGNED) };
    p.dx = add ? case_copy(c, o->x_count, o->dx, UNALIGNED) : case_empty(c, o->x_count, UNALIGNED);
    p.dw = add ? case_copy(c, o->w_count, o->dw, UNALIGNED) : case_empty(c, o->w_count, UNALIGNED);
    k->conv2d(s, o->x, o->w, o->bias, p.y, case_empty(c, scratch, ALIGNED));
    k->conv2d_dx(s, o->dy, o->w, p.dx, add, case_empty(c, scratch, ALIGNED));
    k->conv2d_dw(s, o->x, o->dy, p.dw, add, case_empty(c, scratch, ALIGNED));
    return p;
}

/* the shape of a layer in a precision, until the next call */
static const um_conv2d_shape *with(const um_conv2d_shape *s, um_precision precision)
{
    static um_conv2d_shape copy;
    copy = *s;
    copy.precision = precision;
    return &copy;
}

/* In bf16 3 x 3 convolutions may round transformed tiles instead of pixels: other numbers, each off
 * by up to 2^-9 of itself. */
static double tolerance_of(const um_conv2d_shape *s)
{
    return s->precision == UM_BF16 && s->k == 3 && s->stride == 1 ? 2e-2 : 1e-5;
}

static void each_layer(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(layers); i++)
        for (int options = 0; options < 4; options++) {
            const um_conv2d_shape *s = with(&layers[i].s, options & 2 ? UM_BF16 : UM_F32);
            const bool add = options & 1;
            kernel_case c = { 0 };
            const operands o = make(&c, s, add);
            const pass got = run(&c, fast, s, &o, add), right = run(&c, scalar, s, &o, add);
            const double tolerance = tolerance_of(s);
            case_near(layers[i].why, o.y_count, got.y, right.y, tolerance);
            case_near(layers[i].why, o.x_count, got.dx, right.dx, tolerance);
            case_near(layers[i].why, o.w_count, got.dw, right.dw, tolerance);
            case_end(&c);
        }
}

static void a_convolution_and_its_adjoints_agree_with_their_definitions(void **state)
{
    (void)state;
    for_each_tier(each_layer);
}

static void on_1_2_and_3_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (size_t k = 0; k < 2 * UM_COUNT(layers); k++) {
        const size_t i = k / 2;
        const um_conv2d_shape *s = with(&layers[i].s, k % 2 ? UM_BF16 : UM_F32);
        kernel_case c = { 0 };
        const operands o = make(&c, s, true);
        pass once = { 0 };
        FOR_THREADS(threads, {
            const pass p = run(&c, fast, s, &o, true);
            if (threads > 1) {
                case_same_bits(layers[i].why, o.y_count, once.y, p.y);
                case_same_bits(layers[i].why, o.x_count, once.dx, p.dx);
                case_same_bits(layers[i].why, o.w_count, once.dw, p.dw);
            }
            once = p;
        });
        case_end(&c);
    }
}

static void their_bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    for_each_tier(on_1_2_and_3_threads);
}

/* the last image of five alone */
static void in_a_batch_and_alone(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (size_t k = 0; k < 2 * UM_COUNT(layers); k++) {
        const size_t i = k / 2;
        um_conv2d_shape s = *with(&layers[i].s, k % 2 ? UM_BF16 : UM_F32);
        s.n = 5;
        kernel_case c = { 0 };
        operands o = make(&c, &s, true);
        const pass all = run(&c, fast, &s, &o, false);
        const size_t y = o.y_count / 5, x = o.x_count / 5;
        s.n = 1;
        o.x += 4 * x, o.dy += 4 * y, o.x_count = x, o.y_count = y;
        const pass one = run(&c, fast, &s, &o, false);
        case_same_bits(layers[i].why, y, all.y + 4 * y, one.y);
        case_same_bits(layers[i].why, x, all.dx + 4 * x, one.dx);
        case_end(&c);
    }
}

static void an_image_does_not_depend_on_its_batch(void **state)
{
    (void)state;
    for_each_tier(in_a_batch_and_alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_convolution_and_its_adjoints_agree_with_their_definitions),
        cmocka_unit_test(their_bits_do_not_depend_on_threads),
        cmocka_unit_test(an_image_does_not_depend_on_its_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
