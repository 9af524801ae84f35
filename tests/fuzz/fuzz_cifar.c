/* SPDX-License-Identifier: MIT
 * fuzz_cifar.c - a folder of CIFAR's binary version, either of the two. */
#include "fuzz/dataset.h"

static const char *const names[] = { "data_batch_1.bin", "data_batch_2.bin", "test_batch.bin",
                                     "batches.meta.txt", "train.bin", "test.bin",
                                     "fine_label_names.txt" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_bytes parts[UM_COUNT(names)];
    fuzz_parts(data, size, names, UM_COUNT(names), parts);
    fuzz_write_parts(names, UM_COUNT(names), parts);
    fuzz_dataset(fuzz_folder(), NULL, (1 << 20) + 16 * size);
    return 0;
}
