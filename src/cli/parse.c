/* SPDX-License-Identifier: MIT
 * parse.c - flags, settings and places of a command line. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_complain(const char *text)
{
    char line[4096]; /* longer than any message */
    snprintf(line, sizeof line, "%s", text);
    fprintf(stderr, "unmist: %s\n", um_printable(line));
}

int cli_usage(const cli *c, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cli_complain(text);
    fprintf(stderr, "usage: unmist %s %s\n", c->command->name, c->command->usage);
    return um_status_exit(UM_BAD_ARG);
}

int cli_fail(cli *c, um_status status)
{
    const char *said = um_message(c->ctx);
    cli_bar_end(c);
    cli_complain(*said ? said : um_status_text(status));
    const int by_signal = cli_signal_status();
    return status == UM_CANCELLED && by_signal ? by_signal : um_status_exit(status);
}

void cli_say(const cli *c, const char *format, ...)
{
    if (c->quiet) return;
    char text[16384]; /* two paths and more: no want of memory can lose a line */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        printf("%s%s", um_printable(line), rest ? "\n" : "");
}

cli_name cli_shown(const char *text)
{
    cli_name name;
    snprintf(name.text, sizeof name.text, "%s", text);
    um_printable(name.text);
    return name;
}

/* A flag that looks like a setting: batch=8. */
static bool is_word(const cli_flag *f)
{
    return f->name[strlen(f->name) - 1] == '=';
}

static void print_help(const cli *c, const cli_flag *flags)
{
    printf("usage: unmist %s %s\n\n%s\n\n", c->command->name, c->command->usage, c->command->help);
    for (const cli_flag *f = flags; f->name; f++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s%s", f->alias ? f->alias : "", f->alias ? ", " : "",
                 f->name, f->value && !is_word(f) ? " " : "", f->value ? f->value : "");
        printf("  %-24s %s\n", left, f->help);
    }
    static const char *const common[][2] = {
        { "-q, --quiet", "print warnings and errors alone" },
        { "-v, --verbose", "print what is being done" },
        { "--check-nan", "stop at the first operation whose result is not finite, and name it" },
        { "section.key=value", "any setting; unmist config lists them" },
    };
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        printf("  %-24s %s\n", common[i][0], common[i][1]);
    if (c->command->examples) printf("\n%s", c->command->examples);
}

/* The flag of that name; what stands behind its = is at *value, else NULL. */
static const cli_flag *find_flag(const cli_flag *flags, const char *arg, const char **value)
{
    const char *equals = strncmp(arg, "--", 2) == 0 ? strchr(arg, '=') : NULL;
    const size_t n = equals ? (size_t)(equals - arg) : strlen(arg);
    *value = equals ? equals + 1 : NULL;
    for (const cli_flag *f = flags; f->name; f++) {
        const size_t own = strlen(f->name);
        if (is_word(f) && strncmp(f->name, arg, own) == 0) return *value = arg + own, f;
        if ((own == n && memcmp(f->name, arg, n) == 0) ||
            (f->alias && strcmp(f->alias, arg) == 0))
            return f;
    }
    return NULL;
}

/* "word.word=": a setting, though a path may hold = as well. */
static bool is_setting(const char *arg)
{
    const char *equals = strchr(arg, '='), *dot = strchr(arg, '.'), *slash = strchr(arg, '/');
    return equals && dot && dot < equals && dot > arg && (!slash || slash > equals);
}

/* A flag with what belongs to it; gives how many arguments were used, 0 on an error. */
static int take_flag(cli *c, const cli_flag *f, const char *value, int left, char **arg)
{
    if (f->on) {
        if (value) return cli_usage(c, "%s takes no value", f->name), 0;
        *f->on = true;
        return 1;
    }
    const int used = value ? 1 : 2;
    if (!value && left > 1) value = arg[1];
    if (!value || !*value) return cli_usage(c, "%s wants %s behind it", f->name, f->value), 0;
    *f->text = value;
    return used;
}

static int no_flag(const cli *c, const char *arg, const cli_flag *flags)
{
    const char *names[16];
    int n = 0;
    for (const cli_flag *f = flags; f->name; f++) names[n++] = f->name;
    const char *meant = um_word_nearest(arg, names, n);
    if (meant) cli_usage(c, "no option %s here (did you mean %s?)", arg, meant);
    else cli_usage(c, "no option %s here", arg);
    return 0;
}

