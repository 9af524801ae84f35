/* SPDX-License-Identifier: MIT
 * export.c - unmist export */
#include "cli/cli.h"

int cli_export(cli *c, int argc, char **argv)
{
    const char *dtype = "f32";
    const cli_flag flags[] = {
        { "--dtype", NULL, "TYPE", "f32, f16 or bf16", NULL, &dtype },
        { 0 },
    };
    int exit_status;
    um_settings *s = NULL;
    um_model *m = NULL;
    if (!cli_parse(c, argc, argv, flags, 2, 2, &exit_status)) return exit_status;
    um_status status = cli_open_model(c, NULL, &s, &m);
    if (status == UM_OK) status = um_model_export(m, c->places[1], dtype);
    if (status == UM_OK) cli_say(c, "%s\n", c->places[1]);
    um_model_close(&m);
    um_settings_close(&s);
    return status == UM_OK ? 0 : cli_fail(c, status);
}
