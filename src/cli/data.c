/* SPDX-License-Identifier: MIT
 * data.c - unmist data */
#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>

enum { SHEET_IMAGES = 100, SHEET_COLUMNS = 10 };

static void print_text(const cli *c, um_dataset *d, const um_data_facts *f)
{
    const char *name;
    int count;
    cli_say(c, "%s: %d image%s of %d x %d, %d channel%s", f->format, f->count,
            f->count == 1 ? "" : "s", f->h, f->w, f->c, f->c == 1 ? "" : "s");
    cli_say(c, f->held ? "; %d more for validation\n" : "\n", f->held);
    cli_say(c, "mean     ");
    for (int i = 0; i < f->c && i < 16; i++) cli_say(c, " %.4f", f->mean[i]);
    cli_say(c, "   (0 black, 1 white)\ndeviation");
    for (int i = 0; i < f->c && i < 16; i++) cli_say(c, " %.4f", f->deviation[i]);
    if (f->classes) cli_say(c, "\n%d class%s\n", f->classes, f->classes == 1 ? "" : "es");
    else cli_say(c, "\nno classes\n");
    for (int i = 0; um_data_class(d, i, &name, &count); i++)
        cli_say(c, "  %3d %-16s %d\n", i, cli_shown(name).text, count);
}

static json_t *numbers(const double *x, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n && i < 16; i++) cli_json_append(&list, json_real(x[i]));
    return list;
}

static um_status print_json(um_dataset *d, const um_data_facts *f)
{
    const char *name;
    int count;
    json_t *classes = json_array();
    for (int i = 0; um_data_class(d, i, &name, &count); i++)
        cli_json_append(
            &classes, json_pack("{s:o, s:i}", "name", cli_json_text(name), "count", count));
    json_t *root = json_pack("{s:s, s:i, s:i, s:[i, i, i], s:o, s:o, s:o}", "format", f->format,
                             "images", f->count, "validation", f->held, "shape", f->h, f->w, f->c,
                             "mean", numbers(f->mean, f->c), "deviation",
                             numbers(f->deviation, f->c), "classes", classes);
    return cli_print_json(root);
}

static um_status show(cli *c, um_dataset *d, const char *sheet)
{
    um_data_facts facts;
    um_status status = um_data_sheet(d, SHEET_IMAGES, SHEET_COLUMNS, sheet);
    if (status == UM_OK) status = um_data_describe(d, &facts);
    if (status != UM_OK) return status;
    if (c->json) return print_json(d, &facts);
    print_text(c, d, &facts);
    cli_say(c, "%s\n", sheet);
    return UM_OK;
}

int cli_data(cli *c, int argc, char **argv)
{
    const char *sheet = "contact-sheet.png";
    const cli_flag flags[] = {
        { "--out", "-o", "SHEET.png", "the contact sheet; contact-sheet.png", NULL, &sheet },
        { "--json", NULL, NULL, "print JSON alone", &c->json, NULL },
        { 0 },
    };
    int exit_status;
    um_settings *s = NULL;
    um_dataset *d = NULL;
    if (!cli_parse(c, argc, argv, flags, 1, 1, &exit_status)) return exit_status;
    um_status status = cli_settings(c, NULL, &s);
    if (status == UM_OK) status = um_data_open(&d, s, c->places[0]);
    if (status == UM_OK) status = show(c, d, sheet);
    um_data_close(&d);
    um_settings_close(&s);
    return status == UM_OK ? 0 : cli_fail(c, status);
}
