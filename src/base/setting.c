/* SPDX-License-Identifier: MIT
 * setting.c - one reader, one printer and one description for each type of setting. */
#include "base/setting.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Why a value is refused. */
typedef enum verdict { FINE, MALFORMED, OUT_OF_RANGE } verdict;

static verdict within(const um_setting *s, double v)
{
    return v >= s->min && v <= s->max ? FINE : OUT_OF_RANGE;
}

/* ------------------------------------------------------------------ numbers */

/* Digits with an optional sign, all of n bytes. */
static verdict read_whole(const um_setting *s, const char *text, size_t n, int *out)
{
    char digits[24];
    const size_t sign = n > 0 && (text[0] == '-' || text[0] == '+');
    if (n == sign) return MALFORMED;
    for (size_t i = sign; i < n; i++)
        if (!isdigit((unsigned char)text[i])) return MALFORMED;
    if (n >= sizeof digits) return OUT_OF_RANGE;
    memcpy(digits, text, n);
    digits[n] = '\0';
    errno = 0;
    const long long v = strtoll(digits, NULL, 10);
    if (errno != 0 || v < INT_MIN || v > INT_MAX) return OUT_OF_RANGE;
    const verdict seen = within(s, (double)v);
    if (seen == FINE) *out = (int)v;
    return seen;
}

/* A decimal number as C writes it, perhaps with a unit at *end; no 0x, no inf, no nan. */
static verdict read_decimal(const char *text, double *out, const char **end)
{
    if (strspn(text, "+-.0123456789") == 0) return MALFORMED;
    if (strspn(text, "+-.0123456789eE") < strcspn(text, "smhdKMGT")) return MALFORMED;
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *stop;
    errno = 0;
    const double v = strtod_l(text, &stop, c);
    freelocale(c);
    *end = stop;
    if (stop == text) return MALFORMED;
    if (!isfinite(v)) return OUT_OF_RANGE;
    *out = v + 0.0; /* -0 becomes 0 */
    return FINE;
}

/* The fewest digits that read back to the same double, without an exponent up to 1e15. */
static void print_decimal(double v, char *out, size_t size)
{
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const locale_t before = uselocale(c);
    int digits = fabs(v) >= 1 && fabs(v) < 1e15 ? (int)log10(fabs(v)) + 1 : 1;
    do
        snprintf(out, size, "%.*g", digits, v);
    while (strtod(out, NULL) != v && ++digits <= 17);
    uselocale(before);
    freelocale(c);
}

static verdict read_INT(const um_setting *s, const char *text, void *out)
{
    return read_whole(s, text, strlen(text), out);
}

static verdict read_REAL(const um_setting *s, const char *text, void *out)
{
    double v;
    const char *end;
    verdict seen = read_decimal(text, &v, &end);
    if (seen == FINE && *end) seen = MALFORMED;
    if (seen == FINE) seen = within(s, v);
    if (seen == FINE) memcpy(out, &v, sizeof v);
    return seen;
}

static verdict read_SEED(const um_setting *s, const char *text, void *out)
{
    (void)s;
    if (!*text || strspn(text, "0123456789") != strlen(text)) return MALFORMED;
    errno = 0;
    const unsigned long long v = strtoull(text, NULL, 10);
    if (errno != 0) return OUT_OF_RANGE;
    *(uint64_t *)out = v;
    return FINE;
}

static void print_INT(const void *field, char *out, size_t size)
{
    snprintf(out, size, "%d", *(const int *)field);
}

static void print_REAL(const void *field, char *out, size_t size)
{
    print_decimal(*(const double *)field, out, size);
}

static void print_SEED(const void *field, char *out, size_t size)
{
    snprintf(out, size, "%llu", (unsigned long long)*(const uint64_t *)field);
}

/* ------------------------------------------------------- words, texts, paths */

static verdict read_BOOL(const um_setting *s, const char *text, void *out)
{
    static const char *const words[2][4] = { { "false", "no", "off", "0" },
                                             { "true", "yes", "on", "1" } };
    (void)s;
    for (int v = 0; v < 2; v++)
        for (size_t i = 0; i < UM_COUNT(words[v]); i++)
            if (strcasecmp(text, words[v][i]) == 0) {
                *(bool *)out = v;
                return FINE;
            }
    return MALFORMED;
}

static verdict read_CHOICE(const um_setting *s, const char *text, void *out)
{
    const size_t n = strlen(text);
    const char *first = s->choices; /* of the group that = joins: the name that counts */
    for (const char *word = s->choices;;) {
        const size_t length = strcspn(word, "|=");
        if (length == n && n > 0 && memcmp(word, text, n) == 0) {
            snprintf(out, UM_WORD_MAX, "%.*s", (int)strcspn(first, "|="), first);
            return FINE;
        }
        if (!word[length]) return MALFORMED;
        if (word[length] == '|') first = word + length + 1;
        word += length + 1;
    }
}

