/* SPDX-License-Identifier: MIT */
#include "tensor/elementwise_case.h"

static const struct shape {
    int n, hw, c, groups;
    const char *why;
} shapes[] = {
    { 1, 1, 1, 1, "the smallest" },
    { 1, 1, 8, 8, "one number in a group: no variance" },
    { 2, 15, 6, 3, "narrower than a vector" },
    { 2, 33, 12, 12, "a group for each channel" },
    { 3, 9, 40, 1, "all channels in one group" },
    { 1, 40, 17, 17, "a channel more than a vector" },
    { 2, 100, 128, 32, "as in a U-Net" },
    { 1, 5, 320, 32, "more channels than a tile" },
    { 2, 7, 600, 2, "a group wider than a tile" },
    { 1, 1024, 64, 8, "one image among threads" },
    { 5, 64, 24, 4, "images among threads" },
    { 3, 70, 99, 9, "odd everywhere" },
};

/* One call of each kernel and all that it takes and gives. */
struct norm {
    um_group_norm_shape s;
    size_t count, groups, channels;
    um_real *x, *gamma, *beta, *dy;
    um_real *y, *mean, *rstd, *dx, *dgamma, *dbeta;
};

static struct norm make(kernel_case *c, const struct shape *p, bool silu, placement at)
{
    struct norm g = { .s = { p->n, p->hw, p->c, p->groups, 1e-5, silu } };
    g.count = (size_t)p->n * p->hw * p->c;
    g.groups = (size_t)p->n * p->groups;
    g.channels = (size_t)p->c;
    g.x = case_random(c, g.count, at);
    g.dy = case_random(c, g.count, at);
    g.gamma = case_random(c, g.channels, at);
    g.beta = case_random(c, g.channels, at);
    return g;
}

static void forward(kernel_case *c, const um_kernels *k, struct norm *g, placement at)
{
    g->y = case_empty(c, g->count, at);
    g->mean = case_empty(c, g->groups, at);
    g->rstd = case_empty(c, g->groups, at);
    k->group_norm(&g->s, g->x, g->gamma, g->beta, g->y, g->mean, g->rstd);
}

/* ask: bits 0, 1, 2 for dx, dgamma, dbeta; bits 3, 4, 5 to add them */
static void backward(kernel_case *c, const um_kernels *k, struct norm *g, int ask, placement at)
{
    g->dx = ask & 1 ? case_copy(c, g->count, g->dy, at) : NULL;
    g->dgamma = ask & 2 ? case_copy(c, g->channels, g->gamma, at) : NULL;
    g->dbeta = ask & 4 ? case_copy(c, g->channels, g->beta, at) : NULL;
    const um_group_norm_grads out = { g->dx, g->dgamma, g->dbeta, ask & 8, ask & 16, ask & 32 };
    const size_t scratch = k->group_norm_scratch(&g->s, omp_get_max_threads());
    k->group_norm_vjp(&g->s, &out, g->dy, g->x, g->gamma, g->beta, g->mean, g->rstd,
                      case_empty(c, scratch, UNALIGNED));
}

static void compare(const um_kernels *fast, const um_kernels *scalar, const struct shape *p,
                    bool silu, placement at)
{
    static const int asks[] = { 7, 7 + 56, 7 + 8, 1, 2, 4, 4 + 32, 0 };
    kernel_case c = { 0 };
    struct norm a = make(&c, p, silu, at), b = a;
    forward(&c, fast, &a, at);
    forward(&c, scalar, &b, ALIGNED);
    case_near(p->why, a.count, a.y, b.y, 2e-6);
    case_near(p->why, a.groups, a.mean, b.mean, 1e-6);
    case_near(p->why, a.groups, a.rstd, b.rstd, 1e-6);
    for (size_t i = 0; i < UM_COUNT(asks); i++) {
        memcpy(a.mean, b.mean, a.groups * sizeof *a.mean); /* rstd of a lone number is steep */
        memcpy(a.rstd, b.rstd, a.groups * sizeof *a.rstd);
        backward(&c, fast, &a, asks[i], at);
        backward(&c, scalar, &b, asks[i], ALIGNED);
        if (a.dx && p->hw * (p->c / p->groups) > 1) case_near(p->why, a.count, a.dx, b.dx, 4e-6);
        if (a.dgamma) case_near(p->why, a.channels, a.dgamma, b.dgamma, 4e-6);
        if (a.dbeta) case_near(p->why, a.channels, a.dbeta, b.dbeta, 4e-6);
    }
    case_end(&c);
}

static void compare_shapes(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(shapes); i++)
        for (int silu = 0; silu < 2; silu++) {
            compare(fast, scalar, &shapes[i], silu, ALIGNED);
            compare(fast, scalar, &shapes[i], silu, UNALIGNED);
        }
}

static void every_shape_agrees_with_its_definition(void **state)
{
    (void)state;
    for_each_tier(compare_shapes);
}

static void the_definition_has_known_values(void **state)
{
    (void)state;
    const um_group_norm_shape s = { .n = 1, .hw = 2, .c = 2, .groups = 1, .eps = 0 };
    const um_real x[] = { 1, 2, 3, 6 }, gamma[] = { 1, 2 }, beta[] = { 0, 10 };
    um_real y[4], mean, rstd;
    um_kernels_tier(0)->group_norm(&s, x, gamma, beta, y, &mean, &rstd);
    const double r = 1 / sqrt(3.5); /* the squares of -2, -1, 0, 3 make 14 */
    CHECK_NEAR(mean, 3, 1e-7);
    CHECK_NEAR(rstd, r, 1e-7);
    CHECK_NEAR(y[0], -2 * r, 1e-6);
    CHECK_NEAR(y[1], 10 - 2 * r, 1e-6);
    CHECK_NEAR(y[2], 0, 1e-6);
    CHECK_NEAR(y[3], 10 + 6 * r, 1e-6);
}

