/* SPDX-License-Identifier: MIT
 * line.h - one line of an INI file: made plain before it is parsed, quoted when it is written. */
#ifndef UM_CONFIG_LINE_H
#define UM_CONFIG_LINE_H

#include "base/text.h"

enum { UM_LINE_BYTES = 20000 }; /* a path of UM_PATH_BYTES, each byte of it escaped, and its key */

/* A copy of the n bytes without comment and surrounding white space, in `out` (room for 4 n + 1),
 * so that nothing in it is special to the parser: ; within "quotes" becomes \x3b. NULL, else what
 * is wrong with the line (what would be right). */
const char *um_line_clean(const char *line, size_t n, char *out);

/* Undo the quotes of a value in place: \" \\ \xHH. A value without quotes stays. False: quotes that
 * do not end, or an escape that is none of these. */
bool um_line_unquote(char *value);

/* Write a value so that it reads back to itself: in quotes where it must be. */
void um_line_add_value(um_text *out, const char *value);

#endif
