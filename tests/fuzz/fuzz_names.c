/* SPDX-License-Identifier: MIT
 * fuzz_names.c - names of files and folders: joined, taken apart, cleaned for a text, and as a
 * folder of images. Each line of the input is a name; one with an ending of pictures is a file. */
#include "base/text.h"
#include "config/place.h"
#include "fuzz/dataset.h"

enum { LINE_MOST = 253, LINES_MOST = 12, SLASHES_MOST = 40 };

/* The smallest PNG: one gray pixel. */
static const uint8_t pixel[] = {
    0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0, 1, 0, 0,
    0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, 'I', 'D', 'A', 'T', 0x78, 0xda, 0x63,
    0x60, 0, 0, 0, 2, 0, 1, 0xe5, 0x27, 0xde, 0xfc, 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42,
    0x60, 0x82,
};

/* A path is its folder joined with its name. */
static void take_apart(um_ctx *ctx, const char *path)
{
    char *folder, *base, *again, full[UM_PLACE_BYTES];
    FUZZ_HOLDS(um_path_parent(ctx, &folder, path) == UM_OK);
    FUZZ_HOLDS(um_path_base(ctx, &base, path) == UM_OK);
    FUZZ_HOLDS(um_path_join(ctx, &again, folder, base) == UM_OK);
    FUZZ_HOLDS(*folder && strlen(base) <= strlen(path) && strlen(again) <= strlen(path) + 2);
    um_free(ctx, folder);
    um_free(ctx, base);
    um_free(ctx, again);
    if (um_place_join("/a/b", path, full)) FUZZ_HOLDS(full[0] == '/');
}

/* What was cleaned once is clean. */
static void clean(um_ctx *ctx, const char *name)
{
    um_text once = { .ctx = ctx }, twice = { .ctx = ctx };
    um_text_add_utf8(&once, name);
    FUZZ_HOLDS(once.status == UM_OK);
    um_text_add_utf8(&twice, once.data);
    FUZZ_HOLDS(twice.status == UM_OK && once.n == strlen(name) && !strcmp(once.data, twice.data));
    um_text_free(&once);
    um_text_free(&twice);
}

/* Make it below the folder p; names that lead out of it are left to the functions above, and those
 * so deep that um_folder_remove would refuse them. */
static void make(um_ctx *ctx, const char *name)
{
    char path[LINE_MOST + 3];
    char *parent = NULL;
    int slashes = 0;
    snprintf(path, sizeof path, "p/%.*s", (int)LINE_MOST, name);
    for (const char *p = path; *p; p++) slashes += *p == '/';
    if (slashes > SLASHES_MOST) return;
    if (strstr(path, "..") || name[strlen(name) - 1] == '/') return;
    FUZZ_HOLDS(um_path_parent(ctx, &parent, fuzz_path(path)) == UM_OK);
    if (um_folder_make(ctx, parent) == UM_OK && !um_path_exists(fuzz_path(path))) {
        FILE *file = fopen(fuzz_path(path), "wb");
        if (file) FUZZ_HOLDS(fwrite(pixel, 1, sizeof pixel, file) == sizeof pixel && !fclose(file));
    }
    um_free(ctx, parent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_ctx ctx;
    fuzz_memory memory;
    char *text = calloc(size + 1, 1), *rest = text;
    FUZZ_HOLDS(text);
    if (size) memcpy(text, data, size);
    fuzz_begin(&ctx, &memory, (1 << 20) + 64 * size, SIZE_MAX);
    if (um_path_exists(fuzz_path("p")))
        FUZZ_HOLDS(um_folder_remove(&ctx, fuzz_path("p")) == UM_OK);
    FUZZ_HOLDS(um_folder_make(&ctx, fuzz_path("p")) == UM_OK);
    int lines = 0;
    for (char *line; (line = strsep(&rest, "\n")) && lines < LINES_MOST; lines++) {
        if (!*line) continue;
        take_apart(&ctx, line);
        clean(&ctx, line);
        make(&ctx, line);
    }
    fuzz_end(&memory);
    fuzz_dataset(fuzz_path("p"), NULL, (1 << 20) + 256 * size);
    free(text);
    return 0;
}
