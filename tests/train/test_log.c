/* SPDX-License-Identifier: MIT */
#include "train/log.h"

#include "support/limits.h"
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

/* Begin the log at path, or go on with it behind `step`, and append n rows. */
static um_status write_log(scratch *s, const char *path, int64_t step, const um_log_row *rows,
                           int n)
{
    um_log_file log;
    um_status status = um_log_begin(&log, &s->ctx, path, step, n > 0 && rows->accuracies);
    for (int i = 0; i < n && status == UM_OK; i++) status = um_log_append(&log, &rows[i]);
    um_log_free(&log);
    return status;
}

static void rows_stand_under_their_names(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "log.csv");
    um_log_row rows[] = { row_at(1), row_at(3) };
    rows[1].validation = (um_validation){ true, 0.25, { 0.5, 0.125, 1, 2 }, 0, 0 };
    CHECK_OK(&s->ctx, write_log(s, path, 0, NULL, 0));
    check_file(s, path, header);
    CHECK_OK(&s->ctx, write_log(s, path, 0, rows, 2));
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
    um_log_row rows[] = { row_at(1), row_at(3), row_at(4) };
    char expected[1000];
    rows[0].accuracies = rows[1].accuracies = rows[2].accuracies = true;
    rows[1].validation = (um_validation){ true, 0.25, { 0.5, 0.125, 1, 2 }, 0.75, 0.875 };
    CHECK_OK(&s->ctx, write_log(s, path, 0, rows, 2));
    snprintf(expected, sizeof expected, "%.*s%s", (int)strcspn(header, "\n"), header,
             ",accuracy,accuracy_at_0\n"
             "1,8,0.5,1.25,0.0001,100,2.000,,,,,,,\n"
             "3,24,0.5,1.25,0.0001,100,2.000,0.25,0.5,0.125,1,2,0.75,0.875\n");
    check_file(s, path, expected);
    assert_int_equal(write_log(s, path, 3, NULL, 0), UM_BAD_FILE); /* without them */
    check_file(s, path, expected);
    CHECK_OK(&s->ctx, write_log(s, path, 3, &rows[2], 1));
    strcat(expected, "4,32,0.5,1.25,0.0001,100,2.000,,,,,,,\n");
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
    CHECK_OK(&s->ctx, write_log(s, path, 0, &row, 1));
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
    CHECK_OK(&s->ctx, write_log(s, path, 0, &row, 1));
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
        CHECK_OK(&s->ctx, write_log(s, path, k->step, NULL, 0));
        check_file(s, path, expected);
    }
}

static void a_log_that_is_gone_is_begun_anew(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "log.csv");
    CHECK_OK(&s->ctx, write_log(s, path, 40, NULL, 0));
    check_file(s, path, header);
}

static void someone_else_s_file_is_refused_and_stays(void **state)
{
    scratch *s = *state;
    static const char *const texts[] = { "my,own,table\n1,2,3\n", "", "step,images,loss\n1,2,3\n" };
    for (size_t i = 0; i < UM_COUNT(texts); i++)
        for (int64_t step = 0; step < 2; step++) {
            const char *path = scratch_write(s, "log.csv", texts[i], strlen(texts[i]));
            assert_int_equal(write_log(s, path, step, NULL, 0), UM_BAD_FILE);
            CHECK_TOLD(&s->ctx, path);
            check_file(s, path, texts[i]);
        }
}

static void what_cannot_be_begun_is_said(void **state)
{
    scratch *s = *state;
    const char *folder = scratch_path(s, "folder");
    CHECK_OK(&s->ctx, um_folder_make(&s->ctx, folder));
    assert_int_equal(write_log(s, folder, 0, NULL, 0), UM_IO);
    CHECK_TOLD(&s->ctx, folder);
}

