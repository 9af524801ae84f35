/* SPDX-License-Identifier: MIT */
#include "config/files.h"

static void a_file_sets_what_it_names_and_says_where(void **state)
{
    files *f = *state;
    put("small.ini", "\xef\xbb\xbf; a recipe, as Windows writes it\r\n"
                     "[train]\r\n"
                     "  lr = 3e-4   ; indented, with a note\r\n"
                     "batch: 8 # another\r\n"
                     "\r\n"
                     "# more\r\n"
                     "[model]\r\n"
                     "[sample]\n"
                     "eta=0.5");
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "small.ini"));
    assert_true(f->cfg.train_lr == 3e-4);
    assert_int_equal(f->cfg.train_batch, 8);
    assert_true(f->cfg.sample_eta == 0.5);
    assert_string_equal(f->cfg.run_name, "small");
    const um_origin *origin = um_config_origin(&f->cfg, "train.batch");
    assert_int_equal(origin->source, UM_FROM_FILE);
    assert_string_equal(origin->file, "small.ini");
    assert_int_equal(origin->line, 4);
    assert_int_equal(um_config_origin(&f->cfg, "train.steps")->source, UM_FROM_DEFAULT);
}

static void the_command_line_wins_over_the_file(void **state)
{
    files *f = *state;
    put("a.ini", "[train]\nlr = 3e-4\nbatch = 8\n");
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "train.lr=1e-4"));
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "run.name=mine"));
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "a.ini"));
    assert_true(f->cfg.train_lr == 1e-4);
    assert_int_equal(f->cfg.train_batch, 8);
    assert_string_equal(f->cfg.run_name, "mine");
}

static void what_is_wrong_is_told_with_file_and_line(void **state)
{
    files *f = *state;
    static const struct {
        const char *text;
        um_status status;
        const char *message;
    } cases[] = {
        { "[train]\nlr 3\n", UM_BAD_FILE, "x.ini:2: lr 3 is not a setting (key = value)" },
        { "[train]\n\nlr = 1\nrubbish", UM_BAD_FILE,
          "x.ini:4: rubbish is not a setting (key = value)" },
        { "[train\nlr = 3\n", UM_BAD_FILE, "x.ini:1: [train is not a section ([train])" },
        { "[train] lr = 3\n", UM_BAD_FILE, "x.ini:1: [train] lr = 3 is not a section ([train])" },
        { "[]\n", UM_BAD_ARG, "x.ini:1: no section [] (there are [run] [data] [model] "
                              "[diffusion] [train] [sample] [edit] [evaluate])" },
        { "[trian]\n", UM_BAD_ARG, "x.ini:1: no section [trian] (did you mean [train]?)" },
        { "[train]\nlearning_rate = 3\n", UM_BAD_ARG,
          "x.ini:2: no setting train.learning_rate (unmist config train lists them)" },
        { "[train]\nstps = 3\n", UM_BAD_ARG,
          "x.ini:2: no setting train.stps (did you mean train.steps?)" },
        { "[train]\nbatch = 8x\n", UM_BAD_ARG,
          "x.ini:2: train.batch = 8x is not understood (a whole number from 1 to 65536)" },
        { "[train]\nbatch =\n", UM_BAD_ARG,
          "x.ini:2: train.batch = is empty (a whole number from 1 to 65536)" },
        { "[train]\n= 3\n", UM_BAD_ARG,
          "x.ini:2: no setting train. (unmist config train lists them)" },
        { "[train]\nlr = 1\n[data]\n[train]\nlr = 1\n", UM_BAD_ARG,
          "x.ini:5: train.lr again (line 2 has set it)" },
        { "[diffusion]\nschedule = linear\nbeta_schedule = linear\n", UM_BAD_ARG,
          "x.ini:3: diffusion.schedule again (line 2 has set it)" },
        { "lr = 3\n", UM_BAD_ARG, "x.ini:1: lr before the first section (only include = "
                                  "other.ini, then [train])" },
        { "[train]\ninclude = a.ini\n", UM_BAD_ARG,
          "x.ini:2: include within [train] (before the first section)" },
        { "include =\n", UM_BAD_FILE, "x.ini:1: include names no file (include = other.ini)" },
        { "include = y.ini\n", UM_BAD_FILE, "x.ini:1: y.ini: No such file or directory" },
        { "[data]\npath = \"a\n", UM_BAD_FILE, "x.ini:2: path: quotes that do not end, or a wrong "
                                               "escape (\"text\" with \\\" \\\\ \\xHH)" },
        { "[run]\nname = a\rb\n", UM_BAD_FILE,
          "x.ini:2: a control character (is this a text file?)" },
        { "\xff\xfe[", UM_BAD_FILE, "x.ini:1: ?\?[ is not a setting (key = value)" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        put("x.ini", cases[i].text);
        CHECK_FAILS(&f->ctx, um_config_read(&f->ctx, &f->cfg, "x.ini"), cases[i].status,
                    cases[i].message);
    }
    put_bytes("x.ini", "[\0t\0r\0", 6);
    CHECK_FAILS(&f->ctx, um_config_read(&f->ctx, &f->cfg, "x.ini"), UM_BAD_FILE,
                "x.ini:1: a control character (is this a text file?)");
}

static void only_the_first_fault_counts(void **state)
{
    files *f = *state;
    put("x.ini", "[train]\nbatch = 0\nrubbish\nlr = x\nsteps = 5\n");
    CHECK_FAILS(&f->ctx, um_config_read(&f->ctx, &f->cfg, "x.ini"), UM_BAD_ARG,
                "x.ini:2: train.batch = 0 is out of range (a whole number from 1 to 65536)");
    assert_int_equal(f->cfg.train_steps, 100000);
}

static void a_missing_file_and_a_folder_are_refused(void **state)
{
    files *f = *state;
    assert_int_equal(um_config_read(&f->ctx, &f->cfg, "none.ini"), UM_BAD_FILE);
    assert_non_null(strstr(f->ctx.message, "none.ini"));
    assert_int_equal(um_config_read(&f->ctx, &f->cfg, "/no/such/folder/none.ini"), UM_BAD_FILE);
    assert_int_equal(um_config_read(&f->ctx, &f->cfg, f->home), UM_BAD_FILE);
    assert_int_equal(um_config_read(&f->ctx, &f->cfg, ""), UM_BAD_FILE);
    put("empty.ini", "");
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "empty.ini"));
}

