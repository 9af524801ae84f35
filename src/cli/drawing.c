/* SPDX-License-Identifier: MIT
 * drawing.c - what is shown while images are drawn, and what is said and written behind it. */
#include "cli/cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void progress(void *user, int row, int rows, int batch, int batches)
{
    cli_drawing *d = user;
    char behind[64] = "";
    if (batches > 1) snprintf(behind, sizeof behind, "batch %d of %d", batch + 1, batches);
    cli_bar(d->c, "sampling", row, rows, behind);
}

static void say_chosen(void *user, const char *sampler, int steps, const char *why)
{
    cli_drawing *d = user;
    snprintf(d->sampler, sizeof d->sampler, "%s", sampler);
    cli_say(d->c, "sample.sampler=%s sample.steps=%d: %s\n", sampler, steps, why);
}

um_sample_hooks cli_drawing_begin(cli_drawing *d, cli *c)
{
    *d = (cli_drawing){ .c = c, .start = now() };
    return (um_sample_hooks){ .progress = progress, .chosen = say_chosen, .user = d };
}

static void say_path(void *user, const char *path) { cli_say(user, "%s\n", path); }

/* "50 steps", or what samplers that choose them took for an image on average. */
static void write_steps(char *text, size_t room, const um_images *images)
{
    double rejected;
    const double steps = um_images_steps(images, &rejected);
    if (steps == floor(steps) && rejected == 0.0)
        snprintf(text, room, "%.0f step%s", steps, steps == 1.0 ? "" : "s");
    else
        snprintf(text, room, "%.1f steps and %.1f rejected an image", steps, rejected);
}

/* "16 images of 32 x 32 by ddim, 50 steps, seed 0, in 1.2 s" */
static um_status say_drawn(const cli_drawing *d, um_settings *s, const um_images *images)
{
    const cli *c = d->c;
    const double seconds = now() - d->start;
    int n, h, w, channels;
    char steps[64], *sampler = NULL, *seed = NULL;
    write_steps(steps, sizeof steps, images);
    um_images_data(images, &n, &h, &w, &channels);
    um_status status = um_settings_get(s, "sample.sampler", &sampler);
    if (status == UM_OK) status = um_settings_get(s, "sample.seed", &seed);
    if (status == UM_OK)
        cli_say(c, "%d image%s of %d x %d by %s, %s, seed %s, in %.1f s\n", n,
                n == 1 ? "" : "s", h, w, *d->sampler ? d->sampler : sampler, steps, seed, seconds);
    um_text_release(c->ctx, &sampler);
    um_text_release(c->ctx, &seed);
    return status;
}

um_status cli_drawing_end(cli_drawing *d, um_status status, um_settings *s, um_images **images,
                          const char *out)
{
    cli_bar_end(d->c);
    if (status != UM_OK) return status;
    status = say_drawn(d, s, *images);
    char *line = cli_command_line(d->c);
    if (line && status == UM_OK) status = um_images_note(*images, "unmist.command", line);
    free(line);
    if (status == UM_OK) status = um_images_write(*images, out, say_path, d->c);
    um_images_close(images);
    return status;
}
