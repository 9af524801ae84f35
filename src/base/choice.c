/* SPDX-License-Identifier: MIT
 * choice.c - words to values and back. */
#include "base/choice.h"

#include <stdio.h>
#include <string.h>

/* "one, two or three" in out, as far as it fits. */
static void list_words(const um_choice *table, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (const um_choice *c = table; c->name && used < size; c++) {
        const char *glue = c == table ? "" : c[1].name ? ", " : " or ";
        const int n = snprintf(out + used, size - used, "%s%s", glue, c->name);
        if (n < 0) return;
        used += (size_t)n;
    }
}

um_status um_choice_parse(um_ctx *ctx, const um_choice *table, const char *key, const char *text,
                          void *value)
{
    for (const um_choice *c = table; c->name; c++)
        if (strcmp(c->name, text) == 0) {
            memcpy(value, &c->value, sizeof c->value);
            return UM_OK;
        }
    char words[512];
    list_words(table, words, sizeof words);
    return um_fail(ctx, UM_BAD_ARG, "%s = %.100s is not known (%s)", key, text, words);
}

const char *um_choice_name(const um_choice *table, int value)
{
    for (const um_choice *c = table; c->name; c++)
        if (c->value == value) return c->name;
    return "?";
}
