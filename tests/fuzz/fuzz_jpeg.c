/* SPDX-License-Identifier: MIT
 * fuzz_jpeg.c - a JPEG. */
#include "fuzz/fuzz.h"
#include "io/jpeg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_ctx ctx;
    fuzz_memory memory;
    um_image image;
    fuzz_begin(&ctx, &memory, ((size_t)1 << 20) + 3 * 1024 * size, SIZE_MAX);
    const um_bytes bytes = { (uint8_t *)data, size };
    if (fuzz_took(&ctx, um_jpeg_decode(&ctx, "x.jpg", bytes, &image)))
        FUZZ_HOLDS(image.c == 1 || image.c == 3);
    um_image_free(&ctx, &image);
    fuzz_end(&memory);
    return 0;
}
