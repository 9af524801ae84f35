/* SPDX-License-Identifier: MIT
 * unet_file.c - a network's folder: every tensor of the file must be a parameter, and every
 * parameter there. */
#include "io/unet_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "io/path.h"
#include "io/safetensors_write.h"
#include "io/unet_shards.h"

enum { NAME_BYTES = 256, SHAPE_BYTES = 24 * UM_STORED_RANK };

/* Part of a name, and what diffusers called it before. */
static const struct {
    const char *now, *before;
} renamed[] = {
    { ".to_q.", ".query." },
    { ".to_k.", ".key." },
    { ".to_v.", ".value." },
    { ".to_out.0.", ".proj_attn." },
    { "time_proj.weight", "time_proj.W" },
};

/* The older name of a parameter in `out`; false where it has none. */
static bool older_name(const char *name, char out[NAME_BYTES])
{
    for (size_t i = 0; i < UM_COUNT(renamed); i++) {
        const char *at = strstr(name, renamed[i].now);
        if (!at) continue;
        const char *rest = at + strlen(renamed[i].now);
        snprintf(out, NAME_BYTES, "%.*s%s%s", (int)(at - name), name, renamed[i].before, rest);
        return true;
    }
    return false;
}

static void write_shape(char *out, int rank, const int64_t *shape)
{
    size_t used = (size_t)snprintf(out, SHAPE_BYTES, "[");
    for (int i = 0; i < rank; i++)
        used +=
            (size_t)snprintf(out + used, SHAPE_BYTES - used, "%s%" PRId64, i ? ", " : "", shape[i]);
    snprintf(out + used, SHAPE_BYTES - used, "]");
}

static um_status refuse_shape(um_ctx *ctx, const um_stored *s, int rank, const int64_t *shape)
{
    char is[SHAPE_BYTES], wanted[SHAPE_BYTES];
    write_shape(is, s->rank, s->shape);
    write_shape(wanted, rank, shape);
    return um_fail(ctx, UM_BAD_FILE, "%s: tensor '%s' is %s (the network has %s)", s->path, s->name,
                   is, wanted);
}

/* One parameter; `room` holds the numbers of the largest. */
static um_status load_one(um_ctx *ctx, const um_unet_shards *shards, const um_param *p, float *room)
{
    char older[NAME_BYTES];
    int64_t shape[4];
    const int rank = um_param_file_shape(p, shape);
    const um_stored *s = um_unet_shards_find(shards, p->name);
    if (!s && older_name(p->name, older)) s = um_unet_shards_find(shards, older);
    if (!s)
        return um_fail(ctx, UM_BAD_FILE, "%s: tensor '%s' is missing", shards->files[0].path,
                       p->name);
    if (!um_stored_has_shape(s, rank, shape)) return refuse_shape(ctx, s, rank, shape);
    UM_TRY(um_stored_weights(ctx, s, room, um_shape_count(p->shape)));
    um_param_from_file(p, room, p->value);
    return UM_OK;
}

static bool is_known(const um_params *params, const char *name)
{
    char older[NAME_BYTES];
    for (int i = 0; i < params->count; i++) {
        const char *now = params->list[i]->name;
        if (strcmp(now, name) == 0) return true;
        if (older_name(now, older) && strcmp(older, name) == 0) return true;
    }
    return false;
}

static um_status refuse_strangers(um_ctx *ctx, const um_unet_shards *shards,
                                  const um_params *params)
{
    for (int i = 0; i < shards->count; i++)
        for (int k = 0; k < shards->files[i].count; k++)
            if (!is_known(params, shards->files[i].tensors[k].name))
                return um_fail(ctx, UM_BAD_FILE, "%s: tensor '%s' is none of the network's",
                               shards->files[i].path, shards->files[i].tensors[k].name);
    return UM_OK;
}

static size_t largest(const um_params *params)
{
    size_t most = 1;
    for (int i = 0; i < params->count; i++)
        most = UM_MAX(most, um_shape_count(params->list[i]->shape));
    return most;
}

