/* SPDX-License-Identifier: MIT
 * json.c - jansson parses; this file asks for types and ranges. */
#include "io/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"

enum { JSON_MOST = 64 << 20, VALUES_MOST = 1 << 20 };

/* No word of the text is longer: the most bytes between two quotes. */
static size_t longest_word(const char *text, size_t size)
{
    size_t most = 0, since = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"') since = i;
        most = UM_MAX(most, i - since);
    }
    return most + 64;
}

/* ["xxx...", TEXT]: the first word makes the lexer take its memory where a loss does no harm. */
static json_t *decode_second(um_ctx *ctx, const char *text, size_t size)
{
    const size_t pad = longest_word(text, size);
    json_error_t unused;
    json_t *value = NULL;
    char *both;
    if (um_alloc(ctx, &both, pad + size + 5, 1, "a JSON text") != UM_OK) return NULL;
    memset(both, 'x', pad + 4);
    both[0] = '[';
    both[1] = both[2 + pad] = '"';
    both[3 + pad] = ',';
    memcpy(both + 4 + pad, text, size);
    both[4 + pad + size] = ']';
    json_t *pair = json_loadb(both, pad + size + 5, JSON_REJECT_DUPLICATES, &unused);
    if (json_array_size(pair) == 2 && json_string_length(json_array_get(pair, 0)) == pad)
        value = json_incref(json_array_get(pair, 1));
    json_decref(pair);
    um_free(ctx, both);
    return value;
}

static json_t *decode(um_ctx *ctx, const char *text, size_t size, json_error_t *error)
{
    json_t *value = decode_second(ctx, text, size);
    if (value) return value;
    json_t *sound = json_loadb(text, size, JSON_REJECT_DUPLICATES, error); /* for its words */
    if (sound) error->text[0] = '\0';
    json_decref(sound);
    return NULL;
}

/* A value takes a hundred times its text in memory ("{}," is 3 bytes), so they are counted before
 * they are made; a comma within a text counts too. */
json_t *um_json_values(um_ctx *ctx, const char *text, size_t size, json_error_t *error)
{
    int values = 1, line = 1;
    for (size_t i = 0; i < size; i++) {
        line += text[i] == '\n';
        values += text[i] == ',' || text[i] == '{' || text[i] == '[';
        if (values <= VALUES_MOST) continue;
        *error = (json_error_t){ .line = line };
        snprintf(error->text, sizeof error->text, "more than %d values", (int)VALUES_MOST);
        return NULL;
    }
    return decode(ctx, text, size, error);
}

/* jansson has no words where its memory is short. */
static um_status refuse(um_ctx *ctx, const char *path, const json_error_t *error)
{
    if (!error->text[0]) return um_fail(ctx, UM_NO_MEMORY, "%s: no memory for its values", path);
    return um_fail(ctx, UM_BAD_FILE, "%s:%d: %s", path, error->line, error->text);
}

um_status um_json_parse(um_json *j, um_ctx *ctx, const char *path, const char *text, size_t size)
{
    json_error_t error;
    *j = (um_json){ .ctx = ctx };
    j->status = um_strdup(ctx, &j->path, path);
    if (j->status == UM_OK) {
        j->root = um_json_values(ctx, text, size, &error);
        if (!j->root)
            j->status = refuse(ctx, path, &error);
        else if (!json_is_object(j->root))
            j->status = um_fail(ctx, UM_BAD_FILE, "%s: should be one JSON object: { ... }", path);
    }
    const um_status status = j->status;
    if (status != UM_OK) um_json_close(j);
    j->status = status;
    return status;
}

um_status um_json_load(um_json *j, um_ctx *ctx, const char *path)
{
    um_bytes bytes;
    *j = (um_json){ 0 };
    j->status = um_file_read(ctx, path, JSON_MOST, &bytes);
    if (j->status != UM_OK) return j->status;
    um_json_parse(j, ctx, path, (const char *)bytes.data, bytes.size);
    um_free(ctx, bytes.data);
    return j->status;
}

void um_json_close(um_json *j)
{
    json_decref(j->root);
    if (j->ctx) um_free(j->ctx, j->path);
    *j = (um_json){ 0 };
}

void um_json_fail(um_json *j, const char *key, const char *format, ...)
{
    if (j->status != UM_OK) return;
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    j->status = um_fail(j->ctx, UM_BAD_FILE, "%s: key '%s' %s", j->path, key, what);
}

/* The value under key, null as absent; NULL after a failure too. */
static const json_t *value_of(const um_json *j, const char *key)
{
    const json_t *value = j->status == UM_OK ? json_object_get(j->root, key) : NULL;
    return json_is_null(value) ? NULL : value;
}

bool um_json_has(const um_json *j, const char *key)
{
    return value_of(j, key) != NULL;
}

/* The value, or a failure that the key is missing. */
static const json_t *needed(um_json *j, const char *key)
{
    const json_t *value = value_of(j, key);
    if (!value) um_json_fail(j, key, "is missing");
    return value;
}

static bool whole(const json_t *value, int64_t *out)
{
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    const double real = json_is_real(value) ? json_real_value(value) : 0.5;
    if (real != floor(real) || fabs(real) > 9007199254740992.0) return false;
    *out = (int64_t)real;
    return true;
}

static int64_t int_of(um_json *j, const char *key, const json_t *value, int64_t lo, int64_t hi)
{
    int64_t n;
    if (!whole(value, &n)) {
        um_json_fail(j, key, "should be a whole number");
    } else if (n < lo || n > hi) {
        um_json_fail(j, key, "is %" PRId64 " (from %" PRId64 " to %" PRId64 " is allowed)", n, lo,
                     hi);
    } else {
        return n;
    }
    return 0;
}

