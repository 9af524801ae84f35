/* SPDX-License-Identifier: MIT
 * tiny_run.h - the smallest whole training, through the public door. */
#ifndef UM_TINY_RUN_H
#define UM_TINY_RUN_H

#include "api/handles.h"
#include "support/scratch.h"

/* The smallest training, in a file: what stands on the command line is what a test is about. */
static const char tiny_run[] =
    "[run]\nthreads = 1\n"
    "[data]\npath = .\nvalidation = 0.2\n"
    "[model]\nchannels = 4,4\ngroups = 2\nlayers = 1\nattention = none\nmid_attention = false\n"
    "[diffusion]\ntimesteps = 20\n"
    "[train]\nbatch = 2\nsteps = 4\nwarmup = 1\nvalidate_every = 2\ncheckpoint_every = 2\n"
    "sample_every = 0\nlog_every = 1\nsample_count = 2\n"
    "[sample]\nsteps = 2\n";

/* Twelve images of 8 x 8 in classes 0, 1, 2, as an IDX file with its labels, and an INI file that
 * trains on them. */
static inline const char *make_images(scratch *s)
{
    enum { COUNT = 12, SIDE = 8 };
    uint8_t images[16 + COUNT * SIDE * SIDE] = { 0, 0, 8, 3, 0, 0, 0, COUNT, 0, 0, 0, SIDE,
                                                 0, 0, 0, SIDE };
    uint8_t labels[8 + COUNT] = { 0, 0, 8, 1, 0, 0, 0, COUNT };
    for (int i = 0; i < COUNT * SIDE * SIDE; i++) images[16 + i] = (uint8_t)(37 * i % 251);
    for (int i = 0; i < COUNT; i++) labels[8 + i] = (uint8_t)(i % 3);
    scratch_write(s, "data/train-labels-idx1-ubyte", labels, sizeof labels);
    scratch_write(s, "data/train-images-idx3-ubyte", images, sizeof images);
    scratch_write(s, "data/tiny.ini", tiny_run, sizeof tiny_run - 1);
    return scratch_path(s, "data");
}

static inline um_status open_tiny(um_settings **s, um_ctx *ctx, const char *data)
{
    char path[SCRATCH_PATH + 16];
    UM_TRY(um_settings_open(s, ctx));
    snprintf(path, sizeof path, "%s/tiny.ini", data);
    return um_settings_read(*s, path);
}

/* A context of the public door, settings and a folder to run in. */
typedef struct subject {
    um_ctx *ctx;
    um_settings *settings;
    um_training_result result;
    char data[SCRATCH_PATH], out[SCRATCH_PATH];
    bool stop; /* at the first question */
    int begun, told;
} subject;

static inline bool cancelled(void *user) { return ((subject *)user)->stop; }

static inline subject *open_subject(scratch *s)
{
    subject *x = test_calloc(1, sizeof *x);
    const um_options options = { .cancelled = cancelled, .cancel_user = x };
    assert_int_equal(um_open(&x->ctx, &options), UM_OK);
    snprintf(x->data, sizeof x->data, "%s", make_images(s));
    snprintf(x->out, sizeof x->out, "%s", scratch_path(s, "run"));
    CHECK_OK(x->ctx, open_tiny(&x->settings, x->ctx, x->data));
    return x;
}

/* Fresh settings for another call. */
static inline void again(subject *x)
{
    um_settings_close(&x->settings);
    CHECK_OK(x->ctx, open_tiny(&x->settings, x->ctx, x->data));
}

static inline void close_subject(subject *x)
{
    um_settings_close(&x->settings);
    um_close(&x->ctx);
    test_free(x);
}

static inline void set(subject *x, const char *format, const char *value)
{
    char text[SCRATCH_PATH + 64];
    snprintf(text, sizeof text, format, value);
    CHECK_OK(x->ctx, um_settings_set(x->settings, text));
}

static inline void begun(void *user, const char *run, const char *description)
{
    subject *x = user;
    x->begun++;
    assert_string_equal(run, x->out);
    assert_non_null(strstr(description, "8 x 8 x 1"));
}

static inline void told(void *user, const um_training_progress *progress)
{
    subject *x = user;
    x->told++;
    assert_int_equal(progress->steps, 4);
    assert_true(progress->loss > 0);
}

static inline um_status go(subject *x, bool resume)
{
    const um_training_hooks hooks = { begun, told, x };
    memset(&x->result, 0xff, sizeof x->result);
    x->begun = x->told = 0;
    return um_train_run(x->settings, x->out, resume, &hooks, &x->result);
}

static inline bool holds(const subject *x, const char *name)
{
    return um_path_holds(x->out, name);
}

/* Stop before the first step, which saves step 0: a run that can be resumed. */
static inline void begin_and_stop(subject *x)
{
    x->stop = true;
    assert_int_equal(go(x, false), UM_CANCELLED);
    x->stop = false;
    assert_true(holds(x, "checkpoints/step-0000000"));
}

static inline void the_text_of(subject *x, const char *folder, const char *name, char *out,
                               size_t size)
{
    char path[SCRATCH_PATH + 100];
    um_bytes b;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK_OK(x->ctx, um_file_read(x->ctx, path, 1 << 20, &b));
    assert_true(b.size < size);
    memcpy(out, b.data, b.size + 1);
    um_free(x->ctx, b.data);
}

#endif
