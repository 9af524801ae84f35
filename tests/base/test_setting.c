/* SPDX-License-Identifier: MIT */
#include "base/setting.h"
#include "support/check.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const um_setting rows[] = {
    { "t", "int", UM_SETTING_INT, .initial = "1", .min = -5, .max = 2147483647 },
    { "t", "real", UM_SETTING_REAL, .initial = "0.5", .min = 0, .max = 1 },
    { "t", "bool", UM_SETTING_BOOL, .initial = "true" },
    { "t", "text", UM_SETTING_TEXT, .initial = "" },
    { "t", "path", UM_SETTING_PATH, .initial = "" },
    { "t", "choice", UM_SETTING_CHOICE, .initial = "linear",
      .choices = "linear|cosine=squaredcos_cap_v2=cos|sigmoid" },
    { "t", "seed", UM_SETTING_SEED, .initial = "0" },
    { "t", "ints", UM_SETTING_INTS, .initial = "1", .min = 1, .max = 4096 },
    { "t", "size", UM_SETTING_SIZE, .initial = "0", .min = 1, .max = 4096 },
    { "t", "time", UM_SETTING_DURATION, .initial = "0", .min = 0, .max = 864000 },
    { "t", "bytes", UM_SETTING_BYTES, .initial = "0", .min = 0, .max = 0x1p43 },
};

static const um_setting *row(const char *key)
{
    for (size_t i = 0; i < UM_COUNT(rows); i++)
        if (strcmp(rows[i].key, key) == 0) return &rows[i];
    fail_msg("no row %s", key);
    return NULL;
}

union field {
    int whole;
    double real;
    bool flag;
    const char *text;
    uint64_t seed;
    um_word word;
    um_ints ints;
    um_size size;
    unsigned char bytes[sizeof(um_ints)];
};

static void what_is_read_prints_back_in_its_plain_form(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *printed;
    } cases[] = {
        { "int", "2147483647", "2147483647" },
        { "int", "-5", "-5" },
        { "int", "+7", "7" },
        { "real", "3e-4", "0.0003" },
        { "real", "1E-10", "1e-10" },
        { "real", ".5", "0.5" },
        { "real", "-0", "0" },
        { "real", "0.1234567890123456789", "0.12345678901234568" },
        { "bool", "yes", "true" },
        { "bool", "Off", "false" },
        { "bool", "1", "true" },
        { "text", "two words", "two words" },
        { "text", "", "" },
        { "path", "a\nb", "a\nb" },
        { "choice", "linear", "linear" },
        { "choice", "squaredcos_cap_v2", "cosine" },
        { "choice", "cos", "cosine" },
        { "choice", "sigmoid", "sigmoid" },
        { "seed", "18446744073709551615", "18446744073709551615" },
        { "ints", "64, 128 ,128", "64,128,128" },
        { "ints", "none", "none" },
        { "ints", "", "none" },
        { "ints", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
          "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16" },
        { "size", "32", "32" },
        { "size", "24x40", "24x40" },
        { "size", "0", "0" },
        { "time", "30m", "30m" },
        { "time", "90s", "90s" },
        { "time", "120", "2m" },
        { "time", "1.5h", "90m" },
        { "time", "0", "0" },
        { "time", "0.25", "0.25s" },
        { "time", "2d", "2d" },
        { "bytes", "2GiB", "2GiB" },
        { "bytes", "1024MiB", "1GiB" },
        { "bytes", "1.5GiB", "1536MiB" },
        { "bytes", "64KiB", "64KiB" },
        { "bytes", "8TiB", "8TiB" },
        { "bytes", "1000", "1000" },
        { "bytes", "0.1KiB", "102" },
        { "bytes", "0", "0" },
    };
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_arena texts = { .ctx = &ctx };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        union field v = { 0 };
        char out[UM_PATH_BYTES + 1];
        const um_setting *s = row(cases[i].key);
        CHECK_OK(&ctx, um_setting_read(&ctx, s, cases[i].value, &texts, &v));
        um_setting_print(s, &v, out, sizeof out);
        assert_string_equal(out, cases[i].printed);
        union field again = { 0 };
        CHECK_OK(&ctx, um_setting_read(&ctx, s, out, &texts, &again));
        um_setting_print(s, &again, out, sizeof out);
        assert_string_equal(out, cases[i].printed);
    }
    um_arena_free(&texts);
}

