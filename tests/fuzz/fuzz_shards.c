/* SPDX-License-Identifier: MIT
 * fuzz_shards.c - the index of weights in shards, and two shards, one of them small. */
#include "fuzz/fuzz.h"
#include "io/unet_shards.h"

#define INDEX UM_WEIGHTS_NAME ".index.json"

static const char *const names[] = { INDEX, "a.safetensors", "b.safetensors" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_ctx ctx;
    fuzz_memory memory;
    um_unet_shards shards;
    fuzz_write_input(data, size, names, UM_COUNT(names));
    fuzz_begin(&ctx, &memory, (4 << 20) + 64 * size, SIZE_MAX);
    if (fuzz_took(&ctx, um_unet_shards_open(&shards, &ctx, fuzz_folder()))) {
        for (int i = 0; i < shards.count; i++)
            for (int k = 0; k < shards.files[i].count; k++)
                FUZZ_HOLDS(um_unet_shards_find(&shards, shards.files[i].tensors[k].name));
        FUZZ_HOLDS(!um_unet_shards_find(&shards, "in no file"));
    }
    um_unet_shards_close(&shards);
    fuzz_end(&memory);
    return 0;
}