static void a_file_of_more_than_a_megabyte_is_refused(void **state)
{
    files *f = *state;
    const size_t n = (1 << 20) + 1;
    char *text = malloc(n);
    memset(text, '\n', n);
    put_bytes("big.ini", text, n - 1);
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "big.ini"));
    put_bytes("big.ini", text, n);
    assert_int_equal(um_config_read(&f->ctx, &f->cfg, "big.ini"), UM_BAD_FILE);
    free(text);
}

static void paths_are_relative_to_the_file_that_names_them(void **state)
{
    files *f = *state;
    char home[4096], expected[4200];
    assert_non_null(realpath(f->home, home));
    assert_int_equal(mkdir("sub", 0700), 0);
    put("sub/a.ini", "[data]\npath = ../images\n[train]\ninit = /models/x\n");
    CHECK_OK(&f->ctx, um_config_set(&f->ctx, &f->cfg, "run.out=here/runs"));
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "sub/a.ini"));
    snprintf(expected, sizeof expected, "%s/images", home);
    assert_string_equal(f->cfg.data_path, expected);
    assert_string_equal(f->cfg.train_init, "/models/x");
    assert_string_equal(f->cfg.run_out, "here/runs");
    put("sub/b.ini", "[data]\npath =\n");
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "sub/b.ini"));
    assert_string_equal(f->cfg.data_path, "");
}

static void an_include_is_built_upon(void **state)
{
    files *f = *state;
    char expected[4200];
    assert_int_equal(mkdir("base", 0700), 0);
    put("base/one.ini", "include = ../two.ini\n[train]\nlr = 1e-3\nbatch = 8\n[data]\npath = d\n");
    put("two.ini", "[train]\nlr = 5e-3\nsteps = 7\n");
    put("top.ini", "include = base/one.ini ; first\n[train]\nbatch = 9\n");
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "top.ini"));
    assert_true(f->cfg.train_lr == 1e-3);
    assert_int_equal(f->cfg.train_steps, 7);
    assert_int_equal(f->cfg.train_batch, 9);
    assert_string_equal(f->cfg.run_name, "top");
    assert_non_null(realpath("base", expected));
    strcat(expected, "/d");
    assert_string_equal(f->cfg.data_path, expected);
    assert_string_equal(um_config_origin(&f->cfg, "train.lr")->file, "base/one.ini");
    assert_string_equal(um_config_origin(&f->cfg, "train.steps")->file, "base/../two.ini");
    assert_string_equal(um_config_origin(&f->cfg, "train.batch")->file, "top.ini");
    put("base/one.ini", "[train]\nlr = x\n");
    CHECK_FAILS(&f->ctx, um_config_read(&f->ctx, &f->cfg, "top.ini"), UM_BAD_ARG,
                "base/one.ini:2: train.lr = x is not understood (a number from 0 to 1)");
}

static void a_file_that_includes_itself_is_refused(void **state)
{
    files *f = *state;
    put("a.ini", "include = b.ini\n");
    put("b.ini", "\ninclude = ./a.ini\n");
    CHECK_FAILS(&f->ctx, um_config_read(&f->ctx, &f->cfg, "a.ini"), UM_BAD_FILE,
                "b.ini:2: include ./a.ini: it includes itself");
    put("c.ini", "include = c.ini\n");
    CHECK_FAILS(&f->ctx, um_config_read(&f->ctx, &f->cfg, "c.ini"), UM_BAD_FILE,
                "c.ini:1: include c.ini: it includes itself");
    put("d.ini", "[train]\nsteps = 3\n");
    put("e.ini", "include = d.ini\ninclude = d.ini\n"); /* twice the same is no cycle */
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "e.ini"));
}

