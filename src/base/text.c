/* SPDX-License-Identifier: MIT
 * text.c - doubling memory under a formatted text. */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Make room for `more` bytes and the terminator. */
static bool reserve(um_text *text, size_t more)
{
    if (text->status != UM_OK) return false;
    if (more < text->room && text->n < text->room - more) return true;
    const size_t room = UM_MAX(2 * text->room, text->n + more + 256);
    char *data;
    text->status = um_alloc(text->ctx, &data, room, 1, "a text");
    if (text->status != UM_OK) return false;
    if (text->data) memcpy(data, text->data, text->n);
    um_free(text->ctx, text->data);
    text->data = data;
    text->room = room;
    return true;
}

void um_text_add(um_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    if (n >= 0 && reserve(text, (size_t)n)) {
        vsnprintf(text->data + text->n, text->room - text->n, format, again);
        text->n += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void um_text_add_byte(um_text *text, char byte)
{
    if (!reserve(text, 1)) return;
    text->data[text->n++] = byte;
    text->data[text->n] = '\0';
}

void um_text_free(um_text *text)
{
    um_free(text->ctx, text->data);
    *text = (um_text){ .ctx = text->ctx };
}
