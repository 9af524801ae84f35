/* SPDX-License-Identifier: MIT
 * help.c - the table as a page and as help on the terminal. */
#include "config/config.h"

#include "config/find.h"

#include <stdio.h>
#include <string.h>

enum { EXPECTS_BYTES = 600 };

static void add_range(um_text *out, const um_setting *s)
{
    char range[EXPECTS_BYTES];
    um_setting_expects(s, range, sizeof range);
    um_text_add(out, "%s", range);
}

static void add_markdown_row(um_text *out, const um_setting *s)
{
    um_text_add(out, "| `%s` | ", s->key);
    um_text_add(out, *s->initial ? "`%s`" : "%s", *s->initial ? s->initial : "empty");
    um_text_add(out, " | ");
    add_range(out, s);
    um_text_add(out, " | %s | %s |\n", s->fixed ? "no" : "yes", s->help);
}

static void add_synonyms(um_text *out)
{
    um_text_add(out, "\n## Other names\n\n| written | is |\n| --- | --- |\n");
#define X(section, other, key) \
    um_text_add(out, "| `%s.%s` | `%s.%s` |\n", #section, #other, #section, #key);
    UM_CONFIG_SYNONYMS(X)
#undef X
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *s = &um_config_settings[i];
        const char *name = s->choices;
        for (const char *word = s->choices; word && *word;) {
            const size_t n = strcspn(word, "|=");
            if (word != name)
                um_text_add(out, "| `%s.%s = %.*s` | `%.*s` |\n", s->section, s->key, (int)n, word,
                            (int)strcspn(name, "|="), name);
            if (word[n] == '|') name = word + n + 1;
            word += n + (word[n] != '\0');
        }
    }
}

static const char introduction[] =
    "# Settings\n\n"
    "Written by `unmist config --markdown` from `src/config/config.def`; a test compares them.\n\n"
    "A setting is given in an INI file, or as `section.key=value` on the command line, which\n"
    "wins. `include = other.ini` before the first section reads another file first. Relative\n"
    "paths are relative to the INI file that names them, on the command line to the current\n"
    "folder. Comments begin with `;` or `#`; a value with either of them after a space stands in\n"
    "`\"quotes\"`. The column *resume* says whether a run that is resumed may have another\n"
    "value.\n";

um_status um_config_markdown(um_ctx *ctx, um_text *out)
{
    um_text_add(out, "%s", introduction);
    for (int i = 0; i < um_config_section_count; i++) {
        const um_config_section *section = &um_config_sections[i];
        um_text_add(out, "\n## [%s]: %s\n\n| key | default | values | resume | meaning |\n"
                    "| --- | --- | --- | --- | --- |\n", section->name, section->help);
        for (int k = 0; k < UM_CONFIG_COUNT; k++)
            if (strcmp(um_config_settings[k].section, section->name) == 0)
                add_markdown_row(out, &um_config_settings[k]);
    }
    add_synonyms(out);
    return out->status == UM_OK ? UM_OK : um_fail(ctx, out->status, "no memory for a page");
}

static void add_help(um_text *out, const um_setting *s)
{
    um_text_add(out, "  %s = %s\n      %s\n      ", s->key, s->initial, s->help);
    add_range(out, s);
    um_text_add_byte(out, '\n');
}

um_status um_config_help(um_ctx *ctx, const char *what, um_text *out)
{
    char section[64];
    const char *dot = strchr(what, '.');
    const um_setting *only = NULL;
    snprintf(section, sizeof section, "%.*s", dot ? (int)(dot - what) : (int)strlen(what), what);
    if (*what) UM_TRY(um_config_find_section(ctx, section));
    if (dot) UM_TRY(um_config_find(ctx, section, dot + 1, &only));
    for (int i = 0; i < um_config_section_count; i++) {
        const um_config_section *s = &um_config_sections[i];
        if (*what && strcmp(section, s->name) != 0) continue;
        um_text_add(out, "%s[%s] %s\n", out->n ? "\n" : "", s->name, s->help);
        for (int k = 0; k < UM_CONFIG_COUNT; k++) {
            const um_setting *row = &um_config_settings[k];
            if (strcmp(row->section, s->name) == 0 && (!only || only == row)) add_help(out, row);
        }
    }
    return out->status == UM_OK ? UM_OK : um_fail(ctx, out->status, "no memory for help");
}
