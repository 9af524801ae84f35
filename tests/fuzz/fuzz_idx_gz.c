/* SPDX-License-Identifier: MIT
 * fuzz_idx_gz.c - IDX files packed by gzip. What is unpacked may be a thousand times as much as the
 * file; what its header does not tell of is not unpacked. */
#include "fuzz/dataset.h"

static const char *const names[] = { "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_write_input(data, size, names, UM_COUNT(names));
    fuzz_dataset(fuzz_folder(), NULL, ((size_t)1 << 20) + 8 * 1032 * size);
    return 0;
}
