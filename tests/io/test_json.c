/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/scratch.h"

#include "io/json.h"

static um_json parsed(scratch *s, const char *text)
{
    um_json j;
    CHECK_OK(&s->ctx, um_json_parse(&j, &s->ctx, "m.json", text, strlen(text)));
    return j;
}

static void values_come_back_by_type(void **state)
{
    scratch *s = *state;
    um_json j = parsed(
        s, "{\"n\": -3, \"whole\": 1e3, \"r\": 0.25, \"b\": true, \"t\": \"hi\", \"none\": null,"
           " \"ints\": [64, 128], \"reals\": [1, 2.5], \"texts\": [\"a\", \"b\"]}");
    int ints[4];
    double reals[4];
    const char *texts[4];
    assert_int_equal(um_json_int(&j, "n", -5, 5), -3);
    assert_int_equal(um_json_int(&j, "whole", 0, 5000), 1000);
    assert_int_equal(um_json_int_or(&j, "absent", 7, 0, 1), 7);
    assert_int_equal(um_json_int_or(&j, "none", 8, 0, 1), 8);
    CHECK_NEAR(um_json_real(&j, "r"), 0.25, 0);
    CHECK_NEAR(um_json_real(&j, "n"), -3, 0);
    CHECK_NEAR(um_json_real_or(&j, "absent", 1.5), 1.5, 0);
    assert_true(um_json_bool(&j, "b"));
    assert_true(um_json_bool_or(&j, "none", true));
    assert_string_equal(um_json_text(&j, "t"), "hi");
    assert_string_equal(um_json_text_or(&j, "none", "other"), "other");
    assert_int_equal(um_json_ints(&j, "ints", ints, 4), 2);
    assert_int_equal(ints[1], 128);
    assert_int_equal(um_json_reals(&j, "reals", reals, 4), 2);
    CHECK_NEAR(reals[0] + reals[1], 3.5, 0);
    assert_int_equal(um_json_texts(&j, "texts", texts, 4), 2);
    assert_string_equal(texts[1], "b");
    assert_true(um_json_has(&j, "n") && !um_json_has(&j, "none") && !um_json_has(&j, "absent"));
    assert_int_equal(j.status, UM_OK);
    um_json_close(&j);
    um_json_close(&j);
}

static void a_wrong_value_is_told_with_file_and_key(void **state)
{
    scratch *s = *state;
    int ints[2];
    const char *text = "{\"x\": \"a\", \"r\": 1.5, \"n\": 9, \"list\": [1, \"b\", 3]}";
    for (int i = 0; i < 12; i++) {
        um_json j = parsed(s, text);
        const char *told = "";
        switch (i) {
        case 0:
            um_json_int(&j, "x", 0, 9), told = "m.json: key 'x' should be a whole number";
            break;
        case 1:
            um_json_int(&j, "r", 0, 9), told = "m.json: key 'r' should be a whole number";
            break;
        case 2:
            um_json_int(&j, "n", 0, 8), told = "m.json: key 'n' is 9 (from 0 to 8 is allowed)";
            break;
        case 3: um_json_int(&j, "y", 0, 8), told = "m.json: key 'y' is missing"; break;
        case 4: um_json_real(&j, "x"), told = "key 'x' should be a number"; break;
        case 5: um_json_bool(&j, "x"), told = "key 'x' should be true or false"; break;
        case 6: um_json_text(&j, "n"), told = "key 'n' should be a text"; break;
        case 7: um_json_ints(&j, "n", ints, 2), told = "key 'n' should be an array"; break;
        case 8:
            um_json_ints(&j, "list", ints, 2), told = "key 'list' has 3 entries (at most 2";
            break;
        case 9: um_json_int_or(&j, "x", 1, 0, 9), told = "key 'x' should be a whole number"; break;
        case 10:
            um_json_texts(&j, "list", (const char *[3]){ 0 }, 3), told = "'list' should be a text";
            break;
        case 11: um_json_fail(&j, "x", "is %s", "odd"), told = "m.json: key 'x' is odd"; break;
        }
        assert_int_equal(j.status, UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, told);
        um_json_int(&j, "n", 0, 1); /* the first failure is kept */
        CHECK_TOLD(&s->ctx, told);
        um_json_close(&j);
    }
}