static void values_are_what_was_written(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    union field v = { 0 };
    CHECK_OK(&ctx, um_setting_read(&ctx, row("time"), "30m", NULL, &v));
    CHECK_NEAR(v.real, 1800, 0);
    CHECK_OK(&ctx, um_setting_read(&ctx, row("bytes"), "2.5GiB", NULL, &v));
    assert_true(v.seed == 5ull << 29);
    CHECK_OK(&ctx, um_setting_read(&ctx, row("size"), "24x40", NULL, &v));
    assert_int_equal(v.size.h, 24);
    assert_int_equal(v.size.w, 40);
    CHECK_OK(&ctx, um_setting_read(&ctx, row("ints"), "64,128", NULL, &v));
    assert_int_equal(v.ints.n, 2);
    assert_int_equal(v.ints.v[1], 128);
    CHECK_OK(&ctx, um_setting_read(&ctx, row("real"), "2e-4", NULL, &v));
    assert_true(v.real == 2e-4);
}

static void what_is_wrong_is_refused_and_changes_nothing(void **state)
{
    (void)state;
#define INT " (a whole number from -5 to 2147483647)"
#define REAL " (a number from 0 to 1)"
#define INTS " (none, or up to 16 whole numbers from 1 to 4096, as 1,2,3)"
#define SIZE " (32 or 24x40, rows x columns, from 1 to 4096, or 0)"
#define TIME " (a time as 90s, 30m, 2h or 1d, up to 10d, or 0)"
#define BYTES " (memory as 512MiB or 2GiB, up to 8192GiB, or 0)"
#define SEED " (a whole number from 0 to 18446744073709551615)"
    static const struct {
        const char *key, *value, *message;
    } cases[] = {
        { "int", "", "t.int = is empty" INT },
        { "int", "3x", "t.int = 3x is not understood" INT },
        { "int", "3.0", "t.int = 3.0 is not understood" INT },
        { "int", "0x10", "t.int = 0x10 is not understood" INT },
        { "int", "-", "t.int = - is not understood" INT },
        { "int", "-6", "t.int = -6 is out of range" INT },
        { "int", "2147483648", "t.int = 2147483648 is out of range" INT },
        { "int", "99999999999999999999999999",
          "t.int = 99999999999999999999999999 is out of range" INT },
        { "real", "", "t.real = is empty" REAL },
        { "real", "nan", "t.real = nan is not understood" REAL },
        { "real", "inf", "t.real = inf is not understood" REAL },
        { "real", "-inf", "t.real = -inf is not understood" REAL },
        { "real", "0x1p-3", "t.real = 0x1p-3 is not understood" REAL },
        { "real", "0.5 ", "t.real = 0.5  is not understood" REAL },
        { "real", " 0.5", "t.real =  0.5 is not understood" REAL },
        { "real", "0,5", "t.real = 0,5 is not understood" REAL },
        { "real", "1e999", "t.real = 1e999 is out of range" REAL },
        { "real", "1.0000001", "t.real = 1.0000001 is out of range" REAL },
        { "bool", "maybe", "t.bool = maybe is not understood (true or false)" },
        { "text", "a\tb", "t.text = a?b is not understood (at most 1000 printable bytes)" },
        { "choice", "lin", "t.choice = lin is not understood (one of linear, cosine, sigmoid)" },
        { "choice", "", "t.choice = is empty (one of linear, cosine, sigmoid)" },
        { "choice", "linear|cosine",
          "t.choice = linear|cosine is not understood (one of linear, cosine, sigmoid)" },
        { "seed", "-1", "t.seed = -1 is not understood" SEED },
        { "seed", "18446744073709551616", "t.seed = 18446744073709551616 is out of range" SEED },
        { "seed", "", "t.seed = is empty" SEED },
        { "ints", "1,,2", "t.ints = 1,,2 is not understood" INTS },
        { "ints", "1,2,", "t.ints = 1,2, is not understood" INTS },
        { "ints", "0", "t.ints = 0 is out of range" INTS },
        { "ints", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
          "t.ints = 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17 is out of range" INTS },
        { "size", "24x", "t.size = 24x is not understood" SIZE },
        { "size", "x24", "t.size = x24 is not understood" SIZE },
        { "size", "0x24", "t.size = 0x24 is out of range" SIZE },
        { "size", "1x2x3", "t.size = 1x2x3 is not understood" SIZE },
        { "time", "30 m", "t.time = 30 m is not understood" TIME },
        { "time", "30min", "t.time = 30min is not understood" TIME },
        { "time", "m", "t.time = m is not understood" TIME },
        { "time", "-1s", "t.time = -1s is out of range" TIME },
        { "time", "11d", "t.time = 11d is out of range" TIME },
        { "bytes", "", "t.bytes = is empty" BYTES },
        { "bytes", "2 GiB", "t.bytes = 2 GiB is not understood" BYTES },
        { "bytes", "2GB", "t.bytes = 2GB is not understood" BYTES },
        { "bytes", "2Gi", "t.bytes = 2Gi is not understood" BYTES },
        { "bytes", "2GiBs", "t.bytes = 2GiBs is not understood" BYTES },
        { "bytes", "GiB", "t.bytes = GiB is not understood" BYTES },
        { "bytes", "-1KiB", "t.bytes = -1KiB is out of range" BYTES },
        { "bytes", "9TiB", "t.bytes = 9TiB is out of range" BYTES },
        { "bytes", "1e30TiB", "t.bytes = 1e30TiB is out of range" BYTES },
    };
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_arena texts = { .ctx = &ctx };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        union field v, before;
        memset(&v, 0x5a, sizeof v);
        before = v;
        const um_status status =
            um_setting_read(&ctx, row(cases[i].key), cases[i].value, &texts, &v);
        if (status != UM_BAD_ARG) fail_msg("accepted %s = %s", cases[i].key, cases[i].value);
        assert_string_equal(ctx.message, cases[i].message);
        assert_memory_equal(&v, &before, sizeof v);
    }
    um_arena_free(&texts);
}

