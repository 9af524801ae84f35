/* SPDX-License-Identifier: MIT
 * fuzz_settings.c - settings as on a command line, one a line. */
#include "config/config.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_ctx ctx;
    fuzz_memory memory;
    um_config config;
    char *text = calloc(size + 1, 1);
    FUZZ_HOLDS(text);
    if (size) memcpy(text, data, size);
    fuzz_begin(&ctx, &memory, (1 << 20) + 256 * size, SIZE_MAX);
    FUZZ_HOLDS(um_config_init(&ctx, &config) == UM_OK);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char name[128] = "";
        um_text value = { .ctx = &ctx };
        fuzz_took(&ctx, um_config_set(&ctx, &config, line));
        snprintf(name, sizeof name, "%.*s", (int)strcspn(line, "="), line);
        fuzz_took(&ctx, um_config_get(&ctx, &config, name, &value));
        um_text_free(&value);
    }
    fuzz_took(&ctx, um_config_check(&ctx, &config));
    um_config_free(&config);
    fuzz_end(&memory);
    free(text);
    return 0;
}
