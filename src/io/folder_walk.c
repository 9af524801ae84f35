/* SPDX-License-Identifier: MIT
 * folder_walk.c - walking in sorted order, subfolders of the first level being classes. */
#include "io/folder_walk.h"

#include <string.h>
#include <sys/stat.h>

#include "io/path.h"

enum { DEPTH_MAX = 16, FOLDERS_MAX = 1 << 20, NO_CLASS = -1 };

/* A folder that is being walked, and those that it was reached through. */
typedef struct level {
    const struct level *above;
    dev_t device;
    ino_t inode;
    int depth;
} level;

/* False where a link led back to a folder that is being walked already. */
static bool enter(level *l, const level *above, const char *folder)
{
    struct stat info;
    const bool known = stat(folder, &info) == 0; /* if not, listing it tells why */
    *l = (level){ .above = above, .depth = above ? above->depth + 1 : 0 };
    if (known) l->device = info.st_dev, l->inode = info.st_ino;
    for (const level *a = above; a && known; a = a->above)
        if (a->device == l->device && a->inode == l->inode) return false;
    return true;
}

static bool is_image(const char *name, int kinds)
{
    if (kinds & UM_WALK_PNG && um_path_ends_with(name, ".png")) return true;
    return kinds & UM_WALK_JPEG &&
           (um_path_ends_with(name, ".jpg") || um_path_ends_with(name, ".jpeg"));
}

/* A list in the arena with room for one more; doubles. */
static void *grown(um_arena *arena, void *list, size_t size, int count, int room)
{
    if (count < room) return list;
    void *larger = um_arena_take(arena, (size_t)UM_MAX(64, 2 * room) * size);
    if (larger && count) memcpy(larger, list, (size_t)count * size);
    return larger;
}

static um_status add_file(um_walk *w, const char *path, int label)
{
    const int n = w->total;
    if (n > INT32_MAX / 4) return um_fail(w->arena.ctx, UM_BAD_FILE, "%s: too many images", path);
    char *copy = um_arena_take(&w->arena, strlen(path) + 1);
    w->paths = grown(&w->arena, w->paths, sizeof *w->paths, n, w->room);
    w->labels = grown(&w->arena, w->labels, sizeof *w->labels, n, w->room);
    if (w->arena.status != UM_OK) return w->arena.status;
    if (n == w->room) w->room = UM_MAX(64, 2 * w->room);
    w->paths[n] = strcpy(copy, path);
    w->labels[n] = label;
    w->total++;
    return UM_OK;
}

static um_status add_class(um_walk *w, const char *name)
{
    char *copy = um_arena_take(&w->arena, strlen(name) + 1);
    w->classes = grown(&w->arena, w->classes, sizeof *w->classes, w->class_count, w->class_room);
    if (w->arena.status != UM_OK) return w->arena.status;
    if (w->class_count == w->class_room) w->class_room = UM_MAX(64, 2 * w->class_room);
    w->classes[w->class_count++] = strcpy(copy, name);
    return UM_OK;
}

/* The class of that name; NO_CLASS where there is none. They are sorted, as they were found. */
static int find_class(const um_walk *w, const char *name)
{
    int lo = 0, hi = w->class_count;
    while (lo < hi) {
        const int mid = lo + (hi - lo) / 2, order = strcmp(w->classes[mid], name);
        if (order == 0) return mid;
        *(order < 0 ? &lo : &hi) = order < 0 ? mid + 1 : mid;
    }
    return NO_CLASS;
}

static um_status walk(um_walk *w, const char *folder, int label, const level *above);

/* A subfolder of the first level: a class if there is an image in it. */
static um_status walk_class(um_walk *w, const char *path, const char *name, bool training,
                            const level *above)
{
    const int before = w->total;
    const int label = training ? w->class_count : find_class(w, name);
    UM_TRY(walk(w, path, label, above));
    if (w->total == before) return UM_OK;
    if (training) return add_class(w, name);
    if (label == NO_CLASS)
        return um_fail(w->arena.ctx, UM_BAD_FILE, "%s: is no class of the training images", path);
    return UM_OK;
}

/* All entries of a folder; in the uppermost one subfolders are classes: label tells whether of the
 * training part (0) or of the held one (1). Links that lead to one another may make many paths of
 * few folders. */
