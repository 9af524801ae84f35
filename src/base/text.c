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

/* The bytes of the character at p, 0 where there is none: no overlong form, no surrogate, nothing
 * above U+10FFFF (RFC 3629). */
static int character(const unsigned char *p)
{
    static const struct {
        unsigned char first, last, low, high; /* of the first byte; of the second */
        int bytes;
    } forms[] = {
        { 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t i = 0; i < UM_COUNT(forms); i++) {
        if (p[0] < forms[i].first || p[0] > forms[i].last) continue;
        if (forms[i].bytes > 1 && (p[1] < forms[i].low || p[1] > forms[i].high)) return 0;
        for (int k = 2; k < forms[i].bytes; k++)
            if (p[k] < 0x80 || p[k] > 0xbf) return 0;
        return forms[i].bytes;
    }
    return 0;
}

void um_text_add_utf8(um_text *text, const char *bytes)
{
    if (!reserve(text, strlen(bytes))) return;
    while (*bytes) {
        const int n = character((const unsigned char *)bytes);
        if (n) memcpy(text->data + text->n, bytes, (size_t)n);
        else text->data[text->n] = '?';
        text->n += (size_t)UM_MAX(n, 1);
        bytes += UM_MAX(n, 1);
    }
    text->data[text->n] = '\0';
}

bool um_text_is_utf8(const char *bytes)
{
    for (int n; *bytes; bytes += n)
        if ((n = character((const unsigned char *)bytes)) == 0) return false;
    return true;
}

char *um_printable(char *text)
{
    for (char *p = text; *p;) {
        const unsigned char first = (unsigned char)p[0], second = (unsigned char)p[1];
        const int n = character((const unsigned char *)p);
        const bool c1 = first == 0xc2 && second < 0xa0; /* U+0080 to U+009F: xterm obeys them */
        if (n == 0 || first < ' ' || first == 127) *p = '?';
        else if (n == 2 && c1) p[0] = p[1] = '?';
        p += UM_MAX(n, 1);
    }
    return text;
}

void um_text_free(um_text *text)
{
    um_free(text->ctx, text->data);
    *text = (um_text){ .ctx = text->ctx };
}
