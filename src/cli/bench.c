/* SPDX-License-Identifier: MIT
 * bench.c - unmist bench */
#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPS = 10, WORD = 128 };

/* What is asked. */
typedef struct bench {
    cli *c;
    const char *kind;  /* "train" ... */
    const char *place; /* behind the kind, or NULL */
    const char *batch, *reps_text, *precision; /* as they were given, or NULL */
    int reps;
    char made[2][WORD]; /* settings that short words stand for */
} bench;

static void progress(void *user, int done, int total)
{
    cli_bar(user, "timing", done, total, "");
}

static bool is(const bench *b, const char *kind)
{
    return strcmp(b->kind, kind) == 0;
}

/* ---- what is asked: each gives 0, or the exit status of an error ---- */

static int take_kind(bench *b)
{
    enum { KINDS = 3 };
    static const char *const kinds[KINDS] = { "kernels", "train", "sample" };
    b->kind = b->c->places[0];
    b->place = b->c->n_places > 1 ? b->c->places[1] : NULL;
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i], b->kind) == 0) return 0;
    const char *meant = um_word_nearest(b->kind, kinds, KINDS);
    return meant ? cli_usage(b->c, "no bench '%.80s' (did you mean %s?)", b->kind, meant)
                 : cli_usage(b->c, "no bench '%.80s' (kernels, train, sample)", b->kind);
}

/* batch=8 stands for train.batch=8 or sample.batch=8. */
static int take_short(bench *b, int slot, const char *key, const char *value)
{
    const char *section = is(b, "sample") ? "sample" : "train";
    if (!value) return 0;
    if (snprintf(b->made[slot], WORD, "%s.%s=%s", section, key, value) >= WORD)
        return cli_usage(b->c, "%s=%.40s... is too long", key, value);
    if (b->c->n_settings == CLI_MAX_SETTINGS)
        return cli_usage(b->c, "more than %d settings", CLI_MAX_SETTINGS);
    b->c->settings[b->c->n_settings++] = b->made[slot];
    return 0;
}

static int take_reps(bench *b)
{
    char *end;
    if (!b->reps_text) return 0;
    const long reps = strtol(b->reps_text, &end, 10);
    if (*end || reps < 1 || reps > 1000000)
        return cli_usage(b->c, "reps=%.40s (a whole number from 1 to 1000000)", b->reps_text);
    b->reps = (int)reps;
    return 0;
}

/* A word with = that nobody took is meant as a setting, unless it is a path. */
static int check_place(const bench *b)
{
    const char *equals = b->place ? strchr(b->place, '=') : NULL;
    if (equals && strspn(b->place, "abcdefghijklmnopqrstuvwxyz_") == (size_t)(equals - b->place))
        return cli_usage(b->c, "'%.80s' is no setting (batch=, reps=, precision= or "
                         "section.key=value)", b->place);
    return 0;
}

static int take_words(bench *b)
{
    int exit_status = take_kind(b);
    if (!exit_status) exit_status = check_place(b);
    if (!exit_status) exit_status = take_reps(b);
    if (!exit_status) exit_status = take_short(b, 0, "batch", b->batch);
    if (!exit_status) exit_status = take_short(b, 1, "precision", b->precision);
    return exit_status;
}

/* ---- a network ---- */

static json_t *shares_json(const um_bench_result *r)
{
    json_t *list = json_array();
    for (int i = 0; i < r->operations; i++) {
        const um_bench_share *s = &r->share[i];
        cli_json_append(
            &list, json_pack("{s:s, s:f, s:f, s:f, s:f}", "operation", s->operation, "forward",
                            s->forward, "recompute", s->recompute, "vjp", s->backward, "total",
                            s->forward + s->recompute + s->backward));
    }
    return list;
}

static void print_json(const bench *b, const um_bench_result *r)
{
    json_t *root = json_pack(
        "{s:s, s:s, s:I, s:[i, i, i], s:s, s:s, s:s, s:i, s:i, s:i}", "bench", b->kind, "model",
        r->model, "parameters", (json_int_t)r->parameters, "image", r->h, r->w, r->channels, "cpu",
        r->cpu, "isa", r->isa, "precision", r->precision, "threads", r->threads, "batch", r->batch,
        "reps", r->reps);
    json_t *times = json_pack(
        "{s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:f, s:f}", "median_seconds", r->median_seconds,
        "min_seconds", r->least_seconds, "max_seconds", r->most_seconds, "images_per_second",
        r->images_per_second, "peak_rss_mib", r->peak_rss_mib, "tape_mib", r->tape_mib, "shares",
        shares_json(r), "optimizer_share", r->optimizer, "rest_share", r->rest);
    json_object_update(root, times);
    json_decref(times);
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    printf("\n");
    json_decref(root);
}

