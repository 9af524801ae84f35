/* SPDX-License-Identifier: MIT
 * replay.c - main for a fuzz target where libFuzzer is not: runs it on each file that is named, and
 * on each file of a folder. */
#include "fuzz/fuzz.h"

enum { FILE_MOST = 1 << 24 };

static um_status replay(um_ctx *ctx, const char *path, int *count)
{
    um_names names;
    if (!um_path_is_folder(path)) {
        um_bytes bytes;
        UM_TRY(um_file_read(ctx, path, FILE_MOST, &bytes));
        uint8_t *exact = malloc(bytes.size ? bytes.size : 1); /* so that a byte more is seen */
        FUZZ_HOLDS(exact);
        if (bytes.size) memcpy(exact, bytes.data, bytes.size);
        LLVMFuzzerTestOneInput(exact, bytes.size);
        free(exact);
        um_free(ctx, bytes.data);
        ++*count;
        return UM_OK;
    }
    UM_TRY(um_folder_list(ctx, path, &names));
    um_status status = UM_OK;
    for (int i = 0; i < names.count && status == UM_OK; i++) {
        char *file;
        status = um_path_join(ctx, &file, path, names.name[i]);
        if (status == UM_OK) status = replay(ctx, file, count);
        um_free(ctx, file);
    }
    um_names_free(ctx, &names);
    return status;
}

int main(int argc, char **argv)
{
    um_ctx ctx;
    int count = 0;
    um_status status = UM_OK;
    um_ctx_init(&ctx);
    for (int i = 1; i < argc && status == UM_OK; i++)
        if (i == 1 || um_path_exists(argv[i])) status = replay(&ctx, argv[i], &count);
    if (status != UM_OK) fprintf(stderr, "%s\n", ctx.message);
    printf("%d files\n", count);
    return status == UM_OK && count ? 0 : 1;
}
