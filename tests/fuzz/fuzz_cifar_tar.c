/* SPDX-License-Identifier: MIT
 * fuzz_cifar_tar.c - CIFAR in an archive, plain or packed. */
#include "fuzz/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const um_dataset_options kinds[] = { { .format = "cifar10" }, { .format = "cifar100" } };
    const char *path = fuzz_file("x.tar.gz", data, size);
    for (size_t i = 0; i < UM_COUNT(kinds); i++)
        fuzz_dataset(path, &kinds[i], ((size_t)1 << 20) + 8 * 1032 * size);
    return 0;
}
