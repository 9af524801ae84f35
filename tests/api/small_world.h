/* SPDX-License-Identifier: MIT
 * small_world.h - two trained runs, pictures and files of every kind that public calls read. */
#ifndef UM_SMALL_WORLD_H
#define UM_SMALL_WORLD_H

#include "api/tiny_run.h"
#include "io/safetensors_write.h"

enum { IMAGE = 64 };

/* Where the runs and files lie that the calls work on, made once. */
static scratch *world;
static const char *settings_file, *data, *model, *judge, *mask, *picture, *input;
static char out[SCRATCH_PATH]; /* a folder that is empty before each call */

/* Settings that all share. */
static const char *const common[] = {
    "run.threads=1", "sample.steps=2", "sample.count=3", "evaluate.count=1", "evaluate.batch=1",
    "evaluate.steps=1", "evaluate.integrator=heun", "evaluate.likelihood=both",
    "evaluate.timesteps=2",
};

static inline const char *place(const char *name) { return scratch_path(world, name); }

/* A copy of a path that stays. */
static inline const char *keep(const char *path)
{
    static char kept[8][SCRATCH_PATH];
    static size_t n;
    assert_true(n < UM_COUNT(kept));
    return strcpy(kept[n++], path);
}

static inline const char *train_world(um_ctx *ctx, const char *name, const char *const settings[2])
{
    um_settings *s;
    um_training_result result;
    const char *path = keep(place(name));
    CHECK_OK(ctx, open_tiny(&s, ctx, data));
    for (size_t i = 0; i < UM_COUNT(common); i++) CHECK_OK(ctx, um_settings_set(s, common[i]));
    for (int i = 0; i < 2; i++) CHECK_OK(ctx, um_settings_set(s, settings[i]));
    CHECK_OK(ctx, um_train_run(s, path, false, NULL, &result));
    um_settings_close(&s);
    return path;
}

/* Images as PNG and as numbers, with all that um_model_forward_file reads. */
static inline void make_pictures(um_ctx *ctx)
{
    static float x[2 * IMAGE];
    static const double one[2] = { 3, 5 }, label[2] = { 0, 1 };
    const int64_t shape[4] = { 2, 1, 8, 8 }, n = 2;
    um_settings *s;
    um_dataset *d;
    um_tensors_out file;
    CHECK_OK(ctx, open_tiny(&s, ctx, data));
    CHECK_OK(ctx, um_data_open(&d, s, NULL));
    picture = keep(place("picture.png"));
    mask = keep(place("mask.png"));
    CHECK_OK(ctx, um_data_sheet(d, 1, 1, picture));
    CHECK_OK(ctx, um_data_sheet(d, 1, 1, mask));
    um_data_close(&d);
    um_settings_close(&s);
    input = keep(place("x.safetensors"));
    for (int i = 0; i < 2 * IMAGE; i++) x[i] = (float)(i % 7) / 7;
    um_tensors_begin(&file, ctx);
    um_tensors_floats(&file, "sample", UM_STORED_F32, 4, shape, x);
    um_tensors_floats(&file, "target", UM_STORED_F32, 4, shape, x);
    um_tensors_doubles(&file, "timestep", 1, &n, one);
    um_tensors_doubles(&file, "class_labels", 1, &n, label);
    CHECK_OK(ctx, um_tensors_commit(&file, input));
}

static inline int world_setup(void **state)
{
    um_ctx *ctx;
    if (scratch_setup(state) != 0) return -1;
    world = *state;
    assert_int_equal(um_open(&ctx, NULL), UM_OK);
    data = keep(make_images(world));
    settings_file = keep(place("data/tiny.ini"));
    snprintf(out, sizeof out, "%s", place("out"));
    static const char *const of_model[] = { "model.class_conditional=true",
                                            "train.label_dropout=0.1" };
    static const char *const of_judge[] = { "train.task=classifier", "train.steps=1" };
    model = train_world(ctx, "model", of_model);
    judge = train_world(ctx, "judge", of_judge);
    make_pictures(ctx);
    um_close(&ctx);
    return 0;
}

#endif
