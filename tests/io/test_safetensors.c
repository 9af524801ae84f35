/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/failing.h"
#include "support/scratch.h"

#include "io/safetensors.h"

/* A file with this header and `body` bytes of data 0, 1, 2, ... */
static const char *file_of(scratch *s, const char *header, size_t body)
{
    const size_t n = strlen(header);
    uint8_t *bytes = calloc(1, 8 + n + body);
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)n >> 8 * i);
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < body; i++) bytes[8 + n + i] = (uint8_t)i;
    const char *path = scratch_write(s, "t.safetensors", bytes, 8 + n + body);
    free(bytes);
    return path;
}

static void a_hostile_header_is_refused_with_the_reason(void **state)
{
    scratch *s = *state;
    const struct { const char *header; size_t body; const char *told;
    } cases[] = {
        { "", 0, "does not begin" },
        { "[]", 0, "does not begin" },
        { "{", 0, "header:" },
        { "{\"a\":{}}", 0, "no dtype" },
        { "{\"a\":3}", 0, "should be an object" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
          "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
          8, "uplicate" },
        { "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "F8_E4M3" },
        { "{\"a\":{\"dtype\":7,\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "no dtype" },
        { "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no shape" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4,
          "whole numbers from 0" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4,
          "whole numbers from 0" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
          "9 dimensions" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1152921504606846976,16,16],\"data_offsets\":[0,4]}"
          "}",
          4, "too large" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0,
          "too large" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "needs 8" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "outside" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "outside" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "outside" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4,
          "two whole numbers" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "two whole numbers" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
          "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
          4, "overlaps" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
          "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
          12, "hole" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "hole" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5,
          "5 bytes of data" },
        { "{}", 1, "1 bytes of data" },
        { "{\"__metadata__\":{\"a\":1}}", 0, "should be a text" },
        { "{\"__metadata__\":[]}", 0, "object of texts" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_safetensors st;
        if (um_safetensors_open(&st, &s->ctx, file_of(s, cases[i].header, cases[i].body)) !=
            UM_BAD_FILE)
            fail_msg("accepted: %s", cases[i].header);
        CHECK_TOLD(&s->ctx, cases[i].told);
        CHECK_TOLD(&s->ctx, "t.safetensors: ");
        assert_null(st.tensors);
    }
}

static void a_hostile_length_is_refused(void **state)
{
    scratch *s = *state;
    const struct { uint8_t bytes[12]; size_t size; } cases[] = {
        { { 0 }, 0 },
        { { 2, 0, 0, 0, 0, 0, 0 }, 7 },
        { { 3, 0, 0, 0, 0, 0, 0, 0, '{', '}' }, 10 },
        { { 255, 255, 255, 255, 255, 255, 255, 255, '{', '}' }, 10 },
        { { 0, 0, 0, 0, 0, 0, 0, 128, '{', '}' }, 10 },
        { { 0, 0, 0, 0, 0, 0, 0, 0, '{', '}' }, 10 },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_safetensors st;
        const char *path = scratch_write(s, "x", cases[i].bytes, cases[i].size);
        assert_int_equal(um_safetensors_open(&st, &s->ctx, path), UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, path);
    }
    um_safetensors st;
    assert_int_equal(um_safetensors_open(&st, &s->ctx, scratch_path(s, "absent")), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "No such file");
    assert_int_equal(um_safetensors_open(&st, &s->ctx, s->folder), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "no regular file");
    um_safetensors_close(&st);
}

static void every_type_is_converted(void **state)
{
    scratch *s = *state;
    const struct { const char *dtype; int size; double value; uint8_t bytes[8]; } cases[] = {
        { "BOOL", 1, 1, { 1 } },
        { "U8", 1, 200, { 200 } },
        { "I8", 1, -2, { 254 } },
        { "I16", 2, -2, { 254, 255 } },
        { "U16", 2, 65534, { 254, 255 } },
        { "F16", 2, -2, { 0, 0xc0 } },
        { "BF16", 2, -2, { 0, 0xc0 } },
        { "I32", 4, -3, { 253, 255, 255, 255 } },
        { "U32", 4, 4294967293.0, { 253, 255, 255, 255 } },
        { "F32", 4, -2, { 0, 0, 0, 0xc0 } },
        { "F64", 8, -2, { 0, 0, 0, 0, 0, 0, 0, 0xc0 } },
        { "I64", 8, -3, { 253, 255, 255, 255, 255, 255, 255, 255 } },
        { "U64", 8, 3, { 3 } },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        uint8_t file[256] = { 0 };
        char header[128];
        const int n = snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[],"
                               "\"data_offsets\":[0,%d]}}", cases[i].dtype, cases[i].size);
        file[0] = (uint8_t)n;
        memcpy(file + 8, header, (size_t)n);
        memcpy(file + 8 + n, cases[i].bytes, 8);
        const size_t size = 8 + (size_t)n + (size_t)cases[i].size;
        um_safetensors st;
        const um_stored *x;
        float f;
        double d;
        int64_t v;
        CHECK_OK(&s->ctx, um_safetensors_open(&st, &s->ctx, scratch_write(s, "x", file, size)));
        CHECK_OK(&s->ctx, um_safetensors_get(&st, "x", &x));
        assert_string_equal(um_stored_type_name(x->type), cases[i].dtype);
        assert_true(um_stored_has_shape(x, 0, NULL));
        CHECK_OK(&s->ctx, um_stored_floats(&s->ctx, x, &f, 1));
        CHECK_OK(&s->ctx, um_stored_doubles(&s->ctx, x, &d, 1));
        CHECK_OK(&s->ctx, um_stored_ints(&s->ctx, x, &v, 1));
        assert_true(d == cases[i].value);
        assert_true((double)f == (double)(float)cases[i].value);
        assert_true((double)v == cases[i].value);
        um_safetensors_close(&st);
    }
}

static void a_long_tensor_is_read_in_order(void **state)
{
    scratch *s = *state;
    enum { N = 40000 }; /* several pieces */
    um_safetensors st;
    static float f[N];
    CHECK_OK(&s->ctx, um_safetensors_open(&st, &s->ctx,
                                          file_of(s,
                                                  "{\"x\":{\"dtype\":\"U8\",\"shape\":"
                                                  "[200,200],\"data_offsets\":[0,40000]}}",
                                                  N)));
    const um_stored *x = um_safetensors_find(&st, "x");
    assert_true(um_stored_has_shape(x, 2, (int64_t[]){ 200, 200 }));
    assert_false(um_stored_has_shape(x, 2, (int64_t[]){ 200, 201 }));
    CHECK_OK(&s->ctx, um_stored_floats(&s->ctx, x, f, N));
    for (int i = 0; i < N; i++) assert_true(f[i] == (float)(i & 255));
    assert_int_equal(um_stored_floats(&s->ctx, x, f, N - 1), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "holds 40000 values (39999 are expected)");
    um_safetensors_close(&st);
}

static void fractions_and_too_large_numbers_are_no_whole_numbers(void **state)
{
    scratch *s = *state;
    const struct { const char *dtype; int size; uint8_t bytes[8]; } cases[] = {
        { "F32", 4, { 0, 0, 0x20, 0x40 } },                         /* 2.5 */
        { "F32", 4, { 0, 0, 0xc0, 0x7f } },                         /* not a number */
        { "F64", 8, { 0, 0, 0, 0, 0, 0, 0xf0, 0x7f } },             /* infinite */
        { "U64", 8, { 255, 255, 255, 255, 255, 255, 255, 255 } },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        char header[128];
        uint8_t file[160] = { 0 };
        const int n = snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[1],"
                               "\"data_offsets\":[0,%d]}}", cases[i].dtype, cases[i].size);
        file[0] = (uint8_t)n;
        memcpy(file + 8, header, (size_t)n);
        memcpy(file + 8 + n, cases[i].bytes, 8);
        um_safetensors st;
        int64_t v = 7;
        CHECK_OK(&s->ctx,
                 um_safetensors_open(&st, &s->ctx,
                                     scratch_write(s, "x", file, (size_t)(8 + n + cases[i].size))));
        assert_int_equal(um_stored_ints(&s->ctx, &st.tensors[0], &v, 1), UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, "tensor 'x'");
        assert_int_equal(v, 0);
        um_safetensors_close(&st);
    }
}

