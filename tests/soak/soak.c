/* SPDX-License-Identifier: MIT
 * soak.c - one long life: soak FOLDER SEED SECONDS EVERY
 *
 * Round after round a training on random small settings, stopped on its way and resumed, then
 * images drawn, edited, measured and written, and errors provoked; all is closed before the next
 * round. FOLDER has `data`, images of 8 x 8 with labels, and mask.png. A line each EVERY seconds:
 *
 *     seconds,rounds,resident,held,descriptors
 *
 * in KiB: what the machine keeps in memory for the process, and what malloc has given out and not
 * got back. Status 1 where a call does not give what it should. soak.py judges the lines. */
#include <unmist.h>

#include <dirent.h>
#include <ftw.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH = 512, TEXT = 1024, STEPS = 6 };

typedef struct soak {
    uint64_t random;
    char folder[PATH - 200], run[PATH - 100], model[PATH - 50];
    um_ctx *ctx;
    um_settings *settings;
    int questions, patience; /* asked so far whether to stop; stop at this one, 0: never */
    long rounds;
} soak;

/* One of 0 .. n - 1 (Marsaglia 2003, xorshift64). */
static int draw(soak *s, int n)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return (int)((s->random >> 20) % (uint64_t)n);
}

static void need(const soak *s, const char *what, um_status got, um_status wanted)
{
    if (got == wanted) return;
    char *text = NULL;
    fprintf(stderr, "soak: round %ld: %s: %s instead of %s: %s\n", s->rounds, what,
            um_status_text(got), um_status_text(wanted), um_message(s->ctx));
    if (s->settings && um_settings_text(s->settings, &text) == UM_OK) fputs(text, stderr);
    exit(1);
}

UM_PRINTF(2, 3) static void set(soak *s, const char *format, ...)
{
    char text[TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    need(s, text, um_settings_set(s->settings, text), UM_OK);
}

/* ---- random settings ---- */

/* One of the values, all of which fit those of the other keys. */
static const struct choice {
    const char *key, *values;
} choices[] = {
    { "run.threads", "1|1|2|3" },
    { "model.channels", "8|8,8|8,16|4,8,8" },
    { "model.groups", "2|4" },
    { "model.layers", "1|1|2" },
    { "model.attention", "none|none|4|8" },
    { "model.head_dim", "4|0" },
    { "model.dropout", "0|0.2" },
    { "model.time_scale_shift", "default|scale_shift" },
    { "model.downsample_type", "conv|resnet" },
    { "model.upsample_type", "conv|resnet" },
    { "model.class_conditional", "false|true" },
    { "diffusion.timesteps", "20|50|1000" },
    { "diffusion.schedule", "linear|cosine|quadratic|sigmoid" },
    { "diffusion.prediction_type", "epsilon|v_prediction|sample" },
    { "diffusion.loss", "mse|huber|l1" },
    { "train.batch", "1|2|5" },
    { "train.accumulate", "0|1" },
    { "train.optimizer", "adamw|adam" },
    { "train.precision", "f32|bf16" },
    { "train.ema_decay", "0|0.9" },
    { "train.checkpoint_every", "1|2|4" },
    { "train.sample_every", "0|3" },
    { "sample.count", "1|3" },
    { "sample.batch", "1|2|64" },
    { "sample.steps", "3|4|5" },
    { "sample.precision", "f32|bf16" },
    { "sample.rng", "philox|torch" },
    { "sample.clip_sample", "auto|true|false" },
    { "sample.thresholding", "false|false|true" },
    { "sample.trajectory", "0|1|2" },
    { "evaluate.likelihood", "both|flow|bound" },
    { "evaluate.divergence", "rademacher|gaussian" },
    { "data.validation", "0.2" },
    { "train.steps", "6" },
    { "train.warmup", "1" },
    { "train.log_every", "1" },
    { "train.validate_every", "3" },
    { "train.sample_count", "2" },
    { "train.keep", "1" },
    { "sample.rtol", "0.5" },
    { "sample.atol", "0.5" },
    { "edit.jump_length", "1" },
    { "edit.resamples", "2" },
    { "edit.frames", "3" },
    { "evaluate.count", "2" },
    { "evaluate.integrator", "heun" },
    { "evaluate.steps", "2" },
    { "evaluate.timesteps", "3" },
};

static void choose(soak *s, const struct choice *c)
{
    int n = 1;
    const char *from = c->values;
    for (const char *p = from; *p; p++) n += *p == '|';
    for (int i = draw(s, n); i > 0; i--) from = strchr(from, '|') + 1;
    set(s, "%s=%.*s", c->key, (int)strcspn(from, "|"), from);
}

/* A sampler of its own in each round, whatever the seed: none is left out for long. */
static void choose_sampler(soak *s)
{
    um_sampler_facts facts;
    int n = 0;
    while (um_sampler_describe(n, &facts)) n++;
    um_sampler_describe((int)(s->rounds % n), &facts);
    set(s, "sample.sampler=%s", facts.name);
    if (strcmp(facts.name, "sde_adaptive") == 0) set(s, "sample.rng=philox"); /* it refuses torch */
}

static void settings(soak *s)
{
    need(s, "settings", um_settings_open(&s->settings, s->ctx), UM_OK);
    set(s, "data.path=%s/data", s->folder);
    set(s, "run.seed=%d", draw(s, 1 << 20));
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) choose(s, &choices[i]);
    choose_sampler(s);
    need(s, "the settings together", um_settings_check(s->settings), UM_OK);
}

