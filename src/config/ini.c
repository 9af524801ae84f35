/* SPDX-License-Identifier: MIT
 * ini.c - INI files through inih. The library forgives much in silence: long lines are cut, what
 * follows a section's bracket is dropped, an indented line continues the one before. So lines are
 * made plain here and handed to it one at a time; a long one goes in pieces, as continuation. */
#include "config/config.h"

#include "config/find.h"
#include "config/line.h"
#include "config/place.h"
#include "io/file.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

enum { FILE_BYTES = 1 << 20, DEPTH_MAX = 8, FILES_MAX = 64, KEY_BYTES = 64 };

typedef struct reader {
    um_ctx *ctx;
    um_config *cfg;
    const char *path;             /* as messages name it */
    char folder[UM_PLACE_BYTES];  /* that it stands in, in full */
    char real[UM_PLACE_BYTES];    /* itself, in full            */
    const struct reader *parent;  /* the file that includes it  */
    int depth, *files;            /* files read so far, all of them together */
    const char *at, *end;         /* what was not read yet */
    int line;                     /* of the file, from 1 */
    char *clean, *rest;           /* the line made plain; what the parser has not had of it */
    bool is_key;                  /* the line should be a key with its value */
    bool has_pair;                /* and the parser found it so */
    char section[KEY_BYTES], key[KEY_BYTES];
    um_text value;
    int set_at[UM_CONFIG_COUNT];  /* the line that has set a key in this file; 0: none */
    um_status status;
} reader;

static um_status read_file(reader *r, const char *path);

/* Record the first failure, with its place. */
static void fail(reader *r, um_status status, bool placed)
{
    if (r->status != UM_OK || status == UM_OK) return;
    r->status = status;
    if (!placed) um_fail_at(r->ctx, status, "%s:%d", r->path, r->line);
}

/* ------------------------------------------------------------- what a line says */

/* Read another file first. Its errors carry their own place. */
static void include(reader *r, const char *name)
{
    char path[UM_PLACE_BYTES], folder[UM_PLACE_BYTES];
    const char *slash = strrchr(r->path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - r->path) + 1 : 0, r->path);
    const int n = snprintf(path, sizeof path, "%s%s", name[0] == '/' ? "" : folder, name);
    if (!*name || n >= (int)sizeof path) {
        fail(r, um_fail(r->ctx, UM_BAD_FILE, "include names no file (include = other.ini)"), false);
        return;
    }
    reader *other;
    um_status status = um_alloc(r->ctx, &other, 1, sizeof *other, "an INI reader");
    if (status != UM_OK) {
        fail(r, status, true);
        return;
    }
    *other = (reader){ .ctx = r->ctx, .cfg = r->cfg, .parent = r, .depth = r->depth + 1,
                       .files = r->files };
    status = read_file(other, path);
    fail(r, status, other->line > 0); /* never opened: the place is this line */
    um_free(r->ctx, other);
}

/* A value given relative to this file, in full. */
static um_status assign(reader *r, const um_setting *s, const char *value)
{
    char full[UM_PLACE_BYTES];
    const um_origin origin = { UM_FROM_FILE, r->path, r->line };
    if (s->type == UM_SETTING_PATH && *value) {
        if (!um_place_join(r->folder, value, full))
            return um_fail(r->ctx, UM_BAD_ARG, "%s.%s: too long a path (at most %d bytes)",
                           s->section, s->key, UM_PATH_BYTES);
        value = full;
    }
    return um_config_offer(r->ctx, r->cfg, s->section, s->key, value, &origin);
}

static void set(reader *r, char *value)
{
    const um_setting *s;
    if (!um_line_unquote(value)) {
        fail(r, um_fail(r->ctx, UM_BAD_FILE,
                        "%s: quotes that do not end, or a wrong escape "
                        "(\"text\" with \\\" \\\\ \\xHH)", r->key), false);
        return;
    }
    if (!*r->section && strcmp(r->key, "include") == 0) {
        include(r, value);
        return;
    }
    um_status status = um_config_find(r->ctx, r->section, r->key, &s);
    if (!*r->section)
        status = um_fail(r->ctx, UM_BAD_ARG,
                         "%s before the first section (only include = other.ini, then [train])",
                         r->key);
    else if (strcmp(r->key, "include") == 0)
        status = um_fail(r->ctx, UM_BAD_ARG, "include within [%s] (before the first section)",
                         r->section);
    if (status == UM_OK) {
        int *seen = &r->set_at[s - um_config_settings];
        if (*seen)
            status = um_fail(r->ctx, UM_BAD_ARG, "%s.%s again (line %d has set it)", s->section,
                             s->key, *seen);
        *seen = r->line;
    }
    if (status == UM_OK) status = assign(r, s, value);
    fail(r, status, false);
}

/* The line before is complete: act on it. */
static void finish_line(reader *r)
{
    if (r->status != UM_OK || !r->is_key) return;
    r->is_key = false;
    if (!r->has_pair)
        fail(r, um_fail(r->ctx, UM_BAD_FILE, "%.60s is not a setting (key = value)", r->clean),
             false);
    else if (r->value.status != UM_OK)
        fail(r, r->value.status, true);
    else
        set(r, r->value.data);
}

