/* SPDX-License-Identifier: MIT
 * fuzz_checkpoint.c - the training state of a checkpoint, into a tiny trainer whose settings and
 * weights stay. */
#include "fuzz/fuzz.h"
#include "train/checkpoint.h"
#include "train/tiny.h"

static const char *const names[] = { "run/training_state.json", "run/training_state.safetensors",
                                     "run/unet/diffusion_pytorch_model.safetensors" };

/* One trainer for all inputs: it is made once, and each input is loaded over the last. */
static um_trainer *trainer(um_ctx *ctx)
{
    static um_trainer *t;
    static tiny setup;
    if (t) return t;
    FUZZ_HOLDS(tiny_begin(&setup, ctx) == UM_OK && tiny_network(&setup, 2) == UM_OK);
    FUZZ_HOLDS(um_trainer_open(&t, ctx, setup.unet, &setup.schedule, &setup.settings, TINY_SIDE,
                               TINY_SIDE) == UM_OK);
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static um_ctx own;
    static fuzz_memory memory;
    um_progress progress = { 0 };
    um_bytes parts[UM_COUNT(names)];
    if (!own.threads) fuzz_begin(&own, &memory, SIZE_MAX, SIZE_MAX);
    um_trainer *t = trainer(&own);
    const size_t before = memory.alive;
    memory.bound = before + (1 << 20) + 64 * size;
    fuzz_parts(data, size, names, UM_COUNT(names), parts);
    FUZZ_HOLDS(um_folder_make(&own, fuzz_path("run/unet")) == UM_OK);
    fuzz_write_parts(names, UM_COUNT(names), parts);
    if (fuzz_took(&own, um_checkpoint_load(&own, fuzz_path("run"), t, &progress)))
        FUZZ_HOLDS(progress.step >= 0 && um_trainer_optimizer(t)->step == progress.step);
    FUZZ_HOLDS(memory.alive == before);
    return 0;
}
