/* SPDX-License-Identifier: MIT
 * cli.h - what the commands share. They are written against the public header alone. */
#ifndef UM_CLI_H
#define UM_CLI_H

#include <unmist.h>

enum { CLI_MAX_SETTINGS = 256, CLI_MAX_PLACES = 1024 };

/* A flag of a command: exactly one of on and text is set. Ends with a NULL name. */
typedef struct cli_flag {
    const char *name, *alias; /* "--out", or "batch=" with its value; another name or NULL */
    const char *value;        /* what stands behind it, for the help: "DIR"; NULL: nothing */
    const char *help;
    bool *on;
    const char **text;
} cli_flag;

/* The command line, taken apart. */
typedef struct cli {
    um_ctx *ctx;
    const struct cli_command *command;
    const char *places[CLI_MAX_PLACES]; /* arguments by their position */
    int n_places;
    const char *settings[CLI_MAX_SETTINGS]; /* section.key=value */
    int n_settings;
    bool quiet, verbose;
    bool json; /* stdout is for JSON alone */
    int argc; /* the whole line, for notes on how to make something again */
    char **argv;
} cli;

typedef struct cli_command {
    const char *name;
    const char *usage; /* behind the name */
    const char *help;  /* one sentence */
    int (*run)(cli *c, int argc, char **argv);
    const char *examples; /* behind the flags in --help, or NULL */
} cli_command;

/* Every command, ending with a NULL name. */
extern const cli_command cli_commands[];

/* Take argv (behind the command's name) apart: flags, settings, places. Gives false after --help or
 * a usage error, with the exit status in *status. */
bool cli_parse(cli *c, int argc, char **argv, const cli_flag *flags, int least_places,
               int most_places, int *status);

/* Open settings: the INI file first, if there is one, then those of the command line. */
um_status cli_settings(cli *c, const char *ini, um_settings **s);

/* Open settings likewise, and the model that is the first place. Both want closing, also after a
 * failure. */
um_status cli_open_model(cli *c, const char *ini, um_settings **s, um_model **m);

/* An error or a warning on stderr, in one line, printable. */
void cli_complain(const char *text);

/* A text as JSON. Where a file's name is no UTF-8, question marks stand for all but its plain
 * letters. NULL where memory is short. */
struct json_t *cli_json_text(const char *text);

/* Add to an array or an object, which takes the value over; where memory is short both are given
 * back and *array or *object is NULL, and stays so. */
void cli_json_append(struct json_t **array, struct json_t *value);
void cli_json_set(struct json_t **object, const char *key, struct json_t *value);

/* Print JSON and give it back; NULL, which memory was too short for, is UM_NO_MEMORY. */
um_status cli_print_json(struct json_t *root);

/* Print the context's message as an error and give the exit status. */
int cli_fail(cli *c, um_status status);

/* A usage error of our own; gives 2. */
int cli_usage(const cli *c, const char *format, ...) UM_PRINTF(2, 3);

/* Lines for a person, on stdout, unless quiet; what is in a line becomes printable. */
void cli_say(const cli *c, const char *format, ...) UM_PRINTF(2, 3);

/* A name that a stranger chose, in one line and printable, at most as long as a file's. */
typedef struct cli_name {
    char text[256];
} cli_name;
cli_name cli_shown(const char *text);

/* The whole command line in *out as a shell takes it; the caller frees it. NULL where memory is
 * short. */
char *cli_command_line(const cli *c);

/* One word as a shell takes it; the caller frees it. NULL where memory is short. */
char *cli_quoted(const char *word);

/* ---- a bar on the terminal ---- */

/* Draw `what` with a bar of done of total and a text behind it; nothing where stderr is no terminal
 * or -q. Draws at most ten times a second, and always when done == total. */
void cli_bar(const cli *c, const char *what, double done, double total, const char *behind);

/* Take the bar away. */
void cli_bar_end(const cli *c);

/* "1h02m", "3m10s", "12s" */
void cli_duration(double seconds, char out[24]);

/* ---- drawing ---- */

/* Images that are being drawn. */
typedef struct cli_drawing {
    cli *c;
    char sampler[64]; /* that sample.budget has led to; "" where it was not asked   */
    double start;
} cli_drawing;

/* The hooks that show a bar. */
um_sample_hooks cli_drawing_begin(cli_drawing *d, cli *c);

/* Take the bar away; where `status`, which drawing gave, is UM_OK say what was drawn, note the
 * command, write the images to `out` and close them. Gives the first failure. */
um_status cli_drawing_end(cli_drawing *d, um_status status, um_settings *s, um_images **images,
                          const char *out);

/* ---- stopping ---- */

/* SIGINT, SIGTERM and SIGHUP (unless it is ignored, as under nohup) ask the library to stop; a
 * second SIGINT or SIGTERM ends at once. */
void cli_catch_signals(void);
bool cli_stop_asked(void *unused);

/* 130, 143 or 129 once a signal came, else 0. */
int cli_signal_status(void);

int cli_train(cli *c, int argc, char **argv);
int cli_sample(cli *c, int argc, char **argv);
int cli_edit(cli *c, int argc, char **argv);
int cli_forward(cli *c, int argc, char **argv);
int cli_evaluate(cli *c, int argc, char **argv);
int cli_data(cli *c, int argc, char **argv);
int cli_info(cli *c, int argc, char **argv);
int cli_bench(cli *c, int argc, char **argv);
int cli_config(cli *c, int argc, char **argv);
int cli_export(cli *c, int argc, char **argv);

#endif