static void texts_have_a_longest_length(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_arena texts = { .ctx = &ctx };
    static char value[UM_PATH_BYTES + 2];
    memset(value, 'a', sizeof value - 1);
    const char *out = NULL;
    assert_int_equal(um_setting_read(&ctx, row("path"), value, &texts, &out), UM_BAD_ARG);
    value[UM_PATH_BYTES] = '\0';
    CHECK_OK(&ctx, um_setting_read(&ctx, row("path"), value, &texts, &out));
    assert_string_equal(out, value);
    assert_true(out != value);
    assert_int_equal(um_setting_read(&ctx, row("text"), value, &texts, &out), UM_BAD_ARG);
    um_arena_free(&texts);
}

static void the_decimal_point_does_not_depend_on_the_locale(void **state)
{
    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "fr_FR.UTF-8")) skip();
    um_ctx ctx;
    um_ctx_init(&ctx);
    double v = 0;
    char out[40];
    CHECK_OK(&ctx, um_setting_read(&ctx, row("real"), "0.25", NULL, &v));
    um_setting_print(row("real"), &v, out, sizeof out);
    setlocale(LC_NUMERIC, "C");
    CHECK_NEAR(v, 0.25, 0);
    assert_string_equal(out, "0.25");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_prints_back_in_its_plain_form),
        cmocka_unit_test(values_are_what_was_written),
        cmocka_unit_test(what_is_wrong_is_refused_and_changes_nothing),
        cmocka_unit_test(texts_have_a_longest_length),
        cmocka_unit_test(the_decimal_point_does_not_depend_on_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
