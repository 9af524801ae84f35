/* SPDX-License-Identifier: MIT
 * scratch.h - a folder of a test's own, and files in it. */
#ifndef UM_SCRATCH_H
#define UM_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "io/folder.h"
#include "io/path.h"
#include "support/check.h"

enum { SCRATCH_PATH = 512 };

typedef struct scratch {
    um_ctx ctx;
    char folder[SCRATCH_PATH / 2];
    char text[8][SCRATCH_PATH]; /* paths given out, the oldest is used again */
    int next;
} scratch;

/* cmocka's setup and teardown: *state is the scratch. */
static inline int scratch_setup(void **state)
{
    scratch *s = calloc(1, sizeof *s);
    const char *base = getenv("TMPDIR");
    um_ctx_init(&s->ctx);
    snprintf(s->folder, sizeof s->folder, "%s/unmist-test-XXXXXX", base ? base : "/tmp");
    *state = s;
    return mkdtemp(s->folder) ? 0 : -1;
}

static inline int scratch_teardown(void **state)
{
    scratch *s = *state;
    const um_status status = um_folder_remove(&s->ctx, s->folder);
    free(s);
    return status == UM_OK ? 0 : -1;
}

/* The path of a name in the folder; good until eight more were asked for. */
static inline const char *scratch_path(scratch *s, const char *name)
{
    char *text = s->text[s->next++ % 8];
    snprintf(text, SCRATCH_PATH, "%s/%s", s->folder, name);
    return text;
}

/* Write bytes under a name, with the folders above it; gives the path. */
static inline const char *scratch_write(scratch *s, const char *name, const void *data, size_t size)
{
    const char *path = scratch_path(s, name);
    char *parent = NULL;
    CHECK_OK(&s->ctx, um_path_parent(&s->ctx, &parent, path));
    CHECK_OK(&s->ctx, um_folder_make(&s->ctx, parent));
    um_free(&s->ctx, parent);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* How many entries a folder has. */
static inline int scratch_entries(scratch *s, const char *folder)
{
    um_names names;
    CHECK_OK(&s->ctx, um_folder_list(&s->ctx, folder, &names));
    const int count = names.count;
    um_names_free(&s->ctx, &names);
    return count;
}

/* The last message holds this piece. */
#define CHECK_TOLD(ctx, piece)                                                            \
    do {                                                                                  \
        if (!strstr((ctx)->message, (piece)))                                             \
            fail_msg("the message \"%s\" does not hold \"%s\"", (ctx)->message, (piece)); \
    } while (0)

#endif
