/* SPDX-License-Identifier: MIT
 * folder_walk.h - the image files of a folder and the classes that its subfolders make. */
#ifndef UM_FOLDER_WALK_H
#define UM_FOLDER_WALK_H

#include "base/arena.h"

enum { UM_WALK_PNG = 1, UM_WALK_JPEG = 2 };

/* Files in sorted order: `count` to train on, then `held`. Texts live in the arena. */
typedef struct um_walk {
    um_arena arena;
    int kinds; /* UM_WALK_ bits of the endings that count */
    const char **paths;
    int *labels; /* -1: in no class */
    int total, count, held, room;
    int folders; /* seen so far, each as often as a path leads to it */
    const char **classes; /* sorted */
    int class_count, class_room;
} um_walk;

/* List what path holds. Each subfolder with images in it, at any depth, is a class; names that
 * begin with a dot are passed over, and links that lead back to a folder above. A folder with
 * `train` and one of `test`, `val`, `valid`, `validation` in it is taken as these two parts. Images
 * both inside and outside of classes, a test class that training lacks, and no image at all are
 * UM_BAD_FILE. The caller frees with um_walk_free. */
um_status um_walk_folder(um_walk *w, um_ctx *ctx, const char *path, int kinds);
void um_walk_free(um_walk *w);

/* Does the folder hold at least one such file? No in *found for what cannot be read; fails only for
 * want of memory. */
um_status um_walk_finds(um_ctx *ctx, const char *path, int kinds, bool *found);

#endif
