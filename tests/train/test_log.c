/* SPDX-License-Identifier: MIT */
#include "train/log.h"

#include "support/scratch.h"

#include <locale.h>

static const char header[] = "step,images,loss,grad_norm,lr,images_per_second,seconds,"
                             "validation,validation_q1,validation_q2,validation_q3,validation_q4\n";

static um_log_row row_at(int64_t step)
{
    return (um_log_row){ .step = step, .images = 8 * step, .loss = 0.5, .grad_norm = 1.25,
                         .lr = 1e-4, .images_per_second = 100, .seconds = 2 };
}

static void check_file(scratch *s, const char *path, const char *expected)
{
    um_bytes bytes;
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, path, 1 << 20, &bytes));
    assert_string_equal((const char *)bytes.data, expected);
    um_free(&s->ctx, bytes.data);
}

static void rows_stand_under_their_names(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "log.csv");
    um_log_row validated = row_at(3);
    validated.validation = (um_validation){ true, 0.25, { 0.5, 0.125, 1, 2 }, 0, 0 };
    CHECK_OK(&s->ctx, um_log_begin(&s->ctx, path, 0, false));
    check_file(s, path, header);
    um_log_row row = row_at(1);
    CHECK_OK(&s->ctx, um_log_append(&s->ctx, path, &row));
    CHECK_OK(&s->ctx, um_log_append(&s->ctx, path, &validated));
    char expected[1000];
    snprintf(expected, sizeof expected, "%s%s", header,
             "1,8,0.5,1.25,0.0001,100,2.000,,,,,\n"
             "3,24,0.5,1.25,0.0001,100,2.000,0.25,0.5,0.125,1,2\n");
    check_file(s, path, expected);
}

/* In columns of their own behind the others; a log has them from its first line on, or never. */
static void a_classifier_s_accuracies_stand_behind(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "log.csv");
    um_log_row row = row_at(1), validated = row_at(3);
    char expected[1000];
    row.accuracies = validated.accuracies = true;
    validated.validation = (um_validation){ true, 0.25, { 0.5, 0.125, 1, 2 }, 0.75, 0.875 };
    CHECK_OK(&s->ctx, um_log_begin(&s->ctx, path, 0, true));
    CHECK_OK(&s->ctx, um_log_append(&s->ctx, path, &row));
    CHECK_OK(&s->ctx, um_log_append(&s->ctx, path, &validated));
    snprintf(expected, sizeof expected, "%.*s%s", (int)strcspn(header, "\n"), header,
             ",accuracy,accuracy_at_0\n"
             "1,8,0.5,1.25,0.0001,100,2.000,,,,,,,\n"
             "3,24,0.5,1.25,0.0001,100,2.000,0.25,0.5,0.125,1,2,0.75,0.875\n");
    check_file(s, path, expected);
    CHECK_OK(&s->ctx, um_log_begin(&s->ctx, path, 3, true));
    check_file(s, path, expected);
    assert_int_equal(um_log_begin(&s->ctx, path, 3, false), UM_BAD_FILE);
    check_file(s, path, expected);
}

/* Nine digits give a float back: what a resume must reproduce is all there. */
static void losses_keep_nine_digits(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "log.csv");
    um_log_row row = row_at(1234567890123);
    char expected[1000];
    row.loss = 1.0 / 3;
    row.grad_norm = 12345.678901234;
    row.lr = 1e-4 / 3;
    CHECK_OK(&s->ctx, um_log_begin(&s->ctx, path, 0, false));
    CHECK_OK(&s->ctx, um_log_append(&s->ctx, path, &row));
    snprintf(expected, sizeof expected, "%s%s", header,
             "1234567890123,9876543120984,0.333333333,12345.6789,3.33333333e-05,100,2.000,,,,,\n");
    check_file(s, path, expected);
}

static void a_locale_does_not_change_the_file(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "log.csv");
    const um_log_row row = row_at(1);
    static const char *const comma[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE" };
    const char *set = NULL;
    for (size_t i = 0; i < UM_COUNT(comma) && !set; i++) set = setlocale(LC_ALL, comma[i]);
    if (!set) skip();
    CHECK_OK(&s->ctx, um_log_begin(&s->ctx, path, 0, false));
    CHECK_OK(&s->ctx, um_log_append(&s->ctx, path, &row));
    setlocale(LC_ALL, "C");
    char expected[1000];
    snprintf(expected, sizeof expected, "%s%s", header, "1,8,0.5,1.25,0.0001,100,2.000,,,,,\n");
    check_file(s, path, expected);
}

