/* SPDX-License-Identifier: MIT
 * edit.c - unmist edit */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands on the command line beside the settings. */
typedef struct asked {
    const char *mask, *strength, *frames, *seeds, *out;
    bool linear;
} asked;

/* A mode, and the flags that belong to it: those of another are a mistake. */
static const struct mode {
    const char *name;
    um_edit_mode mode;
    bool mask, strength, frames;
} modes[] = {
    { "inpaint", UM_EDIT_INPAINT, .mask = true },
    { "from-image", UM_EDIT_FROM_IMAGE, .strength = true },
    { "interpolate", UM_EDIT_INTERPOLATE, .frames = true },
    { "invert", UM_EDIT_INVERT },
};
enum { MODES = sizeof modes / sizeof *modes };

static const struct mode *find_mode(const cli *c, const char *name)
{
    const char *names[MODES];
    for (int i = 0; i < MODES; i++) {
        if (strcmp(modes[i].name, name) == 0) return &modes[i];
        names[i] = modes[i].name;
    }
    const char *meant = um_word_nearest(name, names, MODES);
    if (meant) cli_usage(c, "no edit '%s' (did you mean %s?)", name, meant);
    else cli_usage(c, "no edit '%s' (inpaint, from-image, interpolate, invert)", name);
    return NULL;
}

/* Does what was given belong to the mode? Says what does not. */
static bool fits(const cli *c, const struct mode *m, const asked *a)
{
    const struct { bool given, own; const char *flag, *of; } flags[] = {
        { a->mask != NULL, m->mask, "--mask", "inpaint" },
        { a->strength != NULL, m->strength, "--strength", "from-image" },
        { a->frames != NULL, m->frames, "--frames", "interpolate" },
        { a->seeds != NULL, m->frames, "--seeds", "interpolate" },
        { a->linear, m->frames, "--linear", "interpolate" },
    };
    const int images = c->n_places - 2;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (flags[i].given && !flags[i].own)
            return cli_usage(c, "%s belongs to %s, not to %s", flags[i].flag, flags[i].of, m->name),
                   false;
    if (m->mask && !a->mask) return cli_usage(c, "inpaint wants --mask MASK.png"), false;
    if (a->seeds && images)
        return cli_usage(c, "interpolate takes images or --seeds, not both"), false;
    if (!a->seeds && !images) return cli_usage(c, "%s wants an image", m->name), false;
    return true;
}

/* "1,2" */
static bool read_seeds(const cli *c, const char *text, uint64_t seeds[2])
{
    char *end = (char *)text;
    for (int i = 0; i < 2; i++) {
        const char *from = end;
        errno = 0;
        seeds[i] = strtoull(from, &end, 10);
        const bool number = *from >= '0' && *from <= '9' && errno == 0;
        if (!number || *end++ != (i ? 0 : ','))
            return cli_usage(c, "--seeds %s: two whole numbers, as 1,2", text), false;
    }
    return true;
}

/* A flag that is another way to write a setting. */
static um_status set(um_settings *s, const char *key, const char *value)
{
    char text[256];
    if (!value) return UM_OK;
    snprintf(text, sizeof text, "%s=%s", key, value);
    return um_settings_set(s, text);
}

static um_status apply(um_settings *s, const asked *a)
{
    um_status status = set(s, "edit.strength", a->strength);
    if (status == UM_OK) status = set(s, "edit.frames", a->frames);
    if (status == UM_OK && a->linear) status = set(s, "edit.path", "linear");
    return status;
}

static um_status work(cli *c, um_model *m, um_settings *s, um_edit *edit, const char *out)
{
    um_images *given = NULL, *images;
    double error;
    cli_drawing d;
    um_status status = UM_OK;
    if (c->n_places > 2) status = um_edit_read(&given, m, s, c->places + 2, c->n_places - 2);
    edit->images = given;
    if (status == UM_OK) status = um_edit_check(m, s, edit, out);
    if (status == UM_OK) {
        const um_sample_hooks hooks = cli_drawing_begin(&d, c);
        status = um_edit_run(m, s, edit, &hooks, &error, &images);
        if (status == UM_OK && edit->mode == UM_EDIT_INVERT) {
            cli_bar_end(c);
            cli_say(c, "mean absolute error %.5f (black to white is 2)\n", error);
        }
        status = cli_drawing_end(&d, status, s, &images, out);
    }
    um_images_close(&given);
    return status;
}

int cli_edit(cli *c, int argc, char **argv)
{
    asked a = { .out = "edited.png" };
    const cli_flag flags[] = {
        { "--out", "-o", "PATH",
          "NAME.png (a grid), NAME.safetensors (raw numbers) or a folder; edited.png", NULL,
          &a.out },
        { "--mask", NULL, "MASK.png", "inpaint: white is drawn anew", NULL, &a.mask },
        { "--strength", NULL, "S", "from-image: edit.strength, 0 (the image) to 1 (none of it)",
          NULL, &a.strength },
        { "--frames", NULL, "K", "interpolate: edit.frames, both ends among them", NULL,
          &a.frames },
        { "--seeds", NULL, "A,B", "interpolate: between what these seeds draw", NULL, &a.seeds },
        { "--linear", NULL, NULL, "interpolate: edit.path=linear", &a.linear, NULL },
        { 0 },
    };
    int exit_status;
    um_settings *s = NULL;
    um_model *m = NULL;
    um_edit edit = { 0 };
    if (!cli_parse(c, argc, argv, flags, 2, CLI_MAX_PLACES, &exit_status)) return exit_status;
    const struct mode *mode = find_mode(c, c->places[1]);
    if (!mode || !fits(c, mode, &a) || (a.seeds && !read_seeds(c, a.seeds, edit.seeds)))
        return um_status_exit(UM_BAD_ARG);
    edit.mode = mode->mode;
    edit.mask = a.mask;
    um_status status = cli_open_model(c, NULL, &s, &m);
    if (status == UM_OK) status = apply(s, &a);
    if (status == UM_OK) status = work(c, m, s, &edit, a.out);
    um_model_close(&m);
    um_settings_close(&s);
    return status == UM_OK ? 0 : cli_fail(c, status);
}
