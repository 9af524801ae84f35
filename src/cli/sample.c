/* SPDX-License-Identifier: MIT
 * sample.c - unmist sample */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void progress(void *user, int row, int rows, int batch, int batches)
{
    char behind[64] = "";
    if (batches > 1) snprintf(behind, sizeof behind, "batch %d of %d", batch + 1, batches);
    cli_bar(user, "sampling", row, rows, behind);
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

static um_status draw(cli *c, um_model *m, um_settings *s, const char *out)
{
    um_images *images;
    int n, h, w, channels;
    const double start = now();
    um_status status = um_sample(m, s, &(um_sample_hooks){ progress, c }, &images);
    cli_bar_end(c);
    if (status != UM_OK) return status;
    um_images_data(images, &n, &h, &w, &channels);
    cli_say(c, "%d images of %d x %d in %.1f s\n", n, h, w, now() - start);
    char *line = cli_command_line(c);
    if (line) status = um_images_note(images, "unmist.command", line);
    free(line);
    if (status == UM_OK) status = um_images_write(images, out, say_path, c);
    um_images_close(&images);
    return status;
}

/* MODEL may be followed by an INI file. Without one the [sample] part of a run's own config.ini
 * counts not: what was drawn while training says nothing about what is wanted now. */
int cli_sample(cli *c, int argc, char **argv)
{
    bool explained = false;
    const char *out = "samples.png";
    const cli_flag flags[] = {
        { "--out", "-o", "PATH",
          "NAME.png (a grid), NAME.safetensors (raw numbers) or a folder; samples.png", NULL,
          &out },
        { "--explain", NULL, NULL, "print the table of timesteps and coefficients instead",
          &explained, NULL },
        { 0 },
    };
    int exit_status;
    um_settings *s = NULL;
    um_model *m = NULL;
    if (!cli_parse(c, argc, argv, flags, 1, 2, &exit_status)) return exit_status;
    um_status status = cli_settings(c, c->places[1], &s);
    if (status == UM_OK && !explained) status = um_images_check(s, out);
    if (status == UM_OK) status = um_model_open(&m, c->ctx, c->places[0], s);
    if (status == UM_OK) status = explained ? explain(c, m, s) : draw(c, m, s, out);
    um_model_close(&m);
    um_settings_close(&s);
    return status == UM_OK ? 0 : cli_fail(c, status);
}