static void a_malformed_text_is_refused(void **state)
{
    scratch *s = *state;
    const char *texts[] = { "",
                            "{",
                            "[1]",
                            "3",
                            "{\"a\": 1, \"a\": 2}",
                            "{\"a\": 1} x",
                            "{\"a\": nan}",
                            "{\"a\": \"\xff\"}",
                            "{\"a\": \"\\u0000\"}",
                            "{\"\\u0000\": 1}",
                            "{\"a\": 1e999}",
                            "{\"a\": 99999999999999999999}" };
    um_json j;
    for (size_t i = 0; i < UM_COUNT(texts); i++) {
        assert_int_equal(um_json_parse(&j, &s->ctx, "m.json", texts[i], strlen(texts[i])),
                         UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, "m.json:");
        assert_int_equal(j.status, UM_BAD_FILE);
        assert_null(j.root);
    }
    assert_int_equal(um_json_load(&j, &s->ctx, scratch_path(s, "absent.json")), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "absent.json");
    um_json_close(&j);
}

/* 3 bytes of text that would be 200 of memory each. */
static void a_text_of_very_many_values_is_refused(void **state)
{
    scratch *s = *state;
    const size_t count = (1 << 20) - 2, size = 3 * count + 16;
    char *text = test_calloc(size, 1), *at = text;
    um_json j;
    at += sprintf(at, "{\"a\":\n[");
    for (size_t i = 0; i < count; i += 2) at += sprintf(at, "[],");
    sprintf(at - 1, "]}");
    CHECK_OK(&s->ctx, um_json_parse(&j, &s->ctx, "m.json", text, strlen(text)));
    um_json_close(&j);
    sprintf(at - 1, ",[]]}");
    assert_int_equal(um_json_parse(&j, &s->ctx, "m.json", text, strlen(text)), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "m.json:2: more than 1048576 values");
    test_free(text);
}

static void what_is_saved_is_sorted_indented_and_exact(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "m.json");
    json_t *root = json_pack("{s:i, s:f, s:[i,i]}", "zeta", 1, "beta", 0.1, "list", 1, 2);
    CHECK_OK(&s->ctx, um_json_save(&s->ctx, root, path));
    json_decref(root);
    um_json j;
    um_bytes b;
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, path, 1000, &b));
    assert_string_equal((char *)b.data, "{\n  \"beta\": 0.1,\n  \"list\": [\n    1,\n    2\n  ],\n"
                                        "  \"zeta\": 1\n}\n");
    um_free(&s->ctx, b.data);
    CHECK_OK(&s->ctx, um_json_load(&j, &s->ctx, path));
    CHECK_NEAR(um_json_real(&j, "beta"), 0.1, 0);
    um_json_close(&j);
    root = json_pack("{s:f, s:[f]}", "beta", 0.1, "third", 1.0 / 3.0);
    CHECK_OK(&s->ctx, um_json_save(&s->ctx, root, path));
    json_decref(root);
    double third;
    CHECK_OK(&s->ctx, um_json_load(&j, &s->ctx, path));
    assert_int_equal(um_json_reals(&j, "third", &third, 1), 1);
    assert_true(third == 1.0 / 3.0);
    um_json_close(&j);
    assert_int_equal(um_json_save(&s->ctx, NULL, path), UM_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(values_come_back_by_type),
        TEST(a_wrong_value_is_told_with_file_and_key),
        TEST(a_malformed_text_is_refused),
        TEST(a_text_of_very_many_values_is_refused),
        TEST(what_is_saved_is_sorted_indented_and_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
