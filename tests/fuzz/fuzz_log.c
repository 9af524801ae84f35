/* SPDX-License-Identifier: MIT
 * fuzz_log.c - the log.csv of a run that is resumed: what is kept is a beginning of it, of whole
 * rows. */
#include "fuzz/fuzz.h"
#include "train/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_ctx ctx;
    fuzz_memory memory;
    um_log_file log;
    um_bytes kept;
    const int64_t step = size ? data[0] : 0;
    const um_log_row row = { .step = step + 1, .loss = 0.5 };
    if (size) data++, size--;
    const char *path = fuzz_file("log.csv", data, size);
    fuzz_begin(&ctx, &memory, (1 << 20) + 4 * size, SIZE_MAX);
    if (fuzz_took(&ctx, um_log_begin(&log, &ctx, path, step, step % 2))) {
        FUZZ_HOLDS(um_file_read(&ctx, path, SIZE_MAX, &kept) == UM_OK);
        FUZZ_HOLDS(kept.size > 0 && kept.size <= size && kept.data[kept.size - 1] == '\n');
        FUZZ_HOLDS(memcmp(kept.data, data, kept.size) == 0);
        um_free(&ctx, kept.data);
        FUZZ_HOLDS(um_log_append(&log, &row) == UM_OK);
    }
    um_log_free(&log);
    fuzz_end(&memory);
    return 0;
}
