/* SPDX-License-Identifier: MIT
 * golden.h - the files of tests/golden. */
#ifndef UM_TEST_GOLDEN_H
#define UM_TEST_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "support/check.h"

/* The path of tests/golden/NAME; overwritten by the next call. */
static inline const char *golden_path(const char *name)
{
    static char path[4096];
    const char *root = getenv("UM_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/golden/%s", root ? root : ".", name);
    return path;
}

/* A JSON file of tests/golden; json_decref it. */
static inline json_t *golden_json(const char *name)
{
    json_error_t e;
    json_t *j = json_load_file(golden_path(name), 0, &e);
    if (!j) fail_msg("%s: %s", golden_path(name), e.text);
    return j;
}

#endif
