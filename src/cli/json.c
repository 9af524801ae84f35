/* SPDX-License-Identifier: MIT
 * json.c - JSON on stdout. */
#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *cli_json_text(const char *text)
{
    json_t *whole = json_string(text);
    if (whole) return whole;
    char *plain = strdup(text);
    if (!plain) return NULL;
    for (char *p = plain; *p; p++)
        if ((unsigned char)*p > 127) *p = '?';
    whole = json_string(plain);
    free(plain);
    return whole;
}

/* Nothing of what could not be added whole is left. */
static void keep_whole(json_t **json, int failed)
{
    if (!failed) return;
    json_decref(*json);
    *json = NULL;
}

void cli_json_append(json_t **array, json_t *value)
{
    keep_whole(array, json_array_append_new(*array, value));
}

void cli_json_set(json_t **object, const char *key, json_t *value)
{
    keep_whole(object, json_object_set_new(*object, key, value));
}

um_status cli_print_json(json_t *root)
{
    const size_t how = JSON_INDENT(2) | JSON_REAL_PRECISION(9) | JSON_ENSURE_ASCII;
    const bool printed = root && json_dumpf(root, stdout, how) == 0;
    if (printed) printf("\n");
    json_decref(root);
    return printed || ferror(stdout) ? UM_OK : UM_NO_MEMORY; /* main tells of a closed stdout */
}