static void includes_have_a_depth_and_a_number(void **state)
{
    files *f = *state;
    char name[32], text[64];
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "%d.ini", i);
        snprintf(text, sizeof text, "include = %d.ini\n", i + 1);
        put(name, text);
    }
    put("12.ini", "");
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "4.ini"));
    CHECK_FAILS(&f->ctx, um_config_read(&f->ctx, &f->cfg, "0.ini"), UM_BAD_FILE,
                "8.ini:1: include 9.ini: too many files (8 deep, 64 in all)");
    FILE *file = fopen("wide.ini", "w");
    for (int i = 0; i < 64; i++) fputs("include = 12.ini\n", file);
    fclose(file);
    CHECK_FAILS(&f->ctx, um_config_read(&f->ctx, &f->cfg, "wide.ini"), UM_BAD_FILE,
                "wide.ini:64: include 12.ini: too many files (8 deep, 64 in all)");
}

static void long_lines_are_read_whole_or_refused(void **state)
{
    files *f = *state;
    static char text[30000], path[4001];
    static const char pattern[] = "/long ;#name with blanks";
    for (size_t i = 0; i < 4000; i++) path[i] = pattern[i % (sizeof pattern - 1)];
    snprintf(text, sizeof text, "[data]\npath = \"%s\" ; note\n[train]\nlr = 0.5\n", path);
    put("long.ini", text);
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "long.ini"));
    assert_string_equal(f->cfg.data_path, path);
    assert_true(f->cfg.train_lr == 0.5);

    memset(text, 'k', sizeof text);
    strcpy(text + 400, " = 3\n");
    memcpy(text, "[train]\n", 8);
    put("long.ini", text);
    assert_int_equal(um_config_read(&f->ctx, &f->cfg, "long.ini"), UM_BAD_FILE);
    assert_int_equal(strncmp(f->ctx.message, "long.ini:2: kkkkk", 17), 0);

    memset(text, 'k', sizeof text);
    memcpy(text, "[data]\npath = ", 14);
    text[25000] = '\0';
    put("long.ini", text);
    CHECK_FAILS(&f->ctx, um_config_read(&f->ctx, &f->cfg, "long.ini"), UM_BAD_FILE,
                "long.ini:2: too long a line (at most 20000 bytes)");

    memset(text + 14, ' ', 1000);
    strcpy(text + 1014, "x\n");
    memcpy(text + 14, "\"a", 2);
    put("long.ini", text);
    CHECK_FAILS(&f->ctx, um_config_read(&f->ctx, &f->cfg, "long.ini"), UM_BAD_FILE,
                "long.ini:2: too much white space in a line (at most 196 bytes)");

    memset(text, ';', 10000);
    strcpy(text + 10000, "\n[train]\nsteps = 4\n");
    put("long.ini", text);
    CHECK_OK(&f->ctx, um_config_read(&f->ctx, &f->cfg, "long.ini"));
    assert_int_equal(f->cfg.train_steps, 4);
}

/* Pieces of INI and bytes, put together at random: it must end, with a message or without. */
static void junk_is_read_without_harm(void **state)
{
    files *f = *state;
    static const char *const pieces[] = {
        "[train]", "[data]", "[", "]", "\n", "\r\n", "lr", "path", " = ", "=", "\"", "\\", ";", "#",
        " ", "\t", "1e-3", "include", "x.ini", "../", "\xef\xbb\xbf", "\x01", "steps", ":", "999",
        "channels", "64,128", ",", "\\x3b", "\\x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    uint64_t seed = 88172645463325252u;
    char text[4096];
    int good = 0;
    for (int round = 0; round < 4000; round++) {
        size_t n = 0;
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        const int count = (int)(seed % 60);
        for (int i = 0; i < count; i++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            const char *piece = pieces[seed % UM_COUNT(pieces)];
            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
        }
        put_bytes("x.ini", text, n);
        f->ctx.message[0] = '\0';
        const um_status status = um_config_read(&f->ctx, &f->cfg, "x.ini");
        if (status == UM_OK)
            good++;
        else
            assert_int_equal(strncmp(f->ctx.message, "x.ini:", 6), 0);
        assert_true(status == UM_OK || status == UM_BAD_ARG || status == UM_BAD_FILE);
    }
    assert_true(good > 0 && good < 4000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, files_setup, files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_file_sets_what_it_names_and_says_where),
        CASE(the_command_line_wins_over_the_file),
        CASE(what_is_wrong_is_told_with_file_and_line),
        CASE(only_the_first_fault_counts),
        CASE(a_missing_file_and_a_folder_are_refused),
        CASE(a_file_of_more_than_a_megabyte_is_refused),
        CASE(paths_are_relative_to_the_file_that_names_them),
        CASE(an_include_is_built_upon),
        CASE(a_file_that_includes_itself_is_refused),
        CASE(includes_have_a_depth_and_a_number),
        CASE(long_lines_are_read_whole_or_refused),
        CASE(junk_is_read_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
