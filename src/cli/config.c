/* SPDX-License-Identifier: MIT
 * config.c - unmist config */
#include "cli/cli.h"

#include <stdio.h>

int cli_config(cli *c, int argc, char **argv)
{
    bool markdown = false;
    const cli_flag flags[] = {
        { "--markdown", NULL, NULL, "print docs/config.md", &markdown, NULL },
        { 0 },
    };
    int exit_status;
    char *text = NULL;
    if (!cli_parse(c, argc, argv, flags, 0, 1, &exit_status)) return exit_status;
    if (c->n_settings)
        return cli_usage(c, "'%s' sets something, here is only to read (SECTION or SECTION.KEY)",
                         c->settings[0]);
    const um_status status = markdown
                                 ? um_settings_markdown(c->ctx, &text)
                                 : um_settings_help(c->ctx, c->n_places ? c->places[0] : "", &text);
    if (status == UM_OK) fputs(text, stdout);
    um_text_release(c->ctx, &text);
    return status == UM_OK ? 0 : cli_fail(c, status);
}
