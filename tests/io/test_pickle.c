/* SPDX-License-Identifier: MIT */
#include "io/pickle.h"
#include "support/scratch.h"

static void pytorchs_files_are_told_by_name_or_first_bytes(void **state)
{
    static const struct {
        const char *name, *bytes;
        size_t size;
        bool pickle;
    } cases[] = {
        { "m.bin", "x", 1, true },
        { "m.CKPT", "x", 1, true },
        { "m.pt", "", 0, true },
        { "m.pth", "x", 1, true },
        { "m.safetensors", "PK\3\4rest", 8, true },       /* torch.save: a zip archive */
        { "renamed", "\x80\x02}q", 4, true },             /* a pickle of protocol 2 */
        { "newest", "\x80\x05\x95", 3, true },
        { "no protocol", "\x80\x09", 2, false },
        { "older", "\x80\x01", 2, false },
        { "short", "P", 1, false },
        { "empty", "", 0, false },
        { "settings.json", "{}", 2, false },
    };
    scratch *s = *state;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const char *path = scratch_write(s, cases[i].name, cases[i].bytes, cases[i].size);
        const um_status status = um_pickle_check(&s->ctx, path);
        if ((status == UM_BAD_FILE) != cases[i].pickle) fail_msg("%s", cases[i].name);
        if (!cases[i].pickle) continue;
        CHECK_TOLD(&s->ctx, cases[i].name);
        CHECK_TOLD(&s->ctx, "a pickle, which can run code when it is read");
        CHECK_TOLD(&s->ctx, "torch.load('OLD', weights_only=True)");
        CHECK_TOLD(&s->ctx, "safe_serialization=True");
    }
    CHECK_OK(&s->ctx, um_pickle_check(&s->ctx, scratch_path(s, "none.ckpt")));
    CHECK_OK(&s->ctx, um_pickle_check(&s->ctx, s->folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pytorchs_files_are_told_by_name_or_first_bytes,
                                        scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