static verdict read_TEXT(const um_setting *s, const char *text, void *out)
{
    (void)s;
    if (strlen(text) > UM_TEXT_BYTES) return OUT_OF_RANGE;
    for (const char *p = text; *p; p++)
        if (iscntrl((unsigned char)*p)) return MALFORMED;
    memcpy(out, &text, sizeof text);
    return FINE;
}

static verdict read_PATH(const um_setting *s, const char *text, void *out)
{
    (void)s;
    if (strlen(text) > UM_PATH_BYTES) return OUT_OF_RANGE;
    memcpy(out, &text, sizeof text);
    return FINE;
}

static void print_BOOL(const void *field, char *out, size_t size)
{
    snprintf(out, size, "%s", *(const bool *)field ? "true" : "false");
}

static void print_CHOICE(const void *field, char *out, size_t size)
{
    snprintf(out, size, "%s", (const char *)field);
}

static void print_TEXT(const void *field, char *out, size_t size)
{
    const char *text = *(const char *const *)field;
    snprintf(out, size, "%s", text ? text : "");
}

/* ------------------------------------------ lists, sizes, durations, memory */

static verdict read_INTS(const um_setting *s, const char *text, void *out)
{
    um_ints list = { 0 };
    const bool empty = !*text || strcmp(text, "none") == 0;
    for (const char *p = text; !empty; p++) {
        p += strspn(p, " \t");
        size_t n = strcspn(p, ",");
        const char *comma = p + n;
        while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t')) n--;
        if (list.n == UM_INTS_MAX) return OUT_OF_RANGE;
        const verdict seen = read_whole(s, p, n, &list.v[list.n]);
        if (seen != FINE) return seen;
        list.n++;
        p = comma;
        if (!*p) break;
    }
    *(um_ints *)out = list;
    return FINE;
}

static verdict read_SIZE(const um_setting *s, const char *text, void *out)
{
    um_size size = { 0 };
    if (strcmp(text, "0") != 0) {
        const size_t n = strcspn(text, "x");
        const verdict h = read_whole(s, text, n, &size.h);
        if (h != FINE) return h;
        const char *wide = text[n] ? text + n + 1 : text;
        const verdict w = read_whole(s, wide, text[n] ? strlen(wide) : n, &size.w);
        if (w != FINE) return w;
    }
    *(um_size *)out = size;
    return FINE;
}

/* From the largest down, as a value is printed in the largest that it is a whole number of. */
typedef struct unit {
    const char *name;
    double is;
} unit;

static const unit times[] = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 } };
static const unit sizes[] = {
    { "TiB", 0x1p40 }, { "GiB", 0x1p30 }, { "MiB", 0x1p20 }, { "KiB", 0x1p10 }
};

/* A number with one of n units behind it, or bare. */
static verdict read_measure(const char *text, const unit *units, size_t n, double *out)
{
    double v;
    const char *end;
    const verdict seen = read_decimal(text, &v, &end);
    if (seen != FINE) return seen;
    *out = v;
    if (!*end) return FINE;
    for (size_t i = 0; i < n; i++)
        if (strcmp(end, units[i].name) == 0) {
            *out = v * units[i].is;
            return FINE;
        }
    return MALFORMED;
}

static verdict read_DURATION(const um_setting *s, const char *text, void *out)
{
    double v;
    verdict seen = read_measure(text, times, UM_COUNT(times), &v);
    if (seen == FINE) seen = within(s, v);
    if (seen == FINE) memcpy(out, &v, sizeof v);
    return seen;
}

static verdict read_BYTES(const um_setting *s, const char *text, void *out)
{
    double v;
    verdict seen = read_measure(text, sizes, UM_COUNT(sizes), &v);
    if (seen == FINE) seen = within(s, v);
    if (seen == FINE) *(uint64_t *)out = (uint64_t)v;
    return seen;
}

static void print_INTS(const void *field, char *out, size_t size)
{
    const um_ints *list = field;
    size_t at = 0;
    snprintf(out, size, "none");
    for (int i = 0; i < list->n && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, i ? ",%d" : "%d", list->v[i]);
}

static void print_SIZE(const void *field, char *out, size_t size)
{
    const um_size *v = field;
    if (v->h == v->w)
        snprintf(out, size, "%d", v->h);
    else
        snprintf(out, size, "%dx%d", v->h, v->w);
}

