/* SPDX-License-Identifier: MIT
 * scheduler_json.c - a scheduler_config.json as a list of keys and texts. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "io/json.h"
#include "io/model_folder.h"

enum { FILE_MOST = 1 << 20, TEXT_BYTES = 2 * FILE_MOST };

static const char no_memory[] = "no memory for a scheduler's settings";

/* The length of Python's word for a number that JSON has none for, if it stands here. */
static size_t odd_number(const char *text)
{
    static const char *const words[] = { "-Infinity", "Infinity", "NaN" };
    for (size_t i = 0; i < UM_COUNT(words); i++)
        if (strncmp(text, words[i], strlen(words[i])) == 0) return strlen(words[i]);
    return 0;
}

/* diffusers writes "lambda_min_clipped": -Infinity, which is no JSON. Where such a word is the
 * value of a key it is put in quotes and read as a text; anywhere else it stays the error that it
 * is. The text ends with a zero byte; out has room for twice its size. Gives what out then has. */
static size_t quote_odd_numbers(const char *text, size_t size, char *out)
{
    bool quoted = false;
    char before = 0; /* the last character that is no space */
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        const size_t length = !quoted && before == ':' ? odd_number(text + i) : 0;
        if (length) {
            out[n++] = '"';
            memcpy(out + n, text + i, length);
            n += length;
            i += length - 1;
        } else if (quoted && text[i] == '\\' && i + 1 < size) {
            out[n++] = text[i++];
        } else if (text[i] == '"') {
            quoted = !quoted;
        }
        out[n++] = length ? '"' : text[i];
        if (!strchr(" \t\r\n", text[i])) before = text[i];
    }
    return n;
}

static um_status load(um_json *j, um_ctx *ctx, const char *path)
{
    um_bytes bytes;
    char *text;
    UM_TRY(um_file_read(ctx, path, FILE_MOST, &bytes));
    um_status status = um_alloc(ctx, &text, 2 * bytes.size + 1, 1, "a scheduler's settings");
    if (status == UM_OK) {
        const size_t size = quote_odd_numbers((const char *)bytes.data, bytes.size, text);
        status = um_json_parse(j, ctx, path, text, size);
    }
    um_free(ctx, text);
    um_free(ctx, bytes.data);
    return status;
}

/* A number with as few digits as give it back. */
static void print_real(char *out, size_t size, double x)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, size, "%.*g", digits, x);
        if (strtod(out, NULL) == x) return;
    }
}

/* The text of a value that is no array: false for an object. */
static bool print_value(char *out, size_t size, const json_t *value)
{
    if (json_is_boolean(value))
        snprintf(out, size, "%s", json_is_true(value) ? "true" : "false");
    else if (json_is_integer(value))
        snprintf(out, size, "%" PRId64, (int64_t)json_integer_value(value));
    else if (json_is_real(value))
        print_real(out, size, json_real_value(value));
    else if (json_is_string(value))
        snprintf(out, size, "%s", json_string_value(value));
    else
        return false;
    return true;
}

/* The same of an array, its entries with commas between them. */
static bool print_any(char *out, size_t size, const json_t *value)
{
    if (!json_is_array(value)) return print_value(out, size, value);
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (used + 64 > size) return false;
        if (i) out[used++] = ',';
        if (!print_value(out + used, size - used, json_array_get(value, i))) return false;
        used += strlen(out + used);
    }
    return true;
}

static void add(um_scheduler_json *s, const char *name, const char *text)
{
    um_scheduler_key *k = &s->keys[s->count++];
    k->name = um_arena_text(&s->texts, "%s", name);
    k->text = um_arena_text(&s->texts, "%s", text);
}

/* Keys that begin with an underscore are diffusers' own notes. */
static void read_keys(um_json *j, um_scheduler_json *s, char *room)
{
    const char *key;
    json_t *value;
    json_object_foreach(j->root, key, value)
    {
        if (key[0] == '_' || json_is_null(value)) continue;
        if (s->count == UM_SCHEDULER_KEYS_MAX) {
            um_json_fail(j, key, "is one too many (at most %d)", UM_SCHEDULER_KEYS_MAX);
            return;
        }
        if (!print_any(room, TEXT_BYTES, value)) {
            um_json_fail(j, key,
                         "should be a text, a number, true, false, or a short list of these");
            return;
        }
        add(s, key, room);
    }
}

um_status um_scheduler_json_read(um_ctx *ctx, um_scheduler_json *s, const char *path)
{
    um_json j;
    char *room;
    *s = (um_scheduler_json){ 0 };
    UM_TRY(load(&j, ctx, path));
    um_status status = um_alloc(ctx, &room, TEXT_BYTES, 1, "a scheduler's settings");
    if (status == UM_OK) {
        const char *class_name = um_json_text_or(&j, "_class_name", "");
        s->texts.ctx = ctx;
        s->root = json_incref(j.root);
        s->class_name = um_arena_text(&s->texts, "%s", class_name ? class_name : "");
        s->path = um_arena_text(&s->texts, "%s", path);
        read_keys(&j, s, room);
        status = j.status != UM_OK ? j.status : s->texts.status;
    }
    um_free(ctx, room);
    um_json_close(&j);
    if (status != UM_OK) um_scheduler_json_free(s);
    return status;
}