static int take_setting(cli *c, const char *arg)
{
    if (c->n_settings == CLI_MAX_SETTINGS)
        return cli_usage(c, "more than %d settings (put them into an INI file)", CLI_MAX_SETTINGS),
               0;
    c->settings[c->n_settings++] = arg;
    return 1;
}

static int take_place(cli *c, const char *arg, int most_places)
{
    const bool assigns = strchr(arg, '=') != NULL;
    if (!*arg) return cli_usage(c, "an argument is empty"), 0;
    if (c->n_places == most_places)
        return cli_usage(c, assigns ? "'%s' is no setting (section.key=value)"
                                    : "'%s' is one argument too many", arg), 0;
    c->places[c->n_places++] = arg;
    return 1;
}

/* One argument; gives how many were used, 0 on an error (already told). */
static int take(cli *c, int left, char **arg, const cli_flag *flags, int most_places)
{
    const char *value;
    const cli_flag *f = find_flag(flags, arg[0], &value);
    if (f) return take_flag(c, f, value, left, arg);
    if (strcmp(arg[0], "-q") == 0 || strcmp(arg[0], "--quiet") == 0) return c->quiet = true, 1;
    if (strcmp(arg[0], "-v") == 0 || strcmp(arg[0], "--verbose") == 0) return c->verbose = true, 1;
    if (strcmp(arg[0], "--check-nan") == 0) return take_setting(c, "run.check_nan=true");
    if (arg[0][0] == '-' && arg[0][1]) return no_flag(c, arg[0], flags);
    return is_setting(arg[0]) ? take_setting(c, arg[0]) : take_place(c, arg[0], most_places);
}

bool cli_parse(cli *c, int argc, char **argv, const cli_flag *flags, int least_places,
               int most_places, int *status)
{
    *status = um_status_exit(UM_BAD_ARG);
    int options = 0; /* up to a --, behind which all are places and settings */
    while (options < argc && strcmp(argv[options], "--") != 0) options++;
    for (int i = 0; i < options; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(c, flags);
            *status = 0;
            return false;
        }
    for (int i = 0, used; i < options; i += used) {
        used = take(c, options - i, argv + i, flags, most_places);
        if (used == 0) return false;
    }
    for (int i = options + 1; i < argc; i++)
        if (!(is_setting(argv[i]) ? take_setting(c, argv[i])
                                  : take_place(c, argv[i], most_places)))
            return false;
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

um_status cli_open_model(cli *c, const char *ini, um_settings **s, um_model **m)
{
    const um_status status = cli_settings(c, ini, s);
    return status == UM_OK ? um_model_open(m, c->ctx, c->places[0], *s) : status;
}

/* Whether a shell takes the word as it is. */
static bool is_plain(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-+=./,:@%";
    return *word && word[strspn(word, plain)] == 0;
}

/* A word in $'...', where bytes beyond plain ASCII have escapes; gives its end. */
static char *escaped(char *at, const char *word)
{
    at += sprintf(at, "$'");
    for (const char *p = word; *p; p++)
        if (*p < ' ' || *p > '~') at += sprintf(at, "\\x%02x", (unsigned char)*p);
        else at += sprintf(at, *p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
    return at + sprintf(at, "'");
}

/* Whether a terminal shows the word as it is. `room` for it is overwritten. */
static bool shows(const char *word, char *room)
{
    return strcmp(um_printable(strcpy(room, word)), word) == 0;
}

/* The words as a shell takes them, behind each other. */
static char *quoted(int n, char *const *words)
{
    size_t room = 1;
    for (int i = 0; i < n; i++) room += 4 * strlen(words[i]) + 4; /* a quote becomes '\'' */
    char *line = malloc(room), *at = line;
    if (!line) return NULL;
    for (int i = 0; i < n; i++) {
        const bool plain = is_plain(words[i]);
        if (i) *at++ = ' ';
        if (!shows(words[i], at)) {
            at = escaped(at, words[i]);
            continue;
        }
        if (!plain) *at++ = '\'';
        for (const char *p = words[i]; *p; p++)
            if (*p == '\'') at += sprintf(at, "'\\''");
            else *at++ = *p;
        if (!plain) *at++ = '\'';
    }
    *at = 0;
    return line;
}

char *cli_quoted(const char *word) { return quoted(1, (char *const[]){ (char *)word }); }

char *cli_command_line(const cli *c)
{
    char *rest = quoted(c->argc - 1, c->argv + 1), *line = NULL;
    if (rest && asprintf(&line, "unmist %s", rest) < 0) line = NULL;
    free(rest);
    return line;
}