/* In the largest unit that it is a whole number of; `least` where there is none. */
static void print_measure(double v, const unit *units, size_t n, const char *least, char *out,
                          size_t size)
{
    char number[40];
    for (size_t i = 0; i < n && v > 0; i++)
        if (fmod(v, units[i].is) == 0) {
            print_decimal(v / units[i].is, number, sizeof number);
            snprintf(out, size, "%s%s", number, units[i].name);
            return;
        }
    print_decimal(v, number, sizeof number);
    snprintf(out, size, "%s%s", number, v > 0 ? least : "");
}

static void print_DURATION(const void *field, char *out, size_t size)
{
    print_measure(*(const double *)field, times, UM_COUNT(times), "s", out, size);
}

static void print_BYTES(const void *field, char *out, size_t size)
{
    print_measure((double)*(const uint64_t *)field, sizes, UM_COUNT(sizes), "", out, size);
}

/* ------------------------------------------------------------------ one table */

#define print_PATH print_TEXT

static const struct {
    size_t bytes;
    verdict (*read)(const um_setting *s, const char *text, void *out);
    void (*print)(const void *field, char *out, size_t size);
} types[] = {
#define X(name, field) { sizeof(um_field_##name), read_##name, print_##name },
    UM_SETTING_MAP(X)
#undef X
};

um_status um_setting_read(um_ctx *ctx, const um_setting *s, const char *value, um_arena *texts,
                          void *field)
{
    union {
        const char *text;
        uint64_t whole;
        um_ints list;
        um_word choice;
    } v = { 0 };
    const verdict seen = types[s->type].read(s, value, &v);
    if (seen != FINE) {
        char right[600];
        um_setting_expects(s, right, sizeof right);
        return um_fail(ctx, UM_BAD_ARG, "%s.%s = %.80s%s (%s)", s->section, s->key, value,
                       !*value ? "is empty"
                       : seen == MALFORMED ? " is not understood"
                                           : " is out of range",
                       right);
    }
    if (s->type == UM_SETTING_TEXT || s->type == UM_SETTING_PATH) {
        char *copy = um_arena_take(texts, strlen(v.text) + 1);
        if (!copy) return texts->status;
        v.text = strcpy(copy, v.text);
    }
    memcpy(field, &v, types[s->type].bytes);
    return UM_OK;
}

void um_setting_print(const um_setting *s, const void *field, char *out, size_t size)
{
    types[s->type].print(field, out, size);
}

static void expects_choice(const um_setting *s, char *out, size_t size)
{
    size_t at = (size_t)snprintf(out, size, "one of");
    const char *word = s->choices;
    for (bool more = true; more && at < size;) {
        at += (size_t)snprintf(out + at, size - at, "%s %.*s", word == s->choices ? "" : ",",
                               (int)strcspn(word, "|="), word);
        const char *bar = strchr(word, '|');
        more = bar != NULL;
        if (more) word = bar + 1;
    }
}

void um_setting_expects(const um_setting *s, char *out, size_t size)
{
    char min[40], max[40];
    print_decimal(s->min, min, sizeof min);
    print_decimal(s->max, max, sizeof max);
    if (s->type == UM_SETTING_INT || s->type == UM_SETTING_INTS || s->type == UM_SETTING_SIZE) {
        snprintf(min, sizeof min, "%.0f", s->min);
        snprintf(max, sizeof max, "%.0f", s->max);
    }
    switch (s->type) {
    case UM_SETTING_INT: snprintf(out, size, "a whole number from %s to %s", min, max); break;
    case UM_SETTING_REAL: snprintf(out, size, "a number from %s to %s", min, max); break;
    case UM_SETTING_BOOL: snprintf(out, size, "true or false"); break;
    case UM_SETTING_TEXT: snprintf(out, size, "at most %d printable bytes", UM_TEXT_BYTES); break;
    case UM_SETTING_PATH: snprintf(out, size, "a path of at most %d bytes", UM_PATH_BYTES); break;
    case UM_SETTING_CHOICE: expects_choice(s, out, size); break;
    case UM_SETTING_SEED:
        snprintf(out, size, "a whole number from 0 to 18446744073709551615");
        break;
    case UM_SETTING_INTS:
        snprintf(out, size, "none, or up to %d whole numbers from %s to %s, as 1,2,3", UM_INTS_MAX,
                 min, max);
        break;
    case UM_SETTING_SIZE:
        snprintf(out, size, "32 or 24x40, rows x columns, from %s to %s, or 0", min, max);
        break;
    case UM_SETTING_DURATION:
        snprintf(out, size, "a time as 90s, 30m, 2h or 1d, up to %.0fd, or 0", s->max / 86400);
        break;
    case UM_SETTING_BYTES:
        snprintf(out, size, "memory as 512MiB or 2GiB, up to %.0fGiB, or 0", s->max / 0x1p30);
        break;
    case UM_SETTING_TYPES: break;
    }
}
