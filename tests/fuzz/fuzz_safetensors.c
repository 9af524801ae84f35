/* SPDX-License-Identifier: MIT
 * fuzz_safetensors.c - a whole file: the header, then every tensor as each kind of number. */
#include "fuzz/fuzz.h"
#include "io/safetensors.h"

static void read_tensor(um_ctx *ctx, const um_safetensors *st, const um_stored *t, size_t size)
{
    FUZZ_HOLDS(um_safetensors_find(st, t->name));
    FUZZ_HOLDS(t->bytes <= size && t->begin <= size - t->bytes && t->count <= t->bytes);
    const size_t room = (t->count + 1) * sizeof(double);
    void *out = malloc(room);
    FUZZ_HOLDS(out);
    FUZZ_HOLDS(um_stored_floats(ctx, t, out, t->count) == UM_OK);
    FUZZ_HOLDS(um_stored_doubles(ctx, t, out, t->count) == UM_OK);
    fuzz_took(ctx, um_stored_ints(ctx, t, out, t->count));
    FUZZ_HOLDS(um_stored_floats(ctx, t, out, t->count + 1) == UM_BAD_FILE);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_ctx ctx;
    fuzz_memory memory;
    um_safetensors st;
    fuzz_begin(&ctx, &memory, (1 << 20) + 64 * size, SIZE_MAX);
    if (fuzz_took(&ctx, um_safetensors_open(&st, &ctx, fuzz_file("x", data, size)))) {
        size_t bytes = 0;
        for (int i = 0; i < st.count; i++) {
            read_tensor(&ctx, &st, &st.tensors[i], size);
            bytes += st.tensors[i].bytes;
        }
        FUZZ_HOLDS(bytes <= size);
        um_safetensors_metadata(&st, "format");
    }
    um_safetensors_close(&st);
    fuzz_end(&memory);
    return 0;
}