/* ---- a round ---- */

static bool impatient(void *user)
{
    soak *s = user;
    return ++s->questions == s->patience;
}

static void train(soak *s)
{
    um_training_result result;
    s->questions = 0;
    s->patience = 1 + draw(s, STEPS);
    need(s, "training", um_train_run(s->settings, s->run, false, NULL, &result), UM_CANCELLED);
    s->patience = 0;
    need(s, "again without resume", um_train_run(s->settings, s->run, false, NULL, &result),
         UM_BAD_ARG);
    need(s, "resume", um_train_run(s->settings, s->run, true, NULL, &result), UM_OK);
}

static void sample(soak *s, um_model *m, um_images **images)
{
    static const char *const names[] = { "out.png", "out.safetensors", "singles" };
    char path[PATH], *table = NULL;
    need(s, "sample", um_sample(m, s->settings, NULL, images), UM_OK);
    snprintf(path, sizeof path, "%s/%s", s->run, names[draw(s, 3)]);
    need(s, "write", um_images_write(*images, path, NULL, NULL), UM_OK);
    const um_status explained = um_sample_explain(m, s->settings, &table);
    if (explained != UM_BAD_ARG) need(s, "explain", explained, UM_OK); /* one that has no rows */
    um_text_release(s->ctx, &table);
}

static void edit(soak *s, um_model *m, const um_images *images)
{
    char mask[PATH];
    um_images *edited = NULL;
    double error;
    snprintf(mask, sizeof mask, "%s/mask.png", s->folder);
    const um_edit edits[] = {
        { UM_EDIT_INPAINT, images, mask, { 0 } },
        { UM_EDIT_FROM_IMAGE, images, NULL, { 0 } },
        { UM_EDIT_INTERPOLATE, NULL, NULL, { 1, 2 } },
        { UM_EDIT_INVERT, images, NULL, { 0 } },
    };
    const int mode = draw(s, 4);
    set(s, "sample.sampler=%s", mode == 0 ? "ddpm" : "ddim");
    set(s, "sample.trajectory=0");
    need(s, "edit", um_edit_run(m, s->settings, &edits[mode], NULL, &error, &edited), UM_OK);
    um_images_close(&edited);
}

static void evaluate(soak *s, um_model *m)
{
    um_likelihood *l = NULL;
    need(s, "evaluate", um_evaluate_likelihood(m, s->settings, NULL, &l), UM_OK);
    um_likelihood_close(&l);
}

/* What fails closes what it had opened. */
static void provoke(soak *s)
{
    um_model *none = NULL;
    char path[PATH];
    need(s, "no such model", um_model_open(&none, s->ctx, s->folder, s->settings), UM_BAD_FILE);
    snprintf(path, sizeof path, "%s/unet/diffusion_pytorch_model.safetensors", s->model);
    if (truncate(path, 200 + draw(s, 1000)) != 0) exit(1);
    need(s, "a cut model", um_model_open(&none, s->ctx, s->model, s->settings), UM_BAD_FILE);
    need(s, "no such setting", um_settings_set(s->settings, "train.nothing=1"), UM_BAD_ARG);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void round_of_work(soak *s)
{
    const um_options options = { .cancelled = impatient, .cancel_user = s };
    um_model *model = NULL;
    um_images *images = NULL;
    if (um_open(&s->ctx, &options) != UM_OK) exit(1);
    settings(s);
    train(s);
    need(s, "model", um_model_open(&model, s->ctx, s->model, s->settings), UM_OK);
    sample(s, model, &images);
    edit(s, model, images);
    evaluate(s, model);
    um_images_close(&images);
    um_model_close(&model);
    provoke(s);
    um_settings_close(&s->settings);
    um_close(&s->ctx);
    if (nftw(s->run, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0) exit(1);
    s->rounds++;
}

/* ---- what it costs ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static long resident(void)
{
    long pages = 0, total;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &total, &pages) != 2) exit(1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int descriptors(void)
{
    int n = -3; /* ".", "..", and that of the folder itself */
    DIR *d = opendir("/proc/self/fd");
    if (!d) exit(1);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static void tell(const soak *s, double since)
{
    const struct mallinfo2 m = mallinfo2();
    printf("%.1f,%ld,%ld,%zu,%d\n", since, s->rounds, resident(), (m.uordblks + m.hblkhd) / 1024,
           descriptors());
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    soak s = { .random = strtoull(argv[2], NULL, 10) * 2 + 1 };
    const double begin = seconds(), last = atof(argv[3]), every = atof(argv[4]);
    double next = 0;
    snprintf(s.folder, sizeof s.folder, "%s", argv[1]);
    snprintf(s.run, sizeof s.run, "%s/run", s.folder);
    snprintf(s.model, sizeof s.model, "%s/model", s.run);
    for (int i = 0; i < 8; i++) draw(&s, 2);
    for (double since = 0; since < last || s.rounds < 3; since = seconds() - begin) {
        round_of_work(&s);
        if (seconds() - begin < next) continue;
        tell(&s, seconds() - begin);
        next += every;
    }
    tell(&s, seconds() - begin);
    return 0;
}