int64_t um_json_int(um_json *j, const char *key, int64_t lo, int64_t hi)
{
    const json_t *value = needed(j, key);
    return value ? int_of(j, key, value, lo, hi) : 0;
}

int64_t um_json_int_or(um_json *j, const char *key, int64_t fallback, int64_t lo, int64_t hi)
{
    const json_t *value = value_of(j, key);
    return value ? int_of(j, key, value, lo, hi) : fallback;
}

static double real_of(um_json *j, const char *key, const json_t *value)
{
    if (json_is_number(value)) return json_number_value(value);
    um_json_fail(j, key, "should be a number");
    return 0.0;
}

double um_json_real(um_json *j, const char *key)
{
    const json_t *value = needed(j, key);
    return value ? real_of(j, key, value) : 0.0;
}

double um_json_real_or(um_json *j, const char *key, double fallback)
{
    const json_t *value = value_of(j, key);
    return value ? real_of(j, key, value) : fallback;
}

static bool bool_of(um_json *j, const char *key, const json_t *value)
{
    if (!json_is_boolean(value)) um_json_fail(j, key, "should be true or false");
    return json_is_true(value);
}

bool um_json_bool(um_json *j, const char *key)
{
    const json_t *value = needed(j, key);
    return value ? bool_of(j, key, value) : false;
}

bool um_json_bool_or(um_json *j, const char *key, bool fallback)
{
    const json_t *value = value_of(j, key);
    return value ? bool_of(j, key, value) : fallback;
}

static const char *text_of(um_json *j, const char *key, const json_t *value)
{
    if (!json_is_string(value)) um_json_fail(j, key, "should be a text in quotes");
    return json_string_value(value);
}

const char *um_json_text(um_json *j, const char *key)
{
    const json_t *value = needed(j, key);
    return value ? text_of(j, key, value) : NULL;
}

const char *um_json_text_or(um_json *j, const char *key, const char *fallback)
{
    const json_t *value = value_of(j, key);
    return value ? text_of(j, key, value) : fallback;
}

/* The array under key and its length, or NULL and a failure. */
static const json_t *array_of(um_json *j, const char *key, int most, int *count)
{
    const json_t *array = needed(j, key);
    *count = 0;
    if (!array) return NULL;
    if (!json_is_array(array)) {
        um_json_fail(j, key, "should be an array: [ ... ]");
        return NULL;
    }
    if (json_array_size(array) > (size_t)most) {
        um_json_fail(j, key, "has %zu entries (at most %d are allowed)", json_array_size(array),
                     most);
        return NULL;
    }
    *count = (int)json_array_size(array);
    return array;
}

int um_json_ints(um_json *j, const char *key, int *out, int most)
{
    int count;
    const json_t *array = array_of(j, key, most, &count);
    for (int i = 0; i < count; i++)
        out[i] = (int)int_of(j, key, json_array_get(array, (size_t)i), INT32_MIN, INT32_MAX);
    return j->status == UM_OK ? count : 0;
}

int um_json_reals(um_json *j, const char *key, double *out, int most)
{
    int count;
    const json_t *array = array_of(j, key, most, &count);
    for (int i = 0; i < count; i++) out[i] = real_of(j, key, json_array_get(array, (size_t)i));
    return j->status == UM_OK ? count : 0;
}

int um_json_texts(um_json *j, const char *key, const char **out, int most)
{
    int count;
    const json_t *array = array_of(j, key, most, &count);
    for (int i = 0; i < count; i++) out[i] = text_of(j, key, json_array_get(array, (size_t)i));
    return j->status == UM_OK ? count : 0;
}

/* Do 15 digits say each real exactly? Then 0.1 is written so, else with the 17 that it needs. */
static bool short_reals(const json_t *value)
{
    if (json_is_real(value)) {
        char text[32];
        snprintf(text, sizeof text, "%.15g", json_real_value(value));
        return strtod(text, NULL) == json_real_value(value);
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!short_reals(json_array_get(value, i))) return false;
    const char *key;
    json_t *entry;
    json_object_foreach((json_t *)value, key, entry)
        if (!short_reals(entry)) return false;
    return true;
}

static int put(const char *text, size_t size, void *out)
{
    um_text_add(out, "%.*s", (int)size, text);
    return ((um_text *)out)->status == UM_OK ? 0 : -1;
}

um_status um_json_print(um_ctx *ctx, const json_t *root, um_text *out)
{
    if (!root) return um_fail(ctx, UM_NO_MEMORY, "no memory for the values of a JSON file");
    const size_t flags =
        JSON_INDENT(2) | JSON_SORT_KEYS | JSON_REAL_PRECISION(short_reals(root) ? 15 : 17);
    if (json_dump_callback(root, put, out, flags) != 0 && out->status == UM_OK)
        return um_fail(ctx, UM_NO_MEMORY, "no memory to write a JSON file");
    um_text_add_byte(out, '\n');
    return out->status;
}

um_status um_json_save(um_ctx *ctx, const json_t *root, const char *path)
{
    um_text text = { .ctx = ctx };
    um_status status = um_json_print(ctx, root, &text);
    if (status == UM_OK) status = um_file_write(ctx, path, text.data, text.n);
    else um_fail_at(ctx, status, "%s", path);
    um_text_free(&text);
    return status;
}
