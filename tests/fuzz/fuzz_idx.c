/* SPDX-License-Identifier: MIT
 * fuzz_idx.c - IDX files: images, labels, and the test images beside them. */
#include "fuzz/dataset.h"

static const char *const names[] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                     "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_write_input(data, size, names, UM_COUNT(names));
    fuzz_dataset(fuzz_folder(), NULL, (1 << 20) + 16 * size);
    return 0;
}
