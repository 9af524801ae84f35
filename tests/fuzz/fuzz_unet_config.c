/* SPDX-License-Identifier: MIT
 * fuzz_unet_config.c - a UNet2DModel's config.json: what is taken is written and read back as it
 * is, and makes a network where there is memory for it. */
#include "fuzz/fuzz.h"
#include "io/unet_file.h"

enum { ROOM = 8 << 20 };

static um_bytes written(um_ctx *ctx, const um_unet_config *config)
{
    um_bytes bytes;
    FUZZ_HOLDS(um_unet_file_write_config(ctx, config, fuzz_path("back")) == UM_OK);
    FUZZ_HOLDS(um_file_read(ctx, fuzz_path("back"), 1 << 20, &bytes) == UM_OK);
    return bytes;
}

/* Two writings of it are the same: nothing is lost on the way. */
static void write_back(um_ctx *ctx, const um_unet_config *config)
{
    um_unet_config again;
    const um_bytes first = written(ctx, config);
    if (um_unet_file_read_config(ctx, &again, fuzz_path("back")) != UM_OK) {
        fprintf(stderr, "%s\n%s\n", ctx->message, (char *)first.data);
        abort();
    }
    const um_bytes second = written(ctx, &again);
    FUZZ_HOLDS(first.size == second.size && !memcmp(first.data, second.data, first.size));
    um_free(ctx, first.data);
    um_free(ctx, second.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_ctx ctx;
    fuzz_memory memory;
    um_unet_config config;
    um_unet *unet;
    fuzz_begin(&ctx, &memory, (1 << 20) + 16 * size, SIZE_MAX);
    if (fuzz_took(&ctx, um_unet_file_read_config(&ctx, &config, fuzz_file("x", data, size)))) {
        write_back(&ctx, &config);
        memory.bound = memory.room = ROOM;
        if (fuzz_took(&ctx, um_unet_open(&unet, &ctx, &config))) um_unet_close(&unet);
    }
    fuzz_end(&memory);
    return 0;
}
