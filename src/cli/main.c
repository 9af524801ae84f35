/* SPDX-License-Identifier: MIT
 * main.c - unmist COMMAND ... */
#include "cli/cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

const cli_command cli_commands[] = {
    { "train", "CONFIG.ini [section.key=value ...] [--resume] [--out DIR]",
      "Train a model on images, as the settings say.", cli_train, NULL },
    { "sample",
      "MODEL [CONFIG.ini] [sample.key=value ...] [-o OUT.png|OUT.safetensors|FOLDER] [--explain]",
      "Draw images from a trained model.", cli_sample, NULL },
    { "edit",
      "MODEL inpaint|from-image|interpolate|invert [IMAGE ...] [edit.key=value ...] [-o OUT]",
      "Let a model work on given images: fill in, vary, interpolate, invert.", cli_edit,
      "inpaint IMAGE ... --mask MASK.png\n"
      "    draw anew what is white in the mask (RePaint)\n"
      "from-image IMAGE ... --strength S\n"
      "    noise the image for this part of the way, and denoise it (SDEdit)\n"
      "interpolate IMAGE IMAGE ... | --seeds A,B\n"
      "    a filmstrip through the noises of images, or of two seeds\n"
      "invert IMAGE ...\n"
      "    to the noise and back (DDIM inversion): pairs, and their mean absolute error\n"
      "An IMAGE is a PNG or JPEG file, or a data set, of which data.limit=N are taken. The first\n"
      "two draw sample.count=N of each.\n\n"
      "  unmist edit models/digits inpaint 7.png --mask half.png sample.count=8 -o filled.png\n"
      "  unmist edit models/digits from-image 7.png --strength 0.6 -o like-7.png\n"
      "  unmist edit models/digits interpolate --seeds 1,2 --frames 12 -o film.png\n"
      "  unmist edit models/digits invert data/digits data.limit=16 sample.steps=100\n" },
    { "forward", "MODEL IN.safetensors OUT.safetensors [--grad]",
      "Run the network once on given numbers, to hold it against another program.", cli_forward,
      NULL },
    { "evaluate",
      "MODEL [CONFIG.ini] --likelihood data.path=PATH | --classes evaluate.classifier=PATH "
      "[--json]",
      "Measure a model: bits per dimension of held-out images, or the classes of drawn ones.",
      cli_evaluate, NULL },
    { "data", "PATH [data.key=value ...] [-o SHEET.png] [--json]",
      "Say what a data set holds, and draw a contact sheet.", cli_data, NULL },
    { "info", "[MODEL] [--json]", "Say what this machine offers, or what a model is made of.",
      cli_info, NULL },
    { "bench",
      "kernels [KERNEL] | train|sample [MODEL] [batch=B] [reps=R] [precision=f32|bf16] [--json]",
      "Time kernels, a training step (train.ema_decay=0 unless given), a sampler's model call.",
      cli_bench, NULL },
    { "config", "[SECTION[.KEY]] [--markdown]",
      "List every setting with default, range and meaning.", cli_config, NULL },
    { "export", "MODEL OUT --dtype f32|f16|bf16", "Write a model as a diffusers pipeline folder.",
      cli_export, NULL },
    { NULL, NULL, NULL, NULL, NULL },
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
    const bool matters = level == UM_LOG_WARNING || level == UM_LOG_ERROR;
    if (!matters && (!c->verbose || c->json)) return;
    cli_bar_end(c);
    if (matters) cli_complain(text);
    else cli_say(c, "%s\n", text);
}

/* A file that is opened must not take the number of a closed stdin, stdout or stderr: what is said
 * would go into it. Writing to what is opened here fails, as to the closed one. */
static void keep_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0) return;
}

/* What was said has arrived, or it is an error. */
static int flushed(int status)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || status != 0) return status;
    fprintf(stderr, "unmist: standard output could not be written\n");
    return um_status_exit(UM_IO);
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
    const int status = flushed(command->run(&c, argc - 2, argv + 2));
    um_close(&c.ctx);
    return status;
}

static int no_command(const char *name)
{
    const char *names[16];
    int n = 0;
    for (const cli_command *k = cli_commands; k->name; k++) names[n++] = k->name;
    const char *meant = um_word_nearest(name, names, n);
    char text[512];
    int used = snprintf(text, sizeof text, "no command '%.80s' (%s%s", name,
                        meant ? "did you mean " : "", meant ? meant : "");
    for (int i = 0; i < n && !meant; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%s", i ? ", " : "", names[i]);
    snprintf(text + used, sizeof text - (size_t)used, "%s)", meant ? "?" : "");
    cli_complain(text);
    return um_status_exit(UM_BAD_ARG);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

int main(int argc, char **argv)
{
    char *help[] = { argv[0], argc > 2 ? argv[2] : NULL, "--help", NULL };
    keep_standard_files();
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* a log of a long training is read while it runs */
    if (argc < 2) {
        print_help(stderr);
        return um_status_exit(UM_BAD_ARG);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("unmist %s\n", um_version());
        return flushed(0);
    }
    const bool helping = is_help(argv[1]);
    if (helping && argc == 2) {
        print_help(stdout);
        return flushed(0);
    }
    if (helping) argc = 3, argv = help; /* help train: as train --help */
    const cli_command *command = find(argv[1]);
    return command ? run_command(command, argc, argv) : no_command(argv[1]);
}
