/* SPDX-License-Identifier: MIT
 * files.h - a folder of a test's own, with files written from texts. */
#ifndef UM_TEST_FILES_H
#define UM_TEST_FILES_H

#include "config/config.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct files {
    um_ctx ctx;
    um_config cfg;
    char home[64], start[4096]; /* the folder, which is the current one; the one before */
} files;

static inline int files_setup(void **state)
{
    files *f = calloc(1, sizeof *f);
    um_ctx_init(&f->ctx);
    strcpy(f->home, "/tmp/unmist-config-XXXXXX");
    if (!getcwd(f->start, sizeof f->start) || !mkdtemp(f->home) || chdir(f->home) != 0) return -1;
    if (um_config_init(&f->ctx, &f->cfg) != UM_OK) return -1;
    *state = f;
    return 0;
}

static inline int files_teardown(void **state)
{
    files *f = *state;
    char command[100];
    um_config_free(&f->cfg);
    snprintf(command, sizeof command, "rm -rf '%s'", f->home);
    const int status = chdir(f->start) != 0 || system(command) != 0;
    free(f);
    return status;
}

static inline void put_bytes(const char *path, const void *data, size_t n)
{
    remove(path); /* some systems flush a file that is cut to nothing and written again */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static inline void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

/* The call fails with this status and exactly this message. */
#define CHECK_FAILS(ctx, call, expected, text)                        \
    do {                                                              \
        const um_status got_ = (call);                                \
        if (got_ != (expected))                                       \
            fail_msg("%s: %s: %s", #call, um_status_text(got_), (ctx)->message); \
        assert_string_equal((ctx)->message, text);                    \
    } while (0)

#endif
