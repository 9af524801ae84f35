/* SPDX-License-Identifier: MIT
 * parse.c - flags, settings and places of a command line. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_usage(const cli *c, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "unmist: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nusage: unmist %s %s\n", c->command->name, c->command->usage);
    return um_status_exit(UM_BAD_ARG);
}

int cli_fail(cli *c, um_status status)
{
    cli_bar_end(c);
    fprintf(stderr, "unmist: %s\n", um_message(c->ctx));
    const int by_signal = cli_signal_status();
    return status == UM_CANCELLED && by_signal ? by_signal : um_status_exit(status);
}

void cli_say(const cli *c, const char *format, ...)
{
    if (c->quiet) return;
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

static void print_help(const cli *c, const cli_flag *flags)
{
    printf("usage: unmist %s %s\n\n%s\n\n", c->command->name, c->command->usage, c->command->help);
    for (const cli_flag *f = flags; f->name; f++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s%s", f->alias ? f->alias : "", f->alias ? ", " : "",
                 f->name, f->value ? " " : "", f->value ? f->value : "");
        printf("  %-24s %s\n", left, f->help);
    }
    printf("  %-24s %s\n  %-24s %s\n  %-24s %s\n", "-q, --quiet", "print errors alone",
           "-v, --verbose", "print what is being done", "section.key=value",
           "any setting; unmist config lists them");
}

static const cli_flag *find_flag(const cli_flag *flags, const char *name)
{
    for (const cli_flag *f = flags; f->name; f++)
        if (strcmp(f->name, name) == 0 || (f->alias && strcmp(f->alias, name) == 0)) return f;
    return NULL;
}

/* "word.word=": a setting, though a path may hold = as well. */
static bool is_setting(const char *arg)
{
    const char *equals = strchr(arg, '='), *dot = strchr(arg, '.'), *slash = strchr(arg, '/');
    return equals && dot && dot < equals && dot > arg && (!slash || slash > equals);
}

/* One argument; gives how many were used, 0 on an error (already told). */
static int take(cli *c, int left, char **arg, const cli_flag *flags, int most_places)
{
    const cli_flag *f = find_flag(flags, arg[0]);
    if (f && f->on) {
        *f->on = true;
        return 1;
    }
    if (f) {
        if (left < 2) return cli_usage(c, "%s wants %s behind it", f->name, f->value), 0;
        *f->text = arg[1];
        return 2;
    }
    if (strcmp(arg[0], "-q") == 0 || strcmp(arg[0], "--quiet") == 0) return c->quiet = true, 1;
    if (strcmp(arg[0], "-v") == 0 || strcmp(arg[0], "--verbose") == 0) return c->verbose = true, 1;
    if (arg[0][0] == '-' && arg[0][1]) return cli_usage(c, "no option %s here", arg[0]), 0;
    if (is_setting(arg[0])) {
        if (c->n_settings == CLI_MAX_SETTINGS)
            return cli_usage(c, "more than %d settings (put them into an INI file)",
                             CLI_MAX_SETTINGS),
                   0;
        c->settings[c->n_settings++] = arg[0];
        return 1;
    }
    if (c->n_places == most_places) return cli_usage(c, "'%s' is one argument too many", arg[0]), 0;
    c->places[c->n_places++] = arg[0];
    return 1;
}

bool cli_parse(cli *c, int argc, char **argv, const cli_flag *flags, int least_places,
               int most_places, int *status)
{
    *status = um_status_exit(UM_BAD_ARG);
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(c, flags);
            *status = 0;
            return false;
        }
    for (int i = 0, used; i < argc; i += used) {
        used = take(c, argc - i, argv + i, flags, most_places);
        if (used == 0) return false;
    }
    if (c->n_places >= least_places) return true;
    cli_usage(c, "%d argument%s missing", least_places - c->n_places,
              least_places - c->n_places > 1 ? "s are" : " is");
    return false;
}

um_status cli_settings(cli *c, const char *ini, um_settings **s)
{
    um_status status = um_settings_open(s, c->ctx);
    if (status == UM_OK && ini) status = um_settings_read(*s, ini);
    for (int i = 0; i < c->n_settings && status == UM_OK; i++)
        status = um_settings_set(*s, c->settings[i]);
    if (status != UM_OK && *s) um_settings_close(s);
    return status;
}

/* Whether a shell takes the word as it is. */
static bool is_plain(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-+=./,:@%";
    return *word && word[strspn(word, plain)] == 0;
}

char *cli_command_line(const cli *c)
{
    size_t room = 8;
    for (int i = 1; i < c->argc; i++) room += 4 * strlen(c->argv[i]) + 4; /* a quote becomes '\'' */
    char *line = malloc(room), *at = line;
    if (!line) return NULL;
    at += sprintf(at, "unmist");
    for (int i = 1; i < c->argc; i++) {
        const bool plain = is_plain(c->argv[i]);
        at += sprintf(at, plain ? " " : " '");
        for (const char *p = c->argv[i]; *p; p++)
            if (*p == '\'') at += sprintf(at, "'\\''");
            else *at++ = *p;
        if (!plain) *at++ = '\'';
    }
    *at = 0;
    return line;
}
