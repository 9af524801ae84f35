/* SPDX-License-Identifier: MIT */
#include "tensor/elementwise_case.h"

/* f(d) and f'(d) of d = -0.5 and of d = 3, and their mean over both, worked out by hand */
static const struct kind {
    um_loss_kind kind;
    const char *name;
    double mean, slope[2];
} kinds[] = {
    { UM_LOSS_MSE, "mse", 4.625, { -1, 6 } },
    { UM_LOSS_L1, "l1", 1.75, { -1, 1 } },
    { UM_LOSS_HUBER, "huber", 1.75, { -0.5, 1.5 } }, /* delta 1.5: 0.125 and 1.5 * 2.25 */
};

static void the_definitions_have_known_values(void **state)
{
    (void)state;
    const um_kernels *k = um_kernels_tier(0);
    const um_real prediction[] = { 0.5f, 5 }, target[] = { 1, 2 }, scale = 2;
    for (size_t i = 0; i < UM_COUNT(kinds); i++) {
        um_real loss, slope[2] = { 10, 20 };
        k->loss(kinds[i].kind, 1.5, 1, 2, prediction, target, &loss);
        k->loss_vjp(kinds[i].kind, 1.5, 1, 2, &scale, prediction, target, slope, true);
        CHECK_NEAR(loss, kinds[i].mean, 1e-7);
        CHECK_NEAR(slope[0], 10 + kinds[i].slope[0], 1e-6);
        CHECK_NEAR(slope[1], 20 + kinds[i].slope[1], 1e-6);
    }
}

static const struct shape {
    int n;
    size_t per;
    const char *why;
} shapes[] = {
    { 1, 1, "the smallest" },       { 3, 5, "narrower than a vector" },
    { 2, 17, "a number too many" }, { 5, 784, "images among vectors" },
    { 40, 3072, "among threads" },  { 1, 70001, "one long image" },
};

static void compare(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(kinds) * UM_COUNT(shapes); i++) {
        const um_loss_kind kind = kinds[i % 3].kind;
        const struct shape *p = &shapes[i / 3];
        const size_t n = (size_t)p->n, count = n * p->per;
        kernel_case c = { 0 };
        um_real *prediction = case_random(&c, count, UNALIGNED);
        const um_real *target = case_random(&c, count, UNALIGNED);
        const um_real *scale = case_random(&c, n, UNALIGNED);
        prediction[count / 2] = target[count / 2];
        um_real *loss = case_empty(&c, n, UNALIGNED), *right = case_empty(&c, n, UNALIGNED);
        fast->loss(kind, 0.7, p->n, p->per, prediction, target, loss);
        scalar->loss(kind, 0.7, p->n, p->per, prediction, target, right);
        case_alike(p->why, n, loss, right, 1e-6, 0);
        for (int add = 0; add < 2; add++) {
            um_real *d = case_random(&c, count, UNALIGNED);
            um_real *d_right = case_copy(&c, count, d, ALIGNED);
            fast->loss_vjp(kind, 0.7, p->n, p->per, scale, prediction, target, d, add);
            scalar->loss_vjp(kind, 0.7, p->n, p->per, scale, prediction, target, d_right, add);
            case_near(p->why, count, d, d_right, 5e-7);
        }
        case_end(&c);
    }
}

static void every_shape_agrees_with_its_definition(void **state)
{
    (void)state;
    for_each_tier(compare);
}

static void spoil(const um_kernels *fast, const um_kernels *scalar)
{
    static const float odd[] = { NAN, INFINITY, -INFINITY, 1e-45f, -1e18f };
    for (size_t i = 0; i < UM_COUNT(kinds) * UM_COUNT(odd); i++) {
        const um_loss_kind kind = kinds[i % 3].kind;
        const um_real scale[] = { 1, 1, 1 };
        kernel_case c = { 0 };
        um_real *prediction = case_random(&c, 60, UNALIGNED);
        const um_real *target = case_random(&c, 60, UNALIGNED);
        um_real *d = case_empty(&c, 60, UNALIGNED), *right = case_empty(&c, 60, UNALIGNED);
        prediction[25] = odd[i / 3];
        fast->loss(kind, 0.7, 3, 20, prediction, target, d);
        scalar->loss(kind, 0.7, 3, 20, prediction, target, right);
        case_alike("losses", 3, d, right, 1e-6, 0);
        fast->loss_vjp(kind, 0.7, 3, 20, scale, prediction, target, d, false);
        scalar->loss_vjp(kind, 0.7, 3, 20, scale, prediction, target, right, false);
        case_alike("slopes", 60, d, right, 1e-6, 1e-8);
        case_end(&c);
    }
}

static void one_odd_number_spoils_its_image_alone(void **state)
{
    (void)state;
    for_each_tier(spoil);
}

static void change_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    kernel_case c = { 0 };
    const um_real *prediction = case_random(&c, 40 * 3072, UNALIGNED);
    const um_real *target = case_random(&c, 40 * 3072, UNALIGNED);
    um_real *loss = case_empty(&c, 40, UNALIGNED), *once = case_empty(&c, 40, UNALIGNED);
    fast->loss(UM_LOSS_MSE, 1, 40, 3072, prediction, target, once);
    FOR_THREADS(threads, fast->loss(UM_LOSS_MSE, 1, 40, 3072, prediction, target, loss);
                case_same_bits("losses", 40, loss, once));
    fast->loss(UM_LOSS_MSE, 1, 1, 3072, prediction + 7 * 3072, target + 7 * 3072, loss);
    case_same_bits("an image alone", 1, loss, once + 7);
    case_end(&c);
}

static void bits_depend_on_the_image_alone(void **state)
{
    (void)state;
    for_each_tier(change_threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_definitions_have_known_values),
        cmocka_unit_test(every_shape_agrees_with_its_definition),
        cmocka_unit_test(one_odd_number_spoils_its_image_alone),
        cmocka_unit_test(bits_depend_on_the_image_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
