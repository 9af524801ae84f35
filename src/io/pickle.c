/* SPDX-License-Identifier: MIT
 * pickle.c - telling PyTorch's files by name or by their first bytes. */
#include "io/pickle.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "io/path.h"

um_status um_pickle_refuse(um_ctx *ctx, const char *path)
{
    return um_fail(ctx, UM_BAD_FILE,
                   "%s: a pickle, which can run code when it is read, and is not read here. "
                   "To convert weights from who you trust: import torch, safetensors.torch; "
                   "safetensors.torch.save_file(torch.load('OLD', weights_only=True), 'NEW"
                   ".safetensors'), or in diffusers model.save_pretrained('FOLDER', "
                   "safe_serialization=True)",
                   path);
}

/* A zip archive is what torch.save writes; before version 1.6 it was the pickle alone, of protocol
 * 2, whose first instruction names it. */
bool um_pickle_begins(const uint8_t *bytes, size_t n)
{
    if (n >= 4 && memcmp(bytes, "PK\3\4", 4) == 0) return true;
    return n >= 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
}

um_status um_pickle_check(um_ctx *ctx, const char *path)
{
    static const char *const endings[] = { ".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle" };
    uint8_t head[4];
    if (!um_path_is_file(path)) return UM_OK;
    for (size_t i = 0; i < UM_COUNT(endings); i++)
        if (um_path_ends_with(path, endings[i])) return um_pickle_refuse(ctx, path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return UM_OK;
    const ssize_t n = read(fd, head, sizeof head);
    close(fd);
    return n > 0 && um_pickle_begins(head, (size_t)n) ? um_pickle_refuse(ctx, path) : UM_OK;
}
