/* SPDX-License-Identifier: MIT */
#include "config/files.h"

static void the_page_in_docs_is_that_of_the_table(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_text page = { .ctx = &ctx };
    CHECK_OK(&ctx, um_config_markdown(&ctx, &page));
    char path[4096];
    snprintf(path, sizeof path, "%s/config.md", getenv("UM_BUILD_ROOT"));
    put(path, page.data);
    snprintf(path, sizeof path, "%s/docs/config.md", getenv("UM_SOURCE_ROOT"));
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s is missing (config.md in the build folder is what it should be)", path);
    char *docs = calloc(1, page.n + 2);
    const size_t n = fread(docs, 1, page.n + 1, file);
    fclose(file);
    if (n != page.n || memcmp(docs, page.data, n) != 0)
        fail_msg("%s is old (config.md in the build folder is what it should be)", path);
    free(docs);
    um_text_free(&page);
}

static void every_setting_is_on_the_page_with_its_help(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_text page = { .ctx = &ctx };
    CHECK_OK(&ctx, um_config_markdown(&ctx, &page));
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *s = &um_config_settings[i];
        char row[80];
        snprintf(row, sizeof row, "\n| `%s` | ", s->key);
        assert_non_null(strstr(page.data, row));
        assert_non_null(strstr(page.data, s->help));
        assert_true(strlen(s->help) > 5);
        assert_null(strchr(s->help, '|'));
    }
    assert_non_null(strstr(page.data, "| `diffusion.beta_schedule` | `diffusion.schedule` |"));
    assert_non_null(strstr(page.data, "| `diffusion.schedule = squaredcos_cap_v2` | `cosine` |"));
    um_text_free(&page);
}

static void help_shows_what_was_asked_for(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_text out = { .ctx = &ctx };
    CHECK_OK(&ctx, um_config_help(&ctx, "train.lr", &out));
    assert_string_equal(out.data, "[train] the training; 0 switches an `_every` off\n"
                                  "  lr = 2e-4\n"
                                  "      peak learning rate\n"
                                  "      a number from 0 to 1\n");
    um_text_free(&out);
    CHECK_OK(&ctx, um_config_help(&ctx, "diffusion.beta_schedule", &out));
    assert_non_null(strstr(out.data, "  schedule = linear\n"));
    um_text_free(&out);
    CHECK_OK(&ctx, um_config_help(&ctx, "sample", &out));
    assert_non_null(strstr(out.data, "\n  eta = 0\n"));
    assert_null(strstr(out.data, "\n  lr = "));
    um_text_free(&out);
    CHECK_OK(&ctx, um_config_help(&ctx, "", &out));
    for (int i = 0; i < UM_CONFIG_COUNT; i++)
        assert_non_null(strstr(out.data, um_config_settings[i].help));
    um_text_free(&out);
    CHECK_FAILS(&ctx, um_config_help(&ctx, "trian", &out), UM_BAD_ARG,
                "no section [trian] (did you mean [train]?)");
    CHECK_FAILS(&ctx, um_config_help(&ctx, "train.lrr", &out), UM_BAD_ARG,
                "no setting train.lrr (did you mean train.lr?)");
    um_text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_in_docs_is_that_of_the_table),
        cmocka_unit_test(every_setting_is_on_the_page_with_its_help),
        cmocka_unit_test(help_shows_what_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