static um_status walk(um_walk *w, const char *folder, int label, const level *above)
{
    um_ctx *ctx = w->arena.ctx;
    um_names names;
    level here;
    if (!enter(&here, above, folder)) return UM_OK;
    const int depth = here.depth;
    if (depth > DEPTH_MAX)
        return um_fail(ctx, UM_BAD_FILE, "%s: more than %d folders deep", folder, (int)DEPTH_MAX);
    if (++w->folders > FOLDERS_MAX)
        return um_fail(ctx, UM_BAD_FILE, "%s: more than %d folders (do links make them?)", folder,
                       (int)FOLDERS_MAX);
    UM_TRY(um_folder_list(ctx, folder, &names));
    um_status status = UM_OK;
    for (int i = 0; i < names.count && status == UM_OK; i++) {
        const char *name = names.name[i];
        char *path = NULL;
        if (name[0] == '.') continue;
        status = um_path_join(ctx, &path, folder, name);
        if (status == UM_OK && um_path_is_folder(path))
            status = depth ? walk(w, path, label, &here)
                           : walk_class(w, path, name, label == 0, &here);
        else if (status == UM_OK && is_image(name, w->kinds))
            status = add_file(w, path, depth ? label : NO_CLASS);
        um_free(ctx, path);
    }
    um_names_free(ctx, &names);
    return status;
}

/* Either all in classes or none. */
static um_status check_labels(const um_walk *w)
{
    for (int i = 0; i < w->total && w->class_count; i++)
        if (w->labels[i] == NO_CLASS)
            return um_fail(w->arena.ctx, UM_BAD_FILE, "%s: stands outside of the folders that are "
                           "classes (such as '%s')", w->paths[i], w->classes[0]);
    return UM_OK;
}

/* train and one of the others beside it? Their paths, or NULL. */
static um_status find_parts(um_ctx *ctx, const char *path, char **train, char **held)
{
    static const char *const others[] = { "test", "val", "valid", "validation" };
    *held = NULL;
    UM_TRY(um_path_join(ctx, train, path, "train"));
    um_status status = UM_OK;
    for (size_t i = 0; i < UM_COUNT(others) && !*held && um_path_is_folder(*train); i++) {
        status = um_path_join(ctx, held, path, others[i]);
        if (status != UM_OK) break;
        if (um_path_is_folder(*held)) return UM_OK;
        um_free(ctx, *held);
        *held = NULL;
    }
    um_free(ctx, *train);
    *train = NULL;
    return status;
}

um_status um_walk_folder(um_walk *w, um_ctx *ctx, const char *path, int kinds)
{
    char *train, *held;
    *w = (um_walk){ .arena.ctx = ctx, .kinds = kinds };
    um_status status = find_parts(ctx, path, &train, &held);
    if (status == UM_OK) status = walk(w, train ? train : path, 0, NULL);
    w->count = w->total;
    if (status == UM_OK && held) status = walk(w, held, 1, NULL);
    w->held = w->total - w->count;
    if (status == UM_OK && w->count == 0)
        status = um_fail(ctx, UM_BAD_FILE, "%s: no %s file in it", train ? train : path,
                         kinds == UM_WALK_PNG    ? "PNG"
                         : kinds == UM_WALK_JPEG ? "JPEG"
                                                 : "PNG or JPEG");
    if (status == UM_OK) status = check_labels(w);
    um_free(ctx, train);
    um_free(ctx, held);
    if (status != UM_OK) um_walk_free(w);
    return status;
}

void um_walk_free(um_walk *w)
{
    if (w->arena.ctx) um_arena_free(&w->arena);
    *w = (um_walk){ 0 };
}

static um_status finds(um_ctx *ctx, const char *path, int kinds, const level *above, int *folders,
                       bool *found)
{
    um_names names;
    level here;
    if (!enter(&here, above, path) || here.depth > DEPTH_MAX || ++*folders > FOLDERS_MAX)
        return UM_OK;
    um_status status = um_folder_list(ctx, path, &names);
    for (int i = 0; i < names.count && !*found; i++) *found = is_image(names.name[i], kinds);
    for (int i = 0; i < names.count && !*found && status == UM_OK; i++) {
        char *below = NULL;
        if (names.name[i][0] == '.') continue;
        status = um_path_join(ctx, &below, path, names.name[i]);
        if (status == UM_OK && um_path_is_folder(below))
            status = finds(ctx, below, kinds, &here, folders, found);
        um_free(ctx, below);
    }
    um_names_free(ctx, &names);
    return status == UM_NO_MEMORY ? status : UM_OK;
}

um_status um_walk_finds(um_ctx *ctx, const char *path, int kinds, bool *found)
{
    int folders = 0;
    *found = false;
    return um_path_is_folder(path) ? finds(ctx, path, kinds, NULL, &folders, found) : UM_OK;
}