const char *um_scheduler_json_get(const um_scheduler_json *s, const char *name)
{
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->keys[i].name, name) == 0) return s->keys[i].text;
    return NULL;
}

bool um_scheduler_json_is_null(const um_scheduler_json *s, const char *name)
{
    return json_is_null(json_object_get(s->root, name));
}

um_status um_scheduler_json_reals(um_ctx *ctx, const um_scheduler_json *s, const char *name,
                                  um_arena *to, const double **out, int *count)
{
    const json_t *list = json_object_get(s->root, name);
    const size_t n = json_array_size(list);
    *out = NULL;
    *count = 0;
    if (!list || json_is_null(list)) return UM_OK;
    double *values = um_arena_take(to, UM_MAX(n, 1) * sizeof *values);
    if (!values) return to->status;
    bool good = n > 0;
    for (size_t i = 0; i < n; i++) {
        good &= json_is_number(json_array_get(list, i));
        values[i] = json_number_value(json_array_get(list, i));
    }
    if (!good)
        return um_fail(ctx, UM_BAD_FILE, "%s: key '%s' should be a list of numbers", s->path, name);
    *out = values;
    *count = (int)n;
    return UM_OK;
}

um_status um_scheduler_json_begin(um_ctx *ctx, um_scheduler_json *s, const char *class_name)
{
    *s = (um_scheduler_json){ .texts.ctx = ctx };
    s->class_name = um_arena_text(&s->texts, "%s", class_name);
    s->path = "scheduler_config.json";
    s->root = json_pack("{s:s, s:s}", "_class_name", class_name, "_diffusers_version", "0.42.1");
    const um_status status = s->root ? s->texts.status : um_fail(ctx, UM_NO_MEMORY, no_memory);
    if (status != UM_OK) um_scheduler_json_free(s);
    return status;
}

/* A text as the JSON value that it means: true, false, a number, else a text. */
static json_t *value_of(const char *text, size_t length)
{
    char word[64], *end;
    if (length == 0 || length >= sizeof word) return json_stringn(text, length);
    memcpy(word, text, length);
    word[length] = 0;
    if (strcmp(word, "true") == 0) return json_true();
    if (strcmp(word, "false") == 0) return json_false();
    const long long whole = strtoll(word, &end, 10);
    if (!*end) return json_integer(whole);
    const double real = strtod(word, &end);
    if (!*end && isfinite(real)) return json_real(real);
    return json_stringn(text, length);
}

/* A text with commas is a list. */
static json_t *any_of(const char *text)
{
    if (!strchr(text, ',')) return value_of(text, strlen(text));
    json_t *list = json_array();
    for (;;) {
        const size_t length = strcspn(text, ",");
        if (json_array_append_new(list, value_of(text, length)) != 0) break;
        if (!text[length]) return list;
        text += length + 1;
    }
    json_decref(list);
    return NULL;
}

um_status um_scheduler_json_set(um_ctx *ctx, um_scheduler_json *s, const char *name,
                                const char *text)
{
    int i = 0;
    while (i < s->count && strcmp(s->keys[i].name, name) != 0) i++;
    if (i == UM_SCHEDULER_KEYS_MAX)
        return um_fail(ctx, UM_BAD_ARG, "more than %d settings of a scheduler",
                       UM_SCHEDULER_KEYS_MAX);
    if (json_object_set_new(s->root, name, any_of(text)) != 0)
        return um_fail(ctx, UM_NO_MEMORY, no_memory);
    if (i == s->count)
        add(s, name, text);
    else
        s->keys[i].text = um_arena_text(&s->texts, "%s", text);
    return s->texts.status;
}

void um_scheduler_json_free(um_scheduler_json *s)
{
    json_decref(s->root);
    if (s->texts.ctx) um_arena_free(&s->texts);
    *s = (um_scheduler_json){ 0 };
}

/* Python's words, which wait in quotes, are numbers again. */
static void print_odd_numbers(um_text *out, const char *text)
{
    while (*text) {
        const size_t length = strncmp(text, ": \"", 3) == 0 ? odd_number(text + 3) : 0;
        if (length && text[3 + length] == '"') {
            um_text_add(out, ": %.*s", (int)length, text + 3);
            text += 4 + length;
        } else {
            um_text_add_byte(out, *text++);
        }
    }
}

um_status um_scheduler_json_write(um_ctx *ctx, const um_scheduler_json *s, const char *path)
{
    um_text text = { .ctx = ctx }, out = { .ctx = ctx };
    um_status status = um_json_print(ctx, s->root, &text);
    if (status == UM_OK) {
        print_odd_numbers(&out, text.data);
        status = out.status;
    }
    if (status == UM_OK) status = um_file_write(ctx, path, out.data, out.n);
    um_text_free(&out);
    um_text_free(&text);
    return status;
}