/* where group j of all images starts */
static size_t first_of(const um_group_norm_shape *s, size_t j)
{
    const size_t image = j / s->groups, group = j % s->groups;
    return image * s->hw * s->c + group * (s->c / s->groups);
}

/* what is left of a deviation of 1 when all numbers lie near `mean`, the first of each group
 * apart */
static void shift(const um_kernels *fast, const um_kernels *scalar, um_real mean, um_real first)
{
    for (size_t i = 0; i < UM_COUNT(shapes); i++) {
        kernel_case c = { 0 };
        struct norm a = make(&c, &shapes[i], false, UNALIGNED), b;
        for (size_t j = 0; j < a.count; j++) a.x[j] += mean;
        for (size_t j = 0; j < a.groups; j++)
            a.x[first_of(&a.s, j)] += first;
        b = a;
        forward(&c, fast, &a, UNALIGNED);
        forward(&c, scalar, &b, UNALIGNED);
        case_near(shapes[i].why, a.count, a.y, b.y, 1e-5);
        case_near(shapes[i].why, a.groups, a.rstd, b.rstd, 1e-5);
        case_end(&c);
    }
}

static void shift_far(const um_kernels *fast, const um_kernels *scalar)
{
    shift(fast, scalar, 1000, 0);
    shift(fast, scalar, -1e5f, 0);
    shift(fast, scalar, 1000, 300);
    shift(fast, scalar, 0, 1e4f);
}

static void a_mean_far_from_zero_costs_no_digits(void **state)
{
    (void)state;
    for_each_tier(shift_far);
}

static void flatten(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    kernel_case c = { 0 };
    struct norm a = make(&c, &shapes[6], false, UNALIGNED);
    for (size_t i = 0; i < a.count; i++) a.x[i] = 1000.37f;
    forward(&c, fast, &a, UNALIGNED);
    for (size_t i = 0; i < a.count; i++) assert_true(a.y[i] == a.beta[i % a.channels]);
    for (size_t i = 0; i < a.groups; i++) CHECK_NEAR(a.rstd[i], 1 / sqrt(1e-5), 1e-4);
    case_end(&c);
}

static void a_constant_image_becomes_beta(void **state)
{
    (void)state;
    for_each_tier(flatten);
}

static void change_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (size_t i = 0; i < UM_COUNT(shapes); i++) {
        kernel_case c = { 0 };
        struct norm a = make(&c, &shapes[i], true, UNALIGNED), b = a;
        FOR_THREADS(threads, {
            forward(&c, fast, &b, UNALIGNED);
            backward(&c, fast, &b, 7, UNALIGNED);
            if (threads == 1) a = b;
            case_same_bits("y", a.count, a.y, b.y);
            case_same_bits("dx", a.count, a.dx, b.dx);
            case_same_bits("dgamma", a.channels, a.dgamma, b.dgamma);
            case_same_bits("dbeta", a.channels, a.dbeta, b.dbeta);
        });
        case_end(&c);
    }
}

static void bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    for_each_tier(change_threads);
}

/* The last image of three alone, and beside an image of NaNs. */
static void leave_alone(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    const struct shape three = { 3, 50, 72, 6, "three images" };
    kernel_case c = { 0 };
    struct norm a = make(&c, &three, true, UNALIGNED), b = a;
    const size_t image = 50 * 72;
    a.x[5] = (um_real)NAN;
    forward(&c, fast, &a, UNALIGNED);
    backward(&c, fast, &a, 1, UNALIGNED);
    b.s.n = 1, b.x += 2 * image, b.dy += 2 * image, b.count = image, b.groups = 6;
    forward(&c, fast, &b, UNALIGNED);
    backward(&c, fast, &b, 1, UNALIGNED);
    case_same_bits("y", image, a.y + 2 * image, b.y);
    case_same_bits("dx", image, a.dx + 2 * image, b.dx);
    for (int p = 0; p < 50; p++)
        for (int k = 0; k < 72; k++) assert_int_equal(isnan(a.y[p * 72 + k]) != 0, k < 12);
    case_end(&c);
}

static void an_image_is_alone_in_its_batch(void **state)
{
    (void)state;
    for_each_tier(leave_alone);
}

static void overwrite(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (size_t i = 0; i < UM_COUNT(shapes); i++) {
        kernel_case c = { 0 };
        struct norm a = make(&c, &shapes[i], true, UNALIGNED);
        forward(&c, fast, &a, UNALIGNED);
        fast->group_norm(&a.s, a.x, a.gamma, a.beta, a.x, a.mean, a.rstd);
        case_same_bits(shapes[i].why, a.count, a.x, a.y);
        case_end(&c);
    }
}

static void y_may_be_x(void **state)
{
    (void)state;
    for_each_tier(overwrite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_definition_has_known_values),
        cmocka_unit_test(every_shape_agrees_with_its_definition),
        cmocka_unit_test(a_mean_far_from_zero_costs_no_digits),
        cmocka_unit_test(a_constant_image_becomes_beta),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(an_image_is_alone_in_its_batch),
        cmocka_unit_test(y_may_be_x),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
