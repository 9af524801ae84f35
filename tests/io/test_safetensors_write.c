/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/failing.h"
#include "support/scratch.h"

#include "io/safetensors_write.h"

static const float f32[] = { -2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f };
static const float small[] = { 0.1f, -3.0f, 1e30f };
static const int64_t whole[] = { -1, INT64_MAX, 5 };
static const double scalar = 3.5;

/* The tensors of tools/make-io-golden, in another order. */
static void collect(um_tensors_out *w, um_ctx *ctx)
{
    um_tensors_begin(w, ctx);
    um_tensors_floats(w, "f16", UM_STORED_F16, 1, (int64_t[]){ 2 }, small);
    um_tensors_floats(w, "f32", UM_STORED_F32, 2, (int64_t[]){ 2, 3 }, f32);
    um_tensors_doubles(w, "scalar", 0, NULL, &scalar);
    um_tensors_ints(w, "i64", 1, (int64_t[]){ 3 }, whole);
    um_tensors_floats(w, "empty", UM_STORED_F32, 2, (int64_t[]){ 0, 4 }, NULL);
    um_tensors_floats(w, "bf16", UM_STORED_BF16, 1, (int64_t[]){ 3 }, small);
    um_tensors_text(w, "format", "pt");
}

static void the_bytes_are_those_of_the_reference(void **state)
{
    scratch *s = *state;
    char golden[SCRATCH_PATH];
    snprintf(golden, sizeof golden, "%s/tests/golden/io/reference.safetensors",
             getenv("UM_SOURCE_ROOT"));
    um_tensors_out w;
    um_bytes ours, theirs;
    collect(&w, &s->ctx);
    CHECK_OK(&s->ctx, um_tensors_commit(&w, scratch_path(s, "x")));
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, scratch_path(s, "x"), 10000, &ours));
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, golden, 10000, &theirs));
    assert_int_equal(ours.size, theirs.size);
    assert_memory_equal(ours.data, theirs.data, ours.size);
    um_free(&s->ctx, ours.data);
    um_free(&s->ctx, theirs.data);
}

static void many_values_come_back(void **state)
{
    scratch *s = *state;
    enum { N = 100003 };
    static float x[N], y[N];
    for (int i = 0; i < N; i++) x[i] = (float)(i % 2048) * 0.25f; /* exact in F16 */
    const um_stored_type types[] = { UM_STORED_F32, UM_STORED_F16 };
    for (size_t k = 0; k < UM_COUNT(types); k++) {
        um_tensors_out w;
        um_safetensors st;
        um_tensors_begin(&w, &s->ctx);
        um_tensors_floats(&w, "x", types[k], 1, (int64_t[]){ N }, x);
        um_tensors_ints(&w, "n", 0, NULL, (int64_t[]){ 9 });
        CHECK_OK(&s->ctx, um_tensors_commit(&w, scratch_path(s, "x")));
        CHECK_OK(&s->ctx, um_safetensors_open(&st, &s->ctx, scratch_path(s, "x")));
        CHECK_OK(&s->ctx, um_stored_floats(&s->ctx, um_safetensors_find(&st, "x"), y, N));
        assert_memory_equal(x, y, sizeof x);
        um_safetensors_close(&st);
    }
}

static void a_wrong_call_is_kept_until_the_commit_and_leaves_no_file(void **state)
{
    scratch *s = *state;
    for (int i = 0; i < 6; i++) {
        um_tensors_out w;
        const char *told = "";
        um_tensors_begin(&w, &s->ctx);
        um_tensors_floats(&w, "a", UM_STORED_F32, 1, (int64_t[]){ 3 }, small);
        switch (i) {
        case 0:
            um_tensors_ints(&w, "a", 1, (int64_t[]){ 3 }, whole), told = "'a' is given twice";
            break;
        case 1:
            um_tensors_floats(&w, "b", UM_STORED_I64, 0, NULL, small), told = "I64 cannot";
            break;
        case 2: um_tensors_ints(&w, "b", 9, (int64_t[9]){ 0 }, whole), told = "9 dimensions"; break;
        case 3: um_tensors_ints(&w, "b", 1, (int64_t[]){ -1 }, whole), told = "no shape"; break;
        case 4:
            um_tensors_ints(&w, "b", 2, (int64_t[]){ INT64_MAX, INT64_MAX }, whole),
                told = "no shape";
            break;
        case 5: um_tensors_text(&w, "k", "\xff"), told = "UTF-8"; break;
        }
        um_tensors_floats(&w, "c", UM_STORED_F32, 1, (int64_t[]){ 3 }, small);
        assert_int_equal(um_tensors_commit(&w, scratch_path(s, "x")), UM_BAD_ARG);
        CHECK_TOLD(&s->ctx, told);
        assert_int_equal(scratch_entries(s, s->folder), 0);
    }
}

static void an_unwritable_place_is_told(void **state)
{
    scratch *s = *state;
    um_tensors_out w;
    collect(&w, &s->ctx);
    assert_int_equal(um_tensors_commit(&w, scratch_path(s, "absent/x")), UM_IO);
    CHECK_TOLD(&s->ctx, "absent/x: No such file");
    um_tensors_abandon(&w);
    collect(&w, &s->ctx);
    um_tensors_abandon(&w);
    assert_int_equal(scratch_entries(s, s->folder), 0);
}

static um_status write_all(um_ctx *ctx, void *path)
{
    um_tensors_out w;
    collect(&w, ctx);
    return um_tensors_commit(&w, path);
}

static void no_allocation_that_fails_leaks(void **state)
{
    scratch *s = *state;
    check_every_allocation(write_all, (void *)scratch_path(s, "x"));
    assert_int_equal(scratch_entries(s, s->folder), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(the_bytes_are_those_of_the_reference),
        TEST(many_values_come_back),
        TEST(a_wrong_call_is_kept_until_the_commit_and_leaves_no_file),
        TEST(an_unwritable_place_is_told),
        TEST(no_allocation_that_fails_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
