/* SPDX-License-Identifier: MIT
 * choice.h - the words that a setting may have, as one table beside the enumeration they mean. */
#ifndef UM_CHOICE_H
#define UM_CHOICE_H

#include "base/base.h"

/* A table ends with a NULL name. Where words share a value the first is its name, the others are
 * synonyms. */
typedef struct um_choice {
    const char *name;
    int value;
} um_choice;

/* The value of `text` in *value. UM_BAD_ARG, with the words that are right, when the table has no
 * such word; `key` names the setting in the message. *value (any enumeration) is then untouched. */
um_status um_choice_parse(um_ctx *ctx, const um_choice *table, const char *key, const char *text,
                          void *value);

/* The name of a value; "?" for one that the table does not have. */
const char *um_choice_name(const um_choice *table, int value);

#endif
