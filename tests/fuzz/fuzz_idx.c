/* SPDX-License-Identifier: MIT
 * fuzz_idx.c - IDX files: images, labels, and the test images beside them. */
#include "fuzz/dataset.h"

static const char *const names[] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                     "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_bytes parts[UM_COUNT(names)];
    fuzz_parts(data, size, names, UM_COUNT(names), parts);
    if (!parts[0].data) parts[0] = (um_bytes){ (uint8_t *)data, size };
    fuzz_write_parts(names, UM_COUNT(names), parts);
    fuzz_dataset(fuzz_folder(), NULL, (1 << 20) + 16 * size);
    return 0;
}