/* inih's: one key with its value, or a further piece of the value. */
static int handle(void *user, const char *section, const char *key, const char *value)
{
    reader *r = user;
    if (!r->has_pair) {
        snprintf(r->section, sizeof r->section, "%s", section);
        snprintf(r->key, sizeof r->key, "%s", key);
        r->value.n = 0;
        r->has_pair = true;
    }
    um_text_add(&r->value, "%s", value);
    return 1;
}

/* ---------------------------------------------------------------- the next line */

static um_status check_section(reader *r)
{
    char *line = r->clean;
    const size_t n = strlen(line);
    char *end = strchr(line, ']');
    if (!end || end != line + n - 1)
        return um_fail(r->ctx, UM_BAD_FILE, "%.60s is not a section ([train])", line);
    *end = '\0';
    const um_status status = um_config_find_section(r->ctx, line + 1);
    *end = ']';
    return status;
}

/* Take the next physical line of the file and make it plain. False at the end. */
static bool take_line(reader *r)
{
    if (r->at == r->end) return false;
    const char *stop = memchr(r->at, '\n', (size_t)(r->end - r->at));
    const char *next = stop ? stop + 1 : r->end;
    const char *line = r->at;
    size_t n = (size_t)((stop ? stop : r->end) - line);
    r->at = next;
    r->line++;
    if (r->line == 1 && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) line += 3, n -= 3;
    if (n > 0 && line[n - 1] == '\r') n--;
    const char *wrong = n > UM_LINE_BYTES ? "too long a line (at most 20000 bytes)"
                                          : um_line_clean(line, n, r->clean);
    if (wrong) {
        fail(r, um_fail(r->ctx, UM_BAD_FILE, "%s", wrong), false);
        return false;
    }
    if (r->clean[0] == '[') fail(r, check_section(r), false);
    r->is_key = r->clean[0] && r->clean[0] != '[';
    r->has_pair = false;
    r->rest = r->clean;
    return r->status == UM_OK;
}

/* How much of the rest goes into `room` bytes, so that no piece begins or ends with what the parser
 * would take off. 0: there is no such place. */
static size_t piece(const char *rest, size_t room)
{
    size_t n = strlen(rest);
    if (n <= room) return n;
    for (n = room; n > 0; n--)
        if (!strchr(" \t;#", rest[n - 1]) && !strchr(" \t;#", rest[n])) break;
    return n;
}

/* inih's: the next line in `out`, NULL at the end or after a failure. */
static char *next_line(char *out, int room, void *user)
{
    reader *r = user;
    const bool more = r->rest && *r->rest && r->has_pair;
    if (!more) {
        finish_line(r);
        if (r->status != UM_OK || !take_line(r)) return NULL;
    }
    const size_t n = piece(r->rest, (size_t)room - 4);
    if (n == 0 && *r->rest) {
        fail(r, um_fail(r->ctx, UM_BAD_FILE, "too much white space in a line (at most %d bytes)",
                        room - 4), false);
        return NULL;
    }
    snprintf(out, (size_t)room, "%s%.*s", more ? " " : "", (int)n, r->rest);
    r->rest += n;
    return out;
}

/* ----------------------------------------------------------------- a whole file */

static um_status parse(reader *r)
{
    um_bytes bytes;
    UM_TRY(um_file_read(r->ctx, r->path, FILE_BYTES, &bytes));
    um_status status = um_alloc(r->ctx, &r->clean, 4 * UM_LINE_BYTES + 1, 1, "a line");
    if (status == UM_OK) {
        r->at = (const char *)bytes.data;
        r->end = r->at + bytes.size;
        r->value.ctx = r->ctx;
        ini_parse_stream(next_line, r, handle, r); /* its verdict is that of the last line seen */
        finish_line(r);
        status = r->status;
    }
    um_text_free(&r->value);
    um_free(r->ctx, r->clean);
    um_free(r->ctx, bytes.data);
    return status;
}

static um_status read_file(reader *r, const char *path)
{
    r->path = path;
    if (r->depth > DEPTH_MAX || ++*r->files > FILES_MAX)
        return um_fail(r->ctx, UM_BAD_FILE, "include %s: too many files (%d deep, %d in all)", path,
                       DEPTH_MAX, FILES_MAX);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (um_place_folder(path, r->folder) && !um_place_join(r->folder, name, r->real))
        return um_fail(r->ctx, UM_BAD_FILE, "%s: too long a path", path);
    for (const reader *p = r->parent; p; p = p->parent)
        if (strcmp(p->real, r->real) == 0)
            return um_fail(r->ctx, UM_BAD_FILE, "include %s: it includes itself", path);
    return parse(r);
}

/* A run without a name gets that of its file. */
static um_status name_run(um_ctx *ctx, um_config *cfg, const char *path)
{
    const um_origin origin = { UM_FROM_FILE, path, 0 };
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    const int n = dot && dot != base ? (int)(dot - base) : (int)strlen(base);
    char name[UM_TEXT_BYTES];
    if (*cfg->run_name) return UM_OK;
    snprintf(name, sizeof name, "%.*s", n, base);
    return um_config_offer(ctx, cfg, "run", "name", name, &origin);
}

um_status um_config_read(um_ctx *ctx, um_config *cfg, const char *path)
{
    int files = 0;
    reader *r;
    UM_TRY(um_alloc(ctx, &r, 1, sizeof *r, "an INI reader"));
    *r = (reader){ .ctx = ctx, .cfg = cfg, .files = &files };
    um_status status = read_file(r, path);
    um_free(ctx, r);
    if (status == UM_OK) status = name_run(ctx, cfg, path);
    return status;
}
