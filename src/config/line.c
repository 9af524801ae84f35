/* SPDX-License-Identifier: MIT
 * line.c - comments, quotes and escapes of INI lines.
 *
 * A comment begins with ; or # at the start of a line or after white space, not within quotes. */
#include "config/line.h"

#include <ctype.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Where the value of `key = "...` begins with a quote; n where it does not. */
static size_t quote_start(const char *line, size_t n)
{
    size_t i = 0;
    while (i < n && line[i] != '=' && line[i] != ':') i++;
    for (i++; i < n && is_blank(line[i]); i++) {}
    return i < n && line[i] == '"' ? i : n;
}

const char *um_line_clean(const char *line, size_t n, char *out)
{
    while (n > 0 && is_blank(line[0])) line++, n--;
    const size_t quote = quote_start(line, n);
    bool quoted = false;
    size_t made = 0;
    for (size_t i = 0; i < n; i++) {
        const char c = line[i];
        const bool comment = (c == ';' || c == '#') && !quoted && (i == 0 || is_blank(line[i - 1]));
        if (comment) break;
        if (c == '\0' || (iscntrl((unsigned char)c) && c != '\t'))
            return "a control character (is this a text file?)";
        if (c == '"' && i >= quote) {
            size_t slashes = 0;
            while (line[i - 1 - slashes] == '\\') slashes++;
            if (i == quote || (quoted && slashes % 2 == 0)) quoted = !quoted;
        }
        if (quoted && c == ';') {
            memcpy(out + made, "\\x3b", 4);
            made += 4;
        } else {
            out[made++] = c;
        }
    }
    while (made > 0 && is_blank(out[made - 1])) made--;
    out[made] = '\0';
    return NULL;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

bool um_line_unquote(char *value)
{
    if (value[0] != '"') return true;
    char *to = value;
    const char *from = value + 1;
    for (; *from && *from != '"'; from++) {
        char c = *from;
        if (c == '\\') {
            c = *++from;
            if (c == 'x') {
                const int high = hex_digit(from[1]);
                const int low = high < 0 ? -1 : hex_digit(from[2]);
                if (low < 0 || high + low == 0) return false;
                c = (char)(16 * high + low);
                from += 2;
            } else if (c != '"' && c != '\\') {
                return false;
            }
        }
        *to++ = c;
    }
    if (from[0] != '"' || from[1] != '\0') return false;
    *to = '\0';
    return true;
}

void um_line_add_value(um_text *out, const char *value)
{
    const size_t n = strlen(value);
    bool plain = n == 0 || (!is_blank(value[0]) && !is_blank(value[n - 1]) && value[0] != '"');
    for (size_t i = 0; i < n && plain; i++)
        plain = !iscntrl((unsigned char)value[i]) && !strchr(";#", value[i]);
    if (plain) {
        um_text_add(out, "%s", value);
        return;
    }
    um_text_add_byte(out, '"');
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)value[i];
        if (iscntrl(c))
            um_text_add(out, "\\x%02x", c);
        else
            um_text_add(out, strchr("\"\\", c) ? "\\%c" : "%c", c);
    }
    um_text_add_byte(out, '"');
}
