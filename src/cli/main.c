/* SPDX-License-Identifier: MIT
 * main.c - unmist COMMAND ... */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

const cli_command cli_commands[] = {
    { "train", "CONFIG.ini [section.key=value ...] [--resume] [--out DIR]",
      "Train a model on images, as the settings say.", cli_train },
    { "sample",
      "MODEL [CONFIG.ini] [sample.key=value ...] [-o OUT.png|OUT.safetensors|FOLDER] [--explain]",
      "Draw images from a trained model.", cli_sample },
    { "forward", "MODEL IN.safetensors OUT.safetensors [--grad]",
      "Run the network once on given numbers, to hold it against another program.", cli_forward },
    { "data", "PATH [data.key=value ...] [-o SHEET.png] [--json]",
      "Say what a data set holds, and draw a contact sheet.", cli_data },
    { "info", "[MODEL] [--json]", "Say what this machine offers, or what a model is made of.",
      cli_info },
    { "config", "[SECTION[.KEY]] [--markdown]",
      "List every setting with default, range and meaning.", cli_config },
    { "export", "MODEL OUT --dtype f32|f16|bf16", "Write a model as a diffusers pipeline folder.",
      cli_export },
    { NULL, NULL, NULL, NULL },
};

static void print_help(FILE *to)
{
    fprintf(to, "unmist %s - train diffusion models and sample from them\n\n", um_version());
    for (const cli_command *k = cli_commands; k->name; k++)
        fprintf(to, "  unmist %-8s %s\n  %15s %s\n", k->name, k->usage, "", k->help);
    fprintf(to, "\nunmist COMMAND --help says more. -q: quiet, -v: talkative. "
                "Settings: unmist config\n");
}

static const cli_command *find(const char *name)
{
    for (const cli_command *k = cli_commands; k->name; k++)
        if (strcmp(k->name, name) == 0) return k;
    return NULL;
}

static void log_line(void *user, um_log_level level, const char *text)
{
    const cli *c = user;
    if (level == UM_LOG_WARNING || level == UM_LOG_ERROR) fprintf(stderr, "unmist: %s\n", text);
    else if (c->verbose) printf("%s\n", text);
}

static int run_command(const cli_command *command, int argc, char **argv)
{
    cli c = { .command = command, .argc = argc, .argv = argv };
    const um_options options = { .log = log_line, .log_user = &c, .cancelled = cli_stop_asked };
    if (um_open(&c.ctx, &options) != UM_OK) {
        fprintf(stderr, "unmist: out of memory\n");
        return um_status_exit(UM_NO_MEMORY);
    }
    cli_catch_signals();
    int status = command->run(&c, argc - 2, argv + 2);
    if (fflush(stdout) != 0 && status == 0) {
        fprintf(stderr, "unmist: standard output could not be written\n");
        status = um_status_exit(UM_IO);
    }
    um_close(&c.ctx);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return um_status_exit(UM_BAD_ARG);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("unmist %s\n", um_version());
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    const cli_command *command = find(argv[1]);
    if (command) return run_command(command, argc, argv);
    fprintf(stderr, "unmist: no command '%s' (", argv[1]);
    for (const cli_command *k = cli_commands; k->name; k++)
        fprintf(stderr, "%s%s", k == cli_commands ? "" : ", ", k->name);
    fprintf(stderr, ")\n");
    return um_status_exit(UM_BAD_ARG);
}
