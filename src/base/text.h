/* SPDX-License-Identifier: MIT
 * text.h - a text that grows as it is written. */
#ifndef UM_TEXT_H
#define UM_TEXT_H

#include "base/base.h"

/* Zeroed is ready but for ctx. Sticky: after a failure additions do nothing; the caller checks
 * `status` once, at the end. `data` is NULL until something was added, then always terminated. */
typedef struct um_text {
    um_ctx *ctx;
    char *data;
    size_t n, room; /* bytes written without the terminator; bytes there */
    um_status status;
} um_text;

/* Add a formatted text of any length. */
void um_text_add(um_text *text, const char *format, ...) UM_PRINTF(2, 3);

/* Add one byte. */
void um_text_add_byte(um_text *text, char byte);

/* Add bytes from anywhere (a file's name, a command line) as UTF-8: each byte that is none becomes
 * a question mark. */
void um_text_add_utf8(um_text *text, const char *bytes);

/* Is it UTF-8? */
bool um_text_is_utf8(const char *bytes);

/* Give the memory back; the text is empty and may be used again. */
void um_text_free(um_text *text);

#endif