/* Also what is finite in the file and too large for a float. */
static void infinities_and_nan_are_no_weights(void **state)
{
    scratch *s = *state;
    static const struct { const char *dtype, *told; int size; uint8_t bytes[8]; } cases[] = {
        { "F32", "value 1 is not a number", 4, { 0, 0, 0xc0, 0x7f } },
        { "F32", "value 1 is infinite", 4, { 0, 0, 0x80, 0xff } },
        { "F16", "value 1 is infinite", 2, { 0, 0x7c } },
        { "BF16", "value 1 is not a number", 2, { 0xc0, 0xff } },
        { "F64", "value 1 is infinite", 8, { 0, 0, 0, 0, 0, 0, 0, 0x7e } },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        char header[128];
        uint8_t file[160] = { 0 };
        const int n = snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[2],"
                               "\"data_offsets\":[0,%d]}}", cases[i].dtype, 2 * cases[i].size);
        const size_t size = (size_t)cases[i].size, begin = 8 + (size_t)n;
        file[0] = (uint8_t)n;
        memcpy(file + 8, header, (size_t)n);
        memcpy(file + begin + size, cases[i].bytes, size); /* behind a zero */
        um_safetensors st;
        float f[2] = { 7, 7 };
        CHECK_OK(&s->ctx, um_safetensors_open(&st, &s->ctx,
                                              scratch_write(s, "x", file, begin + 2 * size)));
        assert_int_equal(um_stored_weights(&s->ctx, &st.tensors[0], f, 2), UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, "x: tensor 'x'");
        CHECK_TOLD(&s->ctx, cases[i].told);
        assert_true(f[0] == 0.0f && f[1] == 0.0f);
        CHECK_OK(&s->ctx, um_stored_floats(&s->ctx, &st.tensors[0], f, 2));
        um_safetensors_close(&st);
    }
}

