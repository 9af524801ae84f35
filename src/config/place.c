/* SPDX-License-Identifier: MIT
 * place.c - joining folders and names, without asking what is there. */
#include "config/place.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(UM_PLACE_BYTES >= PATH_MAX, "realpath fits");

/* Does the path begin with this part, as "..", alone or before a slash? */
static bool begins(const char *path, const char *part)
{
    const size_t n = strlen(part);
    return strncmp(path, part, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

bool um_place_join(const char *folder, const char *name, char *out)
{
    if (name[0] == '/') return snprintf(out, UM_PLACE_BYTES, "%s", name) < UM_PLACE_BYTES;
    size_t n = strlen(folder);
    while (begins(name, ".") || begins(name, "..")) {
        const bool up = name[1] == '.';
        name += up ? 2 : 1;
        name += strspn(name, "/");
        while (up && n > 0 && folder[n - 1] != '/') n--;
        while (up && n > 1 && folder[n - 1] == '/') n--;
    }
    const char *slash = n > 0 && folder[n - 1] == '/' ? "" : "/";
    const char *between = *name ? slash : "";
    return snprintf(out, UM_PLACE_BYTES, "%.*s%s%s", (int)n, folder, between, name) <
           UM_PLACE_BYTES;
}

bool um_place_folder(const char *file, char *out)
{
    char folder[UM_PLACE_BYTES];
    const char *slash = strrchr(file, '/');
    const int n = slash == file ? 1 : slash ? (int)(slash - file) : 1;
    if (snprintf(folder, sizeof folder, "%.*s", n, slash ? file : ".") >= (int)sizeof folder)
        return false;
    return realpath(folder, out) != NULL;
}

bool um_place_full(const char *name, char *out)
{
    char here[UM_PLACE_BYTES];
    *out = '\0';
    if (!*name) return true;
    return *name == '/' ? um_place_join("", name, out)
                        : getcwd(here, sizeof here) && um_place_join(here, name, out);
}
