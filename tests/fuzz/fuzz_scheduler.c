/* SPDX-License-Identifier: MIT
 * fuzz_scheduler.c - a scheduler_config.json: what is taken is written and read back, and then
 * comes back the same. (A text that looks like a number, and 42.0, become one that is shorter.) */
#include "fuzz/fuzz.h"
#include "io/model_folder.h"

static um_bytes written(um_ctx *ctx, const um_scheduler_json *s)
{
    um_bytes bytes;
    FUZZ_HOLDS(um_scheduler_json_write(ctx, s, fuzz_path("back")) == UM_OK);
    FUZZ_HOLDS(um_file_read(ctx, fuzz_path("back"), SIZE_MAX, &bytes) == UM_OK);
    return bytes;
}

/* What was written, read back; the program's own file is never refused. */
static void read_back(um_ctx *ctx, um_scheduler_json *s)
{
    if (um_scheduler_json_read(ctx, s, fuzz_path("back")) == UM_OK) return;
    fprintf(stderr, "%s\n", ctx->message);
    abort();
}

static void write_back(um_ctx *ctx, const um_scheduler_json *s)
{
    um_scheduler_json again, third;
    um_free(ctx, written(ctx, s).data);
    read_back(ctx, &again);
    FUZZ_HOLDS(again.count == s->count && strcmp(again.class_name, s->class_name) == 0);
    const um_bytes second = written(ctx, &again);
    read_back(ctx, &third);
    const um_bytes last = written(ctx, &third);
    FUZZ_HOLDS(second.size == last.size && memcmp(second.data, last.data, last.size) == 0);
    um_free(ctx, second.data);
    um_free(ctx, last.data);
    um_scheduler_json_free(&again);
    um_scheduler_json_free(&third);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    um_ctx ctx;
    fuzz_memory memory;
    um_scheduler_json s;
    fuzz_begin(&ctx, &memory, (4 << 20) + 64 * size, SIZE_MAX);
    if (fuzz_took(&ctx, um_scheduler_json_read(&ctx, &s, fuzz_file("x", data, size))))
        write_back(&ctx, &s);
    um_scheduler_json_free(&s);
    fuzz_end(&memory);
    return 0;
}
