/* SPDX-License-Identifier: MIT
 * path.c - paths are bytes; only '/' has a meaning. */
#include "io/path.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

um_status um_path_join(um_ctx *ctx, char **out, const char *folder, const char *name)
{
    if (name[0] == '/' || folder[0] == '\0') return um_strdup(ctx, out, name);
    const size_t head = strlen(folder), tail = strlen(name);
    const bool slash = folder[head - 1] != '/';
    UM_TRY(um_alloc(ctx, out, head + slash + tail + 1, 1, "a path"));
    memcpy(*out, folder, head);
    if (slash) (*out)[head] = '/';
    memcpy(*out + head + slash, name, tail + 1);
    return UM_OK;
}

/* Length without the slashes at the end; "/" keeps its one. */
static size_t trimmed(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    return n;
}

/* Where the last part begins. */
static size_t last_part(const char *path, size_t length)
{
    size_t at = length;
    while (at > 0 && path[at - 1] != '/') at--;
    return at;
}

static um_status piece(um_ctx *ctx, char **out, const char *text, size_t length)
{
    UM_TRY(um_alloc(ctx, out, length + 1, 1, "a path"));
    memcpy(*out, text, length);
    return UM_OK;
}

/* Length of the folder that holds path; 0: it names none. */
static size_t parent_length(const char *path)
{
    size_t n = last_part(path, trimmed(path));
    while (n > 1 && path[n - 1] == '/') n--;
    return n;
}

um_status um_path_parent(um_ctx *ctx, char **out, const char *path)
{
    const size_t n = parent_length(path);
    return n ? piece(ctx, out, path, n) : um_strdup(ctx, out, ".");
}

bool um_path_parent_in(char *out, size_t size, const char *path)
{
    const size_t n = parent_length(path);
    const int length = snprintf(out, size, "%.*s", n ? (int)UM_MIN(n, size) : 1, n ? path : ".");
    return length > 0 && (size_t)length < size;
}

um_status um_path_base(um_ctx *ctx, char **out, const char *path)
{
    const size_t end = trimmed(path), begin = last_part(path, end);
    return piece(ctx, out, path + begin, end - begin);
}

bool um_path_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool um_path_holds(const char *folder, const char *name)
{
    char path[PATH_MAX]; /* the system takes no longer one */
    const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length > 0 && (size_t)length < sizeof path && um_path_exists(path);
}

bool um_path_is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool um_path_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool um_path_ends_with(const char *name, const char *ending)
{
    const size_t n = strlen(name), m = strlen(ending);
    return n >= m && strcasecmp(name + n - m, ending) == 0;
}

int64_t um_path_number(const char *name, const char *prefix)
{
    const size_t n = strlen(prefix);
    char *end;
    if (strncmp(name, prefix, n) != 0 || name[n] < '0' || name[n] > '9') return -1;
    errno = 0;
    const long long number = strtoll(name + n, &end, 10);
    return *end || errno ? -1 : number;
}

static um_status names_add(um_ctx *ctx, um_names *names, int *room, const char *name)
{
    if (names->count == *room) {
        if (*room > INT32_MAX / 2)
            return um_fail(ctx, UM_BAD_FILE, "more than %d names in one folder", *room);
        const int more = *room ? 2 * *room : 64;
        char **grown = NULL;
        UM_TRY(um_alloc(ctx, &grown, (size_t)more, sizeof *grown, "names of files"));
        if (names->name) memcpy(grown, names->name, (size_t)names->count * sizeof *grown);
        um_free(ctx, names->name);
        names->name = grown;
        *room = more;
    }
    UM_TRY(um_strdup(ctx, &names->name[names->count], name));
    names->count++;
    return UM_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

um_status um_folder_list(um_ctx *ctx, const char *path, um_names *out)
{
    *out = (um_names){ 0 };
    DIR *folder = opendir(path);
    if (!folder) return um_fail(ctx, UM_BAD_FILE, "%s: %s", path, strerror(errno));
    int room = 0;
    um_status status = UM_OK;
    const struct dirent *entry;
    errno = 0;
    while (status == UM_OK && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = names_add(ctx, out, &room, entry->d_name);
        errno = 0;
    }
    if (status == UM_OK && errno)
        status = um_fail(ctx, UM_BAD_FILE, "%s: %s", path, strerror(errno));
    closedir(folder);
    if (status != UM_OK)
        um_names_free(ctx, out);
    else if (out->count > 1)
        qsort(out->name, (size_t)out->count, sizeof *out->name, by_bytes);
    return status;
}

void um_names_free(um_ctx *ctx, um_names *names)
{
    for (int i = 0; i < names->count; i++) um_free(ctx, names->name[i]);
    um_free(ctx, names->name);
    *names = (um_names){ 0 };
}