um_status um_unet_file_read_weights(um_ctx *ctx, um_unet *unet, const char *folder)
{
    const um_params *params = um_unet_params(unet);
    um_unet_shards shards;
    float *room;
    UM_TRY(um_unet_shards_open(&shards, ctx, folder));
    um_status status = um_alloc(ctx, &room, largest(params), sizeof *room, "a parameter");
    for (int i = 0; status == UM_OK && i < params->count; i++)
        status = load_one(ctx, &shards, params->list[i], room);
    if (status == UM_OK) status = refuse_strangers(ctx, &shards, params);
    um_free(ctx, room);
    um_unet_shards_close(&shards);
    return status;
}

um_status um_unet_file_load(um_unet **unet, um_ctx *ctx, const char *folder)
{
    char *path;
    um_unet_config config;
    *unet = NULL;
    UM_TRY(um_path_join(ctx, &path, folder, "config.json"));
    um_status status = um_unet_file_read_config(ctx, &config, path);
    um_free(ctx, path);
    if (status == UM_OK) status = um_unet_open(unet, ctx, &config);
    if (status == UM_OK) status = um_unet_file_read_weights(ctx, *unet, folder);
    if (status != UM_OK) um_unet_close(unet);
    return status;
}

/* What a network is stored as; a number from `limit` on is rounded to infinity. */
static const struct narrowing {
    um_stored_type type;
    double limit;
} narrowings[] = {
    { UM_STORED_F32, INFINITY },
    { UM_STORED_F16, 65520 },
    { UM_STORED_BF16, 0x1.ffp127 },
};

/* A model is never replaced by what nobody can load. */
static um_status check_stored(um_ctx *ctx, const um_params *params, const um_real *values,
                              const struct narrowing *to, const char *path)
{
    for (int k = 0; k < params->count; k++) {
        const um_param *p = params->list[k];
        const um_real *own = values + um_params_offset(params, p);
        for (size_t i = 0; i < um_shape_count(p->shape); i++)
            if (!(fabs((double)own[i]) < to->limit))
                return um_fail(ctx, UM_NOT_FINITE,
                               "%s: not written: tensor '%s' holds %g, which is not finite as %s",
                               path, p->name, (double)own[i], um_stored_type_name(to->type));
    }
    return UM_OK;
}

/* All parameters in the files' layout, in `room` one behind the other, handed to the writer. */
static um_status write_all(um_ctx *ctx, const um_params *params, const um_real *values,
                           const struct narrowing *to, const char *path)
{
    float *room;
    UM_TRY(check_stored(ctx, params, values, to, path));
    um_tensors_out out;
    UM_TRY(
        um_alloc(ctx, &room, params->numbers, sizeof *room, "the parameters as the file has them"));
    um_tensors_begin(&out, ctx);
    um_tensors_text(&out, "format", "pt");
    float *at = room;
    for (int i = 0; i < params->count; i++) {
        const um_param *p = params->list[i];
        int64_t shape[4];
        const int rank = um_param_file_shape(p, shape);
        um_param_to_file(p, values + um_params_offset(params, p), at);
        um_tensors_floats(&out, p->name, to->type, rank, shape, at);
        at += um_shape_count(p->shape);
    }
    const um_status status = um_tensors_commit(&out, path);
    um_free(ctx, room);
    return status;
}

um_status um_unet_file_write_weights(um_ctx *ctx, um_unet *unet, const um_real *values,
                                     const char *dtype, const char *folder)
{
    const um_params *params = um_unet_params(unet);
    char *path;
    size_t i = 0;
    while (i < UM_COUNT(narrowings) &&
           strcasecmp(dtype, um_stored_type_name(narrowings[i].type)) != 0)
        i++;
    if (i == UM_COUNT(narrowings))
        return um_fail(ctx, UM_BAD_ARG, "numbers of type '%.40s' (f32, f16, bf16)", dtype);
    UM_TRY(um_path_join(ctx, &path, folder, UM_WEIGHTS_NAME));
    const um_status status =
        write_all(ctx, params, values ? values : params->values, &narrowings[i], path);
    um_free(ctx, path);
    return status;
}