static void print_text(const bench *b, const um_bench_result *r)
{
    const cli *c = b->c;
    cli_say(c, "%s\n%.2f M parameters, images of %d x %d x %d\n%s, %s kernels, %d thread%s, %s\n",
            *r->model ? r->model : "the model of the settings", (double)r->parameters / 1e6, r->h,
            r->w, r->channels, r->cpu, r->isa, r->threads, r->threads == 1 ? "" : "s",
            r->precision);
    cli_say(c, "%s of %d images: %.4g s (%.4g to %.4g in %d), %.4g images/s\n",
            is(b, "train") ? "a training step" : "a model call", r->batch,
            r->median_seconds, r->least_seconds, r->most_seconds, r->reps, r->images_per_second);
    cli_say(c, "%.0f MiB resident at most, %.0f of them activations and gradients\n\n",
            r->peak_rss_mib, r->tape_mib);
    cli_say(c, "%-20s %9s %9s %9s %9s\n", "part of the time", "forward", "recompute", "vjp",
            "total");
    for (int i = 0; i < r->operations; i++) {
        const um_bench_share *s = &r->share[i];
        cli_say(c, "%-20s %7.1f %% %7.1f %% %7.1f %% %7.1f %%\n", s->operation, 100 * s->forward,
                100 * s->recompute, 100 * s->backward,
                100 * (s->forward + s->recompute + s->backward));
    }
    if (r->optimizer > 0) cli_say(c, "%-20s %39.1f %%\n", "optimizer", 100 * r->optimizer);
    cli_say(c, "%-20s %39.1f %%\n", "the rest", 100 * r->rest);
}

static um_status bench_model(bench *b, um_settings *s)
{
    um_bench_result r;
    const um_bench_kind kind = is(b, "train") ? UM_BENCH_TRAIN : UM_BENCH_SAMPLE;
    const um_bench_options options = { .reps = b->reps, .progress = progress, .user = b->c };
    const um_status status = um_bench_model(s, kind, b->place, &options, &r);
    cli_bar_end(b->c);
    if (status != UM_OK) return status;
    if (b->c->json) print_json(b, &r);
    else print_text(b, &r);
    return UM_OK;
}

/* ---- kernels ---- */

/* Rows become text as they come, or one JSON at the end. */
typedef struct table {
    cli *c;
    json_t *root, *rows;
} table;

static void tell_machine(void *user, const um_bench_machine *m)
{
    table *t = user;
    t->rows = json_array();
    t->root = json_pack("{s:s, s:s, s:i, s:f, s:f, s:o}", "bench", "kernels", "cpu", m->cpu,
                        "threads", m->threads, "peak_gflops", m->gflops, "peak_gigabytes",
                        m->gigabytes, "kernels", t->rows);
    if (t->c->json) return;
    cli_say(t->c, "%s, %d thread%s: at most %.4g GFLOP/s in registers, %.4g GB/s of memory\n\n",
            m->cpu, m->threads, m->threads == 1 ? "" : "s", m->gflops, m->gigabytes);
    cli_say(t->c, "%-16s %-20s %-8s %6s %10s %8s %15s\n", "kernel", "shape", "tier", "images",
            "ms", "rate", "of peak");
}

static void tell_row(void *user, const um_bench_kernel *k)
{
    table *t = user;
    const char *unit = k->product ? "GFLOP/s" : "GB/s";
    const int failed = json_array_append_new(
        t->rows, json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:f, s:s, s:f}", "kernel", k->kernel,
                           "shape", k->shape, "isa", k->isa, "images", k->images, "seconds",
                           k->seconds, "median_seconds", k->median_seconds, "rate", k->rate, "unit",
                           unit, "part", k->part));
    if (failed) { /* no table rather than one that lacks a row */
        json_decref(t->root);
        t->root = t->rows = NULL;
    }
    if (!t->c->json)
        cli_say(t->c, "%-16s %-20s %-8s %6d %10.4f %8.1f %-7s %5.0f %%\n", k->kernel, k->shape,
                k->isa, k->images, 1e3 * k->seconds, k->rate, unit, 100 * k->part);
}

static um_status bench_kernels(bench *b, um_settings *s)
{
    table t = { .c = b->c };
    const um_bench_kernel_hooks hooks = { tell_machine, tell_row, &t };
    const um_status status = um_bench_kernels(s, b->place, b->reps, &hooks);
    if (status == UM_OK && b->c->json) {
        json_dumpf(t.root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        printf("\n");
    }
    json_decref(t.root);
    return status;
}

int cli_bench(cli *c, int argc, char **argv)
{
    bench b = { .c = c, .reps = REPS };
    const cli_flag flags[] = {
        { "batch=", NULL, "B", "images at a time: train.batch or sample.batch; 16", NULL,
          &b.batch },
        { "reps=", NULL, "R", "timed steps or calls, after some to warm up; 10", NULL,
          &b.reps_text },
        { "precision=", NULL, "f32|bf16", "of products: train.precision or sample.precision", NULL,
          &b.precision },
        { "--json", NULL, NULL, "print JSON alone", &c->json, NULL },
        { 0 },
    };
    int exit_status;
    um_settings *s = NULL;
    if (!cli_parse(c, argc, argv, flags, 1, 2, &exit_status)) return exit_status;
    exit_status = take_words(&b);
    if (exit_status) return exit_status;
    um_status status = cli_settings(c, NULL, &s);
    if (status == UM_OK) status = is(&b, "kernels") ? bench_kernels(&b, s) : bench_model(&b, s);
    um_settings_close(&s);
    return status == UM_OK ? 0 : cli_fail(c, status);
}
