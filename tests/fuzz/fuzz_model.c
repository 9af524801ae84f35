/* SPDX-License-Identifier: MIT
 * fuzz_model.c - a whole model folder, opened and exported as a program would. */
#include <unmist.h>

#include "fuzz/fuzz.h"

enum { ROOM = 16 << 20 };

static const char *const names[] = {
    "m/model_index.json", "m/scheduler/scheduler_config.json", "m/unet/config.json",
    "m/unet/diffusion_pytorch_model.safetensors", "m/training_state.json",
    "m/training_state.safetensors",
};

static void look_at(um_ctx *ctx, um_model *m)
{
    um_model_facts facts;
    um_model_describe(m, &facts);
    FUZZ_HOLDS(facts.tensors > 0 && facts.numbers > 0);
    const um_status status = um_model_export(m, fuzz_path("export"), "f16");
    if (status != UM_NOT_FINITE) fuzz_took(ctx, status); /* a weight above 65504 is not written */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_ctx ctx;
    fuzz_memory memory;
    um_settings *settings = NULL;
    um_model *m = NULL;
    um_bytes parts[UM_COUNT(names)];
    fuzz_parts(data, size, names, UM_COUNT(names), parts);
    fuzz_begin(&ctx, &memory, ROOM, ROOM);
    FUZZ_HOLDS(um_folder_make(&ctx, fuzz_path("m/unet")) == UM_OK &&
               um_folder_make(&ctx, fuzz_path("m/scheduler")) == UM_OK);
    fuzz_write_parts(names, UM_COUNT(names), parts);
    FUZZ_HOLDS(um_settings_open(&settings, &ctx) == UM_OK);
    FUZZ_HOLDS(um_settings_set(settings, "run.threads=1") == UM_OK);
    if (parts[5].data) FUZZ_HOLDS(um_settings_set(settings, "sample.weights=raw") == UM_OK);
    if (fuzz_took(&ctx, um_model_open(&m, &ctx, fuzz_path("m"), settings))) look_at(&ctx, m);
    um_model_close(&m);
    um_settings_close(&settings);
    fuzz_end(&memory);
    return 0;
}