/* A file-size limit cuts the second row after 10 of its bytes, as a full disk may. */
/* Rows of the file and rows that wait: those up to the step stay, whatever follows comes behind. */
static void rows_are_taken_back(void **state)
{
    scratch *s = *state;
    static const int steps[][2] = { { 0, 0 }, { 1, 1 }, { 2, 1 }, { 3, 2 }, { 4, 3 }, { 9, 3 } };
    for (size_t i = 0; i < UM_COUNT(steps); i++)
        for (int waits = 0; waits < 2; waits++) {
            const char *path = scratch_path(s, "log.csv");
            um_log_file log;
            char expected[SCRATCH_PATH] = "";
            size_t n = (size_t)snprintf(expected, sizeof expected, "%s", header);
            CHECK_OK(&s->ctx, um_log_begin(&log, &s->ctx, path, 0, false));
            CHECK_OK(&s->ctx, um_log_append(&log, &(um_log_row){ .step = 1 }));
            if (waits) limit_files(1);
            const um_status status = waits ? UM_IO : UM_OK;
            assert_int_equal(um_log_append(&log, &(um_log_row){ .step = 3 }), status);
            assert_int_equal(um_log_append(&log, &(um_log_row){ .step = 4 }), status);
            CHECK_OK(&s->ctx, um_log_cut(&log, steps[i][0]));
            limit_files(RLIM_INFINITY);
            CHECK_OK(&s->ctx, um_log_append(&log, &(um_log_row){ .step = 5 }));
            static const int all[] = { 1, 3, 4 };
            for (int k = 0; k <= steps[i][1]; k++)
                n += (size_t)snprintf(expected + n, sizeof expected - n,
                                      "%d,0,0,0,0,0,0.000,,,,,\n", k < steps[i][1] ? all[k] : 5);
            um_log_free(&log);
            check_file(s, path, expected);
            CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, path));
        }
}

static void rows_wait_until_they_can_be_written(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "log.csv");
    const um_log_row rows[] = { row_at(1), row_at(2), row_at(3) };
    char expected[1000];
    um_log_file log;
    CHECK_OK(&s->ctx, um_log_begin(&log, &s->ctx, path, 0, false));
    CHECK_OK(&s->ctx, um_log_append(&log, &rows[0]));
    limit_files((rlim_t)log.bytes + 10);
    assert_int_equal(um_log_append(&log, &rows[1]), UM_IO);
    CHECK_TOLD(&s->ctx, path);
    assert_int_equal(um_log_append(&log, &rows[2]), UM_IO);
    assert_int_equal(um_log_flush(&log), UM_IO);
    limit_files(RLIM_INFINITY);
    CHECK_OK(&s->ctx, um_log_flush(&log));
    um_log_free(&log);
    snprintf(expected, sizeof expected, "%s%s", header,
             "1,8,0.5,1.25,0.0001,100,2.000,,,,,\n"
             "2,16,0.5,1.25,0.0001,100,2.000,,,,,\n"
             "3,24,0.5,1.25,0.0001,100,2.000,,,,,\n");
    check_file(s, path, expected);
}

/* A checkpoint keeps what waits; when it is gone on from, the file may have got a part of that. */
static void rows_that_waited_come_once(void **state)
{
    scratch *s = *state;
    static const struct {
        const char *file, *rows, *expected, *why;
    } cases[] = {
        { ROW("1"), ROW("2") ROW("3"), ROW("1") ROW("2") ROW("3"), "it got none" },
        { ROW("1") ROW("2"), ROW("2") ROW("3"), ROW("1") ROW("2") ROW("3"), "it got one" },
        { ROW("1") ROW("2") ROW("3"), ROW("2") ROW("3"), ROW("1") ROW("2") ROW("3"), "both" },
        { ROW("1") "2,8,0", ROW("2"), ROW("1") ROW("2"), "half of it" },
        { "", ROW("1") "no row\n" ROW("2"), ROW("1"), "none from what is no row on" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        char text[1000], expected[1000];
        um_log_file log;
        print_message("%s\n", cases[i].why);
        snprintf(text, sizeof text, "%s%s", header, cases[i].file);
        snprintf(expected, sizeof expected, "%s%s", header, cases[i].expected);
        const char *path = scratch_write(s, "log.csv", text, strlen(text));
        CHECK_OK(&s->ctx, um_log_begin(&log, &s->ctx, path, 3, false));
        CHECK_OK(&s->ctx, um_log_restore(&log, cases[i].rows));
        CHECK_OK(&s->ctx, um_log_flush(&log));
        um_log_free(&log);
        check_file(s, path, expected);
    }
}

/* To make room someone empties the file: what follows begins at its end, not behind a hole. */
static void a_file_that_is_emptied_gets_no_hole(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "log.csv");
    const um_log_row row = row_at(2);
    um_log_file log;
    CHECK_OK(&s->ctx, um_log_begin(&log, &s->ctx, path, 0, false));
    assert_int_equal(truncate(path, 0), 0);
    CHECK_OK(&s->ctx, um_log_append(&log, &row));
    check_file(s, path, "2,16,0.5,1.25,0.0001,100,2.000,,,,,\n");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(um_log_append(&log, &row), UM_IO); /* and a removed one is not made again */
    um_log_free(&log);
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
        TEST(what_cannot_be_begun_is_said),
        TEST(rows_are_taken_back),
        TEST(rows_wait_until_they_can_be_written),
        TEST(rows_that_waited_come_once),
        TEST(a_file_that_is_emptied_gets_no_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
