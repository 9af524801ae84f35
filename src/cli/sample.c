/* SPDX-License-Identifier: MIT
 * sample.c - unmist sample */
#include "cli/cli.h"

#include <stdio.h>

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
    cli_drawing d;
    const um_sample_hooks hooks = cli_drawing_begin(&d, c);
    const um_status status = um_sample(m, s, &hooks, &images);
    return cli_drawing_end(&d, status, s, &images, out);
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
