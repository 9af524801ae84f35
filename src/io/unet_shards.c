/* SPDX-License-Identifier: MIT
 * unet_shards.c - finding and opening weight files. */
#include "io/unet_shards.h"

#include <string.h>

#include "io/json.h"
#include "io/path.h"
#include "io/pickle.h"

enum { SHARDS_MAX = 256 };

static um_status open_one(um_unet_shards *s, const char *folder, const char *name)
{
    char *path;
    UM_TRY(um_path_join(s->ctx, &path, folder, name));
    const um_status status = um_safetensors_open(&s->files[s->count], s->ctx, path);
    um_free(s->ctx, path);
    if (status == UM_OK) s->count++;
    return status;
}

/* Open each file of the index once: a name is new where no earlier entry has it. */
static um_status open_named(um_unet_shards *s, um_json *index, json_t *map, const char *folder)
{
    const char *tensor;
    json_t *file;
    json_object_foreach(map, tensor, file)
    {
        const char *name = json_string_value(file);
        if (!name || !*name || strchr(name, '/')) {
            um_json_fail(index, "weight_map", "should name a file in the same folder for '%.80s'",
                         tensor);
            return index->status;
        }
        int i = 0;
        while (i < s->count && strcmp(strrchr(s->files[i].path, '/') + 1, name) != 0) i++;
        if (i < s->count) continue;
        if (s->count == SHARDS_MAX) {
            um_json_fail(index, "weight_map", "names more than %d files", SHARDS_MAX);
            return index->status;
        }
        UM_TRY(open_one(s, folder, name));
    }
    return UM_OK;
}

static um_status open_index(um_unet_shards *s, const char *folder, const char *path)
{
    um_json index;
    UM_TRY(um_json_load(&index, s->ctx, path));
    json_t *map = json_object_get(index.root, "weight_map");
    if (!json_is_object(map))
        um_json_fail(&index, "weight_map", "should be an object");
    else if (json_object_size(map) == 0)
        um_json_fail(&index, "weight_map", "names no file");
    um_status status = index.status;
    if (status == UM_OK)
        status = um_alloc(s->ctx, &s->files, SHARDS_MAX, sizeof *s->files, "weight files");
    if (status == UM_OK) status = open_named(s, &index, map, folder);
    um_json_close(&index);
    return status;
}

static um_status nothing_there(um_ctx *ctx, const char *folder)
{
    static const char *const pickles[] = { "diffusion_pytorch_model.bin",
                                           "diffusion_pytorch_model.ckpt",
                                           "diffusion_pytorch_model.pt",
                                           "diffusion_pytorch_model.pth",
                                           "diffusion_pytorch_model.bin.index.json" };
    for (size_t i = 0; i < UM_COUNT(pickles); i++) {
        if (!um_path_holds(folder, pickles[i])) continue;
        char *path;
        UM_TRY(um_path_join(ctx, &path, folder, pickles[i]));
        const um_status status = um_pickle_refuse(ctx, path);
        um_free(ctx, path);
        return status;
    }
    return um_fail(ctx, UM_BAD_FILE, "%s: no " UM_WEIGHTS_NAME " here", folder);
}

/* Does save_pretrained(variant=...) write weights, or their index, under this name? Shards of a
 * variant are the index's to name. */
static bool is_variant(const char *name)
{
    static const char start[] = "diffusion_pytorch_model.";
    if (strncmp(name, start, sizeof start - 1) != 0) return false;
    const bool index = strstr(name, ".safetensors.") && strstr(name, ".index.");
    return index ? um_path_ends_with(name, ".json")
                 : um_path_ends_with(name, ".safetensors") && !strstr(name, "-of-");
}

/* The only variant in *name, NULL where there is none. */
static um_status only_variant(um_ctx *ctx, const char *folder, char **name)
{
    um_names names;
    const char *found = NULL;
    um_status status = um_folder_list(ctx, folder, &names);
    for (int i = 0; status == UM_OK && i < names.count; i++) {
        if (!is_variant(names.name[i])) continue;
        if (found)
            status = um_fail(ctx, UM_BAD_FILE,
                             "%s: holds %s and %s (one of them alone, or " UM_WEIGHTS_NAME ")",
                             folder, found, names.name[i]);
        found = names.name[i];
    }
    if (status == UM_OK && found) status = um_strdup(ctx, name, found);
    um_names_free(ctx, &names);
    return status;
}

/* The name of the weights in folder or of their index, in memory of its own (um_free); NULL where
 * neither is there. */
static um_status choose(um_ctx *ctx, const char *folder, char **name)
{
    static const char *const plain[] = { UM_WEIGHTS_NAME, UM_WEIGHTS_NAME ".index.json" };
    *name = NULL;
    for (size_t i = 0; i < UM_COUNT(plain); i++)
        if (um_path_holds(folder, plain[i])) return um_strdup(ctx, name, plain[i]);
    return um_path_is_folder(folder) ? only_variant(ctx, folder, name) : UM_OK;
}

static um_status open_chosen(um_unet_shards *s, const char *folder, const char *name)
{
    char *path;
    if (!um_path_ends_with(name, ".json")) {
        UM_TRY(um_alloc(s->ctx, &s->files, 1, sizeof *s->files, "weight files"));
        return open_one(s, folder, name);
    }
    UM_TRY(um_path_join(s->ctx, &path, folder, name));
    const um_status status = open_index(s, folder, path);
    um_free(s->ctx, path);
    return status;
}

um_status um_unet_shards_open(um_unet_shards *s, um_ctx *ctx, const char *folder)
{
    char *name;
    *s = (um_unet_shards){ .ctx = ctx };
    um_status status = choose(ctx, folder, &name);
    if (status == UM_OK)
        status = name ? open_chosen(s, folder, name) : nothing_there(ctx, folder);
    um_free(ctx, name);
    if (status != UM_OK) um_unet_shards_close(s);
    return status;
}

void um_unet_shards_close(um_unet_shards *s)
{
    for (int i = 0; i < s->count; i++) um_safetensors_close(&s->files[i]);
    if (s->ctx) um_free(s->ctx, s->files);
    *s = (um_unet_shards){ 0 };
}

const um_stored *um_unet_shards_find(const um_unet_shards *s, const char *name)
{
    for (int i = 0; i < s->count; i++) {
        const um_stored *tensor = um_safetensors_find(&s->files[i], name);
        if (tensor) return tensor;
    }
    return NULL;
}
