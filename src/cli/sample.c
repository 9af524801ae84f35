/* SPDX-License-Identifier: MIT
 * sample.c - unmist sample */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct drawing {
    cli *c;
    int rows; /* model calls for each image, once it is known */
    char sampler[64]; /* that sample.budget has led to; "" where it was not asked */
} drawing;

static void say_chosen(void *user, const char *sampler, int steps, const char *why)
{
    drawing *d = user;
    snprintf(d->sampler, sizeof d->sampler, "%s", sampler);
    cli_say(d->c, "sample.sampler=%s sample.steps=%d: %s\n", sampler, steps, why);
}

static void progress(void *user, int row, int rows, int batch, int batches)
{
    drawing *d = user;
    char behind[64] = "";
    d->rows = rows;
    if (batches > 1) snprintf(behind, sizeof behind, "batch %d of %d", batch + 1, batches);
    cli_bar(d->c, "sampling", row, rows, behind);
}

static void say_path(void *user, const char *path) { cli_say(user, "%s\n", path); }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static um_status explain(cli *c, um_model *m, um_settings *s)
{
    char *text;
    const um_status status = um_sample_explain(m, s, &text);
    if (status == UM_OK) fputs(text, stdout);
    um_text_release(c->ctx, &text);
    return status;
}

/* "16 images of 32 x 32 by ddim, 50 steps, seed 0, in 1.2 s" */
static um_status say_drawn(const drawing *d, um_settings *s, const um_images *images,
                           double seconds)
{
    const cli *c = d->c;
    int n, h, w, channels;
    char *sampler = NULL, *seed = NULL;
    um_images_data(images, &n, &h, &w, &channels);
    um_status status = um_settings_get(s, "sample.sampler", &sampler);
    if (status == UM_OK) status = um_settings_get(s, "sample.seed", &seed);
    if (status == UM_OK)
        cli_say(c, "%d image%s of %d x %d by %s, %d step%s, seed %s, in %.1f s\n", n,
                n == 1 ? "" : "s", h, w, *d->sampler ? d->sampler : sampler, d->rows,
                d->rows == 1 ? "" : "s", seed, seconds);
    um_text_release(c->ctx, &sampler);
    um_text_release(c->ctx, &seed);
    return status;
}

static um_status draw(cli *c, um_model *m, um_settings *s, const char *out)
{
    um_images *images;
    drawing d = { .c = c };
    const um_sample_hooks hooks = { .progress = progress, .chosen = say_chosen, .user = &d };
    const double start = now();
    um_status status = um_sample(m, s, &hooks, &images);
    cli_bar_end(c);
    if (status != UM_OK) return status;
    status = say_drawn(&d, s, images, now() - start);
    char *line = cli_command_line(c);
    if (line && status == UM_OK) status = um_images_note(images, "unmist.command", line);
    free(line);
    if (status == UM_OK) status = um_images_write(images, out, say_path, c);
    um_images_close(&images);
    return status;
}

static int list_samplers(void)
{
    um_sampler_facts f;
    for (int i = 0; um_sampler_describe(i, &f); i++) {
        printf("  %-16s %s\n", f.name, f.help);
        if (f.class_name) printf("  %-16s (in diffusers: %s)\n", "", f.class_name);
    }
    return 0;
}

/* MODEL may be followed by an INI file. Without one the [sample] part of a run's own config.ini
 * counts not: what was drawn while training says nothing about what is wanted now. */
int cli_sample(cli *c, int argc, char **argv)
{
    bool explained = false, listed = false;
    const char *out = "samples.png";
    const cli_flag flags[] = {
        { "--out", "-o", "PATH",
          "NAME.png (a grid), NAME.safetensors (raw numbers) or a folder; samples.png", NULL,
          &out },
        { "--explain", NULL, NULL, "print the table of timesteps and coefficients instead",
          &explained, NULL },
        { "--samplers", NULL, NULL, "list the values of sample.sampler and what each does", &listed,
          NULL },
        { 0 },
    };
    int exit_status;
    um_settings *s = NULL;
    um_model *m = NULL;
    if (!cli_parse(c, argc, argv, flags, 0, 2, &exit_status)) return exit_status;
    if (listed) return list_samplers();
    if (c->n_places < 1) return cli_usage(c, "1 argument is missing"), exit_status;
    um_status status = cli_open_model(c, c->places[1], &s, &m);
    if (status == UM_OK && !explained) status = um_images_check(m, s, out);
    if (status == UM_OK) status = explained ? explain(c, m, s) : draw(c, m, s, out);
    um_model_close(&m);
    um_settings_close(&s);
    return status == UM_OK ? 0 : cli_fail(c, status);
}
