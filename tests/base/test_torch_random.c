/* SPDX-License-Identifier: MIT */
#include "base/torch_random.h"

#include <math.h>
#include <string.h>

#include "io/safetensors.h"
#include "support/golden.h"

static const uint64_t seeds[] = { 0, 1, 42, 123456789012345 };

/* Units in the last place between two floats of the same sign. */
static int64_t ulps(float a, float b)
{
    int32_t i, k;
    memcpy(&i, &a, sizeof i);
    memcpy(&k, &b, sizeof k);
    const int64_t d = (int64_t)i - (int64_t)k;
    return d < 0 ? -d : d;
}

static size_t read(um_ctx *ctx, const um_safetensors *st, uint64_t seed, const char *what,
                   float *out, size_t room)
{
    char name[64];
    snprintf(name, sizeof name, "seed%llu.%s", (unsigned long long)seed, what);
    const um_stored *s;
    CHECK_OK(ctx, um_safetensors_get(st, name, &s));
    assert_true(s->count <= room);
    CHECK_OK(ctx, um_stored_floats(ctx, s, out, s->count));
    return s->count;
}

static void check_normals(uint64_t seed, const float *want, const float *got, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ulps(want[i], got[i]) > 4)
            fail_msg("seed %llu, %zu of %zu: torch %.9g, here %.9g", (unsigned long long)seed, i, n,
                     (double)want[i], (double)got[i]);
}

static void one_draw_is_torch_randn(void **state)
{
    um_ctx ctx;
    um_ctx_init(&ctx);
    (void)state;
    um_safetensors st;
    CHECK_OK(&ctx, um_safetensors_open(&st, &ctx, golden_path("torch_rng.safetensors")));
    static const int lengths[] = { 1, 5, 15, 16, 17, 20, 100, 3072 };
    for (size_t s = 0; s < UM_COUNT(seeds); s++)
        for (size_t l = 0; l < UM_COUNT(lengths); l++) {
            static float want[3072], got[3072];
            char what[32];
            snprintf(what, sizeof what, "randn%d", lengths[l]);
            const size_t n = read(&ctx, &st, seeds[s], what, want, 3072);
            assert_int_equal(n, lengths[l]);
            um_torch_random g;
            um_torch_random_init(&g, seeds[s]);
            um_torch_randn(&g, got, n);
            check_normals(seeds[s], want, got, n);
        }
    um_safetensors_close(&st);
}

static void uniform_numbers_are_torch_rand_to_the_bit(void **state)
{
    um_ctx ctx;
    um_ctx_init(&ctx);
    (void)state;
    um_safetensors st;
    CHECK_OK(&ctx, um_safetensors_open(&st, &ctx, golden_path("torch_rng.safetensors")));
    for (size_t s = 0; s < UM_COUNT(seeds); s++) {
        float want[17], got[17];
        const size_t n = read(&ctx, &st, seeds[s], "rand17", want, 17);
        um_torch_random g;
        um_torch_random_init(&g, seeds[s]);
        um_torch_rand(&g, got, n);
        assert_memory_equal(want, got, n * sizeof *want);
    }
    um_safetensors_close(&st);
}

/* 5 numbers leave the second of a pair waiting, and the long draw after them must not touch it. */
static void a_generator_continues_from_draw_to_draw(void **state)
{
    um_ctx ctx;
    um_ctx_init(&ctx);
    (void)state;
    um_safetensors st;
    CHECK_OK(&ctx, um_safetensors_open(&st, &ctx, golden_path("torch_rng.safetensors")));
    for (size_t s = 0; s < UM_COUNT(seeds); s++) {
        float want[101], got[101];
        assert_int_equal(read(&ctx, &st, seeds[s], "three_draws", want, 101), 101);
        um_torch_random g;
        um_torch_random_init(&g, seeds[s]);
        um_torch_randn(&g, got, 48);
        um_torch_randn(&g, got + 48, 5);
        um_torch_randn(&g, got + 53, 48);
        check_normals(seeds[s], want, got, 101);
    }
    um_safetensors_close(&st);
}

/* The 10000th word from the default seed: ISO C++ [rand.predef]. */
static void the_twister_gives_the_published_word(void **state)
{
    (void)state;
    um_torch_random g;
    um_torch_random_init(&g, 5489);
    float x = 0.0f;
    for (int i = 0; i < 10000; i++) um_torch_rand(&g, &x, 1);
    assert_true(x == (float)(4123659995u & 0xffffffu) * 0x1p-24f);
}

/* Below 16 numbers nothing tells one call from two. */
static void a_waiting_number_is_given_first(void **state)
{
    (void)state;
    um_torch_random a, b;
    um_torch_random_init(&a, 7);
    um_torch_random_init(&b, 7);
    float once[8], twice[8];
    um_torch_randn(&a, once, 8);
    um_torch_randn(&b, twice, 5);
    assert_true(b.has_normal);
    um_torch_randn(&b, twice + 5, 3);
    assert_memory_equal(once, twice, sizeof once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_draw_is_torch_randn),
        cmocka_unit_test(uniform_numbers_are_torch_rand_to_the_bit),
        cmocka_unit_test(a_generator_continues_from_draw_to_draw),
        cmocka_unit_test(the_twister_gives_the_published_word),
        cmocka_unit_test(a_waiting_number_is_given_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
