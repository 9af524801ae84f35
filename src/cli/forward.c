/* SPDX-License-Identifier: MIT
 * forward.c - unmist forward */
#include "cli/cli.h"

int cli_forward(cli *c, int argc, char **argv)
{
    bool gradients = false;
    const cli_flag flags[] = {
        { "--grad", NULL, NULL, "read `target` too; write loss, grad_sample and grad.NAME",
          &gradients, NULL },
        { 0 },
    };
    int exit_status;
    um_settings *s = NULL;
    um_model *m = NULL;
    if (!cli_parse(c, argc, argv, flags, 3, 3, &exit_status)) return exit_status;
    um_status status = cli_open_model(c, NULL, &s, &m);
    if (status == UM_OK) status = um_model_forward_file(m, c->places[1], c->places[2], gradients);
    if (status == UM_OK) cli_say(c, "%s\n", c->places[2]);
    um_model_close(&m);
    um_settings_close(&s);
    return status == UM_OK ? 0 : cli_fail(c, status);
}
