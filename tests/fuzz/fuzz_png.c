/* SPDX-License-Identifier: MIT
 * fuzz_png.c - a PNG as it is, and the same with its check sums put right: else hardly a changed
 * byte would get past them. */
#include "fuzz/dataset.h"
#include "io/png.h"

#include <zlib.h>

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A copy whose chunks have the check sums of what is in them. */
static uint8_t *mended(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    FUZZ_HOLDS(copy);
    if (size) memcpy(copy, data, size);
    for (size_t at = 8; at < size && size - at >= 12;) {
        const size_t length = big_endian(copy + at);
        if (length > size - at - 12) break;
        const uint32_t sum = (uint32_t)crc32(0, copy + at + 4, (uInt)length + 4);
        for (size_t k = 0; k < 4; k++) copy[at + 8 + length + k] = (uint8_t)(sum >> (24 - 8 * k));
        at += 12 + length;
    }
    return copy;
}

static void decode(const uint8_t *data, size_t size)
{
    um_ctx ctx;
    fuzz_memory memory;
    um_image image, small;
    static const uint8_t background[3] = { 1, 2, 3 };
    fuzz_begin(&ctx, &memory, ((size_t)4 << 20) + 60 * 1032 * size, SIZE_MAX);
    const um_bytes bytes = { (uint8_t *)data, size };
    if (fuzz_took(&ctx, um_png_decode(&ctx, "x.png", bytes, background, &image))) {
        FUZZ_HOLDS(image.c == 1 || image.c == 3);
        memory.bound = SIZE_MAX; /* resampling needs a row of floats for each row of pixels */
        FUZZ_HOLDS(um_image_fit(&ctx, &image, 5, 7, &small) == UM_OK);
        um_image_free(&ctx, &small);
    }
    um_image_free(&ctx, &image);
    fuzz_end(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = mended(data, size);
    decode(data, size);
    decode(copy, size);
    free(copy);
    return 0;
}
