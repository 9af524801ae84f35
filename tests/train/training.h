/* SPDX-License-Identifier: MIT
 * training.h - whole trainings of a tiny network: what goes in, what hooks saw, what came out. */
#ifndef UM_TEST_TRAINING_H
#define UM_TEST_TRAINING_H

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/limits.h"
#include "support/scratch.h"
#include "train/run.h"
#include "train/tiny.h"

/* One training: what goes in, what its hooks saw, what came out. */
typedef struct training {
    um_ctx *ctx;
    tiny t;
    const char *out;
    bool resume, draws;
    int cancel_at;      /* um_check_cancelled says stop at its k-th call; 0: never */
    int dies_at;        /* the process ends as its k-th step is told; 0: never */
    int draw_fails_at;  /* the picture of this step fails with draw_status ... */
    int draws_before;   /* ... once so many were drawn */
    um_status draw_status;
    int full_from, full_until; /* between these steps no file can be written; 0: it always can */
    double nap;         /* seconds that each step is made longer */
    int asked, told, drawn;
    um_train_status last;
    um_status status;
    um_train_result result;
} training;

static inline bool cancelled(void *user)
{
    training *r = user;
    return ++r->asked == r->cancel_at;
}

static inline void told(void *user, const um_train_status *status)
{
    training *r = user;
    const struct timespec nap = { 0, (long)(r->nap * 1e9) };
    r->told++;
    r->last = *status;
    if (r->told == r->dies_at) _exit(0);
    if (status->step == r->full_from) limit_files(1);
    if (status->step == r->full_until) limit_files(RLIM_INFINITY);
    if (r->nap > 0) nanosleep(&nap, NULL);
}

/* A picture that holds the network's weights. */
static inline um_status draw(void *user, um_unet *unet, int64_t step, const char *path)
{
    training *r = user;
    const um_params *p = um_unet_params(unet);
    if (r->draw_fails_at == step && r->drawn >= r->draws_before)
        return um_fail(r->ctx, r->draw_status, "no picture");
    r->drawn++;
    return um_file_write(r->ctx, path, p->values, p->padded * sizeof *p->values);
}

/* Ready to be told what is special about it. */
static inline training *prepare(um_ctx *ctx, const char *out)
{
    training *r = test_calloc(1, sizeof *r);
    r->ctx = ctx;
    r->out = out;
    ctx->threads = 1;
    CHECK_OK(ctx, tiny_begin(&r->t, ctx));
    r->t.settings.log_every = 3;
    r->t.settings.checkpoint_every = 12;
    CHECK_OK(ctx, um_folder_make(ctx, out));
    return r;
}

static inline training *resumed(um_ctx *ctx, const char *out)
{
    training *r = prepare(ctx, out);
    r->resume = true;
    return r;
}

static inline void go(training *r)
{
    CHECK_OK(r->ctx, tiny_network(&r->t, 4));
    const um_train_request request = {
        .settings = &r->t.settings, .unet = r->t.unet, .schedule = &r->t.schedule,
        .data = &r->t.data, .scheduler = &r->t.scheduler, .out = r->out, .resume = r->resume,
        .told = told, .draw = r->draws ? draw : NULL, .user = r,
    };
    r->ctx->cancelled = cancelled;
    r->ctx->cancel_user = r;
    r->status = um_train(r->ctx, &request, &r->result);
    r->ctx->cancelled = NULL;
    limit_files(RLIM_INFINITY);
}

/* The same in a process of its own, which may die. */
static inline void go_and_die(training *r)
{
    int status;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        go(r);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static inline void end(training *r)
{
    tiny_end(&r->t);
    test_free(r);
}

/* To its end, as nothing else is said. */
static inline void complete(training *r)
{
    go(r);
    CHECK_OK(r->ctx, r->status);
    assert_true(r->result.finished);
    end(r);
}

static inline const char *in(const char *out, const char *name)
{
    static char text[4][2 * SCRATCH_PATH];
    static int next;
    char *path = text[next++ % 4];
    snprintf(path, sizeof text[0], "%s/%s", out, name);
    return path;
}

static inline um_bytes bytes_of(um_ctx *ctx, const char *out, const char *name)
{
    um_bytes b;
    CHECK_OK(ctx, um_file_read(ctx, in(out, name), 1 << 24, &b));
    return b;
}

/* log.csv with its two columns of time cut out. */
static inline char *log_of(um_ctx *ctx, const char *out)
{
    const um_bytes b = bytes_of(ctx, out, "log.csv");
    char *text = test_calloc(b.size + 1, 1), *to = text;
    int column = 0;
    for (const char *c = (const char *)b.data; *c; c++) {
        if (*c == ',' || *c == '\n') column = *c == '\n' ? 0 : column + 1;
        if (column != 5 && column != 6) *to++ = *c;
    }
    um_free(ctx, b.data);
    return text;
}

static inline int rows_of(um_ctx *ctx, const char *out)
{
    char *log = log_of(ctx, out);
    int lines = 0;
    for (const char *c = log; *c; c++) lines += *c == '\n';
    test_free(log);
    return lines - 1;
}

static inline void check_same_file(um_ctx *ctx, const char *a, const char *b, const char *name)
{
    const um_bytes x = bytes_of(ctx, a, name), y = bytes_of(ctx, b, name);
    if (x.size != y.size || memcmp(x.data, y.data, x.size) != 0)
        fail_msg("%s differs from %s in %s", b, a, name);
    um_free(ctx, x.data);
    um_free(ctx, y.data);
}

static inline void check_same_run(um_ctx *ctx, const char *a, const char *b)
{
    char *x = log_of(ctx, a), *y = log_of(ctx, b);
    check_same_file(ctx, a, b, "model/unet/diffusion_pytorch_model.safetensors");
    check_same_file(ctx, a, b, "model/unet/config.json");
    check_same_file(ctx, a, b, "checkpoints/step-0000012/unet/diffusion_pytorch_model.safetensors");
    check_same_file(ctx, a, b, "checkpoints/step-0000012/training_state.safetensors");
    assert_string_equal(x, y);
    test_free(x);
    test_free(y);
}

/* Hundreds of flushes cost nothing in memory. */
static inline void runs_on_fast_disk(void)
{
    if (um_path_is_folder("/dev/shm")) setenv("TMPDIR", "/dev/shm", 0);
}

#endif
