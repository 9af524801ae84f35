/* SPDX-License-Identifier: MIT
 * json.h - typed reads from a JSON object, with messages that name file and key, over jansson. */
#ifndef UM_JSON_H
#define UM_JSON_H

#include <jansson.h>

#include "base/text.h"

/* The values of a text, a key given twice being an error; NULL with the reason in *error, also for
 * more of them than any file of ours has (2^20), and no reason where memory is short. json_decref
 * what it gives. */
json_t *um_json_values(um_ctx *ctx, const char *text, size_t size, json_error_t *error);

/* A reader of one object. Sticky: the first failure is kept in status, later reads give 0, false,
 * NULL or the fallback; check status once at the end. */
typedef struct um_json {
    um_ctx *ctx;
    char *path;
    json_t *root; /* an object, owned */
    um_status status;
} um_json;

/* The object in a file. Not JSON, a key given twice, not an object: UM_BAD_FILE with path and line.
 * On failure everything is released and status is set too. */
um_status um_json_load(um_json *j, um_ctx *ctx, const char *path);

/* The same from a text in memory, which messages call `path`. */
um_status um_json_parse(um_json *j, um_ctx *ctx, const char *path, const char *text, size_t size);

/* Release; harmless on a zeroed or closed one. */
void um_json_close(um_json *j);

/* Is the key there with a value other than null? */
bool um_json_has(const um_json *j, const char *key);

/* A key that must be there, and one that may be absent or null. Whole numbers are held between lo
 * and hi, both allowed; 3.0 and 1e3 count as whole. Texts are owned by j. */
int64_t um_json_int(um_json *j, const char *key, int64_t lo, int64_t hi);
int64_t um_json_int_or(um_json *j, const char *key, int64_t fallback, int64_t lo, int64_t hi);
double um_json_real(um_json *j, const char *key);
double um_json_real_or(um_json *j, const char *key, double fallback);
bool um_json_bool(um_json *j, const char *key);
bool um_json_bool_or(um_json *j, const char *key, bool fallback);
const char *um_json_text(um_json *j, const char *key);
const char *um_json_text_or(um_json *j, const char *key, const char *fallback);

/* An array that must be there, of at most `most` entries, into out; gives how many (0 on
 * failure). */
int um_json_ints(um_json *j, const char *key, int *out, int most);
int um_json_reals(um_json *j, const char *key, double *out, int most);
int um_json_texts(um_json *j, const char *key, const char **out, int most);

/* Record a failure in words of the caller: "PATH: key 'x' ..." */
void um_json_fail(um_json *j, const char *key, const char *format, ...) UM_PRINTF(3, 4);

/* Add the text of root: keys sorted, two spaces a level, reals with the digits that they need, a
 * newline at the end. A NULL root is UM_NO_MEMORY. */
um_status um_json_print(um_ctx *ctx, const json_t *root, um_text *out);

/* Write it to a file, whole or not at all; root's reference stays the caller's. */
um_status um_json_save(um_ctx *ctx, const json_t *root, const char *path);

#endif