#define ROW(n) n ",8,0.5,1,1,1,1,,,,,\n"

static const struct resume_case {
    const char *rows;
    int64_t step;
    const char *kept, *why;
} resume_cases[] = {
    { ROW("1") ROW("2") ROW("3"), 3, ROW("1") ROW("2") ROW("3"), "nothing is later" },
    { ROW("1") ROW("2") ROW("3"), 2, ROW("1") ROW("2"), "a later row goes" },
    { ROW("10") ROW("20") ROW("30"), 25, ROW("10") ROW("20"), "the step itself has no row" },
    { ROW("5"), 4, "", "all are later" },
    { ROW("1") ROW("2"), 0, "", "from the start" },
    { ROW("1") "2,8,0.5,1,1", 2, ROW("1"), "a row torn off" },
    { ROW("1") "2", 2, ROW("1"), "a row torn in its number" },
    { ROW("1") "2,8,0.5,1,1,1,1,,,,,", 2, ROW("1"), "a row without its end" },
    { ROW("1") "what,is,this\n" ROW("2"), 2, ROW("1"), "a row that is none, and what follows" },
    { "", 7, "", "no rows" },
};

static void resume_keeps_the_whole_rows_up_to_its_step(void **state)
{
    scratch *s = *state;
    for (size_t i = 0; i < UM_COUNT(resume_cases); i++) {
        const struct resume_case *k = &resume_cases[i];
        char text[1000], expected[1000];
        print_message("%s\n", k->why);
        snprintf(text, sizeof text, "%s%s", header, k->rows);
        snprintf(expected, sizeof expected, "%s%s", header, k->kept);
        const char *path = scratch_write(s, "log.csv", text, strlen(text));
        CHECK_OK(&s->ctx, um_log_begin(&s->ctx, path, k->step, false));
        check_file(s, path, expected);
    }
}

static void a_log_that_is_gone_is_begun_anew(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "log.csv");
    CHECK_OK(&s->ctx, um_log_begin(&s->ctx, path, 40, false));
    check_file(s, path, header);
}

static void someone_else_s_file_is_refused_and_stays(void **state)
{
    scratch *s = *state;
    static const char *const texts[] = { "my,own,table\n1,2,3\n", "", "step,images,loss\n1,2,3\n" };
    for (size_t i = 0; i < UM_COUNT(texts); i++)
        for (int64_t step = 0; step < 2; step++) {
            const char *path = scratch_write(s, "log.csv", texts[i], strlen(texts[i]));
            assert_int_equal(um_log_begin(&s->ctx, path, step, false), UM_BAD_FILE);
            CHECK_TOLD(&s->ctx, path);
            check_file(s, path, texts[i]);
        }
}

static void what_cannot_be_written_is_said(void **state)
{
    scratch *s = *state;
    const um_log_row row = row_at(1);
    const char *folder = scratch_path(s, "folder");
    CHECK_OK(&s->ctx, um_folder_make(&s->ctx, folder));
    assert_int_equal(um_log_begin(&s->ctx, folder, 0, false), UM_IO);
    assert_int_equal(um_log_append(&s->ctx, folder, &row), UM_IO);
    CHECK_TOLD(&s->ctx, folder);
    const char *missing = scratch_path(s, "missing.csv");
    assert_int_equal(um_log_append(&s->ctx, missing, &row), UM_IO);
    assert_false(um_path_exists(missing));
    if (um_path_exists("/dev/full")) {
        assert_int_equal(um_log_append(&s->ctx, "/dev/full", &row), UM_IO);
        CHECK_TOLD(&s->ctx, "/dev/full");
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(rows_stand_under_their_names),
        TEST(a_classifier_s_accuracies_stand_behind),
        TEST(losses_keep_nine_digits),
        TEST(a_locale_does_not_change_the_file),
        TEST(resume_keeps_the_whole_rows_up_to_its_step),
        TEST(a_log_that_is_gone_is_begun_anew),
        TEST(someone_else_s_file_is_refused_and_stays),
        TEST(what_cannot_be_written_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
