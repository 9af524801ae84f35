/* SPDX-License-Identifier: MIT
 * fuzz_ini.c - a file of settings, which may include a second one: what is taken is written and
 * read back to the same values. */
#include "config/config.h"
#include "fuzz/fuzz.h"

static const char *const names[] = { "x.ini", "other.ini" };

static void write_back(um_ctx *ctx, const um_config *config)
{
    um_config again;
    um_text text = { .ctx = ctx };
    FUZZ_HOLDS(um_config_write(ctx, config, &text) == UM_OK);
    FUZZ_HOLDS(um_config_init(ctx, &again) == UM_OK);
    if (um_config_read(ctx, &again, fuzz_file("back.ini", text.data, text.n)) != UM_OK) {
        fprintf(stderr, "%s\n%s\n", ctx->message, text.data);
        abort();
    }
    const um_setting *s = um_config_difference(config, &again, NULL);
    if (s) {
        fprintf(stderr, "%s.%s came back as another value\n%s\n", s->section, s->key, text.data);
        abort();
    }
    um_text_free(&text);
    um_config_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_ctx ctx;
    fuzz_memory memory;
    um_config config;
    fuzz_write_input(data, size, names, UM_COUNT(names));
    fuzz_begin(&ctx, &memory, (8 << 20) + 64 * size, SIZE_MAX);
    FUZZ_HOLDS(um_config_init(&ctx, &config) == UM_OK);
    if (fuzz_took(&ctx, um_config_read(&ctx, &config, fuzz_path("x.ini")))) {
        write_back(&ctx, &config);
        fuzz_took(&ctx, um_config_check(&ctx, &config));
    }
    um_config_free(&config);
    fuzz_end(&memory);
    return 0;
}
