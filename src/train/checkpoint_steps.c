/* SPDX-License-Identifier: MIT
 * checkpoint_steps.c - which checkpoints of a run there are, and which of them stay. */
#include "train/checkpoint.h"

#include "io/folder.h"
#include "io/path.h"

/* The step of a checkpoint's folder, -1 for any other name. */
static int64_t step_of(const char *name) { return um_path_number(name, "step-"); }

static bool is_regular(int64_t step, int every)
{
    return step == 0 || (step > 0 && every > 0 && step % every == 0);
}

/* The names in checkpoints/. Both are to be freed, also after a failure. */
static um_status list(um_ctx *ctx, const char *run, char **folder, um_names *names)
{
    *names = (um_names){ 0 };
    UM_TRY(um_path_join(ctx, folder, run, "checkpoints"));
    return um_path_is_folder(*folder) ? um_folder_list(ctx, *folder, names) : UM_OK;
}

enum { ANY = -1 };

/* The name of the highest step, of all (every: ANY) or of regular ones, or NULL. */
static char *highest(const um_names *names, int every)
{
    char *best = NULL;
    for (int i = 0; i < names->count; i++) {
        const int64_t step = step_of(names->name[i]);
        if (step < 0 || (every != ANY && !is_regular(step, every))) continue;
        if (!best || step > step_of(best)) best = names->name[i];
    }
    return best;
}

um_status um_checkpoint_regular(um_ctx *ctx, const char *run, int every, char **out, int64_t *step)
{
    char *folder = NULL;
    um_names names;
    *out = NULL;
    um_status status = list(ctx, run, &folder, &names);
    const char *best = highest(&names, every);
    *step = best ? step_of(best) : -1;
    if (best) status = um_path_join(ctx, out, folder, best);
    um_names_free(ctx, &names);
    um_free(ctx, folder);
    return status;
}

um_status um_checkpoint_newest(um_ctx *ctx, const char *run, char **out)
{
    int64_t step;
    return um_checkpoint_regular(ctx, run, ANY, out, &step);
}

static um_status discard(um_ctx *ctx, const char *folder, const char *name)
{
    char *path;
    UM_TRY(um_path_join(ctx, &path, folder, name));
    const um_status status = um_folder_discard(ctx, path);
    um_free(ctx, path);
    return status;
}

static int newer_than(const um_names *names, int i)
{
    int newer = 0;
    for (int k = 0; k < names->count; k++)
        newer += step_of(names->name[k]) > step_of(names->name[i]);
    return newer;
}

um_status um_checkpoint_prune(um_ctx *ctx, const char *run, int keep, int every)
{
    char *folder = NULL;
    um_names names;
    um_status status = list(ctx, run, &folder, &names);
    if (status == UM_BAD_FILE) status = UM_IO;
    const char *stays = every < 0 ? NULL : highest(&names, every);
    for (int i = 0; i < names.count && keep > 0 && status == UM_OK; i++)
        if (step_of(names.name[i]) >= 0 && newer_than(&names, i) >= keep &&
            names.name[i] != stays)
            status = discard(ctx, folder, names.name[i]);
    um_names_free(ctx, &names);
    um_free(ctx, folder);
    return status;
}

um_status um_checkpoint_forget(um_ctx *ctx, const char *run, int64_t step)
{
    char *folder = NULL;
    um_names names;
    um_status status = list(ctx, run, &folder, &names);
    for (char *name; status == UM_OK && (name = highest(&names, ANY)); name[0] = '\0') {
        if (step_of(name) <= step) break;
        status = discard(ctx, folder, name);
    }
    um_names_free(ctx, &names);
    um_free(ctx, folder);
    return status;
}