static void a_file_cut_after_opening_is_an_error(void **state)
{
    scratch *s = *state;
    const char *path =
        file_of(s, "{\"x\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", 16);
    um_safetensors st;
    float f[4] = { 1, 1, 1, 1 };
    CHECK_OK(&s->ctx, um_safetensors_open(&st, &s->ctx, path));
    assert_int_equal(truncate(path, 70), 0);
    assert_int_equal(um_stored_floats(&s->ctx, &st.tensors[0], f, 4), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "ends too early");
    assert_true(f[0] == 0.0f && f[3] == 0.0f);
    um_safetensors_close(&st);
}

/* What PyTorch and its safetensors wrote. */
static void a_file_of_the_reference_is_read(void **state)
{
    scratch *s = *state;
    char path[SCRATCH_PATH];
    snprintf(path, sizeof path, "%s/tests/golden/io/reference.safetensors",
             getenv("UM_SOURCE_ROOT"));
    um_safetensors st;
    CHECK_OK(&s->ctx, um_safetensors_open(&st, &s->ctx, path));
    assert_int_equal(st.count, 6);
    assert_string_equal(um_safetensors_metadata(&st, "format"), "pt");
    assert_null(um_safetensors_metadata(&st, "absent"));
    static const char *const names[] = { "bf16", "empty", "f16", "f32", "i64", "scalar" };
    for (int i = 0; i < st.count; i++) assert_string_equal(st.tensors[i].name, names[i]);
    float f[6];
    int64_t v[3];
    CHECK_OK(&s->ctx, um_stored_floats(&s->ctx, um_safetensors_find(&st, "f32"), f, 6));
    for (int i = 0; i < 6; i++) assert_true(f[i] == (float)i - 2.5f);
    CHECK_OK(&s->ctx, um_stored_floats(&s->ctx, um_safetensors_find(&st, "bf16"), f, 3));
    assert_true(f[0] == 0.10009765625f && f[1] == -3.0f && f[2] == 1.0002555517425873e+30f);
    CHECK_OK(&s->ctx, um_stored_ints(&s->ctx, um_safetensors_find(&st, "i64"), v, 3));
    assert_true(v[0] == -1 && v[1] == INT64_MAX && v[2] == 5);
    CHECK_OK(&s->ctx, um_stored_floats(&s->ctx, um_safetensors_find(&st, "empty"), f, 0));
    const um_stored *missing;
    assert_int_equal(um_safetensors_get(&st, "absent", &missing), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "tensor 'absent' is missing");
    assert_null(missing);
    um_safetensors_close(&st);
}

static um_status open_and_read(um_ctx *ctx, void *path)
{
    um_safetensors st;
    float f[4];
    UM_TRY(um_safetensors_open(&st, ctx, path));
    const um_status status = um_stored_floats(ctx, &st.tensors[0], f, 4);
    um_safetensors_close(&st);
    return status;
}

static void no_allocation_that_fails_leaks(void **state)
{
    scratch *s = *state;
    check_every_allocation(open_and_read, (void *)file_of(s,
                                                          "{\"x\":{\"dtype\":\"F32\",\"shape\":[4],"
                                                          "\"data_offsets\":[0,16]}}",
                                                          16));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(a_hostile_header_is_refused_with_the_reason),
        TEST(a_hostile_length_is_refused),
        TEST(every_type_is_converted),
        TEST(a_long_tensor_is_read_in_order),
        TEST(fractions_and_too_large_numbers_are_no_whole_numbers),
        TEST(infinities_and_nan_are_no_weights),
        TEST(a_file_cut_after_opening_is_an_error),
        TEST(a_file_of_the_reference_is_read),
        TEST(no_allocation_that_fails_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
